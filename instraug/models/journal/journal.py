"""The journal of a run: every reply with its raw text, appended, with a checksum.

    with Journal.open(path) as journal:          # the only writer; repairs damage of a crash
        if (reply := journal.get(chat.key)) is None:
            journal.intend(chat.key)             # before the call
            journal.record(await complete(chat)) # after it
    replay = Replay.read(path)                   # no lock, changes nothing

Once `Journal.record` returns, the record survives the end of the process; after 64 records or 0.2 s
it also survives a power cut. The format is described in docs/reliability.md.
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
from instraug.models.chat import Choice, Reply
from instraug.models.journal.framing import frame
from instraug.models.journal.group_sync import GroupSync
from instraug.models.journal.repair import repair
from instraug.models.journal.replay import Replay

_KEY = re.compile(r"[ !#-\[\]-~]+")  # printable ASCII without quote and backslash


class Journal(Replay):
    """The journal's only writer.

    Every method may raise StorageError. Then nothing was recorded, the run must send nothing more,
    and earlier records stay readable.
    """

    _settings: Mapping[str, Any] | None = None
    """Of this run, while they are not noted."""

    def __init__(self, path: Path) -> None:
        # Opened before it is locked, so that no lock is left beside what is not a regular file.
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
        """Lock the journal for writing, create it if missing, and repair damage of a crash.

        A torn tail is cut off and a corrupt record is overwritten with blanks, after their bytes
        were saved in ``NAME.damaged-N`` beside the journal; `notices` names that file. Intact
        records never move.

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

        Intents are not synced on their own: a power cut may lose one, and with it the note that a
        call may have been billed.
        """
        self._note_settings()
        self._append({"intent": _checked(key)})

    def note_batch(self, batch: str, **what: Any) -> None:
        """Note a step of one batch of requests; it survives a power cut once this returns.

        Args:
            batch: Our own name of it.
            what: JSON-able; see `models.batch.book`.
        """
        self._note_settings()
        self._batches.append(self._append({"batch": _checked(batch), **what}))
        self.sync()

    def _note_settings(self) -> None:
        if self._settings is not None:
            settings, self._settings = self._settings, None
            body = dumps(settings, OPT_SORT_KEYS)
            run = sha256(body).hexdigest()[:16]
            if run != self.last_run:
                self._append({"run": run, "settings": settings})
                self.last_run = run

    def record(self, reply: Reply) -> None:
        """Record a reply; a key that already has one keeps the first."""
        if reply.key in self:
            return
        usage = reply.usage
        row: dict[str, Any] = {
            "reply": _checked(reply.key),
            "model": reply.model,
            "choices": [_choice(c) for c in reply.choices],
            "usage": [usage.prompt_tokens, usage.completion_tokens, usage.estimated],
            "raw": reply.raw,
        }
        if reply.sent:
            row["sent"] = dict(reply.sent)
        if reply.endpoint:
            row["endpoint"] = reply.endpoint
        self._replies.add(reply.key, *self._append(row))
        self._sync.note()

    def withdraw(self, key: str) -> None:
        """Note that the intended call certainly got no reply, so its key is not `unknown`."""
        self._append({"withdrawn": _checked(key)})

    def record_score(self, scorer: str, key: str, value: float) -> None:
        """Record a finite score; a key that this scorer already scored keeps the first."""
        if (scorer, key) in self._scores:
            return
        if not isfinite(value):
            raise ValueError(f"{scorer} gave {value}, which is not a score")
        self._append({"score": _checked(key), "scorer": scorer, "value": value})
        self._scores[scorer, key] = value
        self._sync.note()

    def sync(self) -> None:
        """Return once every record so far survives a power cut; may run in a thread."""
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
        """Write one record and return its place (offset and length in bytes)."""
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
        """Cut off a half-written record, so that the next one gets a line of its own."""
        with suppress(OSError):
            os.ftruncate(self._fd, self._end)
        with suppress(OSError):
            self._end = os.fstat(self._fd).st_size


def _choice(choice: Choice) -> list[Any]:
    row: list[Any] = [choice.text, choice.finish_reason]
    if choice.logprobs:
        row.append(list(choice.logprobs))
    return row


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} cannot be a journal key")
    return key
