"""Texts that are nearly one of many: MinHash finds candidates, ROUGE-L decides.

Source:
    Broder 1997, On the resemblance and containment of documents; Li, Owen, Zhang 2012, One
    Permutation Hashing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from zlib import crc32

from instraug.tasks.words import rouge_l, words

NEAR = 0.9
"""ROUGE-L from which on two texts are near."""

_SHORTEST = 6
"""Words of a text below which only equal texts are near."""

_BINS = 64

_SHINGLE = 3

_CROWD = 256
"""Texts that one value of a sketch may lead to: what more share is a phrase, not a text."""


class NearTexts:
    """Texts to compare with, each with a number."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: list[int] = []
        self._by_value: dict[int, int | list[int]] = {}
        """Value of a sketch -> the texts that have it: nearly always a single one."""

    def add(self, text: str, number: int) -> None:
        """Take a text in; a short one is passed over."""
        split = words(text)
        if len(split) < _SHORTEST:
            return
        at = len(self._texts)
        self._texts.append(text)
        self._numbers.append(number)
        for value in _sketch(split):
            found = self._by_value.setdefault(value, at)
            if isinstance(found, list):
                if len(found) < _CROWD:
                    found.append(at)
            elif found != at:
                self._by_value[value] = [found, at]

    def near(self, text: str) -> Iterator[int]:
        """Yield the numbers of texts that this one is near to, the likeliest first."""
        split = words(text)
        if not self._texts or len(split) < _SHORTEST:
            return
        sketch = _sketch(split)
        led = [self._of(value) for value in sketch]
        telling = [found for found in led if len(found) < _CROWD] or led
        shared = Counter(chain.from_iterable(telling))
        enough, numbers = max(1, len(telling) // 4), _numbers(split)
        for at, common in shared.most_common():
            if common < enough:
                return
            other = words(self._texts[at])
            if rouge_l(split, other, NEAR) and _numbers(other) == numbers:
                yield self._numbers[at]

    def _of(self, value: int) -> list[int]:
        found = self._by_value.get(value, [])
        return found if isinstance(found, list) else [found]


def _numbers(split: tuple[str, ...]) -> list[str]:
    """Return the words with digits: where these differ, so does what is asked."""
    return sorted(word for word in split if any(map(str.isdigit, word)))


def _sketch(split: tuple[str, ...]) -> list[int]:
    """Return the least hash of a text's runs of words in each bin that has one."""
    least: dict[int, int] = {}
    for at in range(len(split) - _SHINGLE + 1):
        value = crc32(" ".join(split[at : at + _SHINGLE]).encode("utf-8", "surrogatepass"))
        place = value % _BINS
        if value < least.get(place, 1 << 32):
            least[place] = value
    return list(least.values())
