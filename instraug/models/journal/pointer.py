"""Which journal a run writes, until its manifest says so: a killed run leaves no manifest."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from instraug.files.atomic import atomic_writer
from instraug.files.disk import read_regular, refusals
from instraug.files.jsonl import dump_line
from instraug.models.journal.paths import POINTER, beside


def note_journal(out: Path, journal: Path, own: str) -> None:
    """Name a run's journal in its folder, before the first call and until the manifest is there.

    Args:
        out: The output folder.
        journal: The run's journal.
        own: The name of the folder's own journal, which needs no naming.

    Raises:
        StorageError: the disk refused.
    """
    is_own = os.path.realpath(journal) == os.path.realpath(out / own)
    if not is_own or noted_journal(out):
        with atomic_writer(out / POINTER) as file:
            file.write(dump_line(beside(journal, out)))


def noted_journal(out: Path) -> str | None:
    """Return the path, from the folder, of the journal of a run that did not end; None: none.

    Raises:
        StorageError: what names it cannot be read.
    """
    path = out / POINTER
    if not path.exists():
        return None
    try:
        named = orjson.loads(read_regular(path))
    except orjson.JSONDecodeError:
        return None
    return named if isinstance(named, str) else None


def forget_journal(out: Path) -> None:
    """Remove what `note_journal` wrote: the manifest says it now.

    Raises:
        StorageError: the disk refused.
    """
    path = out / POINTER
    with refusals(path, "remove"):
        path.unlink(missing_ok=True)
