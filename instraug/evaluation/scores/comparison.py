"""Two sets of answers to the same instances: difference of mean and of Sensitivity.

The unit is the instance (or a group of them): its scores are averaged over the instructions, and
what is swapped between the sets is the whole of it. Pairs of instance and instruction are not
independent, so a test over them finds differences where nothing is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, hypot, lgamma, log

import numpy as np

from instraug.evaluation.scores.permutation import CELLS, p_value
from instraug.evaluation.scores.sensitivity import Floats, Sample, part, sensitivity

LEVEL = 0.05
"""What p must not exceed for a difference to hold."""

_NOTHING = 1e-12

Pair = tuple[Sample, Sample]


@dataclass(frozen=True, slots=True)
class Difference:
    """A less B."""

    value: float
    low: float
    high: float
    p: float
    method: str
    """swap or mcnemar: which test p comes from."""

    @property
    def holds(self) -> bool:
        """Whether chance does not explain it: by p, and by an interval without 0."""
        return self.p <= LEVEL and not self.low <= 0 <= self.high


def mean_difference(pairs: Sequence[Pair], draws: int, seed: int) -> Difference:
    """Return the difference of the mean score over tasks, with p and interval by swapping.

    The interval holds every difference that the same swaps do not reject once it is taken off. With
    one instruction and only scores of 0 and 1, p is that of the exact test of McNemar.

    Args:
        pairs: A and B of each task, of the same units.
        draws: Swaps, B of (b + 1) / (B + 1).
        seed: Of the generator.
    """
    value, drawn, shifts = 0.0, np.zeros(draws), np.zeros(draws)
    for number, (a, b) in enumerate(pairs):
        weight = 1 / a.sizes.sum() / len(pairs)
        apart = (a.sums - b.sums).mean(axis=1) * weight
        value += float(apart.sum())
        columns = np.stack([apart, a.sizes * weight], axis=1)
        totals = np.concatenate(list(_swapped(columns, draws, _rng(seed, number))))
        drawn += totals[:, 0]
        shifts += totals[:, 1]
    low, high = _accepted(value, drawn, shifts)
    p, method = p_value(abs(value), np.abs(drawn)), "swap"
    if _is_mcnemar(pairs):
        p, method = _mcnemar(pairs), "mcnemar"
    return Difference(value, low, high, p, method)


def _accepted(value: float, drawn: Floats, shifts: Floats) -> tuple[float, float]:
    """Return the differences that the swaps do not reject at 5 %.

    With d taken off, a draw is ``drawn - d * shift`` and the observed value ``value - d``: the draw
    is at least as far from 0 for all d between two ends, with the value between them.
    """
    ends = np.empty((2, 2, len(drawn)))
    for at, (over, under) in enumerate(((value - drawn, 1 - shifts), (value + drawn, 1 + shifts))):
        # No swap at all, or all of them, is as far for every d.
        unbound = np.abs(under) < _NOTHING
        end = over / np.where(unbound, 1, under)
        ends[at] = np.where(unbound, -np.inf, end), np.where(unbound, np.inf, end)
    rank = max(int(LEVEL * (len(drawn) + 1)), 1)
    low = float(np.sort(ends[:, 0].min(axis=0))[rank - 1])
    high = float(np.sort(ends[:, 1].max(axis=0))[-rank])
    return max(min(low, value), -1.0), min(max(high, value), 1.0)


def corrected_difference(pairs: Sequence[Pair], draws: int, seed: int) -> Difference:
    """Return the difference of corrected Sensitivity.

    The interval is made of the two sets' own (Zou and Donner 2008, doi:10.1002/sim.3095), without
    counting on their correlation; p is by swapping.

    Args:
        pairs: A and B of each task, both usable.
        draws: Swaps, B of (b + 1) / (B + 1).
        seed: Of the generator.
    """
    a, b = (sensitivity([part(s) for s in side]) for side in zip(*pairs, strict=True))
    squares = np.zeros((draws, 2))
    for number, (one, other) in enumerate(pairs):
        squares += np.concatenate(list(_resampled(one, other, draws, _rng(seed, number))))
    drawn = np.sqrt(np.maximum(squares / len(pairs), 0.0))
    value = a.corrected - b.corrected
    low = value - hypot(a.corrected - a.low, b.high - b.corrected)
    high = value + hypot(a.high - a.corrected, b.corrected - b.low)
    p = p_value(abs(value), np.abs(drawn[:, 0] - drawn[:, 1]))
    return Difference(value, low, high, p, "swap")


def _resampled(a: Sample, b: Sample, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield the corrected squared shares of both sets, swapped: draws x 2.

    All that they are made of are sums over units, so a swap is a product of signs and differences.
    """
    parts_a, parts_b = _summands(a), _summands(b)
    middle, half = (parts_a + parts_b).sum(axis=0) / 2, (parts_a - parts_b) / 2
    for moved in _swapped(half, draws, rng):
        squares = [_corrected(middle + sign * moved, a) for sign in (1, -1)]
        yield np.stack(squares, axis=1)


def _summands(of: Sample) -> Floats:
    """Return each unit's sums, the same times its size, and the square of its centered sums."""
    centred = of.sums - of.sums.mean(axis=1, keepdims=True)
    own = (centred**2).sum(axis=1)
    return np.column_stack([of.sums, of.sizes[:, None] * centred, own])


def _corrected(totals: Floats, of: Sample) -> Floats:
    """Return the corrected squared share of each draw from its totals of `_summands`."""
    units, instructions = of.sums.shape
    instances, squares = of.sizes.sum(), (of.sizes**2).sum()
    means = totals[:, :instructions] / instances
    mean = means.mean(axis=1, keepdims=True)
    apart = means - mean
    weighted, own = totals[:, instructions:-1], totals[:, -1]
    rest = own - 2 * (weighted * apart).sum(axis=1) + squares * (apart**2).sum(axis=1)
    floor = rest * units / (units - 1) / instances**2
    scale = instructions * mean[:, 0] ** 2
    shares: Floats = np.divide(
        (apart**2).sum(axis=1) - floor, scale, out=np.zeros(len(scale)), where=scale > 0
    )
    return shares


def _swapped(columns: Floats, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield sums over units, each unit's sign drawn anew: some draws x columns at a time."""
    units = len(columns)
    at_once = max(1, CELLS // units)
    for done in range(0, draws, at_once):
        count = min(at_once, draws - done)
        signs = rng.integers(2, size=(count, units), dtype=np.int8).astype(np.float64)
        yield (2 * signs - 1) @ columns


def _rng(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, number])


def _is_mcnemar(pairs: Sequence[Pair]) -> bool:
    """Whether all is one instruction, 0 and 1, unit by unit, each task with the same weight."""
    single = all(s.sums.shape[1] == 1 and (s.sizes == 1).all() for pair in pairs for s in pair)
    binary = single and all(np.isin(s.sums, (0.0, 1.0)).all() for pair in pairs for s in pair)
    return binary and len({len(a.sums) for a, _ in pairs}) == 1


def _mcnemar(pairs: Sequence[Pair]) -> float:
    """Return the two-sided exact p: of the pairs that differ, half are better on either side."""
    better = sum(int((a.sums > b.sums).sum()) for a, b in pairs)
    worse = sum(int((a.sums < b.sums).sum()) for a, b in pairs)
    differ, fewer = better + worse, min(better, worse)
    logs = [
        lgamma(differ + 1) - lgamma(k + 1) - lgamma(differ - k + 1) - differ * log(2)
        for k in range(fewer + 1)
    ]
    return min(1.0, 2 * sum(map(exp, logs)))
