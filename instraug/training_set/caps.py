"""How many rows of a task, or of a source, a set may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from instraug.errors import InputError, Problem, UsageError
from instraug.training_set.config import BuildConfig
from instraug.training_set.formats.base import Fields


@dataclass(frozen=True)
class Cap:
    """The most rows of every group; see `sampling.Ranks` for which of them."""

    rows: int
    of: Literal["task", "source"]
    keys: tuple[str, ...] = ()
    """Row keys whose values name a source; none: each file is one."""
    first: bool = False
    """Keep the rows that are read first; else those that a hash chooses."""

    def group(self, task: str, file: Path) -> str | Callable[[Fields], str]:
        """Return the group of a task's rows in a file, or the function from a row to it."""
        if self.of == "task":
            return task
        if not self.keys:
            return str(file)
        return self._of_row

    def _of_row(self, row: Fields) -> str:
        return orjson.dumps([row.get(key) for key in self.keys]).decode()

    def check(self, groups: Iterable[str]) -> None:
        """Refuse a key that no row has: it would make one source of many.

        Args:
            groups: Of all rows.

        Raises:
            InputError: there is such a key.
        """
        if not self.keys:
            return
        columns = zip(*map(orjson.loads, groups), strict=True)
        fix = "give keys of the rows, such as task_name,image_source"
        if problems := [
            Problem("source_by", f"no row has the key {key!r}", fix)
            for key, values in zip(self.keys, columns, strict=False)
            if all(value is None for value in values)
        ]:
            raise InputError(problems)


def caps_of(config: BuildConfig) -> tuple[Cap, ...]:
    """Return a build's caps; each is among the rows that those before it keep.

    Raises:
        UsageError: sources are named, and not capped.
    """
    if config.source_by and not config.per_source:
        raise UsageError("source_by defines sources, but nothing caps them; give --per-source")
    caps = []
    if config.per_source:
        caps.append(Cap(config.per_source, "source", config.source_by))
    if config.per_task:
        caps.append(Cap(config.per_task, "task"))
    if config.first:
        caps.append(Cap(config.first, "task", first=True))
    return tuple(caps)
