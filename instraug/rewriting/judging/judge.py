"""Replies -> Candidates -> Verdicts: extraction, restoring, rules, duplicates, semantic gate.

A judgement is a pure function of the candidates in plan order: judged again with the same
settings it gives the same verdicts, whatever order the replies came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from instraug.models.chat import Choice, Reply
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.extraction import extract
from instraug.rewriting.judging.rules import ALONE, UNDENIABLE
from instraug.rewriting.records import Candidate, Reason, Request, Verdict
from instraug.tasks.placeholders import restore
from instraug.tasks.records import Task
from instraug.tasks.words import folded, rouge_l, words

Scores = Mapping[tuple[str, int], float]
"""(reply's key, choice) -> semantic score (0 to 1)."""


def candidates(task: Task, request: Request, reply: Reply, rules: Rules) -> Iterator[Candidate]:
    """Yield one candidate a choice, judged by every rule that needs no other candidate.

    A reply without choices yields one candidate, which is empty. A rule in ``rules.off`` is not
    judged, but for those that keep a template renderable (``empty``, ``placeholders``, ``proof``).
    """
    for index, choice in enumerate(reply.choices or (Choice(None),)):
        said = choice.text or ""
        rewrite = extract(said, request.masked.text)
        restored = restore(rewrite, request.masked)
        broken = rewrite and restored.difference
        candidate = Candidate(
            request=request,
            reply=reply.key,
            model=reply.model,
            choice=index,
            said=said,
            rewrite=rewrite,
            instruction=restored.instruction if rewrite else None,
            finish_reason=choice.finish_reason,
            logprobs=choice.logprobs,
            reasons=(Reason("placeholders", restored.difference),) if broken else (),
            sent=reply.sent,
        )
        yield replace(candidate, reasons=(*candidate.reasons, *_alone(candidate, task, rules)))


def _alone(candidate: Candidate, task: Task, rules: Rules) -> Iterator[Reason]:
    for name, rule in ALONE.items():
        if name in rules.off and name not in UNDENIABLE:
            continue
        if detail := rule(candidate, task, rules):
            yield Reason(name, detail)


def judge(
    task: Task, judged: Iterable[Candidate], rules: Rules, threshold: float | None, scores: Scores
) -> list[Verdict]:
    """Judge a task's candidates against one another and by their semantic scores.

    Args:
        task: The task they belong to; its originals count as accepted from the start.
        judged: All candidates of the task so far, in plan order.
        rules: Settings of the rules.
        threshold: The least semantic score (0 to 1), or None for no gate.
        scores: Looked up only where a threshold is given.

    Returns:
        One verdict a candidate, in the same order.
    """
    pool = _Pool(t.text for t in task.templates)
    verdicts = []
    for candidate in judged:
        reasons = [*candidate.reasons, *pool.reasons(candidate, rules)]
        if threshold is not None and not reasons:
            reasons += _gate(candidate, scores, threshold)
        if not reasons and candidate.instruction is not None:
            pool.add(candidate.instruction)
        verdicts.append(Verdict(candidate, tuple(reasons)))
    return verdicts


def _gate(candidate: Candidate, scores: Scores, threshold: float) -> Iterator[Reason]:
    score = scores[candidate.reply, candidate.choice]
    if score < threshold:
        yield Reason("semantic", f"score {score:.3f}, wanted {threshold:.3f}")


class _Pool:
    """The instructions accepted so far in one task, for the duplicate rules."""

    def __init__(self, originals: Iterable[str]) -> None:
        self._folded = {folded(text): text for text in originals}
        self._words: list[tuple[str, ...]] = []

    def add(self, instruction: str) -> None:
        self._folded[folded(instruction)] = instruction
        self._words.append(words(instruction))

    def reasons(self, candidate: Candidate, rules: Rules) -> Iterator[Reason]:
        told = candidate.instruction
        if told is None:
            return
        twin = self._folded.get(folded(told))
        if twin is not None:
            if "duplicate" not in rules.off and folded(candidate.request.origin.text) != folded(
                told
            ):
                yield Reason("duplicate", f"accepted before: {twin[:80]}")
        elif "near_duplicate" not in rules.off:
            yield from self._near(words(told), words(candidate.request.origin.text), rules)

    def _near(
        self, told: tuple[str, ...], origin: tuple[str, ...], rules: Rules
    ) -> Iterator[Reason]:
        cutoff = rules.near_duplicate
        for i, other in enumerate((origin, *self._words)):
            if (score := rouge_l(told, other, cutoff)) >= cutoff:
                which = "an accepted rewrite" if i else "its origin"
                yield Reason("near_duplicate", f"ROUGE-L {score:.3f} with {which}")
                return
