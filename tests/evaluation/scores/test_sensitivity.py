"""Sensitivity against cases by hand, against scipy and statsmodels, and by simulation."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.evaluation.scores.permutation import wording_p
from instraug.evaluation.scores.sensitivity import Floats, Sample, part, sample, sensitivity

HAND = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 0]], dtype=np.float64)
"""Means 3/4, 3/4, 1/4; by instance 2/3, 1/3, 1, 1/3; mean 7/12."""


def random(seed: int, units: int = 30, instructions: int = 4, binary: bool = True) -> Floats:
    rng = np.random.default_rng(seed)
    scores: Floats = rng.random((units, instructions))
    return (scores < 0.6).astype(np.float64) if binary else scores


def test_one_task_by_hand() -> None:
    """v = 1/12; of squares of 2 within instances the wordings take 2/3, so f = 4/3 / 6 / 4."""
    found = part(sample(HAND))
    mean, v, f = 7 / 12, 1 / 12, 4 / 3 / 6 / 4
    assert found.raw == pytest.approx(sqrt(v * 2 / 3) / mean)
    assert found.raw_ddof1 == pytest.approx(sqrt(v) / mean)
    assert found.square == pytest.approx(v * 2 / 3 / mean**2)
    assert found.floor == pytest.approx(f * 2 / 3 / mean**2)
    assert found.corrected == pytest.approx((v - f) * 2 / 3 / mean**2)


def test_tasks_are_averaged_before_the_root_and_cut_once() -> None:
    """A task where instances alone make more than there is counts below 0."""
    noise = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float64)
    below, above = part(sample(noise)), part(sample(HAND))
    assert below.square == 0
    assert below.corrected < 0
    found = sensitivity([below, above])
    assert found.raw == pytest.approx((0 + above.raw) / 2)
    assert found.raw_rms == pytest.approx(sqrt(above.square / 2))
    assert found.floor == pytest.approx(sqrt((below.floor + above.floor) / 2))
    assert found.corrected == pytest.approx(sqrt(max(below.corrected + above.corrected, 0) / 2))
    alone = sensitivity([below])
    assert (alone.corrected, alone.low) == (0, 0)


def test_the_floor_is_the_residual_mean_square_of_statsmodels() -> None:
    """Of the analysis of variance of instruction and instance."""
    pytest.importorskip("statsmodels")
    import pandas as pd
    from statsmodels.formula.api import ols

    for binary in (True, False):
        scores = random(3, binary=binary)
        units, instructions = scores.shape
        at = np.indices(scores.shape)
        rows = {"s": scores.ravel(), "unit": at[0].ravel(), "wording": at[1].ravel()}
        fitted = ols("s ~ C(unit) + C(wording)", pd.DataFrame(rows)).fit()
        share = (instructions - 1) / instructions / scores.mean() ** 2
        assert part(sample(scores)).floor == pytest.approx(fitted.mse_resid / units * share)


def test_p_is_that_of_scipy_over_all_permutations() -> None:
    """The share of all 6^5 orders that waver as much, within what 20,000 draws can tell."""
    stats = pytest.importorskip("scipy.stats")
    scores = random(11, units=5, instructions=3, binary=False)

    def spread(*columns: Any, axis: int) -> Any:
        return np.var([np.mean(c, axis=axis) for c in columns], axis=0)

    exact = stats.permutation_test(
        tuple(scores.T),
        spread,
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    )
    found = wording_p([sample(scores)], 20_000, 0)
    assert found == pytest.approx(exact.pvalue, abs=0.012)


@pytest.mark.parametrize("instructions", [2, 5, 6, 7, 9])
def test_p_is_small_where_a_wording_breaks_the_model_and_reproducible(instructions: int) -> None:
    """By listed orders and by shuffling alike; the smallest p is 1 / (B + 1)."""
    scores = random(1, 60, instructions)
    scores[:, 0] = 0
    assert wording_p([sample(scores)], 199, 0) == 1 / 200
    scores = random(2, 60, instructions)
    assert wording_p([sample(scores)], 199, 7) == wording_p([sample(scores)], 199, 7) > 0.005


def test_p_is_1_where_all_wordings_score_alike() -> None:
    """Equal draws count as at least as far."""
    scores = np.repeat(random(1, 20, 1), 5, axis=1)
    assert wording_p([sample(scores)], 99, 0) == 1


def test_an_interval_by_hand() -> None:
    """Its ends solve (c - s)^2 = 1.96^2 (V0 + V1 s)."""
    rng = np.random.default_rng(0)
    scores = (rng.random((400, 4)) < np.array([0.3, 0.5, 0.6, 0.7])).astype(np.float64)
    one = part(sample(scores))
    found = sensitivity([one])
    v1 = one.slope + one.corrected * one.of_mean
    for end in (found.low, found.high):
        s = end**2
        assert (one.corrected - s) ** 2 == pytest.approx(1.959964**2 * (one.at_zero + v1 * s))
    assert 0 < found.low < found.corrected < found.high


def test_the_variance_is_that_of_repeated_draws() -> None:
    """V0 + V1 s is the variance of c over 4,000 simulated sets, within a tenth."""
    rng = np.random.default_rng(4)
    for true in ([0.5, 0.5, 0.5, 0.5], [0.4, 0.45, 0.55, 0.7]):
        level = np.array(true)
        parts = [
            part(sample((rng.random((200, 4)) < level).astype(np.float64))) for _ in range(4000)
        ]
        s = level.var() / level.mean() ** 2
        told = np.mean([p.at_zero + s * p.slope + s**2 * p.of_mean for p in parts])
        assert np.var([p.corrected for p in parts]) == pytest.approx(told, rel=0.1)
        assert np.mean([p.corrected for p in parts]) == pytest.approx(s, abs=8e-4)


def test_instances_that_share_a_picture_are_one_unit() -> None:
    """Each instance twice, as two of one picture, says no more than each once."""
    once, twice = sample(HAND), sample(np.repeat(HAND, 2, axis=0), list("aabbccdd"))
    assert twice.sums.shape == once.sums.shape
    assert part(twice).floor == pytest.approx(part(once).floor)
    assert part(twice).square == pytest.approx(part(once).square)
    assert sensitivity([part(twice)]).high == pytest.approx(sensitivity([part(once)]).high)
    apart = sample(HAND, ["x", None, None, None])
    assert np.array_equal(apart.sums, HAND)


def test_a_task_needs_two_instructions_two_units_and_a_mean() -> None:
    """Else it has no Sensitivity."""
    assert sample(HAND).usable
    assert not sample(HAND[:, :1]).usable
    assert not sample(HAND[:1]).usable
    assert not sample(HAND * 0).usable


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 30), st.booleans())
def test_figures_do_not_depend_on_the_order_of_rows_and_columns(
    seed: int, instructions: int, units: int, binary: bool
) -> None:
    """And the interval holds what it is an interval of."""
    scores = random(seed, units, instructions, binary)
    if not scores.any():
        return
    rng = np.random.default_rng(seed)
    mixed = scores[rng.permutation(units)][:, rng.permutation(instructions)]
    one, other = part(sample(scores)), part(sample(mixed))
    assert one.corrected == pytest.approx(other.corrected)
    assert one.slope == pytest.approx(other.slope, abs=1e-12)
    found = sensitivity([one])
    assert 0 <= found.low <= found.high
    assert found.low <= found.corrected <= found.high or found.corrected == 0


@pytest.mark.slow
def test_coverage_and_size_hold_in_simulation() -> None:
    """1,000 sets of 9 x 5 x 100: the truth is inside in 93 % at least, p rejects 6.5 % at most."""
    rng = np.random.default_rng(8)
    inside, rejected = {0.0: 0, 0.05: 0}, 0
    for truth in inside:
        level = np.linspace(0.3, 0.75, 9)[:, None] * (1 + truth * _spread())
        for run in range(1000):
            samples = [_drawn(row, rng) for row in level]
            found = sensitivity([part(s) for s in samples])
            inside[truth] += found.low <= truth <= found.high
            rejected += not truth and wording_p(samples, 99, run) <= 0.05
    assert min(inside.values()) >= 930
    assert rejected <= 65


def _spread() -> Floats:
    apart = np.linspace(-1, 1, 5)
    scaled: Floats = apart / apart.std()
    return scaled


def _drawn(level: Floats, rng: np.random.Generator) -> Sample:
    shared, own = rng.random((100, 1)), rng.random((100, 5))
    chance = np.where(rng.random((100, 5)) < 0.5, shared, own)
    return sample((chance < level).astype(np.float64))
