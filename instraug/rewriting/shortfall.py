"""Templates with fewer rewrites than wanted, and the reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from instraug.errors import InstraugError
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.records import Verdict
from instraug.rewriting.rounds import Grown
from instraug.tasks.records import Template


def shortfalls(
    grown: Iterable[Grown], plan: Plan, stopped: InstraugError | None
) -> list[dict[str, Any]]:
    """Return each sent template with fewer accepted rewrites than wanted, in plan order.

    Args:
        grown: The tasks of a run.
        plan: The run's plan.
        stopped: Why the run ended early; None where it did not.

    Returns:
        Objects of task, origin, instruction, accepted, answers and why.
    """
    return [row for one in grown for row in _of_task(one, plan, stopped)]


def few(rows: Iterable[Mapping[str, Any]], most: int = 5) -> list[Mapping[str, Any]]:
    """Return the shortest few of `shortfalls`."""
    return sorted(rows, key=lambda row: row["accepted"])[:most]


def _of_task(grown: Grown, plan: Plan, stopped: InstraugError | None) -> Iterator[dict[str, Any]]:
    accepted = grown.accepted
    answers: dict[int, list[Verdict]] = {t.origin: [] for t in grown.task.templates}
    for verdict in grown.verdicts:
        answers[verdict.candidate.request.origin.origin].append(verdict)
    for template in grown.task.templates:
        origin = template.origin
        if origin not in grown.skipped and accepted[origin] < sum(plan.steps):
            yield {
                "task": template.task,
                "origin": origin,
                "instruction": template.text,
                "accepted": accepted[origin],
                "answers": len(answers[origin]),
                "why": _why(grown, template, answers[origin], plan, stopped),
            }


def _why(
    grown: Grown,
    template: Template,
    verdicts: list[Verdict],
    plan: Plan,
    stopped: InstraugError | None,
) -> str:
    origin = template.origin
    broken = Counter(rule for v in verdicts for rule in {r.rule for r in v.reasons})
    most = ", ".join(f"{rule} {n}" for rule, n in broken.most_common(3))
    rejected = f"; rejected as {most}" if most else ""
    if why := grown.unanswered.get(origin):
        return f"requests without a reply: {why}{rejected}"
    if stopped is not None:
        return f"the run ended before{rejected}"
    gained = sum(v.accepted for v in verdicts)
    asked = max(grown.asked[origin], len(verdicts))
    if plan.patience is not None and not plan.more(1, asked, gained):
        return f"patience ended after {asked} answers{rejected}"
    return f"its plan is used up{rejected}"
