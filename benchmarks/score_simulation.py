"""Coverage and size of what `score` prints, over simulated predictions of known truth.

    python benchmarks/score_simulation.py [--runs 1000] [--draws 200]

A score is 0 or 1. An instance has a difficulty that all its answers share, and each answer a chance
of its own: with probability 0.5 an answer follows the first, else the second, so that the mean of
an instruction is exactly what the setting says. "One noisier": the first wording never follows the
shared difficulty, at the same mean. Tasks have means from 0.3 to 0.75. Everything is seeded.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np

from instraug.evaluation.scores.comparison import corrected_difference, mean_difference
from instraug.evaluation.scores.permutation import wording_p
from instraug.evaluation.scores.sensitivity import Floats, Sample, part, sample, sensitivity

INSTRUCTIONS = 5
SHARED = 0.5


def means(tasks: int, truth: float, one_wavers: bool) -> Floats:
    """Return the true mean of each task and instruction, whose Sensitivity is ``truth``."""
    level = np.linspace(0.3, 0.75, tasks) if tasks > 1 else np.array([0.5])
    spread = np.linspace(-1, 1, INSTRUCTIONS)
    share = np.full(tasks, truth)
    if one_wavers:
        share[:] = 0
        share[tasks // 2] = truth * sqrt(tasks)
    true: Floats = level[:, None] * (1 + share[:, None] * spread / spread.std())
    return true


def drawn(true: Floats, difficulty: Floats, noisy: bool, rng: np.random.Generator) -> Sample:
    """Return one task's predictions on instances of some difficulty, instances x 1."""
    shape = len(difficulty), len(true)
    follow = np.full(len(true), SHARED)
    if noisy:
        follow[0] = 0
    chance = np.where(rng.random(shape) < follow, difficulty, rng.random(shape))
    return sample((chance < true).astype(np.float64))


def bootstrap(samples: Sequence[Sample], rng: np.random.Generator, draws: int) -> Floats:
    """Return the percentile interval of the usual bootstrap over instances."""
    squares = np.zeros(draws)
    for s in samples:
        n = len(s.sums)
        for draw, counts in enumerate(rng.multinomial(n, np.full(n, 1 / n), size=draws)):
            at = np.repeat(np.arange(n), counts)
            squares[draw] += part(sample(s.sums[at])).corrected
    ends: Floats = np.percentile(np.sqrt(np.maximum(squares / len(samples), 0)), (2.5, 97.5))
    return ends


def settings() -> Iterator[tuple[int, int, float, str, bool]]:
    """Yield tasks, instances, truth (times 100), which tasks waver, whether one is noisier."""
    for tasks, instances in ((9, 100), (9, 1000), (1, 100), (1, 1000)):
        for truth in (0.0, 1.5, 5.0, 10.0):
            for wavers in ("all", "one") if tasks > 1 and truth else ("all",):
                for noisy in (False, True):
                    yield tasks, instances, truth, wavers, noisy


def one_set(runs: int, draws: int) -> None:
    """Print coverage and mean width of the interval; of a truth of 0, how often p is 0.05."""
    print("| tasks | instances | truth | who wavers | one noisier | inside | width | p <= 0.05 |")
    print("|---|---|---|---|---|---|---|---|")
    for number, (tasks, instances, truth, wavers, noisy) in enumerate(settings()):
        true = means(tasks, truth / 100, wavers == "one")
        inside, width, rejected = 0, 0.0, 0
        for run in range(runs):
            rng = np.random.default_rng([number, run])
            samples = [drawn(m, rng.random((instances, 1)), noisy, rng) for m in true]
            found = sensitivity([part(s) for s in samples])
            inside += found.low - 1e-12 <= truth / 100 <= found.high
            width += 100 * (found.high - found.low)
            rejected += not truth and wording_p(samples, draws, run) <= 0.05
        share, size = 100 * inside / runs, "-" if truth else f"{100 * rejected / runs:.1f} %"
        cells = (tasks, instances, f"{truth:g}", wavers, "yes" if noisy else "no")
        print(
            "|",
            *(f"{c} |" for c in cells),
            f"{share:.1f} % | {width / runs:.1f} | {size} |",
            flush=True,
        )


def two_sets(runs: int, draws: int) -> None:
    """Print coverage and size of the differences of two sets that do not differ, and that do."""
    print(
        "\n| tasks | instances | truth A, B | mean inside | p <= 0.05 | corrected inside |", end=""
    )
    print(" p <= 0.05 |")
    print("|---|---|---|---|---|---|---|")
    cases = [(t, n, pair) for t, n in ((9, 100), (9, 1000), (1, 100)) for pair in _PAIRS]
    for number, (tasks, instances, truths) in enumerate(cases):
        true = [means(tasks, truth / 100, False) for truth in truths]
        counts = np.zeros(4)
        apart = (truths[0] - truths[1]) / 100
        for run in range(runs):
            rng = np.random.default_rng([1000 + number, run])
            pairs = []
            for a, b in zip(*true, strict=True):
                difficulty = rng.random((instances, 1))
                pairs.append((drawn(a, difficulty, False, rng), drawn(b, difficulty, False, rng)))
            mean = mean_difference(pairs, draws, run)
            corrected = corrected_difference(pairs, draws, run)
            counts += (
                mean.low <= 0 <= mean.high,
                mean.p <= 0.05,
                corrected.low <= apart <= corrected.high,
                corrected.p <= 0.05,
            )
        shares = " | ".join(f"{100 * c / runs:.1f} %" for c in counts)
        print(f"| {tasks} | {instances} | {truths[0]:g}, {truths[1]:g} | {shares} |", flush=True)


_PAIRS = ((0.0, 0.0), (5.0, 5.0), (10.0, 10.0), (10.0, 2.0))


def usual(runs: int) -> None:
    """Print how often the usual bootstrap percentile interval holds a truth of 0."""
    for tasks, instances in ((9, 100), (9, 1000), (1, 100)):
        inside = 0
        for run in range(runs):
            rng = np.random.default_rng([2000, run])
            true = means(tasks, 0, False)
            samples = [drawn(m, rng.random((instances, 1)), False, rng) for m in true]
            inside += bool(bootstrap(samples, rng, 200)[0] <= 0)
        print(f"bootstrap percentile, {tasks} x {instances}, truth 0: {100 * inside / runs:.0f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=200)
    given = parser.parse_args()
    one_set(given.runs, given.draws)
    two_sets(given.runs, given.draws)
    print()
    usual(given.runs // 10)
