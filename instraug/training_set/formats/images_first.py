"""Sets of JSON rows with and without images, written so that their readers find one schema.

Readers such as Hugging Face `datasets` type a column by the first ten megabytes or so: a list that
is empty all through them is a list of nothing, and a key that comes later is none. So the first row
with an image stands first. A set without any has no empty lists of images either: TRL takes them
for a set of images, and refuses it with a model that reads text alone.

Source:
    huggingface/datasets 5.2.0, packaged_modules/json; huggingface/trl 1.16.0, SFTTrainer.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO

from instraug.training_set.formats.base import Block, Joined

MEMORY = 8 << 20
"""Bytes of rows before the first with an image that are kept in memory, and not on the disk."""

_CHUNK = 1 << 18


class ImagesFirst(Joined):
    """Blocks of JSON rows; those before the first with an image wait for it.

    A row's text can hold neither key as it is spelled here: JSON escapes its quotes.

    Args:
        stream: Where to write.
        folder: Where rows wait that are too many for `MEMORY`.
        frame: What stands before, between and after the rows; rows of lines have nothing.
        key: What is in rows with an image, and in no other: ``"image":"``.
        empty: What rows without an image have instead, which goes where no row has one.
    """

    def __init__(
        self,
        stream: BinaryIO,
        folder: Path,
        frame: tuple[bytes, bytes, bytes],
        key: bytes,
        empty: bytes = b"",
    ) -> None:
        super().__init__(stream, *frame)
        self._lines, self._key, self._empty = not frame[0], key, empty
        self._waiting: IO[bytes] | None = _kept(folder)

    def write(self, block: Block) -> None:
        """Add a block."""
        if self._waiting is None:
            super().write(block)
            return
        rows = bytes(block)
        at = rows.find(self._key)
        if at < 0:
            self._waiting.write(self._joint if self._waiting.tell() else b"")
            self._waiting.write(rows)
            return
        if self._lines:
            start, end = rows.rfind(b"\n", 0, at) + 1, rows.index(b"\n", at) + 1
            super().write(rows[start:end])
            rows = rows[:start] + rows[end:]
        self._release(self._waiting)
        super().write(rows)

    def close(self) -> None:
        """Write the end; and all rows, where none has an image."""
        if self._waiting:
            self._release(self._waiting, self._empty)
        super().close()

    def abandon(self) -> None:
        """Forget the rows that wait."""
        if self._waiting:
            self._waiting.close()

    def _release(self, waiting: IO[bytes], without: bytes = b"") -> None:
        """Write the rows that wait, in their order, without something that they hold."""
        self._waiting = None
        with waiting:
            if not waiting.tell():
                return
            waiting.seek(0)
            super().write(b"")
            # Chunks end where rows do, so that what is taken out is never cut in two.
            while chunk := waiting.read(_CHUNK) + waiting.readline():
                self._stream.write(chunk.replace(without, b"") if without else chunk)


def _kept(folder: Path) -> IO[bytes]:
    """Open what keeps rows in memory, and on the disk where they are many."""
    return SpooledTemporaryFile(MEMORY, dir=str(folder))
