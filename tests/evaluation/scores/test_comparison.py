"""Two sets of answers compared: against scipy and statsmodels, by hand, and by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from instraug.evaluation.scores.comparison import corrected_difference, mean_difference
from instraug.evaluation.scores.sensitivity import Floats, Sample, part, sample, sensitivity


def binary(seed: int, units: int, level: Floats | float, instructions: int = 5) -> Sample:
    rng = np.random.default_rng(seed)
    return sample((rng.random((units, instructions)) < level).astype(np.float64))


def test_a_less_b_by_hand() -> None:
    """Means 3/4 and 1/2 over two instances and two instructions; tasks weigh alike."""
    a = sample(np.array([[1, 1], [1, 0]], dtype=np.float64))
    b = sample(np.array([[1, 0], [1, 0]], dtype=np.float64))
    assert mean_difference([(a, b)], 99, 0).value == pytest.approx(0.25)
    assert mean_difference([(a, b), (a, a)], 99, 0).value == pytest.approx(0.125)
    assert mean_difference([(b, a)], 99, 0).value == pytest.approx(-0.25)


def test_p_of_the_mean_is_that_of_scipy_over_all_swaps() -> None:
    """The instances' differences with all 2^9 signs, within what 20,000 draws can tell."""
    stats = pytest.importorskip("scipy.stats")
    a, b = binary(1, 9, 0.7), binary(2, 9, 0.4)
    apart = (a.sums - b.sums).mean(axis=1)

    def mean(x: Any, axis: int) -> Any:
        return np.abs(np.mean(x, axis=axis))

    exact = stats.permutation_test(
        (apart,), mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    found = mean_difference([(a, b)], 20_000, 0)
    assert found.p == pytest.approx(exact.pvalue, abs=0.012)
    assert found.method == "swap"


def test_with_one_instruction_p_is_that_of_mcnemar() -> None:
    """Exact, as statsmodels has it; also where thousands differ."""
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    for units, level in ((40, 0.6), (9000, 0.51)):
        a, b = binary(5, units, level, 1), binary(6, units, 0.5, 1)
        both = [[np.sum((a.sums == x) & (b.sums == y)) for y in (1, 0)] for x in (1, 0)]
        found = mean_difference([(a, b)], 99, 0)
        assert found.p == pytest.approx(tables.mcnemar(both, exact=True).pvalue, rel=1e-6)
        assert found.method == "mcnemar"
    several = binary(5, 40, 0.6, 2)
    assert mean_difference([(several, several)], 99, 0).method == "swap"


def test_the_interval_of_the_mean_is_what_the_swaps_do_not_reject() -> None:
    """A difference inside, taken off A, has a p above 0.05, and one outside has not."""
    a, b = binary(1, 60, 0.7), binary(2, 60, 0.5)
    found = mean_difference([(a, b)], 999, 3)
    assert found.low < found.value < found.high
    for shift, kept in ((found.low + 1e-6, True), (found.low - 1e-6, False)):
        moved = Sample(a.sums - shift, a.sizes)
        assert (mean_difference([(moved, b)], 999, 3).p > 0.05) is kept
    assert found.holds
    assert found.p <= 0.05


def test_one_instance_says_nothing_and_the_interval_says_so() -> None:
    """Nothing between -1 and 1 is ruled out."""
    a, b = sample(np.ones((1, 2))), sample(np.zeros((1, 2)))
    found = mean_difference([(a, b)], 99, 0)
    assert (found.low, found.high) == (-1, 1)
    assert not found.holds


def test_corrected_differs_by_what_the_two_sets_have() -> None:
    """And the interval is that of Zou and Donner from their own."""
    a = binary(1, 300, np.array([0.3, 0.5, 0.5, 0.6, 0.7]))
    b = binary(2, 300, 0.5)
    one, other = sensitivity([part(a)]), sensitivity([part(b)])
    found = corrected_difference([(a, b)], 499, 0)
    assert found.value == pytest.approx(one.corrected - other.corrected)
    reach = np.hypot(one.corrected - one.low, other.high - other.corrected)
    assert found.low == pytest.approx(found.value - reach)
    assert found.p == 1 / 500
    assert found.holds
    back = corrected_difference([(b, a)], 499, 0)
    assert (back.value, back.low, back.high) == pytest.approx(
        (-found.value, -found.high, -found.low)
    )


def test_swapping_makes_of_two_sets_what_exchanging_rows_makes() -> None:
    """The sums that a swap is made of give the same corrected share as the rows themselves."""
    from instraug.evaluation.scores.comparison import _resampled

    rng = np.random.default_rng(0)
    groups = [str(at // 3) for at in range(30)]
    a, b = (sample(rng.random((30, 4)), groups) for _ in range(2))
    drawn = np.concatenate(list(_resampled(a, b, 5, np.random.default_rng(9))))
    signs = np.random.default_rng(9).integers(2, size=(5, len(a.sizes)), dtype=np.int8)
    for row, sign in zip(drawn, signs, strict=True):
        stays = sign[:, None] == 1
        swapped = [np.where(stays, a.sums, b.sums), np.where(stays, b.sums, a.sums)]
        expected = [part(Sample(sums, a.sizes)).corrected for sums in swapped]
        assert row == pytest.approx(expected)


def test_instances_of_one_picture_are_swapped_together() -> None:
    """Each instance ten times is no evidence that each once is not."""
    rng = np.random.default_rng(2)
    scores = [(rng.random((12, 3)) < level).astype(np.float64) for level in (0.75, 0.5)]
    once = mean_difference([(sample(scores[0]), sample(scores[1]))], 999, 0)
    many = [np.repeat(s, 10, axis=0) for s in scores]
    pictures = [str(at // 10) for at in range(120)]
    together = mean_difference([(sample(many[0], pictures), sample(many[1], pictures))], 999, 0)
    assert together.p == once.p
    assert (together.low, together.high) == pytest.approx((once.low, once.high))
    alone = mean_difference([(sample(many[0]), sample(many[1]))], 999, 0)
    assert alone.p < once.p


@pytest.mark.slow
def test_swaps_reject_as_often_as_they_may() -> None:
    """1,000 pairs of sets of one model: both tests reject 6.5 % at most."""
    rng = np.random.default_rng(1)
    rejected = np.zeros(2)
    for run in range(1000):
        shared = rng.random((100, 1))
        a, b = (
            sample(
                (np.where(rng.random((100, 5)) < 0.5, shared, rng.random((100, 5))) < 0.5).astype(
                    np.float64
                )
            )
            for _ in range(2)
        )
        found = mean_difference([(a, b)], 99, run), corrected_difference([(a, b)], 99, run)
        rejected += [one.p <= 0.05 for one in found]
    assert max(rejected) <= 65
