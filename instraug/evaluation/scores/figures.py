"""Figures of scored tables, as ``--json`` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from instraug.evaluation.scores.answers import Problems
from instraug.evaluation.scores.comparison import Difference
from instraug.evaluation.scores.permutation import wording_p
from instraug.evaluation.scores.protocols import GIVEN
from instraug.evaluation.scores.sensitivity import Sample, part, sensitivity
from instraug.evaluation.scores.tables import Table

SCOPE = "these instructions and tasks, all instances like these"
"""What the figures are about."""

_SHARES = ("raw", "raw_ddof1", "raw_rms", "floor", "corrected")

_NO_FIGURE: dict[str, Any] = dict.fromkeys((*_SHARES, "p", "interval"))


def task_figures(table: Table) -> dict[str, Any]:
    """Return one task's figures; means are 0 to 1, and what does not exist is None."""
    complete = len(table.instances) > 0
    means = table.scores.mean(axis=0) if complete else np.array([])
    several = complete and len(means) > 1
    return {
        "task": table.task,
        "protocol": table.protocol,
        "n": len(table.instances),
        "instructions": [
            {"id": name, "mean": float(means[at]) if complete else None}
            for at, name in enumerate(table.instructions)
        ],
        "mean": float(means.mean()) if complete else None,
        "max": float(means.max()) if complete else None,
        "min": float(means.min()) if complete else None,
        "std": float(means.std()) if several else None,
        "std_ddof1": float(means.std(ddof=1)) if several else None,
        "gap": float(np.ptp(means)) if several else None,
        "agreement": _agreement(table) if several and table.protocol != GIVEN.name else None,
        "unparsed": table.unparsed,
        "incomplete": table.incomplete,
    }


def _agreement(table: Table) -> float:
    """Return the share of instances whose answers are equal; one that was not read equals none."""
    return float((table.answers == table.answers[:, :1]).all(axis=1).mean())


def mean_score(tables: Sequence[Table]) -> float | None:
    """Return the mean over tasks of their mean scores; None where a task has none."""
    if not all(table.instances for table in tables):
        return None
    return float(np.mean([table.scores.mean() for table in tables]))


def over_tasks(samples: Mapping[str, Sample], draws: int, seed: int) -> dict[str, Any]:
    """Return Sensitivity over tasks, times 100.

    Args:
        samples: Task -> its scores; each usable.
        draws: Permutations.
        seed: Of the permutations.
    """
    scope = {"ddof": 0, "tasks": list(samples)}
    if not samples:
        return _NO_FIGURE | scope
    over_all = sensitivity([part(s) for s in samples.values()])
    figures = {name: 100 * getattr(over_all, name) for name in _SHARES}
    p = wording_p(list(samples.values()), draws, seed)
    return figures | {"p": p, "interval": [100 * over_all.low, 100 * over_all.high]} | scope


def difference_figures(difference: Difference | None, scale: float) -> dict[str, Any]:
    """Return a difference, A less B."""
    if difference is None:
        return {"value": None, "interval": None, "p": None, "test": None, "holds": False}
    return {
        "value": scale * difference.value,
        "interval": [scale * difference.low, scale * difference.high],
        "p": difference.p,
        "test": difference.method,
        "holds": difference.holds,
    }


def remark(tables: Sequence[Table], samples: Sequence[Sample], notices: Problems) -> None:
    """Note what a reader of the figures has to know of the tables."""
    for table, sample in zip(tables, samples, strict=True):
        complete, n = len(table.instances), len(table.instances) + table.incomplete
        if table.incomplete:
            fewest = min(table.answered, key=lambda name: table.answered[name])
            place = f"{table.task} ({table.incomplete} of {n}; {fewest}: {table.answered[fewest]})"
            what = "instances that some instruction did not answer do not count"
            fix = "answer every instance under every instruction (build --per-instance all)"
            notices.add(place, what, fix)
        if len(table.instructions) == 1:
            what = "a task with one instruction has no Sensitivity"
            notices.add(table.task, what, "score several instructions")
        elif complete < 2:
            what = "a task with fewer than two complete instances has no Sensitivity"
            notices.add(table.task, what, "score more instances")
        elif not sample.usable:
            what = "a task whose mean is 0 has no Sensitivity and is left out of it"
            notices.add(table.task, what, "look at its answers and its protocol")
