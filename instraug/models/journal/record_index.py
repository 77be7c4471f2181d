"""Where in a journal each key's record is, in a few dozen bytes a key."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from itertools import chain

_HEX = re.compile(r"[0-9a-f]{64}")

_BYTES = 32


class RecordIndex:
    """Maps keys to (offset, size) in bytes, in order of arrival; what is set once stays.

    A dict of them takes 280 bytes a key, which a journal of millions of replies cannot afford.
    Keys that are a SHA-256 are packed into arrays and found by open addressing; there are no others
    but in journals of another make, which an ordinary dict holds.
    """

    def __init__(self) -> None:
        self._keys = bytearray()
        self._offsets, self._sizes = array("Q"), array("Q")
        self._slots = array("I", bytes(4 * 64))
        """Number of a key, from 1; 0 where there is none. At most two in three are taken."""
        self._others: dict[str, tuple[int, int]] = {}

    def get(self, key: str) -> tuple[int, int] | None:
        """Return a key's place, if it has one."""
        if not _HEX.fullmatch(key):
            return self._others.get(key)
        number = self._slots[self._slot(bytes.fromhex(key))]
        return (self._offsets[number - 1], self._sizes[number - 1]) if number else None

    def add(self, key: str, offset: int, size: int) -> None:
        """Note a key's place; one that has a place keeps it."""
        if not _HEX.fullmatch(key):
            self._others.setdefault(key, (offset, size))
            return
        packed = bytes.fromhex(key)
        slot = self._slot(packed)
        if self._slots[slot]:
            return
        self._keys += packed
        self._offsets.append(offset)
        self._sizes.append(size)
        self._slots[slot] = len(self._offsets)
        if 3 * len(self._offsets) > 2 * len(self._slots):
            self._grow()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __len__(self) -> int:
        return len(self._offsets) + len(self._others)

    def __iter__(self) -> Iterator[str]:
        packed = (self._key(number).hex() for number in range(len(self._offsets)))
        return chain(packed, self._others)

    def _key(self, number: int) -> bytes:
        return bytes(self._keys[_BYTES * number : _BYTES * (number + 1)])

    def _slot(self, key: bytes) -> int:
        """Return the slot that holds a key, or the free one that would."""
        slots, last = self._slots, len(self._slots) - 1
        slot = int.from_bytes(key[:8], "big") & last
        while (number := slots[slot]) and not self._keys.startswith(key, _BYTES * (number - 1)):
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        self._slots = array("I", bytes(8 * len(self._slots)))
        for number in range(len(self._offsets)):
            self._slots[self._slot(self._key(number))] = number + 1
