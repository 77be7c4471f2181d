"""Word-level similarity of two texts; placeholders count as words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz.distance import Indel

_WORD = re.compile(r"\{+[^{}]*\}+|\w+(?:['\u2019]\w+)*")


@lru_cache(maxsize=1024)
def words(text: str) -> tuple[str, ...]:
    """Split a text into lower-case words; punctuation is dropped, a placeholder is one word."""
    return tuple(_WORD.findall(text.lower()))


def rouge_l(one: Sequence[str], other: Sequence[str], cutoff: float = 0.0) -> float:
    """Return the ROUGE-L F1 of two word sequences (0 to 1); 0 where it is below ``cutoff``.

    With the longest common subsequence L, it is 2 L / (len(one) + len(other)), rounded once, so
    that a score of exactly the cutoff is not below it.

    Source:
        Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries (beta = 1).
    """
    n, m = len(one), len(other)
    size = n + m
    if not size:
        return 1.0
    if 2 * min(n, m) / size < cutoff:  # the shorter one is too short
        return 0.0
    # What the cutoff allows, and one more: the division decides, not the rounding here.
    most = int((1 - cutoff) * size) + 1
    score = (size - Indel.distance(one, other, score_cutoff=most)) / size
    return score if score >= cutoff else 0.0


def folded(text: str) -> str:
    """Fold case and white space, to recognise copies and exact duplicates."""
    return " ".join(text.casefold().split())
