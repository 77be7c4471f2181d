"""Permutation tests: what a figure comes to where nothing is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from math import factorial

import numpy as np

from instraug.evaluation.scores.sensitivity import Floats, Ints, Sample

CELLS = 1 << 17
"""Numbers drawn at once, about; few enough for a processor to keep near."""

_LISTED = 720
"""Orders of instructions that are listed at most; with more, each unit is shuffled."""

_SLACK = 1e-9, 1e-12
"""Share, and at least what, a sum may differ for the order in which it was added up."""


def p_value(observed: float, drawn: Floats) -> float:
    """Return (b + 1) / (B + 1), b of the B drawn values being at least the one observed."""
    share, least = _SLACK
    at_least = drawn >= observed - max(share * abs(observed), least)
    return (int(at_least.sum()) + 1) / (len(drawn) + 1)


def wording_p(samples: Sequence[Sample], draws: int, seed: int) -> float:
    """Return the p of wordings being exchangeable: Sensitivity where they are.

    The scores of each unit are permuted over the instructions. Under that the mean and each unit's
    spread stay, so the figure to compare is the variance of the instruction means.

    Args:
        samples: The tasks, each usable.
        draws: Permutations, B.
        seed: Of the generator.
    """
    rng = np.random.default_rng(seed)
    observed = sum(_square(s.sums.sum(axis=0)[None], s)[0] for s in samples)
    drawn = np.zeros(draws)
    for s in samples:
        drawn += np.concatenate([_square(totals, s) for totals in _permuted(s, draws, rng)])
    return p_value(float(observed), drawn)


def _square(totals: Floats, of: Sample) -> Floats:
    """Return the squared share of each draw from its sums of instructions, draws x instructions."""
    means = totals / of.sizes.sum()
    spread: Floats = ((means - means.mean(axis=1, keepdims=True)) ** 2).mean(axis=1)
    return spread / of.mean**2


def _permuted(of: Sample, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield sums over units of permuted scores, some draws x instructions at a time."""
    units, instructions = of.sums.shape
    listed = factorial(instructions) <= _LISTED if instructions < 10 else False
    at_once = max(1, CELLS // (units * (1 if listed else instructions)))
    orders = np.array(list(permutations(range(instructions)))) if listed else None
    for done in range(0, draws, at_once):
        count = min(at_once, draws - done)
        if orders is None:
            stacked = np.broadcast_to(of.sums, (count, units, instructions))
            yield rng.permuted(stacked, axis=2).sum(axis=1)
        else:
            yield _listed(of.sums, orders, rng.integers(len(orders), size=(count, units)))


def _listed(sums: Floats, orders: Ints, chosen: Ints) -> Floats:
    """Add up the units by the order that each drew, then put the sums in that order."""
    draws, kinds = len(chosen), len(orders)
    at = (chosen + kinds * np.arange(draws)[:, None]).ravel()
    totals = np.zeros((draws, sums.shape[1]))
    for source in range(sums.shape[1]):
        weights = np.broadcast_to(sums[:, source], chosen.shape).ravel()
        held = np.bincount(at, weights=weights, minlength=draws * kinds).reshape(draws, kinds)
        totals += held @ (orders[:, source, None] == np.arange(sums.shape[1]))
    return totals
