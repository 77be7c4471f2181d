"""What the journal notes of each batch, so that a kill at any moment loses no id.

    {"batch": NAME, "file": FILE_ID, "keys": HEX, ...}   a request file is uploaded
    {"batch": NAME, "created": BATCH_ID}                 a batch of it is created
    {"batch": NAME, "ended": STATUS}                     all of its results are recorded

NAME is a hash of the file's bytes, and of how often they were sent before: the batch carries it as
metadata, by which it is known again where the journal lost its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from instraug.models.batch.lines import Outline
from instraug.models.batch.requests import RequestFile
from instraug.models.budget import Amount
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex
from instraug.models.journal.replay import Replay

_BYTES = 32


@dataclass(frozen=True)
class Batch:
    """One request file and the batch of it."""

    name: str
    file: str
    """The endpoint's id of the request file; "" for one that was written for an offline engine."""
    asked: str
    """The endpoint that it was sent to."""
    run: str
    """The settings that its requests were made by."""
    wave: int
    """Number of the round of asking that it belongs to, counted over the journal."""
    keys: bytes
    """SHA-256 of each request, one after the other."""
    outline: Outline
    digest: str
    worst: Amount
    """The most that it may cost."""
    cut: bool = False
    """Whether a budget left requests out of its wave."""
    learned: tuple[str, ...] = ()
    """Parameters that were not sent, or renamed, as the endpoint had refused them."""
    id: str | None = None
    """The endpoint's id of the batch; None until it is created, or where that is not known."""
    ended: str | None = None

    def __len__(self) -> int:
        return len(self.keys) // _BYTES

    def __iter__(self) -> Iterator[str]:
        return (self.keys[i : i + _BYTES].hex() for i in range(0, len(self.keys), _BYTES))


@dataclass(frozen=True)
class Wave:
    """Files that are sent together."""

    number: int
    cut: bool = False
    """Whether a budget left requests out."""


class Book:
    """The batches of one journal.

    Args:
        journal: Where they are noted.
        run: The settings of this run.
    """

    def __init__(self, journal: Replay, run: str = "") -> None:
        self._journal, self._run = journal, run
        self._batches: dict[str, Batch] = {}
        for row in journal.batches():
            with suppress(LookupError, TypeError, ValueError):  # of another version's spelling
                self._read(row)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches.values())

    @property
    def open(self) -> list[Batch]:
        """Those that were sent and whose results are not all recorded."""
        return [b for b in self if b.file and not b.ended]

    def pending(self) -> RecordIndex:
        """Return the keys that open batches hold."""
        return _index((key, 0) for batch in self.open for key in batch)

    def waves(self) -> RecordIndex:
        """Return the wave in which each key was sent first, by a run of these settings."""
        return _index((key, b.wave) for b in self if b.file and b.run == self._run for key in b)

    def wave(self, *, fresh: bool) -> int:
        """Return the number of the next wave.

        Args:
            fresh: It holds a request that was never sent: it is a new round, unless a budget left
                requests out of the last one.
        """
        last = max((b.wave for b in self), default=0)
        cut = any(b.cut for b in self if b.wave == last)
        return max(1, last + (fresh and not cut))

    def learned(self, model: str) -> tuple[str, ...]:
        """Return what the last batch of a model had learned."""
        return next((b.learned for b in reversed(list(self)) if b.outline.model == model), ())

    def name(self, file: RequestFile) -> str:
        """Return the name of the next batch of a file."""
        times = sum(1 for b in self if b.digest == file.digest and b.ended)
        return hashlib.sha256(f"{times}:{file.digest}".encode()).hexdigest()[:32]

    def uploaded(
        self,
        name: str,
        file_id: str,
        file: RequestFile,
        wave: Wave,
        asked: str,
        learned: Iterable[str] = (),
    ) -> Batch:
        """Note a file that the endpoint holds now, or one written for an offline engine.

        Args:
            name: See `name`.
            file_id: The endpoint's id; "" for an offline engine.
            file: The file.
            wave: What it is sent with.
            asked: The endpoint, as replies note it.
            learned: See `Quirks.learned`.
        """
        outline, worst = file.outline, file.worst
        row: dict[str, Any] = {
            "file": file_id,
            "endpoint": asked,
            "run": self._run,
            "wave": wave.number,
            "cut": wave.cut,
            "model": outline.model,
            "sent": [list(pair) for pair in outline.sent],
            "prompt": outline.prompt,
            "most": outline.most,
            "digest": file.digest,
            "worst": [worst.requests, worst.prompt_tokens, worst.completion_tokens,
                      worst.nanodollars],
            "learned": list(learned),
            "keys": file.keys.hex(),
        }  # fmt: skip
        return self._note(name, row)

    def created(self, batch: Batch, batch_id: str) -> Batch:
        """Note the endpoint's id of a batch."""
        return self._note(batch.name, {"created": batch_id})

    def end(self, batch: Batch, status: str) -> Batch:
        """Note that nothing more comes of a batch."""
        return self._note(batch.name, {"ended": status})

    def _note(self, name: str, row: Mapping[str, Any]) -> Batch:
        assert isinstance(self._journal, Journal)  # noqa: S101 - who only reads notes nothing
        self._journal.note_batch(name, **row)
        return self._read({"batch": name, **row})

    def _read(self, row: Mapping[str, Any]) -> Batch:
        name = row["batch"]
        if "created" in row:
            batch = replace(self._batches[name], id=row["created"])
        elif "ended" in row:
            batch = replace(self._batches[name], ended=row["ended"])
        else:
            sent = tuple((str(n), v) for n, v in row["sent"])
            batch = Batch(
                name=name,
                file=row["file"],
                asked=row["endpoint"],
                run=row["run"],
                wave=row["wave"],
                keys=bytes.fromhex(row["keys"]),
                outline=Outline(row["model"], sent, row["prompt"], row["most"]),
                digest=row["digest"],
                worst=Amount(*row["worst"]),
                cut=bool(row["cut"]),
                learned=tuple(row["learned"]),
            )
        self._batches[name] = batch
        return batch


def _index(pairs: Iterable[tuple[str, int]]) -> RecordIndex:
    index = RecordIndex()
    for key, value in pairs:
        index.add(key, value, 0)
    return index
