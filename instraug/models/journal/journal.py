"""The journal of a run: every reply, raw, appended and checksummed; the one file that cost money.

    with Journal.open(path) as journal:          # the one writer; repairs what a crash left
        if (reply := journal.get(chat.key)) is None:
            journal.intend(chat.key)             # before the call
            journal.record(await complete(chat)) # after it
    replay = Replay.read(path)                   # no lock, changes nothing

A record that `Journal.record` returned from outlives the process; within 64 records or 0.2 s it
outlives a power cut too. The format is described in docs/reliability.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from orjson import OPT_SORT_KEYS

from instraug.errors import StorageError
from instraug.files.disk import open_regular, sync_folder, write_all
from instraug.files.jsonl import dumps
from instraug.files.lock import Lock, claim
from instraug.models.chat import Reply
from instraug.models.journal.framing import frame
from instraug.models.journal.group_sync import GroupSync
from instraug.models.journal.repair import repair
from instraug.models.journal.replay import Replay

_KEY = re.compile(r"[ !#-\[\]-~]+")  # printable ASCII without quote and backslash


class Journal(Replay):
    """The journal's one writer. Every method may raise StorageError: then nothing was recorded,
    the run must stop dispatching, and what was recorded before stays readable."""

    _settings: Mapping[str, Any] | None = None
    """Of this run, while they are not noted."""

    def __init__(self, path: Path) -> None:
        # Opened before it is locked, so that no lock is left beside what is no regular file.
        self._fd = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, "open")
        try:
            self._lock = Lock.file(path)
        except BaseException:
            super().close()
            raise
        try:
            claim(self._fd, path)
            super().__init__(path, self._fd)
            self.notices += repair(path, self._fd, self.damage)
            sync_folder(path.parent)
            self._end = os.fstat(self._fd).st_size
            self._sync = GroupSync(self._fd, path)
        except BaseException:
            super().close()
            self._lock.release()
            raise

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Lock the journal for writing, made where it is missing, and repair what a crash left.

        A torn tail is cut off, a corrupt record blanked out, both after their bytes were saved
        in ``NAME.damaged-N`` beside the journal; `notices` says so. Intact records never move.

        Raises:
            LockedError: another process writes to it.
            StorageError: it cannot be written; nothing intact is lost.
        """
        return cls(path)

    def describe(self, settings: Mapping[str, Any]) -> None:
        """Give the settings of the run, which are noted before its first call if they are new.

        Args:
            settings: JSON-able, without secrets.
        """
        self._settings = settings

    def intend(self, key: str) -> None:
        """Note that a call with this key is about to be made.

        Intents are not synced on their own: losing one to a power cut costs one doubtful call.
        """
        if self._settings is not None:
            settings, self._settings = self._settings, None
            body = dumps(settings, OPT_SORT_KEYS)
            run = sha256(body).hexdigest()[:16]
            if run != self.last_run:
                self._append({"run": run, "settings": settings})
                self.last_run = run
        self._append({"intent": _checked(key)})

    def record(self, reply: Reply) -> None:
        """Record what a call returned; a key that already has a reply keeps its first one."""
        if reply.key in self:
            return
        usage = reply.usage
        row = {
            "reply": _checked(reply.key),
            "model": reply.model,
            "choices": [
                [c.text, c.finish_reason, *([list(c.logprobs)] if c.logprobs else [])]
                for c in reply.choices
            ],
            "usage": [usage.prompt_tokens, usage.completion_tokens, usage.estimated],
            "raw": reply.raw,
            **({"sent": dict(reply.sent)} if reply.sent else {}),
            **({"endpoint": reply.endpoint} if reply.endpoint else {}),
        }
        self._replies[reply.key] = self._append(row)
        self._sync.note()

    def withdraw(self, key: str) -> None:
        """Note that the intended call certainly brought no reply, so that it is not `unknown`."""
        self._append({"withdrawn": _checked(key)})

    def record_score(self, scorer: str, key: str, value: float) -> None:
        """Record a finite score; a key that this scorer already judged keeps its first one."""
        if (scorer, key) in self._scores:
            return
        if not isfinite(value):
            raise ValueError(f"{scorer} gave {value}, which is no score")
        self._append({"score": _checked(key), "scorer": scorer, "value": value})
        self._scores[scorer, key] = value
        self._sync.note()

    def sync(self) -> None:
        """Return once every record so far would survive a power cut; may be run in a thread."""
        self._sync.sync()

    def close(self) -> None:
        """Sync, close and free the lock; a second call does nothing."""
        if self._fd < 0:
            return
        try:
            self._sync.close()
            self._sync.sync()
        finally:
            super().close()
            self._lock.release()

    def _append(self, row: Mapping[str, Any]) -> tuple[int, int]:
        """Write one record and return its place."""
        if self._fd < 0:
            raise StorageError(f"{self._path}: the journal is closed; run again")
        self._sync.check()
        line = frame(row)
        try:
            write_all(self._fd, line, self._path)
        except StorageError:
            self._cut()
            raise
        place = (self._end, len(line))
        self._end += len(line)
        return place

    def _cut(self) -> None:
        """Take a half-written record off again, so that the next one stands on its own line."""
        with suppress(OSError):
            os.ftruncate(self._fd, self._end)
        with suppress(OSError):
            self._end = os.fstat(self._fd).st_size


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} cannot be a journal key")
    return key
