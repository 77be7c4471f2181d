"""One answer of a model, whatever file it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from instraug.errors import Problem

Options = tuple[str, ...]

SHOWN = 3
"""Places named of one kind of problem."""


@dataclass(slots=True)
class Answer:
    """What a model answered to one instance under one instruction, and what it should have."""

    where: tuple[int, int]
    """Index of the file, and line from 1."""
    task: str
    instruction: str
    id: str
    """Of the instance; equal under all instructions."""
    text: str
    targets: tuple[str, ...]
    """Any of them is right."""
    options: Options | None = None
    output: str | None = None
    """label, text, region or likelihood; None where the file does not state it."""
    protocol: str | None = None
    """How the row says that the answer is to be read; None: it does not."""
    score: float | None = None
    """Where the file has one already."""
    group: str | None = None
    """What instances may share, such as a picture."""
    content: str | None = None
    """A hash of the instance, where the file has one."""


@dataclass(slots=True)
class Problems:
    """Problems, equal ones together: a count and the first places of each kind."""

    places: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, where: str, what: str, fix: str) -> None:
        """Count one occurrence; ``what`` and ``fix`` name the kind."""
        kind = what, fix
        self.counts[kind] = self.counts.get(kind, 0) + 1
        shown = self.places.setdefault(kind, [])
        if len(shown) < SHOWN:
            shown.append(where)

    def take(self, other: Problems) -> None:
        """Take over what another one counted."""
        for kind, places in other.places.items():
            self.places[kind] = [*self.places.get(kind, ()), *places][:SHOWN]
            self.counts[kind] = self.counts.get(kind, 0) + other.counts[kind]

    def problems(self) -> Iterator[Problem]:
        """Yield one problem a kind, in the order of first occurrence."""
        for (what, fix), (first, *more) in self.places.items():
            count = self.counts[what, fix]
            also = f" ({count} times, also at {', '.join(more)})" if more else ""
            yield Problem(first, what + also, fix)
