"""Where each record stands, in as few bytes a key."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator, Set
from itertools import chain

_HEX = re.compile(r"[0-9a-f]{64}")

_BYTES = 32

_WORD = 8
"""Bytes of a key, its first, that choose its slot."""

_WORDS = _BYTES // _WORD


def packed(key: str) -> bytes | str:
    """Return a key in 32 bytes where it is a SHA-256, else as it is."""
    return bytes.fromhex(key) if _HEX.fullmatch(key) else key


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
        self._placed = 0
        """Keys that are in the slots; the rest gets there when the first key is looked for."""
        self._others: dict[str, tuple[int, int]] = {}

    def get(self, key: str) -> tuple[int, int] | None:
        """Return a key's place, if it has one."""
        if not _HEX.fullmatch(key):
            return self._others.get(key)
        slot = self._slot(bytes.fromhex(key))  # first, for it may make the slots anew
        number = self._slots[slot]
        return (self._offsets[number - 1], self._sizes[number - 1]) if number else None

    def add(self, key: str, offset: int, size: int) -> None:
        """Note a key's place; one that has a place keeps it."""
        if not _HEX.fullmatch(key):
            self._others.setdefault(key, (offset, size))
        elif self.get(key) is None:
            self.append(bytes.fromhex(key), offset, size)

    def append(self, key: bytes, offset: int, size: int) -> None:
        """Note the place of a key (32 bytes), at a third of the cost of `add`.

        Whether it has one already is found out when the first key is looked for.
        """
        self._keys += key
        self._offsets.append(offset)
        self._sizes.append(size)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __len__(self) -> int:
        self._place()
        return len(self._offsets) + len(self._others)

    def __iter__(self) -> Iterator[str]:
        self._place()
        keys = (self._key(number).hex() for number in range(len(self._offsets)))
        return chain(keys, self._others)

    def _key(self, number: int) -> bytes:
        return bytes(self._keys[_BYTES * number : _BYTES * (number + 1)])

    def _slot(self, key: bytes) -> int:
        """Return the slot that holds a key, or the free one that would."""
        if self._placed < len(self._offsets):
            self._place()
        slots, last = self._slots, len(self._slots) - 1
        slot = int.from_bytes(key[:_WORD], sys.byteorder) & last
        while (number := slots[slot]) and not self._keys.startswith(key, _BYTES * (number - 1)):
            slot = (slot + 1) & last
        return slot

    def _place(self) -> None:
        """Give a slot to each key that has none yet; a key that came before is dropped."""
        count = len(self._offsets)
        if 3 * count > 2 * len(self._slots):
            self._slots = array("I", bytes(4 << (3 * count // 2).bit_length()))
            self._placed = 0
        again = set()
        with memoryview(self._keys) as keys, keys.cast("Q") as words:
            slots, last = self._slots, len(self._slots) - 1
            for number in range(self._placed, count):
                word = words[_WORDS * number]
                slot = word & last
                while other := slots[slot]:
                    if words[_WORDS * (other - 1)] == word and self._same(number, other - 1):
                        again.add(number)
                        break
                    slot = (slot + 1) & last
                else:
                    slots[slot] = number + 1
        self._placed = count
        if again:
            self._drop(again)

    def _same(self, one: int, other: int) -> bool:
        return self._key(one) == self._key(other)

    def _drop(self, numbers: Set[int]) -> None:
        """Drop keys by their numbers; the slots are then made anew."""
        kept = [number for number in range(len(self._offsets)) if number not in numbers]
        self._keys = bytearray().join(map(self._key, kept))
        self._offsets = array("Q", [self._offsets[number] for number in kept])
        self._sizes = array("Q", [self._sizes[number] for number in kept])
        self._slots, self._placed = array("I", bytes(4 * len(self._slots))), 0
        self._place()
