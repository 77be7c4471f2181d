"""What the disk refuses, as one line for the user: path, the reason, and the fix."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instraug.errors import StorageError

_FIXES = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some of the quota and run again",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "check its permissions, or choose another path",
    errno.EPERM: "check its permissions, or choose another path",
    errno.ENOENT: "check the path",
    errno.EISDIR: "give a file, not a folder",
    errno.ENOTDIR: "check the path",
}


def refusal(path: Path, action: str, error: OSError) -> StorageError:
    """Describe in one line what the system refused.

    Args:
        path: The file or folder.
        action: What was tried: "read", "write", "sync", "rename".
        error: What the system answered.
    """
    number = error.errno or 0
    name = errno.errorcode.get(number, "?")
    reason = error.strerror or str(error)
    fix = _FIXES.get(number, "check the disk and run again")
    return StorageError(f"{path}: cannot {action}: {reason} ({name}); {fix}")


@contextmanager
def refusals(path: Path, action: str) -> Iterator[None]:
    """Turn every OSError of the block into the StorageError of `refusal`."""
    try:
        yield
    except OSError as error:
        raise refusal(path, action, error) from error


def open_regular(path: Path, flags: int = os.O_RDONLY, action: str = "read") -> int:
    """Open a regular file; nothing else is waited for, or read.

    Args:
        path: Links are followed.
        flags: As `os.open` takes them; a file that is made has the usual mode.
        action: What is about to be done, for messages.

    Returns:
        The descriptor, which the caller closes.

    Raises:
        StorageError: it cannot be opened, or is a folder, a FIFO, a device or a socket.
    """
    with refusals(path, action):
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)  # never wait for a FIFO
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            return fd
        os.close(fd)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise StorageError(f"{path}: is not a regular file; give a file, not a FIFO or a device")


def read_regular(path: Path) -> bytes:
    """Return all bytes of a regular file.

    Raises:
        StorageError: as of `open_regular`.
    """
    with refusals(path, "read"), os.fdopen(open_regular(path), "rb") as file:
        return file.read()


def write_all(fd: int, data: bytes, path: Path, at: int | None = None) -> None:
    """Write in one call; a short write, which is how a full disk begins, is a StorageError.

    Args:
        fd: Open for writing.
        data: All of it, or it is an error.
        path: The file's name, for messages.
        at: Byte offset; None: where the descriptor stands.

    Raises:
        StorageError: not every byte was taken; those that were are in the file.
    """
    with refusals(path, "write"):
        written = os.write(fd, data) if at is None else os.pwrite(fd, data, at)
    if written != len(data):
        raise StorageError(
            f"{path}: short write, {written} of {len(data)} bytes; free some space and run again"
        )


def sync_folder(folder: Path) -> None:
    """Make the folder's entries (a new or renamed file) survive a power cut.

    Raises:
        StorageError: the folder could not be opened or synced.
    """
    with refusals(folder, "sync"):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
