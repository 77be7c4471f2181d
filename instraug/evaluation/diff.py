"""Compare two runs' instructions, by task: what CI asks after a regeneration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from instraug.errors import InputError, Problem
from instraug.files.manifest import MANIFEST, beside, read_manifest
from instraug.files.spool import Spool
from instraug.tasks.pool import ANOTHER, INSTRUCTIONS, InstructionRow, RowsByTask


@dataclass
class TaskDiff:
    """How one task's instructions differ between two runs."""

    added: list[InstructionRow] = field(default_factory=list)
    """Rows that only the second run has."""
    removed: list[InstructionRow] = field(default_factory=list)
    """Rows that only the first run has."""
    changed: list[tuple[InstructionRow, InstructionRow]] = field(default_factory=list)
    """Rows of the same instruction whose other columns differ: before, after."""
    reordered: bool = False
    """The rows that both have come in another order."""

    @property
    def same(self) -> bool:
        """True where nothing differs."""
        return not (self.added or self.removed or self.changed or self.reordered)


def diff(before: Path, after: Path) -> dict[str, TaskDiff]:
    """Compare two runs' instructions.jsonl.

    Args:
        before: An output folder of expand, or an instructions file.
        after: Another.

    Returns:
        Each task, by name, that differs; empty where the runs are the same.

    Raises:
        InputError: a line of either is not an instruction row, or another command wrote it.
        StorageError: either cannot be read.
    """
    with Spool() as one, Spool() as other:
        old, new = _by_task(before, one), _by_task(after, other)
        diffs = {
            name: _compare(_by_id(old, name), _by_id(new, name))
            for name in sorted(old.tasks | new.tasks)
        }
        return {name: change for name, change in diffs.items() if not change.same}


def _by_task(path: Path, spool: Spool) -> RowsByTask:
    file = path / INSTRUCTIONS if path.is_dir() else path
    manifest = read_manifest(path / MANIFEST if path.is_dir() else beside(path))
    if other := manifest.is_other("expand", path, ANOTHER):
        raise InputError([other])
    problems: list[Problem] = []
    rows = RowsByTask(file, spool, problems)
    if problems:
        raise InputError(problems)
    return rows


def _by_id(rows: RowsByTask, task: str) -> dict[str, InstructionRow]:
    return {row.id: row for _, row in rows.of(task)}


def _compare(old: dict[str, InstructionRow], new: dict[str, InstructionRow]) -> TaskDiff:
    return TaskDiff(
        added=[row for key, row in new.items() if key not in old],
        removed=[row for key, row in old.items() if key not in new],
        changed=[(old[k], new[k]) for k in old if k in new and old[k] != new[k]],
        reordered=[k for k in old if k in new] != [k for k in new if k in old],
    )
