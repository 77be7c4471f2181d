"""Counts ids that repeat, in memory that does not grow with the rows."""

from __future__ import annotations

from array import array
from collections.abc import Collection

LIMIT = 1 << 15
"""Ids that are remembered; up to so many the count is exact."""


class Repeated:
    """Counts the rows whose id an earlier row had.

    Of more ids than `LIMIT` those are remembered whose number ends in zero bits, as many bits as it
    takes; what repeats among them stands for the others.
    """

    def __init__(self) -> None:
        self.count = 0
        """Rows that repeat an id; an estimate where there are more ids than `LIMIT`."""
        self._seen: set[int] = set()
        self._mask = 0

    @property
    def exact(self) -> bool:
        """Whether every id was remembered."""
        return not self._mask

    def add(self, numbers: Collection[int]) -> None:
        """Take in ids, each as a number of 64 bits that was drawn from it."""
        mask = self._mask
        given = [n for n in numbers if not n & mask] if mask else numbers
        before = len(self._seen)
        self._seen.update(given)
        self.count += (len(given) - len(self._seen) + before) * (mask + 1)
        while len(self._seen) > LIMIT:
            self._forget(2 * self._mask + 1)

    def merge(self, other: Repeated) -> None:
        """Take in what was counted of a later part of the rows."""
        if other._mask > self._mask:
            self._forget(other._mask)
        self.count += other.count
        if not self._seen and self._mask == other._mask:
            self._seen = other._seen
        else:
            self.add(other._seen)

    def _forget(self, mask: int) -> None:
        self._mask = mask
        self._seen = {n for n in self._seen if not n & mask}

    def __getstate__(self) -> tuple[int, int, bytes]:
        """Pass between processes in a few bytes an id."""
        return self.count, self._mask, array("Q", self._seen).tobytes()

    def __setstate__(self, state: tuple[int, int, bytes]) -> None:
        self.count, self._mask, numbers = state
        self._seen = set(array("Q", numbers))
