"""What recurs within a task and across tasks, in memory that does not grow with the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from instraug.errors import StorageError


@dataclass(frozen=True, slots=True)
class Repeats:
    """Keys seen more than once."""

    across: int
    """Keys seen in more than one task."""
    rows: int
    """Rows that hold such a key."""
    repeated: int
    """Rows beyond the first of their key within one task."""


def repeats(keyed: Iterable[tuple[int, str]]) -> Repeats:
    """Find keys that recur within a task and across tasks.

    The pairs are kept in a temporary database of SQLite's, which spills to the disk: memory stays
    flat whatever their number.

    Args:
        keyed: (key of at most 63 bits, task) of each row.
    """
    numbers: dict[str, int] = {}
    with temporary_database() as base:
        base.execute("CREATE TABLE seen (key INTEGER, task INTEGER)")
        base.executemany(
            "INSERT INTO seen VALUES (?, ?)",
            ((key, numbers.setdefault(task, len(numbers))) for key, task in keyed),
        )
        across, rows, repeated = base.execute(
            "SELECT count(CASE WHEN tasks > 1 THEN 1 END),"
            " coalesce(sum(CASE WHEN tasks > 1 THEN n END), 0), coalesce(sum(n - tasks), 0)"
            " FROM (SELECT count(*) n, count(DISTINCT task) tasks FROM seen GROUP BY key)"
        ).fetchone()
    return Repeats(across, rows, repeated)


@contextmanager
def temporary_database() -> Iterator[sqlite3.Connection]:
    """Open an empty database that spills to the disk, and is gone when the block ends.

    Raises:
        StorageError: there is no space for it.
    """
    try:
        # The empty name is a private database on the disk, gone when it is closed.
        with closing(sqlite3.connect("")) as base:
            base.execute("PRAGMA journal_mode = OFF")
            yield base
    except sqlite3.OperationalError as error:
        fix = "free some space where temporary files go (TMPDIR) and run again"
        raise StorageError(f"the temporary database failed: {error}; {fix}") from error
