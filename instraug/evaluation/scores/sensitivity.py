"""Sensitivity: how much the mean score of a task wavers with the wording of its instruction.

All figures here are shares; the published ones are times 100. A task's part is a squared share,
(I-1)/I (v - f) / mean^2, where v is the variance (ddof 1) of the I instruction means and f the part
of it that instances would make by themselves: the residual mean square of the table of
instructions x instances, over the instances. The parts are averaged over tasks, negative ones
too, and the root is taken last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Ints = NDArray[np.int64]

Z = 1.959963984540054
"""Of a normal distribution, 95 % lie within this many standard deviations."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One task's scores, summed over what is drawn together: an instance, or a group of them."""

    sums: Floats
    """Units x instructions."""
    sizes: Floats
    """Instances of each unit."""

    @property
    def mean(self) -> float:
        """The mean score."""
        return float(self.sums.sum() / self.sizes.sum() / self.sums.shape[1])

    @property
    def usable(self) -> bool:
        """Whether Sensitivity exists: two instructions, two units, and a mean above 0."""
        units, instructions = self.sums.shape
        return instructions > 1 and units > 1 and self.mean > 0


def sample(scores: Floats, groups: Sequence[str | None] = ()) -> Sample:
    """Return the sample of a table of instances x instructions.

    Args:
        scores: Instances x instructions, 0 to 1.
        groups: What each instance shares with others; None: nothing. Empty: nothing is shared.
    """
    if not any(group is not None for group in groups):
        return Sample(scores, np.ones(len(scores)))
    unit: dict[object, int] = {}
    names = [("alone", at) if group is None else group for at, group in enumerate(groups)]
    at = np.array([unit.setdefault(name, len(unit)) for name in names])
    sums = np.zeros((len(unit), scores.shape[1]))
    np.add.at(sums, at, scores)
    return Sample(sums, np.bincount(at).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Part:
    """What one task adds: squared shares, and the variance of their estimate."""

    raw: float
    """Standard deviation (ddof 0) of the instruction means over their mean."""
    raw_ddof1: float
    square: float
    """raw squared."""
    floor: float
    """What ``square`` comes to where no instruction is better than another."""
    at_zero: float
    """Variance of ``square`` where its truth is 0."""
    slope: float
    """What a unit of truth adds to that variance, of instructions that differ."""
    of_mean: float
    """What a unit of squared truth adds, because the mean is an estimate."""

    @property
    def corrected(self) -> float:
        """``square`` less its floor; negative where instances by themselves make more."""
        return self.square - self.floor


def part(of: Sample) -> Part:
    """Return one task's part; the sample must be usable.

    The variances come from the covariance C of the instruction means, with d their deviations
    from the mean M and H what centers: 2 tr((HCH)^2) / (I M^2)^2 at a truth of 0;
    4 d'HCHd / (d'd I M^2) for each unit of truth; 4 var(M) / M^2 for each unit of its square.
    """
    units, instructions = of.sums.shape
    instances = of.sizes.sum()
    means = of.sums.sum(axis=0) / instances
    mean = means.mean()
    apart = means - mean
    rest = of.sums - of.sizes[:, None] * means
    covariance = rest.T @ rest * (units / (units - 1) / instances**2)
    centre = np.eye(instructions) - 1 / instructions
    centred = centre @ covariance @ centre
    scale = instructions * mean**2
    length = float(apart @ apart)
    along = apart @ centred @ apart / length if length else np.trace(centred) / (instructions - 1)
    return Part(
        raw=float(means.std() / mean),
        raw_ddof1=float(means.std(ddof=1) / mean),
        square=length / scale,
        floor=float(np.trace(centred) / scale),
        at_zero=float(2 * (centred**2).sum() / scale**2),
        slope=float(4 * along / scale),
        of_mean=float(4 * covariance.sum() / instructions**2 / mean**2),
    )


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Sensitivity over tasks, in shares."""

    raw: float
    """Mean over tasks of the standard deviation (ddof 0) over the mean, as published."""
    raw_ddof1: float
    raw_rms: float
    """The same as a root mean square over tasks, on which ``floor`` and ``corrected`` stand."""
    floor: float
    corrected: float
    low: float
    """The interval of 95 % for the truth of ``corrected``."""
    high: float


def sensitivity(parts: Sequence[Part]) -> Sensitivity:
    """Return the figures over the tasks; there must be one at least.

    The interval holds every truth s, on the squared scale, with |c - s| <= 1.96 sqrt(V0 + V1 s).
    """
    square = float(np.mean([p.corrected for p in parts]))
    low, high = _interval(square, *_variance(parts, square))
    return Sensitivity(
        raw=float(np.mean([p.raw for p in parts])),
        raw_ddof1=float(np.mean([p.raw_ddof1 for p in parts])),
        raw_rms=sqrt(np.mean([p.square for p in parts])),
        floor=sqrt(np.mean([p.floor for p in parts])),
        corrected=sqrt(max(square, 0.0)),
        low=sqrt(low),
        high=sqrt(high),
    )


def _variance(parts: Sequence[Part], square: float) -> tuple[float, float]:
    """Return V0 and V1: the truth is spread over tasks as the estimate is."""
    shares = np.array([max(p.corrected, 0.0) for p in parts])
    shares = shares / shares.sum() if shares.any() else np.full(len(parts), 1 / len(parts))
    slope = shares @ np.array([p.slope for p in parts]) / len(parts)
    of_mean = shares**2 @ np.array([p.of_mean for p in parts])
    at_zero = sum(p.at_zero for p in parts) / len(parts) ** 2
    return at_zero, float(slope + max(square, 0.0) * of_mean)


def _interval(square: float, at_zero: float, slope: float) -> tuple[float, float]:
    """Solve (c - s)^2 = Z^2 (V0 + V1 s) for s at 0 or above."""
    half = square + Z**2 * slope / 2
    under = half**2 - square**2 + Z**2 * at_zero
    if under < 0:
        return 0.0, 0.0
    low = half - sqrt(under) if square > 0 else 0.0
    return max(low, 0.0), max(half + sqrt(under), 0.0)
