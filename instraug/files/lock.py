"""One process per folder or journal: a kernel lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType

from instraug.errors import LockedError, printable
from instraug.files.disk import open_regular, refusals, write_all

FOLDER_LOCK = ".lock"
"""Name of the lock file of a folder, inside it."""


class Lock:
    """An exclusive ``flock`` on a small file that names its holder; use it in a ``with``.

    The kernel frees the lock when the process ends, however it ends; the file itself stays, for
    removing it would let two processes each lock a file of the same name.

    Args:
        path: The lock file, made where it is missing.
        guarded: What it guards, for messages.

    Raises:
        LockedError: another process (or another Lock of this one) holds it; names its pid.
        StorageError: the lock file cannot be made or written.
    """

    def __init__(self, path: Path, guarded: Path) -> None:
        self._fd = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, "lock")
        try:
            with refusals(path, "lock"):
                try:
                    fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise _locked(guarded, _holder(self._fd)) from None
                os.ftruncate(self._fd, 0)
            write_all(self._fd, f"process {os.getpid()} on {socket.gethostname()}".encode(), path)
        except BaseException:
            os.close(self._fd)
            raise

    @classmethod
    def folder(cls, folder: Path) -> Lock:
        """Lock an output folder, by ``.lock`` inside it."""
        return cls(folder / FOLDER_LOCK, folder)

    @classmethod
    def file(cls, path: Path) -> Lock:
        """Lock a file, by a hidden sibling ``.NAME.lock`` of what its path resolves to."""
        real = Path(os.path.realpath(path))
        return cls(real.with_name(f".{real.name}.lock"), path)

    def release(self) -> None:
        """Free the lock; a second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def claim(fd: int, path: Path) -> None:
    """Lock an open file itself: a hard link is another name, with another lock beside it.

    The lock is free once the descriptor and its copies are closed.

    Raises:
        LockedError: another process holds it.
        StorageError: the file system has no locks.
    """
    with refusals(path, "lock"):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _locked(path, "another process, under another of its names") from None


def _locked(guarded: Path, holder: str) -> LockedError:
    return LockedError(f"{guarded}: in use by {holder}; wait for it to end, or choose another path")


def _holder(fd: int) -> str:
    """Read who holds the lock; a holder writes its name just after it got the lock."""
    for _ in range(20):
        name = os.pread(fd, 300, 0).decode("utf-8", "replace")
        if name and not _dead(name):
            return printable(name)
        time.sleep(0.005)
    return "another process"


def _dead(name: str) -> bool:
    """Tell whether the name is that of an earlier holder, on this host, which has ended."""
    word, _, rest = name.partition(" ")
    pid, _, host = rest.partition(" on ")
    if word != "process" or not pid.isdecimal() or host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass  # somebody else's, and alive
    return False
