"""What became of a shard's rows, as a process hands it back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from instraug.errors import BadRow
from instraug.training_set.answers import Note
from instraug.training_set.faults import Faults
from instraug.training_set.repeated import Repeated


@dataclass
class ShardReport:
    """What became of a shard's rows."""

    lines: int = 0
    used: Counter[str] = field(default_factory=Counter)
    """Instruction id -> rows built with it."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Kind of fault -> rows left out."""
    held: Counter[str] = field(default_factory=Counter)
    """Task of the split that is not built -> its rows."""
    lacking: Counter[str] = field(default_factory=Counter)
    """Task without an instruction that may be used -> its rows."""
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """A style of options, and what the answer is -> rows."""
    testing: int = 0
    """Rows of ``testing_data/`` that are not built."""
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """A note about rows' options (see `answers`), and the task -> rows."""
    noted_at: dict[str, int] = field(default_factory=dict)
    """What is noted -> the first such line."""
    ids: Repeated = field(default_factory=Repeated)
    """Of the rows that are drawn by their id."""
    bad: Faults = field(default_factory=Faults)
    """Of rows that cannot be built; their places are lines, from 1, within the shard."""

    def note(self, notes: list[Note], lines: list[bytes], first: int) -> None:
        """Count what is noted of lines; the first of them has that number."""
        for what, task, line in notes:
            self.notes[what, task] += 1
            self.noted_at.setdefault(what, first + lines.index(line))

    def add(self, held: list[str], lacking: list[str], shown: list[tuple[str, str]]) -> None:
        """Count a batch's rows of the other split, without an instruction, and shown in a style."""
        if held:
            self.held.update(held)
        if lacking:
            self.lacking.update(lacking)
        if shown:
            self.shown.update(shown)

    def leave_out(self, line: int, bad: BadRow) -> None:
        """Count a row that cannot be built."""
        self.kinds[bad.kind] += 1
        self.bad.add(bad, str(line))
