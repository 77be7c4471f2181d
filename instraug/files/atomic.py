"""Whole files or none: a temporary name, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from instraug.files.disk import refusals, sync_folder


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name complete, or not at all.

        with atomic_writer(path) as file:
            file.write(data)

    On any error the temporary file is removed and an older file of the name stays as it was. Two
    processes must not write the same name at once: the caller holds the folder's lock.

    Raises:
        StorageError: the system refused; also where the block itself raised an OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with refusals(path, "write"):
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)  # noqa: PTH104 - of 3.10, the other is out of tests' reach
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    sync_folder(path.parent)
