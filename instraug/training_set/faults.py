"""Rows that cannot be built, by what is wrong with them: a handful of lines a kind, all counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instraug.errors import ALSO, BadRow, Problem

DIFFERENT = 5
"""Lines a kind and fix; further rows of it whose faults read otherwise are one more line."""

NAMED = 3
"""Most things that a line names which its rows lack."""

Key = tuple[str, str, str]
"""Kind, what is wrong, and the fix; nothing wrong: further rows of the kind."""


@dataclass
class Fault:
    """What is wrong alike with some rows."""

    rows: int
    places: list[str]
    """Of the first few: line numbers within a shard, or ``file:line``."""
    names: list[str]
    """The first few that differ: what the rows name, or what is wrong with further rows."""
    more: bool = False
    """Whether there are further names."""

    def join(self, later: Fault) -> None:
        """Add the same fault of later rows."""
        self.rows += later.rows
        self.places += later.places[: 1 + ALSO - len(self.places)]
        new = [name for name in later.names if name not in self.names]
        self.more = self.more or later.more or len(self.names) + len(new) > NAMED
        self.names += new[: NAMED - len(self.names)]


@dataclass
class Faults:
    """The faults of rows, in the order of the first of each."""

    found: dict[Key, Fault] = field(default_factory=dict)

    def add(self, bad: BadRow, place: str) -> None:
        """Add a row's fault."""
        key = (bad.kind, bad.sort, bad.fix)
        self._join(key, Fault(1, [place], [bad.name] if bad.name else []))

    def merge(self, later: Faults, before: str, lines: int) -> None:
        """Add the faults of rows that come later.

        Args:
            later: Their places are line numbers.
            before: What stands before a place: the file.
            lines: Of the file, before the first of theirs.
        """
        for key, fault in later.found.items():
            places = [f"{before}:{lines + int(place)}" for place in fault.places]
            self._join(key, Fault(fault.rows, places, list(fault.names), fault.more))

    def _join(self, key: Key, fault: Fault) -> None:
        if key not in self.found:
            kind, what, fix = key
            alike = sum(k == kind and w != "" and f == fix for k, w, f in self.found)
            if alike >= DIFFERENT and what:
                named = ": ".join([what, *fault.names[:1]])
                key, fault = (kind, "", fix), Fault(fault.rows, fault.places, [named], fault.more)
        if key in self.found:
            self.found[key].join(fault)
        else:
            self.found[key] = fault

    def problems(self) -> dict[Key, Problem]:
        """Return a line for each."""
        return {key: _problem(key, fault) for key, fault in self.found.items()}


def _problem(key: Key, fault: Fault) -> Problem:
    kind, what, fix = key
    names = _listed(fault.names, more=fault.more)
    what = ": ".join(filter(None, [what or f"more rows of the kind '{kind}'", names]))
    first, *also = fault.places
    return Problem(first, what, fix, fault.rows, tuple(also))


def _listed(names: Sequence[str], *, more: bool) -> str:
    return ", ".join([*names, "..."] if more else names)
