"""Read a journal: the reply to each key, and the damage of the file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import orjson

from instraug.errors import StorageError, UsageError
from instraug.files.disk import open_regular, refusal, refusals
from instraug.models.chat import Choice, Reply, Usage
from instraug.models.endpoint.broken import has_trace, is_broken_record
from instraug.models.journal.framing import (
    MARK,
    Damage,
    IntactRecord,
    is_head,
    is_intact,
    key_of,
    pieces,
    plain,
    scan,
)
from instraug.models.journal.record_index import RecordIndex, packed

if TYPE_CHECKING:
    from typing_extensions import Self


_REPLY, _INTENT = b'"reply":"', b'"intent":"'


class Replay:
    """What a journal holds; replies stay on disk and are read when asked for.

    If a key was recorded twice, the first record counts.
    """

    _fd = -1

    def __init__(self, path: Path, fd: int = -1) -> None:
        self._path = path
        self._fd = fd
        self._replies = RecordIndex()
        self._scores: dict[tuple[str, str], float] = {}
        self._begun: set[bytes | str] = set()
        """Keys, as `packed`, of which the last intent is followed by no outcome."""
        self.damage: list[Damage] = []
        """Bytes that are not intact records, in the order of the file."""
        self.broken: set[str] = set()
        """Keys under which an early version recorded what is no reply; they are asked again."""
        self.last_run = ""
        """Key of the settings that were noted last."""
        self._runs: dict[str, tuple[int, int]] = {}
        self._batches: list[tuple[int, int]] = []
        self.notices: list[str] = []
        """What the user should know, one line each."""
        if fd >= 0:
            with refusals(path, "read"), os.fdopen(os.dup(fd), "rb") as file:
                file.seek(0)
                self._read(file)
        begun = (key.hex() if isinstance(key, bytes) else key for key in self._begun)
        self.unknown = frozenset(key for key in begun if key not in self._replies)
        """Keys whose call an earlier run began without recording an outcome."""

    @classmethod
    def read(cls, path: Path) -> Replay:
        """Read a journal without locking or changing it; a missing one counts as empty.

        Raises:
            StorageError: it exists and cannot be read, or is not a regular file.
        """
        with refusals(path, "read"):
            exists = path.exists()
        replay = Replay(path, open_regular(path)) if exists else Replay(path)
        if replay.damage:
            replay.notices.append(f"{path}: {damage_summary(replay.damage)}; the rest is used")
        return replay

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def __contains__(self, key: object) -> bool:
        return key in self._replies

    def __len__(self) -> int:
        """Count the keys that have a reply."""
        return len(self._replies)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys that have a reply, in order of arrival."""
        return iter(self._replies)

    def get(self, key: str) -> Reply | None:
        """Return the reply recorded under the key.

        Raises:
            StorageError: the file cannot be read, or another process changed it.
        """
        place = self._replies.get(key)
        if place is None:
            return None
        try:
            return _reply(orjson.loads(os.pread(self._fd, place[1], place[0])))
        except OSError as error:
            raise refusal(self._path, "read", error) from error
        except (ValueError, LookupError, TypeError, OverflowError) as error:
            raise StorageError(
                f"{self._path}: the record at byte {place[0]} holds no reply ({error}); "
                "run `instraug verify`"
            ) from error

    def runs(self) -> list[Mapping[str, Any]]:
        """Return the settings of each run that bought a reply, as far as they were noted."""
        found: list[Mapping[str, Any]] = []
        for offset, length in self._runs.values():
            # Of another version's spelling: passed over, like kinds that are not known.
            with suppress(OSError, ValueError, LookupError, TypeError):
                found.append(dict(orjson.loads(os.pread(self._fd, length, offset))["settings"]))
        return found

    def batches(self) -> Iterator[Mapping[str, Any]]:
        """Yield what was noted of each batch, in order; see `Journal.note_batch`."""
        for offset, length in self._batches:
            with suppress(OSError, ValueError, TypeError):
                yield dict(orjson.loads(os.pread(self._fd, length, offset)))

    def score(self, scorer: str, key: str) -> float | None:
        """Return the scorer's score of the key exactly as recorded; None if there is none."""
        return self._scores.get((scorer, key))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, lines: Iterable[bytes]) -> None:
        """Take in every line of the file, from its start.

        Replies and intents under a SHA-256 are all but all there is, and taken the short way.
        """
        offset, begun, place = 0, self._begun, self._replies.append
        for number, line in enumerate(lines, 1):
            size = len(line)
            if not is_intact(line):
                for piece in pieces(line, offset, number):
                    self._add(piece)
            elif (key := key_of(line, _REPLY)) and not has_trace(line):
                place(key, offset, size)
                begun.discard(key)
            elif key := key_of(line, _INTENT):
                begun.add(key)
            else:
                for piece in pieces(line, offset, number):
                    self._add(piece)
            offset += size

    def _add(self, piece: IntactRecord | Damage) -> None:
        if isinstance(piece, Damage):
            self.damage.append(piece)
        elif piece.kind == "reply":
            self._begun.discard(packed(piece.key))
            if is_broken_record(piece.line):
                self.broken.add(piece.key)
            else:
                self._replies.add(piece.key, piece.offset, len(piece.line))
        elif piece.kind == "intent":
            self._begun.add(packed(piece.key))
        elif piece.kind == "run":
            self.last_run = piece.key
            self._runs[piece.key] = (piece.offset, len(piece.line))
        elif piece.kind == "batch":
            self._batches.append((piece.offset, len(piece.line)))
        elif piece.kind == "withdrawn":
            self._begun.discard(packed(piece.key))
        elif piece.kind == "score":
            # A record of another shape is from another version: ignored, like unknown kinds.
            with suppress(ValueError, LookupError, TypeError):
                row = orjson.loads(piece.line)
                self._scores.setdefault((plain(row["scorer"]), piece.key), float(row["value"]))


