"""What the runs say: the table and the figure, from the scores that are shipped.

Sensitivity and its correction, and the paired test by sign flips, are those of `instraug score`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from plans import ARMS, MAIN

from instraug.evaluation.scores.comparison import Difference, mean_difference
from instraug.evaluation.scores.sensitivity import Sample, part, sample, sensitivity

DRAWS = 99_999
"""Sign flips that are drawn; with eight pairs there are 256."""

T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 97.5 % for 1 to 9 degrees of freedom."""

ANCHORS = {1: 24.62, 5: 10.45}
"""Training instructions -> Sensitivity of MultiInstruct, arXiv:2212.10773."""


@dataclass(frozen=True)
class Outcome:
    """One run on the held-out wordings; Sensitivity is times 100, scores are 0 to 1."""

    arm: str
    seed: int
    mean: float
    std: float
    """Of the means of the wordings (ddof 1), over the tasks' mean."""
    raw: float
    corrected: float


MEASURES = ("mean", "std", "raw", "corrected")


def read(folder: Path) -> tuple[list[Outcome], dict[str, int]]:
    """Return the outcome of each run, and how many wordings a task an arm was trained on."""
    tables: dict[tuple[str, int], list[np.ndarray[Any, Any]]] = {}
    for line in (folder / "scores.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        right = np.array([[int(one) for one in all_] for all_ in row["wordings"].values()], float).T
        tables.setdefault((row["arm"], row["seed"]), []).append(right)
    outcomes = [_outcome(*key, some) for key, some in sorted(tables.items())]
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text("utf-8").splitlines()]
    tasks = {key[0]: len(some) for key, some in tables.items()}
    trained: dict[str, int] = {}
    for run in runs:
        each = round(run["instructions"] / tasks[run["arm"]])
        trained[run["arm"]] = max(trained.get(run["arm"], 0), each)
    return outcomes, trained


