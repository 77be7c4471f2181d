"""Faults of rows: equal ones together, with how many rows have them and the first places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from instraug.errors import Problem

LISTED = 1000
"""Different faults of a kind that are kept apart, and places of a kind; all rows are counted."""

SHOWN = 3
"""Places of a fault that its line names."""

Fault = tuple[str, str, str]
"""Kind, what and fix of a `BadRow`."""


@dataclass
class Faults:
    """Counts faults; a place is whatever names a row."""

    rows: dict[Fault, int] = field(default_factory=dict)
    """Fault -> rows."""
    places: dict[Fault, list[Any]] = field(default_factory=dict)
    """Fault -> the first of them, one at least."""
    _kinds: Counter[str] = field(default_factory=Counter)
    """Kind -> different faults."""
    _kept: Counter[str] = field(default_factory=Counter)
    """Kind -> places kept."""

    def add(self, fault: Fault, rows: int, places: Sequence[Any]) -> None:
        """Count so many more rows of a fault, the first of which stand at these places."""
        kind = fault[0]
        if fault not in self.rows:
            if self._kinds[kind] >= LISTED:
                return
            self._kinds[kind] += 1
            self.rows[fault], self.places[fault] = 0, []
        self.rows[fault] += rows
        least = max(0, SHOWN - len(self.places[fault]))
        kept = places[: max(LISTED - self._kept[kind], least)]
        self.places[fault] += kept
        self._kept[kind] += len(kept)

    def problems(self) -> Iterator[tuple[str, Problem]]:
        """Yield each fault's kind and line, which names the first places."""
        for (kind, what, fix), rows in self.rows.items():
            first, *others = map(str, self.places[kind, what, fix][:SHOWN])
            also = f", also at {', '.join(others)}" if others else ""
            more = ", ..." if rows > 1 + len(others) else ""
            count = f" ({rows} rows{also}{more})" if rows > 1 else ""
            yield kind, Problem(first, what + count, fix)