def _reply(row: Mapping[str, Any]) -> Reply:
    choices = tuple(
        [Choice(plain(c[0]), plain(c[1]), tuple(c[2]) if c[2:] else ()) for c in row["choices"]]
    )
    return Reply(
        key=row["reply"],
        model=plain(row["model"]),
        choices=choices,
        usage=Usage(*row["usage"]),
        raw=plain(row["raw"]),
        sent=tuple((name, value) for name, value in row.get("sent", {}).items()),
        endpoint=plain(row.get("endpoint")),
    )


Content = Literal[
    "nothing",
    "a journal",
    "the start of a journal",
    "a folder",
    "not a regular file",
    "not a journal of replies",
]
"""What is at a path; ``nothing`` is a missing or blank file."""

_HEAD = 1 << 26
"""Bytes of a file that are searched for an intact record when its start is damaged."""


def content(path: Path) -> Content:
    """Return what is at a path.

    A journal holds an intact record; its start is a record that was cut short.

    Raises:
        StorageError: it cannot be read.
    """
    with refusals(path, "read"):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return "nothing"
        if not stat.S_ISREG(mode):
            return "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        with path.open("rb") as file:
            head = file.read(_HEAD)
    start = head.lstrip(b"\0 \t\r\n")  # what a repair, or a power cut, leaves of a record
    if not start:
        return "nothing"
    if MARK in head and any(isinstance(piece, IntactRecord) for piece in scan(BytesIO(head))):
        return "a journal"
    return "the start of a journal" if is_head(start) else "not a journal of replies"


def spare(path: Path) -> None:
    """Raise UsageError if a journal is at the path of an output, even with ``--force``."""
    if content(path) == "a journal":
        raise UsageError(f"{path}: is a journal, whose replies cost money; choose another path")


def check_journal(path: Path) -> None:
    """Raise UsageError if a journal's path holds anything but a journal or nothing."""
    if (held := content(path)) not in ("nothing", "the start of a journal", "a journal"):
        raise UsageError(f"{path}: is {held}; choose another path for the journal")


def damage_summary(damage: list[Damage]) -> str:
    """Return one short line that says what is damaged, however much it is."""
    lines = list(dict.fromkeys(d.line for d in damage))
    named = ", ".join(map(str, lines[:10])) + (", ..." if len(lines) > 10 else "")
    size = sum(len(d.data) for d in damage)
    torn = "" if damage[-1].data.endswith(b"\n") else ", the last one torn off"
    return f"{len(damage)} damaged records ({size} bytes, line {named}{torn})"
