"""Templates with fewer rewrites than wanted, and the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from instraug.errors import InstraugError
from instraug.rewriting.outcome import Outcome, ShortTemplate
from instraug.rewriting.prompts.plan import Plan


def shortfalls(
    outcomes: Iterable[Outcome], plan: Plan, stopped: InstraugError | None
) -> list[dict[str, Any]]:
    """Return each sent template with fewer accepted rewrites than wanted, in plan order.

    Args:
        outcomes: Those of the tasks of a run.
        plan: The run's plan.
        stopped: Why the run ended early; None where it did not.

    Returns:
        Objects of task, origin, instruction, accepted, answers and why.
    """
    return [
        {
            "task": short.template.task,
            "origin": short.template.origin,
            "instruction": short.template.text,
            "accepted": short.accepted,
            "answers": short.answers,
            "why": _why(short, plan, stopped),
        }
        for outcome in outcomes
        for short in outcome.short
    ]


def few(rows: Iterable[Mapping[str, Any]], most: int = 5) -> list[Mapping[str, Any]]:
    """Return the shortest few of `shortfalls`."""
    return sorted(rows, key=lambda row: row["accepted"])[:most]


def _why(short: ShortTemplate, plan: Plan, stopped: InstraugError | None) -> str:
    most = ", ".join(f"{rule} {n}" for rule, n in short.broken)
    rejected = f"; rejected as {most}" if most else ""
    if short.unanswered:
        return f"requests without a reply: {short.unanswered}{rejected}"
    if stopped is not None:
        return f"the run ended before{rejected}"
    if plan.patience is not None and not plan.more(1, short.asked, short.accepted):
        return f"patience ended after {short.asked} answers{rejected}"
    return f"its plan is used up{rejected}"
