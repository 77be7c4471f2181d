"""The first pass: every row of every source, in this process or in several."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from sys import platform

from instraug.errors import InputError, InstraugError, Problem
from instraug.files.disk import refusals
from instraug.files.jsonl import LINE_CAP
from instraug.training_set.mix.scanner import Lines, Piece, Scan, Scanner, blocks
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
                for block in blocks(piece.shard):
                    digests[piece.source].update(block)
            scans[piece.source].add(part)
            progress(done, len(todo))
    return Scanned(scans, [digest.hexdigest() for digest in digests])


@contextmanager
def _mapper(
    scanner: Scanner, workers: int
) -> Iterator[Callable[[Sequence[Piece]], Iterator[Scan]] | None]:
    """Start processes; yield what scans pieces in them, in order. None where one is enough."""
    if workers == 1:
        yield None
        return
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import get_context

    forked = platform == "linux" and threading.active_count() == 1
    context = get_context("fork" if forked else "spawn")
    _scanners.append(scanner)
    pool = ProcessPoolExecutor(workers, context, _start, () if forked else (scanner,))
    try:
        yield lambda todo: pool.map(_scan, todo)
    except BrokenProcessPool:
        raise InstraugError(
            "a worker process was killed, perhaps for memory; run with fewer --workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
        _scanners.clear()


_scanners: list[Scanner] = []
"""The one scanner of a worker process; a forked one is born with it."""


def _start(*scanner: Scanner) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if scanner:
        _scanners[:] = scanner


def _scan(piece: Piece) -> Scan:
    return _scanners[0].scan(piece)
