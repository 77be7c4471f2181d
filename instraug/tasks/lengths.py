"""Lengths of texts in whitespace words: five numbers, a mean and a histogram from a count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

BINS = 10
"""A histogram has at most this many bins."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The distribution of text lengths, in whitespace words."""

    texts: int
    min: int
    q1: int
    median: int
    q3: int
    max: int
    mean: float
    histogram: tuple[tuple[int, int, int], ...]
    """(first length, last length, texts) of each bin, empty bins included."""


def lengths(counts: Mapping[int, int]) -> Lengths | None:
    """Describe a distribution given as length -> number of texts.

    A quartile is the least length that at least that share of the texts do not exceed (the nearest
    rank), so it is always the length of a text. A bin is 1, 2 or 5 times a power of ten wide,
    the narrowest that gives at most `BINS` bins.

    Returns:
        None where there is no text.
    """
    spread = sorted((length, n) for length, n in counts.items() if n)
    if not spread:
        return None
    texts = sum(n for _, n in spread)
    upto = list(accumulate(n for _, n in spread))

    def quartile(quarters: int) -> int:
        # Whole numbers, so that no rounding moves a rank.
        rank = next(i for i, n in enumerate(upto) if 4 * n >= quarters * texts)
        return spread[rank][0]

    return Lengths(
        texts=texts,
        min=spread[0][0],
        q1=quartile(1),
        median=quartile(2),
        q3=quartile(3),
        max=spread[-1][0],
        mean=sum(length * n for length, n in spread) / texts,
        histogram=_histogram(spread),
    )


def _histogram(spread: list[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    low, high = spread[0][0], spread[-1][0]
    width = next(
        step * 10**power
        for power in range(20)
        for step in (1, 2, 5)
        if high // (step * 10**power) - low // (step * 10**power) < BINS
    )
    bins = dict.fromkeys(range(low // width * width, high + 1, width), 0)
    for length, n in spread:
        bins[length // width * width] += n
    return tuple((start, start + width - 1, n) for start, n in bins.items())
