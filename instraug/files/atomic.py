"""Whole files and folders, or none: a hidden name, fsync, rename, fsync of the parent."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from instraug.errors import StorageError
from instraug.files.disk import refusals, sync_folder


def hidden(path: Path) -> Path:
    """Return a hidden name beside a path that nothing has: no process, dead or alive, gave it.

    Raises:
        StorageError: the path is one that names nothing beside others: ``.`` or ``/``.
    """
    if not path.name:
        raise StorageError(f"{path}: is a folder; choose another path")
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name complete, or not at all.

        with atomic_writer(path) as file:
            file.write(data)

    On any error the temporary file is removed and an older file of the name stays as it was. Two
    processes must not write the same name at once: the caller holds the folder's lock.

    Raises:
        StorageError: the system refused, or a device, FIFO or link has the name; also where the
            block itself raised an OSError.
    """
    temporary = hidden(path)
    with refusals(path, "write"):
        _check_replaceable(path)
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)  # noqa: PTH104 - of 3.10, the other is out of tests' reach
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    sync_folder(path.parent)


def _check_replaceable(path: Path) -> None:
    """Refuse to replace what is not a regular file; a folder refuses of itself."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise StorageError(f"{path}: is a symbolic link; give the file that it stands for")
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise StorageError(f"{path}: is not a regular file; choose another path")


@contextmanager
def hidden_folder(beside: Path) -> Iterator[Path]:
    """Make a hidden folder beside a path; it is gone when the block ends, unless it was renamed."""
    folder = hidden(beside.absolute())
    folder.mkdir()
    try:
        yield folder
    finally:
        _remove(folder)


@contextmanager
def new_folder(dest: Path) -> Iterator[Path]:
    """Fill a hidden folder, which gets its name when the block ends well.

    Raises:
        StorageError: the system refused, in the block too; what was there before is as it was.
    """
    with refusals(dest, "write"), hidden_folder(dest) as folder:
        try:
            yield folder
            put_folder(folder, dest)
        except StorageError as error:
            raise StorageError(str(error).replace(str(folder), str(dest))) from error
    sync_folder(dest.absolute().parent)


def put_folder(new: Path, dest: Path) -> None:
    """Give a finished folder its name; an older one of that name goes once the new one is there.

    Raises:
        OSError: the system refused; what was there before is as it was.
    """
    sync_folder(new)
    if not dest.exists():
        new.rename(dest)
        return
    old = new.with_name(f"{new.name}.old")
    try:
        dest.rename(old)
        new.rename(dest)
    except BaseException:
        if not dest.exists():
            old.rename(dest)
        raise
    _remove(old)


def _remove(folder: Path) -> None:
    """Remove a folder, if need be at the second attempt: a signal may end the first."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
