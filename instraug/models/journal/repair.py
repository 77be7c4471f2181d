"""Repair a journal after a crash: damage is saved elsewhere, intact records never move."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from instraug.files.disk import refusals, sync_folder, write_all
from instraug.models.journal.framing import Damage
from instraug.models.journal.replay import damage_summary


def repair(path: Path, fd: int, damage: list[Damage]) -> list[str]:
    """Take damage out of the journal, so that only whole lines are left.

    Args:
        path: The journal, which the caller has locked.
        fd: Its descriptor, opened for appending.
        damage: What `scan` yielded as damage.

    Returns:
        One line for the user about what was saved; none without damage.

    Raises:
        StorageError: the disk failed; the journal still holds all it held.
    """
    notices = []
    with refusals(path, "repair"):
        size = os.fstat(fd).st_size
        if damage:
            aside = _set_aside(path, damage)
            size = _blank(path, damage, size)
            notices.append(
                f"{path}: {damage_summary(damage)}; set aside in {aside.name}, "
                "and what is missing is asked for again"
            )
        if size and os.pread(fd, 1, size - 1) != b"\n":
            write_all(fd, b"\n", path)
    return notices


def _set_aside(path: Path, damage: list[Damage]) -> Path:
    """Save the damaged bytes beside the journal, under the first free name."""
    names = (path.with_name(f"{path.name}.damaged-{n}") for n in count(1))
    aside = next(name for name in names if not name.exists())
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        write_all(fd, b"\n".join(d.data.removesuffix(b"\n") for d in damage) + b"\n", aside)
        os.fsync(fd)
    except BaseException:
        aside.unlink()
        raise
    finally:
        os.close(fd)
    sync_folder(path.parent)
    return aside


def _blank(path: Path, damage: list[Damage], size: int) -> int:
    """Overwrite damage with blanks, or cut it off at the end; return the new size (bytes)."""
    # A descriptor of its own: one opened for appending ignores the offset.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for d in reversed(damage):
            if d.offset + len(d.data) == size:
                size = d.offset
                os.ftruncate(fd, size)
            else:
                # A newline first: the intact record before it may lack its own.
                blank = b"\n" + b" " * (len(d.data) - 2) + b"\n"
                write_all(fd, blank[-len(d.data) :], path, d.offset)
        os.fdatasync(fd)
    finally:
        os.close(fd)
    return size
