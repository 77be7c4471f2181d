"""Which rows a set holds: for every source the first of its rows, in the order of their hashes.

A set of a larger share holds the same rows and more, so that the sets of a sweep are nested.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import compress
from operator import not_
from typing import NamedTuple

from instraug.errors import InputError, Problem
from instraug.training_set.mix.config import MixConfig
from instraug.training_set.mix.scanner import UNKNOWN, Rows
from instraug.training_set.mix.shares import apportion

_MASK = (1 << 64) - 1

NO_RANK = (1 << 32) - 1


class Taken(NamedTuple):
    """What a set takes of one source."""

    rows: int
    """Draws: rows, each as often as it comes."""
    text: int
    """Text tokens."""
    pictures: int | None
    """Image tokens; None where a picture has no known size."""
    with_picture: int
    """Rows with a picture."""
    text_only: int
    """Text tokens of the rows without one."""


class Pool:
    """The rows of one source in the order of their hashes, as far as its cap allows.

    Draws count from 0; where rows come again, each comes as often as any other, but for one.
    """

    def __init__(self, name: str, rows: Rows, cap: int | None, *, replace: bool) -> None:
        self.name, self.rows, self._replace = name, rows, replace
        ranked = sorted(range(len(rows)), key=rows.keys.__getitem__)
        self.ranked = array("I", ranked[:cap])
        """Rows by rank."""
        self.available = len(self.ranked)
        self._cost: array[int] | None = None

    def first(self, tokens: int) -> int:
        """Return the draws whose tokens come nearest to a number; fewer where two are as near.

        Raises:
            InputError: the rows do not have as many, and may not come again.
        """
        costs = self._costs()
        whole = costs[-1] if costs else 0
        rounds = 0
        if tokens > whole and self._replace and whole:
            rounds, tokens = divmod(tokens, whole)
        at = bisect_left(costs, tokens) if tokens > 0 else 0
        if tokens <= 0:
            return rounds * self.available
        if at == len(costs):
            if self._replace or whole * 2 < tokens * 2 - self._last():
                raise self._short(tokens, whole, "tokens")
            return self.available
        before = costs[at - 1] if at else 0
        nearer = costs[at] - tokens < tokens - before
        return rounds * self.available + at + nearer

    def _last(self) -> int:
        """Return the tokens of the last row: a half of it may be missing."""
        costs = self._costs()
        return costs[-1] - (costs[-2] if len(costs) > 1 else 0) if costs else 0

    def _costs(self) -> array[int]:
        """Return the tokens of the first row, of the first two, and so on."""
        if self._cost is None:
            text, pictures = self.rows.text, self.rows.pictures
            self._cost, whole = array("Q"), 0
            for row in self.ranked:
                whole += text[row] + pictures[row]
                self._cost.append(whole)
        return self._cost

    def check(self, draws: int) -> None:
        """Refuse to draw more rows than there are, unless they may come again.

        Raises:
            InputError: there are not as many.
        """
        if draws > self.available and not (self._replace and self.available):
            raise self._short(draws, self.available, "rows")

    def _short(self, wanted: int, there: int, what: str) -> InputError:
        fix = "lower its share or the total, or let rows come again with --replace"
        return InputError([Problem(self.name, f"{wanted} {what} are wanted, it has {there}", fix)])

    @cached_property
    def ranks(self) -> array[int]:
        """The rank of each row; `NO_RANK` of one that the cap leaves out."""
        ranks = array("I", [NO_RANK]) * len(self.rows)
        for rank, row in enumerate(self.ranked):
            ranks[row] = rank
        return ranks

    def orders(self, draws: Sequence[int]) -> list[int]:
        """Return what decides where draws stand in a shuffled set: numbers of 64 bits."""
        orders, ranked, available = self.rows.orders, self.ranked, self.available
        if not draws or max(draws) < available:
            return [orders[ranked[draw]] for draw in draws]
        found = []
        for draw in draws:
            again, rank = divmod(draw, available)
            order = orders[ranked[rank]]
            found.append(_mixed(order + again * 0x9E3779B97F4A7C15) if again else order)
        return found

    def taken(self, draws: int) -> Taken:
        """Return what so many draws come to."""
        rounds, rest = divmod(draws, self.available) if draws else (0, 0)
        whole = self._sums(self.ranked) if rounds else _NOTHING
        part = self._sums(self.ranked[:rest])
        known = whole.pictures is not None and part.pictures is not None
        text, pictures, with_picture, text_only = (
            rounds * (one or 0) + (other or 0)
            for one, other in zip(whole[1:], part[1:], strict=True)
        )
        return Taken(draws, text, pictures if known else None, with_picture, text_only)

    def _sums(self, rows: array[int]) -> Taken:
        """Return what rows come to, each taken once."""
        text = list(map(self.rows.text.__getitem__, rows))
        pictures = list(map(self.rows.pictures.__getitem__, rows))
        bare = pictures.count(0)
        known = UNKNOWN not in pictures
        text_only = sum(compress(text, map(not_, pictures))) if bare else 0
        all_pictures = sum(pictures) if known else None
        return Taken(len(rows), sum(text), all_pictures, len(rows) - bare, text_only)


def _mixed(number: int) -> int:
    """Return another number of 64 bits, as splitmix64 makes it."""
    number &= _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


_NOTHING = Taken(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Plan:
    """One set: how many draws it takes of each source."""

    share: Fraction | None
    """Of the first source, where there are several sets."""
    shares: Mapping[str, Fraction]
    """Source -> percent asked for; empty where all rows are taken."""
    draws: Mapping[str, int]


def make_plan(
    pools: Mapping[str, Pool],
    shares: Mapping[str, Fraction],
    share: Fraction | None,
    config: MixConfig,
) -> Plan:
    """Divide the total among sources.

    By tokens, sources follow one another by name, and what one has too many or too few of is made
    up for by the next: the whole is off by half a row at most.

    Raises:
        InputError: every source that is too small.
    """
    if not shares:
        sizes = {name: pool.available for name, pool in pools.items()}
        shares_of_rows = sizes if config.by == "instances" else _tokens(pools)
        if config.total is None:
            return Plan(share, {}, sizes)
        parts = apportion(config.total, shares_of_rows)
    else:
        parts = apportion(config.total or 0, shares)
    draws: dict[str, int] = {}
    problems: list[Problem] = []
    late = 0
    for name in sorted(pools):
        pool = pools[name]
        try:
            if config.by == "instances" or not parts[name]:
                draws[name] = parts[name]
                pool.check(draws[name])
            else:
                wanted = parts[name] + late
                draws[name] = pool.first(wanted)
                taken = pool.taken(draws[name])
                late = wanted - taken.text - (taken.pictures or 0)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return Plan(share, shares, draws)


def _tokens(pools: Mapping[str, Pool]) -> dict[str, int]:
    found = {name: pool.taken(pool.available) for name, pool in pools.items()}
    return {name: taken.text + (taken.pictures or 0) for name, taken in found.items()}
