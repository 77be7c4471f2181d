"""Random choices of a build, by hash: equal seeds give equal rows in any order, shard or engine.

Every number that a row needs comes from a BLAKE2b digest of (seed, task, unique_id), which is the
same on every platform and in every version of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import combinations, permutations
from operator import itemgetter
from struct import Struct
from typing import Any, TypeVar

T = TypeVar("T")

BITS = 64
"""Bits of each number drawn."""

HIGHEST = 1 << 2 * BITS
"""Above every rank."""

_two_numbers = Struct("<QQ").unpack


def drawer(
    seed: int, task: str, originals: Sequence[T], generated: Sequence[T], epsilon: float
) -> Callable[[str], tuple[T, int]]:
    """Return the function from a row's unique_id to what is drawn for it.

    With probability epsilon that is an original, else a generated one; each is uniform among its
    kind. Where one kind is empty the other has all the mass.

    Args:
        seed: The build's.
        task: The task's name: ids recur across tasks.
        originals: The hand-written instructions.
        generated: The accepted rewrites; not both may be empty.
        epsilon: 0 to 1; 1 is plain MIns.

    Returns:
        A function that gives one of the instructions, and a number of 64 bits for `shuffled`.

    Source:
        INSTRAUG, arXiv:2402.14492, section on MIns+.
    """
    start = blake2b(f"{seed}\0{task}\0".encode(), digest_size=16, person=b"instraug-row").copy
    limit = int(epsilon * (1 << BITS))
    low, high = originals or generated, generated or originals
    lows, highs = len(low), len(high)

    def draw(unique_id: str) -> tuple[T, int]:
        state = start()
        state.update(unique_id.encode())
        # On either side of the limit the number is uniform still, so that it picks as well.
        number, order = _two_numbers(state.digest())
        return (low[number % lows] if number < limit else high[number % highs]), order

    return draw


def ranker(seed: int, task: str) -> Callable[[str, bytes], int]:
    """Return the function from a row to its rank, a number of 128 bits, which a cap goes by.

    It takes the unique_id, which decides, and the row as it was read, which decides between rows
    of one unique_id; only rows that are equal byte for byte, but for the end of the line, are of
    equal rank.
    """
    start = blake2b(f"{seed}\0{task}\0".encode(), digest_size=8, person=b"instraug-rank").copy

    def rank(unique_id: str, line: bytes) -> int:
        first, second = start(), start()
        first.update(unique_id.encode())
        second.update(line.rstrip(b"\r\n"))
        return int.from_bytes(first.digest() + second.digest(), "big")

    return rank


Arrange = Callable[[Sequence[Any]], tuple[Any, ...]]


@cache
def _orders(size: int) -> list[Arrange]:
    """Return the functions that put so many items in order, one for every order; 2 to 6 items."""
    return [itemgetter(*order) for order in permutations(range(size))]


@cache
def _deals(size: int) -> tuple[list[Arrange], list[Arrange], list[Arrange]]:
    """Return functions that together put more items in order.

    These move a half of the items to the front, one for every half; those return a front half in
    order, and a back half, one for every order of it.
    """
    every, half = range(size), size // 2
    fronts = combinations(every, half)
    splits: list[Arrange] = [
        itemgetter(*front, *(i for i in every if i not in front)) for front in fronts
    ]
    backs: list[Arrange] = [itemgetter(*order) for order in permutations(range(half, size))]
    return splits, _orders(half), backs


def shuffled(items: Sequence[Any], number: int) -> Sequence[Any]:
    """Return the items in the order that the number stands for; every order is equally likely.

    Up to 12 items, which is nearly every list of options, are put in order by table look-ups: which
    of them come first, and the order of either half.
    """
    size = len(items)
    if size < 2:
        return items
    if size <= 6:
        orders = _orders(size)
        return orders[number % len(orders)](items)
    if size <= 12:
        splits, fronts, backs = _deals(size)
        number, split = divmod(number, len(splits))
        number, front = divmod(number, len(fronts))
        deck = splits[split](items)
        return fronts[front](deck) + backs[number % len(backs)](deck)
    # There are nearly as many orders as one draw can name, or more.
    number |= int.from_bytes(blake2b(number.to_bytes(8, "little")).digest(), "little") << BITS
    mixed: list[Any] = []
    for position, item in enumerate(items, 1):
        number, at = divmod(number, position)
        mixed.insert(at, item)
    return mixed


class Smallest:
    """The smallest of many ranks, in memory that depends only on how many are wanted.

    Args:
        wanted: How many rows of a group may be kept.
        bound: Ranks from here on are known not to be among them.
    """

    def __init__(self, wanted: int, bound: int = HIGHEST) -> None:
        self._wanted = wanted
        self._ranks: list[int] = []
        self.bound = bound
        """Ranks from here on are not among the smallest, whatever follows."""

    def add(self, rank: int) -> None:
        """Take a rank into account."""
        if rank < self.bound:
            self._ranks.append(rank)
            if len(self._ranks) > 2 * self._wanted + 64:
                self._trim()

    def held(self) -> list[int]:
        """Return the smallest ranks in order, one more than wanted where there are so many."""
        self._trim()
        return self._ranks

    def _trim(self) -> None:
        self._ranks.sort()
        del self._ranks[self._wanted + 1 :]
        if len(self._ranks) > self._wanted:
            self.bound = self._ranks[-1]


class Ranks:
    """The smallest ranks of every group of rows.

    Args:
        wanted: How many rows of each may be kept.
    """

    def __init__(self, wanted: int) -> None:
        self._smallest: dict[str, Smallest] = {}
        self._wanted = wanted

    def merge(self, parts: Mapping[str, Iterable[int]]) -> None:
        """Take ranks of a part of the rows into account, by group."""
        for group, ranks in parts.items():
            add = self._smallest.setdefault(group, Smallest(self._wanted)).add
            for rank in ranks:
                add(rank)

    def groups(self) -> Iterable[str]:
        """Return every group that has a row."""
        return self._smallest

    def bounds(self) -> dict[str, int]:
        """Return for each group the rank from which on rows are already known to be left out.

        Groups of which none is known to be left out are missing.
        """
        return {group: s.bound for group, s in self._smallest.items() if s.bound < HIGHEST}

    def limits(self) -> dict[str, int]:
        """Return for each group that has more rows than wanted the rank below which they are kept.

        That keeps as many as are wanted, or fewer where some rows are equal.
        """
        held = {group: s.held() for group, s in self._smallest.items()}
        return {group: ranks[-1] for group, ranks in held.items() if len(ranks) > self._wanted}
