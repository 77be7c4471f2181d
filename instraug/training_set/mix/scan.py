"""The first pass: every row of every source, in this process or in several."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from sys import platform

from instraug.errors import InputError, InstraugError, Problem
from instraug.files.disk import refusals
from instraug.files.jsonl import LINE_CAP
from instraug.training_set.mix.scanner import Lines, Piece, Scan, Scanner, batches
from instraug.training_set.shards import Shard

_PIECE = 4 << 20


def pieces(sources: Sequence[Lines]) -> list[Piece]:
    """Cut sources into pieces of a few megabytes, at line ends.

    Raises:
        InputError: a line over the cap.
        StorageError: a file cannot be read.
    """
    found = []
    for number, source in enumerate(sources):
        with refusals(source.file, "read"), source.file.open("rb") as file:
            length = file.seek(0, 2)
            start = 0
            while start < length or not start:
                file.seek(min(start + _PIECE, length))
                if len(file.readline(LINE_CAP + 1)) > LINE_CAP:
                    what = f"a line near byte {start + _PIECE} is longer than {LINE_CAP} bytes"
                    raise InputError([Problem(str(source.file), what, "split it, or take it out")])
                found.append(Piece(number, Shard(source.file, start, file.tell())))
                start = file.tell() or 1
    return found


@dataclass(frozen=True)
class Scanned:
    """What the first pass found."""

    scans: list[Scan]
    """One a source."""
    hashes: list[str]
    """SHA-256 (hex) of each source's lines."""


def scan_all(
    scanner: Scanner, sources: Sequence[Lines], workers: int, progress: Callable[[int, int], None]
) -> Scanned:
    """Scan every source; the result does not depend on the number of processes.

    Raises:
        InputError, StorageError: a file cannot be read.
    """
    scans, digests = [Scan() for _ in sources], [sha256() for _ in sources]
    todo = pieces(sources)
    progress(0, len(todo))
    with _mapper(scanner, workers) as scan:
        found = (
            (scanner.scan(piece, digests[piece.source].update) for piece in todo)
            if scan is None
            else scan(todo)
        )
        for done, (piece, part) in enumerate(zip(todo, found, strict=True), 1):
            if scan is not None:
                for lines in batches(piece.shard):
                    digests[piece.source].update(b"".join(lines))
            scans[piece.source].add(part)
            progress(done, len(todo))
    return Scanned(scans, [digest.hexdigest() for digest in digests])


class _mapper:  # noqa: N801 - used as a function is
    def __init__(self, scanner: Scanner, workers: int) -> None:
        self._scanner, self._workers = scanner, workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Callable[[Sequence[Piece]], Iterator[Scan]] | None:
        if self._workers == 1:
            return None
        _scanners.append(self._scanner)
        forked = platform == "linux" and threading.active_count() == 1
        context = get_context("fork" if forked else "spawn")
        given = () if forked else (self._scanner,)
        self._pool = ProcessPoolExecutor(self._workers, context, _start, given)
        pool = self._pool
        return lambda todo: pool.map(_scan, todo)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            _scanners.clear()
        if kind is BrokenProcessPool:
            raise InstraugError("a worker process was killed, perhaps for memory; run with fewer")


_scanners: list[Scanner] = []
"""The one scanner of a worker process; a forked one is born with it."""


def _start(*scanner: Scanner) -> None:
    if scanner:
        _scanners[:] = scanner


def _scan(piece: Piece) -> Scan:
    return _scanners[0].scan(piece)
