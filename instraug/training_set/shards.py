"""Row files as shards: pieces of a few megabytes, each read by one process, in a fixed order.

What a shard holds depends only on the files, never on how many processes there are.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from instraug.errors import InputError, Problem
from instraug.files.compression import PACKED, open_input
from instraug.files.disk import refusals
from instraug.files.jsonl import LINE_CAP

SHARD = 4 << 20
"""Bytes of a shard; a compressed file, which has no way in but its start, is one shard."""

_BUFFER = 1 << 16

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Shard:
    """The lines of a file that start at a byte from ``start`` up to, not including, ``end``."""

    path: Path
    start: int
    end: int | None
    """None: up to the end of the file."""
    number: int = 0
    """Its place among the shards of a build."""
    in_bytes: bool = True
    """Whether it is counted in bytes; else in row groups of a table."""


def split(files: Iterable[Path], size: int = SHARD) -> list[Shard]:
    """Cut files into shards, in order.

    Raises:
        InputError: every path that is not a regular file.
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
            length = 0 if path.suffix in PACKED else path.stat().st_size
        starts = range(0, length, size) or (0,)
        ends = (*starts[1:], None)
        shards += [
            Shard(path, start, end, number)
            for number, (start, end) in enumerate(zip(starts, ends, strict=True), len(shards))
        ]
    if problems:
        raise InputError(problems)
    return shards


@contextmanager
def opened(shard: Shard, batch: int) -> Iterator[Iterator[list[bytes]]]:
    """Open a shard's lines, each with the newline it ended in; a byte order mark is dropped.

    They come in batches of so many bytes, up to the end of a line.

    Raises:
        InputError: (while reading) a line longer than `LINE_CAP`, or compressed data that is cut
            short or damaged.
        StorageError: the file cannot be read.
    """
    path = shard.path
    if path.suffix in PACKED:
        with open_input(path) as unpacked:
            yield _capped(path, unpacked, 0, sys.maxsize, batch)
        return
    with refusals(path, "read"), path.open("rb") as file:
        start, end = _line_start(file, shard.start), _line_start(file, shard.end)
        file.seek(start)
        if end - start > min(2 * SHARD, LINE_CAP):
            yield _capped(path, file, start, end - start, batch)
            return
        # To read all at once is fast, and makes the C library keep memory of such a size at hand:
        # where blocks of rows are the largest that was ever freed, it gives them back to the system
        # each time, which takes half as long as building them.
        lines = file.read(max(0, end - start))
    rest = io.BytesIO(lines if start else lines.removeprefix(_BOM))
    yield iter(partial(rest.readlines, batch), [])


def _capped(path: Path, file: BinaryIO, start: int, left: int, batch: int) -> Iterator[list[bytes]]:
    """Yield the lines of the next bytes, one of which may be longer than all shards."""
    lines: list[bytes] = []
    number = size = 0
    while line := file.readline(min(left, LINE_CAP + 1)):
        number += 1
        left -= len(line)
        size += len(line)
        if len(line) > LINE_CAP:
            place = f"{path}:{_newlines(file, start) + number}"
            what = f"the line is longer than {LINE_CAP} bytes"
            raise InputError([Problem(place, what, "split it, or take it out")])
        lines.append(line if start or number > 1 else line.removeprefix(_BOM))
        if size >= batch:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _newlines(file: BinaryIO, end: int) -> int:
    """Count the lines before a byte; a compressed file is read from its start, and has none."""
    count = 0
    if end:
        file.seek(0)
        while block := file.read(min(_BUFFER, end)):
            count += block.count(b"\n")
            end -= len(block)
    return count


def _line_start(file: BinaryIO, at: int | None) -> int:
    """Return where the first line that starts at a byte or after it does; None for the end."""
    if at is None:
        return file.seek(0, os.SEEK_END)
    if at == 0:
        return 0
    file.seek(at - 1)
    while block := file.read(_BUFFER):
        if (newline := block.find(b"\n")) >= 0:
            return at + newline
        at += len(block)
    return at - 1