def _outcome(arm: str, seed: int, tables: Sequence[np.ndarray[Any, Any]]) -> Outcome:
    of = sensitivity([part(one) for one in map(sample, tables) if one.usable])
    wordings = [table.mean(axis=0) for table in tables]
    spread = mean(float(np.std(one, ddof=1)) for one in wordings)
    right = mean(float(one.mean()) for one in wordings)
    return Outcome(arm, seed, right, spread, 100 * of.raw, 100 * of.corrected)


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval of 95 % for the mean over seeds, by Student's t; None of one seed."""
    if len(values) < 2:
        return None
    half = T[len(values) - 2] * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def by_arm(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Return the outcomes of each arm that has any, in the order of the arms."""
    arms: dict[str, list[Outcome]] = {name: [] for name in ARMS}
    for one in outcomes:
        arms[one.arm].append(one)
    return {name: some for name, some in arms.items() if some}


def paired(outcomes: Iterable[Outcome], measure: str) -> tuple[list[float], Difference | None]:
    """Return the differences of the main arms, seed by seed, and what the sign flips make of them.

    Args:
        measure: ``mean``, ``std`` or ``corrected``.
    """
    of = {(o.arm, o.seed): getattr(o, measure) for o in outcomes}
    seeds = sorted(seed for arm, seed in of if arm == MAIN[0] and (MAIN[1], seed) in of)
    if not seeds:
        return [], None
    first, second = (np.array([[of[arm, seed]] for seed in seeds]) for arm in MAIN)
    scale = 100 if measure in ("raw", "corrected") else 1
    ones = np.ones(len(seeds))
    pair = Sample(first / scale, ones), Sample(second / scale, ones)
    tested = mean_difference([pair], DRAWS, seed=0)
    return [float(d) for d in (first - second)[:, 0]], tested


def table(outcomes: Sequence[Outcome], trained: Mapping[str, int]) -> str:
    """Return the table and the main comparison, as Markdown."""
    lines = [
        (
            "| trained on | wordings | epsilon | seeds | score | std over wordings "
            "| raw Sensitivity | corrected Sensitivity |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm, some in by_arm(outcomes).items():
        cells = [
            _cell([getattr(o, m) for o in some], 1 if m in MEASURES[2:] else 3) for m in MEASURES
        ]
        epsilon = ARMS[arm].epsilon
        shown = "-" if epsilon is None else f"{epsilon:g}"
        row = (ARMS[arm].label, trained[arm], shown, len(some), *cells)
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return "\n".join([*lines, "", *_compared(outcomes), ""])


def _compared(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        f"{ARMS[MAIN[0]].label} less {ARMS[MAIN[1]].label}, by seed:",
        "",
        "| | differences | mean | 95 % | p |",
        "|---|---|---|---|---|",
    ]
    for measure, name, digits in (
        ("corrected", "corrected Sensitivity", 1),
        ("mean", "score", 3),
        ("std", "std over wordings", 3),
    ):
        each, tested = paired(outcomes, measure)
        if tested is None:
            return []
        shown = ", ".join(f"{one:+.{digits}f}" for one in each)
        scale = 100 if measure == "corrected" else 1
        bounds = f"{scale * tested.low:+.{digits}f} to {scale * tested.high:+.{digits}f}"
        if tested.low <= -1 and tested.high >= 1:
            bounds = "none: too few pairs"
        lines.append(f"| {name} | {shown} | {mean(each):+.{digits}f} | {bounds} | {tested.p:.3f} |")
    return lines


def _cell(values: Sequence[float], digits: int) -> str:
    within = interval(values)
    text = f"{mean(values):.{digits}f}"
    return text if within is None else f"{text} ({within[0]:.{digits}f} to {within[1]:.{digits}f})"


def figure(outcomes: Sequence[Outcome], trained: Mapping[str, int], path: Path) -> None:
    """Draw Sensitivity and score against the number of wordings, and score against epsilon."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    mpl.rcParams.update({"svg.hashsalt": "study", "svg.fonttype": "none", "font.size": 9})
    drawn, axes = pyplot.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    arms = by_arm(outcomes)
    numbers = {arm: float(trained[arm]) for arm in arms}
    epsilons = {a: e for a in arms if (e := ARMS[a].epsilon) is not None}
    anchors = zip(*ANCHORS.items(), strict=True)
    axes[0].plot(*anchors, "x", color="0.5", label="MultiInstruct: raw, other tasks")
    _panel(axes[0], arms, numbers, "corrected", "corrected Sensitivity")
    axes[0].legend(frameon=False, loc="upper right", fontsize=7)
    _panel(axes[1], arms, numbers, "mean", "score on held-out wordings")
    _panel(axes[2], arms, epsilons, "mean", "score on held-out wordings")
    for axis in axes[:2]:
        axis.set_xlabel("training wordings a task")
    axes[2].set_xlabel("epsilon (share of hand-written)")
    drawn.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(drawn)


def _panel(
    axis: Any,
    arms: Mapping[str, Sequence[Outcome]],
    at: Mapping[str, float],
    measure: str,
    name: str,
) -> None:
    for arm, x in at.items():
        values = [getattr(one, measure) for one in arms[arm]]
        axis.plot([x] * len(values), values, ".", color="0.7")
        low, high = interval(values) or (mean(values), mean(values))
        bars = [[mean(values) - low], [high - mean(values)]]
        axis.errorbar([x], [mean(values)], yerr=bars, fmt="o", color="C0", capsize=3)
        axis.annotate(arm, (x, mean(values)), xytext=(5, 4), textcoords="offset points")
    axis.set_ylabel(name)
    axis.margins(x=0.25, y=0.15)
    axis.set_ylim(bottom=0)


def draw(folder: Path) -> None:
    """Write table.md and figure.svg beside the scores that they show."""
    outcomes, trained = read(folder)
    (folder / "table.md").write_text(table(outcomes, trained), "utf-8")
    figure(outcomes, trained, folder / "figure.svg")
