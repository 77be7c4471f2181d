"""Near-duplicates among many texts: every pair of at least so much ROUGE-L, and which to leave out.

No pair is missed: the index is exact (`neighbours`). Texts are taken by length, and those that are
too short for what follows are forgotten, so that it holds a few lengths at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from instraug.tasks.neighbours import Alphabet, Neighbours
from instraug.tasks.words import rouge_l, words

NEAR = 0.95
"""ROUGE-L from which on two instructions are near-duplicates, unless set otherwise."""


_MANY = 100_000
"""Different texts from which on the index is made for many."""


class NearPair(NamedTuple):
    """Two near texts, by their numbers."""

    one: int
    other: int
    """A later one."""
    rouge_l: float
    """ROUGE-L F1 (0 to 1)."""


def near_pairs(texts: Sequence[str], threshold: float = NEAR) -> list[NearPair]:
    """Return every two texts of at least so much ROUGE-L, in order of their numbers.

    Of texts of the same words, each later one is paired with the first, and the first alone with
    other texts.

    Args:
        texts: The texts; their words are those of `words`.
        threshold: The least ROUGE-L F1 (0 to 1).
    """
    alphabet, firsts = Alphabet(), dict[str, int]()
    pairs: list[NearPair] = []
    for number, text in enumerate(texts):
        first = firsts.setdefault(alphabet.learn(text), number)
        if first != number:
            pairs.append(NearPair(first, number, 1.0))
    index = Neighbours[int](threshold, many=len(firsts) >= _MANY)
    by_length = sorted(firsts, key=len)
    for length, group in groupby(by_length, key=len):
        index.forget_far(length)
        for spelled in group:
            number = firsts[spelled]
            for near in index.search(spelled):
                one, other = min(number, near), max(number, near)
                score = rouge_l(words(texts[one]), words(texts[other]))
                pairs.append(NearPair(one, other, score))
            index.add(number, spelled)
    return sorted(pairs)


def left_out(pairs: Iterable[NearPair], stays: Callable[[int], bool]) -> dict[int, int]:
    """Return what to leave out so that no two near texts stay, each with a near one that stays.

    A text stays unless it is near to an earlier one that does.

    Args:
        pairs: Of `near_pairs`, in its order.
        stays: Whether a text stays in any case; no such text comes after one that may go.
    """
    gone: dict[int, int] = {}
    for one, other, score in pairs:
        if stays(other):
            continue
        if one not in gone:
            gone.setdefault(other, one)
        elif score == 1:  # the same words: what is near to the first is near to it too
            gone.setdefault(other, gone[one])
    return gone
