"""What an output may be written over: a file of its own kind, or nothing."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from instraug.errors import UsageError
from instraug.files.disk import refusals


def check_replaceable(path: Path, kind: str, is_kind: Callable[[Path], bool]) -> None:
    """Refuse an output's path where replacing what stands there would lose something else.

    Args:
        path: New, or a regular file that is empty or of the output's kind.
        kind: What the output is, for messages.
        is_kind: Whether a regular file that holds something is one, too.

    Raises:
        UsageError: it is a folder, a link, a FIFO, a device, or a file of another kind.
        StorageError: it cannot be looked at.
    """
    with refusals(path, "read"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
    if stat.S_ISREG(found.st_mode):
        if not found.st_size or is_kind(path):
            return
        what = f"is there already, and is no {kind}"
    elif stat.S_ISDIR(found.st_mode):
        what = "is a folder"
    elif stat.S_ISLNK(found.st_mode):
        what = "is a symbolic link"
    else:
        what = "is not a regular file"
    raise UsageError(f"{path}: {what}; choose another path")
