"""What is kept of a task once its rounds are over: figures, and its rows in a spool.

The verdicts themselves are dropped, so that a run of a million answers holds those of the tasks
that are open, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from instraug.files.spool import Spool, Stretch
from instraug.models.journal.ledger import Lookup
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.records import Verdict
from instraug.rewriting.rounds import Grown
from instraug.rewriting.rows import instruction_rows, rejected_rows
from instraug.tasks.records import Template

T = TypeVar("T", bound=Hashable)

SentOtherwise = tuple[str, float | None, float | None]
"""A parameter; its planned value (None for seeds, which all differ); the one that was sent."""


@dataclass(frozen=True, slots=True)
class ShortTemplate:
    """A template that was sent and has fewer accepted rewrites than wanted."""

    template: Template
    accepted: int
    answers: int
    asked: int
    """Answers asked for, with or without a reply."""
    broken: tuple[tuple[str, int], ...]
    """The rules that most of its answers break, and how many do."""
    unanswered: str | None
    """Why a request of it got no reply."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task."""

    task: str
    templates: int
    skipped: int
    """Templates that were not sent."""
    answers: int
    accepted: int
    broken: Mapping[str, int]
    """Answers by each rule that they break."""
    written: Mapping[int, int]
    """Hand-written instructions by their length in words."""
    generated: Mapping[int, int]
    """Accepted rewrites likewise."""
    sent_otherwise: Mapping[SentOtherwise, int]
    """Answers to requests that the endpoint did not take as planned."""
    short: tuple[ShortTemplate, ...]
    """In plan order."""
    instructions: Stretch
    """Its rows of instructions.jsonl."""
    rejected: Stretch
    """Its rows of rejected.jsonl."""


def settle(grown: Grown, plan: Plan, replies: Lookup, spool: Spool) -> Outcome:
    """Put a task's rows by, and return what else is needed of it.

    Args:
        grown: The task and all its answers.
        plan: The run's plan.
        replies: The journal, for the text of each rejected answer.
        spool: Where the rows go.

    Raises:
        StorageError: the disk refused.
    """
    verdicts, templates = grown.verdicts, grown.task.templates
    accepted = [v.candidate.instruction or "" for v in verdicts if v.accepted]
    return Outcome(
        task=grown.task.name,
        templates=len(templates),
        skipped=len(grown.skipped),
        answers=len(verdicts),
        accepted=len(accepted),
        broken=_broken(verdicts),
        written=Counter(len(t.text.split()) for t in templates),
        generated=Counter(len(text.split()) for text in accepted),
        sent_otherwise=_sent_otherwise(verdicts, plan),
        short=tuple(_short(grown, sum(plan.steps))),
        instructions=spool.put(row.as_json() for row in instruction_rows([grown])),
        rejected=spool.put(rejected_rows([grown], replies)),
    )


def _broken(verdicts: Iterable[Verdict]) -> Counter[str]:
    """Count answers by rule; one that breaks several counts once under each."""
    return Counter(rule for v in verdicts for rule in {r.rule for r in v.reasons})


def _sent_otherwise(verdicts: Iterable[Verdict], plan: Plan) -> Counter[SentOtherwise]:
    same = {"top_p": plan.top_p, "max_tokens": plan.answer_tokens, "n": plan.choices}
    counted: Counter[SentOtherwise] = Counter()
    for candidate in (v.candidate for v in verdicts if v.candidate.sent):
        planned = {**same, "temperature": candidate.request.temperature}
        counted.update((name, planned.get(name), sent) for name, sent in candidate.sent)
    return counted


def _short(grown: Grown, wanted: int) -> Iterator[ShortTemplate]:
    short = [
        template
        for template in grown.task.templates
        if template.origin not in grown.skipped and grown.accepted[template.origin] < wanted
    ]
    answers: dict[int, list[Verdict]] = {template.origin: [] for template in short}
    for verdict in grown.verdicts if short else ():
        if (origin := verdict.candidate.request.origin.origin) in answers:
            answers[origin].append(verdict)
    for template in short:
        verdicts = answers[template.origin]
        yield ShortTemplate(
            template,
            grown.accepted[template.origin],
            len(verdicts),
            max(grown.asked[template.origin], len(verdicts)),
            tuple(_broken(verdicts).most_common(3)),
            grown.unanswered.get(template.origin),
        )


def added(counts: Iterable[Mapping[T, int]]) -> Counter[T]:
    """Add counts up."""
    total: Counter[T] = Counter()
    for count in counts:
        total.update(count)
    return total
