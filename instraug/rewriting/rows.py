"""Verdicts -> the rows of instructions.jsonl and rejected.jsonl."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from instraug.models.journal.ledger import Lookup
from instraug.rewriting.records import Candidate, Verdict
from instraug.rewriting.rounds import Grown
from instraug.tasks.pool import InstructionRow
from instraug.tasks.records import Template, instruction_id


def instruction_rows(grown: Iterable[Grown]) -> Iterator[InstructionRow]:
    """Yield originals and accepted rewrites: by task, then original, each before its rewrites."""
    for one in grown:
        accepted: dict[int, list[Verdict]] = {}
        for verdict in one.verdicts:
            if verdict.accepted:
                accepted.setdefault(verdict.candidate.request.origin.origin, []).append(verdict)
        for template in one.task.templates:
            yield _original(template)
            yield from map(_generated, accepted.get(template.origin, ()))


def rejected_rows(grown: Iterable[Grown], replies: Lookup) -> Iterator[dict[str, Any]]:
    """Yield rejected answers by task and plan order, each with every rule it breaks.

    Args:
        grown: Whose answers.
        replies: The journal, for the text of each answer.
    """
    for one in grown:
        for verdict in one.verdicts:
            if not verdict.accepted:
                row = _generated(verdict).as_json()
                if verdict.candidate.instruction is None:
                    row |= {"id": None, "instruction": None}
                row["text"] = _answer(verdict.candidate, replies)
                row["reasons"] = [{"rule": r.rule, "detail": r.detail} for r in verdict.reasons]
                yield row


def _original(template: Template) -> InstructionRow:
    return InstructionRow(
        template.id, template.task, template.text, source="original", origin=template.origin
    )


def _generated(verdict: Verdict) -> InstructionRow:
    candidate = verdict.candidate
    request = candidate.request
    instruction = candidate.instruction or ""
    return InstructionRow(
        id=instruction_id(request.origin.task, instruction),
        task=request.origin.task,
        instruction=instruction,
        source="generated",
        origin=request.origin.origin,
        parent=request.parent.id,
        meta_prompt=request.meta_prompt,
        temperature=dict(candidate.sent).get("temperature", request.temperature),
        iteration=request.parent.iteration + 1,
        model=candidate.model,
        reply=candidate.reply,
        choice=candidate.choice,
    )


def _answer(candidate: Candidate, replies: Lookup) -> str:
    """Return the model's answer unchanged; "" for a null content."""
    reply = replies.get(candidate.reply)
    choices = reply.choices if reply else ()
    return "".join(c.text or "" for c in choices[candidate.choice : candidate.choice + 1])
