"""The seam for instances: files -> rows with an id, a task, fields and a target.

    files(paths) -> split(files) -> opened(shard) -> renamer(), adapter(tasks): rows

A row is the JSON object of its line. Ready to render it has a ``target_txt``, the fields that its
task's prompts show and, unless its content is to stand for it, a ``unique_id``; the rest of it goes
into the set as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from instraug.errors import BadRow
from instraug.tasks.records import Task
from instraug.training_set.shards import Shard

Row = dict[str, Any]

Prepare = Callable[[Row], object]
"""Makes a raw row ready to render, in place.

Raises BadRow for one that cannot be.
"""

Rename = Callable[[Any], None]
"""Renames keys of what a line holds, in place; what is no object stays as it is."""

NO_FAULT = frozenset({"target in context", "no rationale"})
"""Kinds of rows that are left out in any case: known faults of the data, not of the user."""


class Unreadable(bytes):
    """The line of a row that could not be read; it is no JSON, and a fault where it is parsed."""

    fault: BadRow

    @classmethod
    def of(cls, what: str, fix: str) -> Unreadable:
        """Return what stands for a row; see `BadRow`."""
        line = cls(b"?")
        line.fault = BadRow("broken line", what, fix)
        return line


class Adapter(Protocol):
    """Makes raw rows of some tasks ready to render; what a task needs is settled once."""

    def task_of(self, row: Any) -> str:
        """Return the name of the task that a row belongs to.

        Rows whose ``task_name`` is that of a task need not be asked about.

        Args:
            row: What a line holds, be it an object or not.

        Raises:
            BadRow: it is not an object, or belongs to none of the tasks.
        """

    def preparer(self, task: str) -> Prepare | None:
        """Return what makes a task's rows ready; None where they are ready as they are."""

    def hidden(self, task: str) -> tuple[str, ...]:
        """Return the fields that preparing adds only for prompts; built rows do not keep them."""


class Instances(Protocol):
    """One kind of instances; it is sent to every process that builds."""

    def files(self, paths: Iterable[Path]) -> list[Path]:
        """Return the files that paths stand for, in the order in which they are read.

        Raises:
            InputError: every path that stands for none.
        """

    def split(self, files: Iterable[Path]) -> list[Shard]:
        """Cut files into shards, in order, each for one process to read.

        Raises:
            InputError: every path that is not a regular file.
            StorageError: a file cannot be looked at.
        """

    def opened(self, shard: Shard, batch: int) -> AbstractContextManager[Iterator[list[bytes]]]:
        """Open a shard's lines, in batches of so many bytes."""

    def renamer(self) -> Rename | None:
        """Return what gives a row's fields the names that tasks know; None where they have them."""

    def is_testing(self, file: Path) -> bool:
        """Return whether a file's rows are to evaluate on, whatever the split of their tasks."""

    def adapter(self, tasks: Iterable[Task]) -> Adapter:
        """Return what makes rows of these tasks ready."""
