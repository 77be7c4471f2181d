"""Row files as shards: pieces of a few megabytes, each read by one process, in a fixed order.

What a shard holds follows from the files alone, never from how many processes there are.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from instraug.errors import InputError, Problem
from instraug.storage.compression import open_input
from instraug.storage.disk import refusals
from instraug.storage.jsonl import LINE_CAP

SHARD = 4 << 20
"""Bytes of a shard; a compressed file, which has no way in but its start, is one shard."""
_BUFFER = 1 << 16
_PACKED = (".gz", ".zst")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Shard:
    """The lines of a file that start at a byte from ``start`` up to, not including, ``end``."""

    path: Path
    start: int
    end: int | None
    """None: up to the end of the file."""


def split(files: Iterable[Path], size: int = SHARD) -> list[Shard]:
    """Cut files into shards, in order.

    Raises:
        InputError: every path that is no regular file.
        StorageError: a file cannot be looked at.
    """
    shards: list[Shard] = []
    problems: list[Problem] = []
    for path in files:
        with refusals(path, "read"):
            if not path.is_file():
                what = "is not a regular file" if path.exists() else "does not exist"
                problems.append(Problem(str(path), what, "give a file of rows, or their folder"))
                continue
            length = 0 if path.suffix in _PACKED else path.stat().st_size
        starts = range(0, length, size) or (0,)
        shards += [Shard(path, s, s + size) for s in starts[:-1]]
        shards.append(Shard(path, starts[-1], None))
    if problems:
        raise InputError(problems)
    return shards


@contextmanager
def opened(shard: Shard) -> Iterator[Iterator[bytes]]:
    """Open a shard's lines, each with the newline it ended in; a byte order mark is dropped.

    A line longer than `LINE_CAP` comes cut off one byte after it, so that it is no valid row.

    Raises:
        InputError: (while reading) compressed data that is cut short or damaged.
        StorageError: the file cannot be read.
    """
    path = shard.path
    if path.suffix in _PACKED:
        with open_input(path) as unpacked:
            yield _lines(unpacked, first=True, count=True)
        return
    with refusals(path, "read"):
        file = path.open("rb", buffering=0)
    window = _Window(file, shard)
    with file, io.BufferedReader(window, _BUFFER) as part:
        # What is shorter than any line may be holds none that is too long: no need to count.
        yield _lines(part, first=not shard.start, count=window.size > LINE_CAP)


def _lines(file: BinaryIO | io.BufferedReader, *, first: bool, count: bool) -> Iterator[bytes]:
    lines = iter(partial(file.readline, LINE_CAP + 1), b"") if count else iter(file)
    if not first:
        return lines
    return chain((line.removeprefix(_BOM) for line in islice(lines, 1)), lines)


def _line_start(file: io.FileIO, at: int | None) -> int | None:
    """Return where the first line that starts at a byte or after it does; None for the end."""
    if not at:
        return at
    file.seek(at - 1)
    while block := file.read(_BUFFER):
        if (newline := block.find(b"\n")) >= 0:
            return at + newline
        at += len(block)
    return at - 1


class _Window(io.RawIOBase):
    """The lines of a shard as a file."""

    def __init__(self, file: io.FileIO, shard: Shard) -> None:
        self._file, self._path = file, shard.path
        with refusals(shard.path, "read"):
            start, end = _line_start(file, shard.start) or 0, _line_start(file, shard.end)
            file.seek(start)
            self.size = max(0, (os.fstat(file.fileno()).st_size if end is None else end) - start)
        self._left = self.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)[: min(len(buffer), self._left)]
        with refusals(self._path, "read"):
            count = self._file.readinto(view) or 0
        self._left -= count
        return count
