"""Scores by wording: the spread of each task, its best and worst wording, A against B."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from instraug.errors import InputError, Problem
from instraug.evaluation.report.sources import Scores, Side, TaskScores, Wording

_OURS = re.compile(r"[0-9a-f]{12}")
"""How instruction ids look that `build` gave."""


@dataclass(frozen=True)
class Spread:
    """One task under one set of predictions."""

    scores: TaskScores
    best: Wording | None
    worst: Wording | None

    @property
    def means(self) -> list[float]:
        """The mean under each instruction."""
        return [w.mean for w in self.scores.instructions if w.mean is not None]


@dataclass(frozen=True)
class Robustness:
    """One file of scores."""

    name: str
    scores: Scores
    sides: Mapping[str, tuple[Side, list[Spread]]]
    texts: Mapping[str, str]
    """Instruction id -> text, or the prompt of a row, of those that were scored."""
    unknown: int
    """Instructions without a text."""

    @property
    def scale(self) -> tuple[float, float]:
        """The least and the greatest mean of any task and side."""
        every = [mean for _, some in self.sides.values() for one in some for mean in one.means]
        return (min(every), max(every)) if every else (0.0, 1.0)

    @property
    def gains(self) -> list[tuple[str, float]]:
        """Task -> A less B, largest first; empty for a single set."""
        if len(self.sides) < 2:
            return []
        a, b = ({s.scores.task: s.scores.mean for s in some} for _, some in self.sides.values())
        both = [(task, a[task], b.get(task)) for task in a]
        gains = [(t, x - y) for t, x, y in both if x is not None and y is not None]
        return sorted(gains, key=lambda gain: -gain[1])


def robustness(scores: Scores, name: str, texts: Mapping[str, str]) -> Robustness:
    """Put the text to each wording of a file of scores.

    Args:
        scores: The file.
        name: What the page calls it.
        texts: Instruction id -> text, of the runs and sets beside it; empty where there is none.

    Raises:
        InputError: the scores are of other instructions.
    """
    ids = [w.id for side in scores.sides.values() for t in side.tasks for w in t.instructions]
    own = [one for one in ids if _OURS.fullmatch(one)]
    if own and texts and not any(one in texts for one in own):
        what = f"none of its {len(set(own))} instructions is in the run or set beside it"
        fix = "name the run or set whose instructions were scored, or their task folder: --tasks"
        raise InputError([Problem(str(scores.path), what, fix)])
    sides = {
        key: (side, sorted(map(_spread, side.tasks), key=lambda s: -(s.scores.gap or 0)))
        for key, side in scores.sides.items()
    }
    there = {one: texts[one] for one in ids if one in texts}
    return Robustness(name, scores, sides, there, len(set(ids)) - len(there))


def by_epsilon(scores: Sequence[Robustness]) -> list[tuple[float, float, str]]:
    """Return (epsilon, mean score, name) of each single set of scores that follows a built set."""
    return sorted(_by_epsilon(scores))


def _by_epsilon(scores: Sequence[Robustness]) -> Iterator[tuple[float, float, str]]:
    for one in scores:
        trained, side = one.scores.trained_on, next(iter(one.sides.values()))[0]
        if trained and trained.epsilon is not None and side.mean is not None:
            yield trained.epsilon, side.mean, one.name


def by_proportion(
    scores: Sequence[Robustness], proportions: Mapping[str, float]
) -> list[tuple[float, float, str]]:
    """Return (instance text proportion, gain of A over B, task) where both are known."""
    return sorted(
        (proportions[task], gain, task)
        for one in scores
        for task, gain in one.gains
        if task in proportions
    )


def _spread(scores: TaskScores) -> Spread:
    known = [w for w in scores.instructions if w.mean is not None]
    if not known:
        return Spread(scores, None, None)
    return Spread(scores, max(known, key=_mean), min(known, key=_mean))


def _mean(wording: Wording) -> float:
    return wording.mean or 0.0
