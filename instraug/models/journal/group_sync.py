"""Grouped fdatasync: many appended records share one wait for the disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from instraug.errors import StorageError
from instraug.files.disk import refusal

GROUP = 64
"""Records after which a sync starts."""

SECONDS = 0.2
"""Seconds after which a single record is synced."""


class GroupSync:
    """Syncs one file on its own thread, so that an event loop never waits for the disk.

    After a sync has failed nothing more succeeds: the kernel may have dropped the pages, and a
    second sync would then report a false success.

    Args:
        fd: An open file descriptor; the caller closes it, after `close`.
        path: Its name, for messages.
    """

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path
        self._waiting = 0
        self._closing = False
        self._error: StorageError | None = None
        self._changed = threading.Condition()
        self._one_at_a_time = threading.Lock()
        self._thread: threading.Thread | None = None

    def check(self) -> None:
        """Raise the StorageError of an earlier sync that failed."""
        if self._error is not None:
            raise self._error

    def note(self) -> None:
        """Count one written record; a sync of it begins within `SECONDS`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
            self._thread.start()
        with self._changed:
            self._waiting += 1
            if self._waiting in (1, GROUP):
                self._changed.notify()

    def sync(self) -> None:
        """Return once everything written so far is on the disk.

        Raises:
            StorageError: this sync, or an earlier one, failed.
        """
        with self._one_at_a_time:
            if self._error is None:
                try:
                    os.fdatasync(self._fd)
                except OSError as error:
                    self._error = refusal(self._path, "sync", error)
        self.check()

    def close(self) -> None:
        """End the thread; records noted since the last sync are not synced."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._group():
            try:
                self.sync()
            except StorageError:  # kept in _error: the next record, or close, raises it
                return

    def _group(self) -> bool:
        """Wait for the next group; False when closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._changed.wait_for(lambda: self._waiting >= GROUP or self._closing, SECONDS)
            self._waiting = 0
            return not self._closing
