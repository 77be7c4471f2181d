"""How much the texts of one task differ: distinct-n and mean ROUGE-L between pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import isqrt

from instraug.tasks.words import rouge_l

PAIRS = 2000
"""Most pairs that are compared; a larger set is sampled."""

Words = Sequence[str]


def distinct(texts: Iterable[Words], n: int) -> float | None:
    """Return the share of n-grams that are distinct (0 to 1), over all texts together.

    Args:
        texts: Each text as its words; n-grams do not cross from one text into the next.
        n: Words in an n-gram.

    Returns:
        None where no text has n words.

    Source:
        Li et al. 2016, A Diversity-Promoting Objective Function for Neural Conversation Models.
    """
    seen: set[tuple[str, ...]] = set()
    total = 0
    for words in texts:
        for start in range(len(words) - n + 1):
            seen.add(tuple(words[start : start + n]))
            total += 1
    return len(seen) / total if total else None


def self_rouge_l(texts: Sequence[Words], limit: int = PAIRS) -> float | None:
    """Return the mean ROUGE-L F1 of two different texts of a set (0 to 1; lower: more diverse).

    It is what self-BLEU measures, with an overlap that is symmetric and defined for short texts.
    Every pair is compared where there are at most ``limit``, otherwise ``limit`` pairs spread
    evenly over all of them, the same ones every time.

    Returns:
        None where there are fewer than two texts.

    Source:
        Zhu et al. 2018, Texygen (self-BLEU); Lin 2004, ROUGE.
    """
    if len(texts) < 2:
        return None
    scores = [rouge_l(texts[i], texts[j]) for i, j in _pairs(len(texts), limit)]
    return sum(scores) / len(scores)


def _pairs(size: int, limit: int) -> Iterable[tuple[int, int]]:
    total = size * (size - 1) // 2
    if total <= limit:
        return combinations(range(size), 2)
    # Multiples of the golden ratio, modulo 1, fill the unit interval evenly.
    return (_pair(int(total * (k * 0.6180339887498949 % 1))) for k in range(limit))


def _pair(index: int) -> tuple[int, int]:
    """Return the pair (i, j), i < j, at an index of (0,1), (0,2), (1,2), (0,3), ..."""
    j = (1 + isqrt(1 + 8 * index)) // 2
    return index - j * (j - 1) // 2, j
