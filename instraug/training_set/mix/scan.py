"""The first pass: every row of every source, as the few numbers that mixing needs."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b, sha256
from multiprocessing import get_context
from pathlib import Path
from struct import Struct
from sys import platform

import orjson

from instraug.errors import BadRow, InputError, InstraugError, Problem
from instraug.files.disk import refusals
from instraug.files.jsonl import LINE_CAP
from instraug.training_set.formats.base import Fields
from instraug.training_set.mix.config import MixConfig
from instraug.training_set.mix.image_tokens import image_tokens
from instraug.training_set.mix.leaks import DATASET, Guard, Leak
from instraug.training_set.mix.rows import FIELDS, View, reader
from instraug.training_set.mix.sizes import Sizes
from instraug.training_set.mix.text_tokens import counter
from instraug.training_set.shards import Shard

UNKNOWN = -1
"""Image tokens of a row whose pictures have no known size."""

LISTED = 1000
"""Bad rows, and leaks, that are listed one by one; all are counted."""

_two = Struct("<QQ").unpack

_BOM = b"\xef\xbb\xbf"


@dataclass
class Rows:
    """The rows of one source, a number of each kind for every row; 36 bytes a row."""

    keys: array[int] = field(default_factory=lambda: array("Q"))
    """What decides which rows are taken: the smallest first."""
    orders: array[int] = field(default_factory=lambda: array("Q"))
    """What decides where they stand in a shuffled set."""
    starts: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    """Where a row's bytes stand in its file; its line end is left out."""
    text: array[int] = field(default_factory=lambda: array("I"))
    """Text tokens."""
    pictures: array[int] = field(default_factory=lambda: array("i"))
    """Image tokens; 0 for a row without a picture."""

    def extend(self, more: Rows) -> None:
        """Add the rows of the next piece."""
        for name in vars(self):
            getattr(self, name).extend(getattr(more, name))

    def __len__(self) -> int:
        return len(self.keys)


@dataclass
class Scan:
    """What a piece of a source, or all of it, holds."""

    rows: Rows = field(default_factory=Rows)
    lines: int = 0
    problems: list[tuple[int, BadRow]] = field(default_factory=list)
    """The first bad rows, by line within the piece."""
    bad: Counter[str] = field(default_factory=Counter)
    """What is wrong -> rows."""
    leaks: list[tuple[int, Leak]] = field(default_factory=list)
    """The first leaks, by line."""
    leaked: Counter[str] = field(default_factory=Counter)
    """Kind -> rows."""

    def add(self, more: Scan) -> None:
        """Add the next piece."""
        self.rows.extend(more.rows)
        self.problems += [(self.lines + line, bad) for line, bad in more.problems]
        self.leaks += [(self.lines + line, leak) for line, leak in more.leaks][:LISTED]
        self.bad += more.bad
        self.leaked += more.leaked
        self.lines += more.lines


@dataclass(frozen=True)
class Lines:
    """A source as lines of JSON: its own file, or the copy that was made of it."""

    file: Path
    form: str
    leaking_tasks: Mapping[str, str]
    """Tasks whose rows are made of an evaluation's data set."""


@dataclass(frozen=True)
class Piece:
    """The lines of one source between two bytes, both starts of lines."""

    source: int
    shard: Shard


class Scanner:
    """Reads pieces; made once in every process."""

    def __init__(self, sources: Sequence[Lines], config: MixConfig, guard: Guard | None) -> None:
        self._sources, self._guard, self._made_of = sources, guard, (sources, config, guard)
        self._seed = config.seed.to_bytes(8, "little")
        self._count = counter(config.tokenizer)
        self._family = image_tokens(config.image_tokens, config.pixels)
        self._of_size = lru_cache(1 << 14)(self._family.of_size)
        self._sizes = Sizes(Path(config.images) if config.images else None)
        self._strict = config.by == "tokens"

    def __reduce__(self) -> tuple[object, ...]:
        return Scanner, self._made_of

    def scan(self, piece: Piece, seen: Callable[[bytes], object] | None = None) -> Scan:
        """Read a piece, and show its bytes to ``seen``.

        Raises:
            StorageError: the file cannot be read.
        """
        source, found = self._sources[piece.source], Scan()
        read, add = reader(source.form), self._adder(found.rows)
        loads, number = orjson.loads, 0
        data = _read(piece.shard)
        if seen:
            seen(data)
        for start, body in _lines(data, piece.shard.start):
            number += 1
            if not body:
                continue
            try:
                row = loads(body)
                if type(row) is not dict:
                    raise BadRow("broken", "not a JSON object", "write one JSON object a line")
                view = read(row)
                if self._guard and (leak := self._leak(self._guard, source, row, view)):
                    found.leaked[leak.kind] += 1
                    if found.leaked[leak.kind] <= LISTED:
                        found.leaks.append((number, leak))
                    continue
                add(start, body, row, view)
            except (BadRow, orjson.JSONDecodeError, UnicodeEncodeError) as fault:
                bad = _bad(fault)
                found.bad[bad.what] += 1
                if found.bad[bad.what] <= 1:
                    found.problems.append((number, bad))
        found.lines = data.count(b"\n")
        return found

    def _adder(self, rows: Rows) -> Callable[[int, bytes, Fields, View], None]:
        count, seed = self._count, self._seed
        key, order, at = rows.keys.append, rows.orders.append, rows.starts.append
        size, text, picture = rows.sizes.append, rows.text.append, rows.pictures.append

        def add(start: int, body: bytes, row: Fields, view: View) -> None:
            pictures = self._tokens_of_pictures(row, view.images) if view.images else 0
            words = count(view.prompt) + count(view.target)
            one, other = _two(blake2b(body, digest_size=16, key=seed).digest())
            key(one)
            order(other)
            at(start)
            size(len(body))
            text(words)
            picture(pictures)

        return add

    def _tokens_of_pictures(self, row: Fields, images: tuple[str, ...]) -> int:
        if self._family.constant is not None:
            return self._family.constant * len(images)
        try:
            return sum(map(self._of_size, self._sizes.of(row, images)))
        except BadRow:
            if self._strict:
                raise
            return UNKNOWN

    def _leak(self, guard: Guard, source: Lines, row: Fields, view: View) -> Leak | None:
        if tasks := source.leaking_tasks:
            task = row.get("task_name") if source.form in FIELDS else next(iter(tasks))
            if isinstance(task, str) and task in tasks:
                return Leak(DATASET, tasks[task])
        return guard.leak(row, view)


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield where each line starts, and the line without its end and the spaces behind it."""
    for line in data.split(b"\n"):
        if not start and line.startswith(_BOM):
            yield 3, line[3:].rstrip()
        else:
            yield start, line.rstrip()
        start += len(line) + 1


def _bad(fault: Exception) -> BadRow:
    if isinstance(fault, BadRow):
        return fault
    if isinstance(fault, orjson.JSONDecodeError):
        what = f"invalid JSON: {fault.msg}"
        return BadRow("broken", what, "write one JSON object a line")
    return BadRow("broken", "a lone surrogate, which no text holds", "fix the row")


# ── pieces, in one process or several ────────────────────────────────────────────────────────

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


def _read(shard: Shard) -> bytes:
    with refusals(shard.path, "read"), shard.path.open("rb", 0) as file:
        file.seek(shard.start)
        return file.read((shard.end or 0) - shard.start)


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
                digests[piece.source].update(_read(piece.shard))
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
