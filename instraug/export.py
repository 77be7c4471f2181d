"""Verdicts -> the rows of instructions.jsonl and rejected.jsonl, and a run's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from instraug.pipeline import Grown
from instraug.records import Template, Verdict, instruction_id

JSON = dict[str, Any]


def instruction_rows(grown: Iterable[Grown]) -> Iterator[JSON]:
    """Yield originals and accepted rewrites: by task, then original, each before its rewrites."""
    for one in grown:
        accepted = [v for v in one.verdicts if v.accepted]
        for template in one.task.templates:
            yield _original(template)
            for verdict in accepted:
                if verdict.candidate.request.origin.origin == template.origin:
                    yield _generated(verdict)


def rejected_rows(grown: Iterable[Grown]) -> Iterator[JSON]:
    """Yield rejected answers by task and plan order, each with every rule it breaks."""
    for one in grown:
        for verdict in one.verdicts:
            if not verdict.accepted:
                row = _generated(verdict)
                row["text"] = verdict.candidate.said
                row["reasons"] = [{"rule": r.rule, "detail": r.detail} for r in verdict.reasons]
                yield row


def _original(template: Template) -> JSON:
    return {
        "id": template.id,
        "task": template.task,
        "instruction": template.text,
        "source": "original",
        "origin": template.origin,
        "parent": None,
        "meta_prompt": None,
        "temperature": None,
        "iteration": 0,
        "model": None,
        "reply": None,
        "choice": None,
    }


def _generated(verdict: Verdict) -> JSON:
    candidate = verdict.candidate
    request = candidate.request
    told = candidate.instruction
    return {
        "id": None if told is None else instruction_id(request.origin.task, told),
        "task": request.origin.task,
        "instruction": told,
        "source": "generated",
        "origin": request.origin.origin,
        "parent": request.parent.id,
        "meta_prompt": request.meta_prompt,
        "temperature": request.chat.temperature,
        "iteration": request.parent.iteration + 1,
        "model": candidate.model,
        "reply": candidate.reply,
        "choice": candidate.choice,
    }


def counts(grown: Sequence[Grown], wanted: int) -> JSON:
    """Count a run: templates, answers, accepted, rejections by rule, templates left short.

    An answer that breaks several rules counts once under each.
    """
    verdicts = [v for g in grown for v in g.verdicts]
    accepted = sum(v.accepted for v in verdicts)
    broken = Counter(rule for v in verdicts for rule in {r.rule for r in v.reasons})
    return {
        "tasks": len(grown),
        "templates": sum(len(g.task.templates) for g in grown),
        "skipped": sum(len(g.skipped) for g in grown),
        "answers": len(verdicts),
        "accepted": accepted,
        "rejected": len(verdicts) - accepted,
        "rejected_by_rule": dict(sorted(broken.items())),
        "short": len(short(grown, wanted)),
    }


def short(grown: Iterable[Grown], wanted: int) -> list[tuple[Template, int]]:
    """Return each sent template with fewer accepted rewrites than wanted, and how many it has."""
    return [
        (template, n)
        for g in grown
        for accepted in [g.accepted]
        for template in g.task.templates
        if template.origin not in g.skipped and (n := accepted[template.origin]) < wanted
    ]
