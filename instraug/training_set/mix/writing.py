"""The second pass: the rows of every set, each read once and written to the sets that hold it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from instraug.errors import BadRow, InputError, Problem
from instraug.files.disk import open_regular, refusals
from instraug.training_set.formats.base import Format, Sink
from instraug.training_set.mix.choice import Plan, Pool, in_order
from instraug.training_set.mix.rows import FIELDS
from instraug.training_set.mix.scan import Lines
from instraug.training_set.mix.sources import Source
from instraug.training_set.mix.tables import CELLS

Encode = Callable[[bytes], Any]
"""A row's bytes, as its source has them -> the row as the format's ``pack`` takes it."""


@dataclass(frozen=True)
class Output:
    """Where one set goes."""

    stream: BinaryIO
    shown: Path
    """Its name, for messages."""


def write_rows(
    outputs: Sequence[Output],
    form: Format,
    encodes: Sequence[Encode],
    lines: Sequence[Lines],
    sources: Sequence[Source],
    pools: Sequence[Pool],
    plans: Sequence[Plan],
    *,
    shuffled: bool,
) -> None:
    """Write every set, a block of rows at a time.

    Raises:
        InputError: a row that the format has no room for; or a source changed meanwhile.
        StorageError: a file cannot be read or written.
    """
    limits = [tuple(plan.draws[pool.name] for plan in plans) for pool in pools]
    where = [(pool.rows.starts, pool.rows.sizes) for pool in pools]
    with ExitStack() as stack:
        blocks = [stack.enter_context(_blocks(output, form)) for output in outputs]
        files = [stack.enter_context(_opened(source.file)) for source in lines]
        everything = list(enumerate(blocks))
        pread = os.pread
        for source, row, number in in_order(pools, plans, shuffled=shuffled):
            starts, sizes = where[source]
            try:
                item = encodes[source](pread(files[source], sizes[row], starts[row]))
            except (BadRow, KeyError, orjson.JSONDecodeError, orjson.JSONEncodeError) as fault:
                place = _place(sources[source], lines[source].file, starts[row])
                raise InputError([_problem(place, fault)]) from None
            of_source = limits[source]
            for at, add in everything:
                if number < of_source[at]:
                    add(item)


@contextmanager
def _blocks(output: Output, form: Format) -> Iterator[Callable[[Any], None]]:
    """Open a set; yield what adds a row to it."""
    sink: Sink = form.sink(output.stream)
    pack, most, block = form.pack, form.block_rows, list[Any]()

    def flush() -> None:
        if block:
            with refusals(output.shown, "write"):
                sink.write(pack(block))
            block.clear()

    def add(item: Any) -> None:
        block.append(item)
        if len(block) >= most:
            flush()

    try:
        yield add
        flush()
        sink.close()
    except BaseException:
        sink.abandon()
        raise


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file to read rows here and there; it must be the same at the end.

    Raises:
        InputError: it changed.
    """
    fd = open_regular(path)
    try:
        before = os.fstat(fd)
        yield fd
        after = os.fstat(fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise InputError([Problem(str(path), "changed while it was read", "run again")])
    finally:
        os.close(fd)


def _place(source: Source, file: Path, start: int) -> str:
    """Return ``file:line`` of the row that starts at a byte."""
    with refusals(file, "read"), file.open("rb") as opened:
        lines = 1
        while start > 0 and (block := opened.read(min(start, 1 << 20))):
            lines += block.count(b"\n")
            start -= len(block)
    return f"{source.file}:{lines}"


def _problem(place: str, fault: Exception) -> Problem:
    if isinstance(fault, BadRow):
        return Problem(place, fault.what, fault.fix)
    if isinstance(fault, KeyError):
        return Problem(place, f"the row has no {fault.args[0]}, which the format takes", "add it")
    return Problem(place, "the row is no JSON any more", "run again")


def encoder(form: str, source: str, made: Format, suffix: str) -> Encode:
    """Return what makes rows of a source into rows of a format.

    Args:
        form: The format of the set.
        source: The format of the source; see `target_format` for what goes together.
        made: The format, ready to write.
        suffix: The data file's, compression taken off.
    """
    if form.startswith("ofa-"):
        return lambda line: "\t".join(orjson.loads(line)[CELLS]).encode() + b"\n"
    if form == source or (source in FIELDS and form == "multiinstruct"):
        if form not in ("parquet", "tsv"):
            return _same if suffix == ".json" else _with_end
    encode = made.encode
    return lambda line: encode(orjson.loads(line))


def _same(line: bytes) -> bytes:
    return line


def _with_end(line: bytes) -> bytes:
    return line + b"\n"


def target_format(sources: Sequence[Source], asked: str | None, usual: str) -> str:
    """Return the format that sources can be mixed in.

    Args:
        sources: Their formats count; rows of our own fields can be made into any.
        asked: What ``--format`` names.
        usual: The usual one of the destination, for rows of our own fields.

    Raises:
        InputError: rows of these formats cannot stand in one set.
    """
    encoded = {source.format: source for source in sources if source.format not in FIELDS}
    if len(encoded) > 1:
        (one, first), (other, second) = list(encoded.items())[:2]
        what = f"rows of the format {other} cannot be mixed with {one} ({first.name})"
        raise InputError([Problem(second.name, what, "build both sets in one format")])
    if not encoded:
        return asked or usual
    (only, source) = next(iter(encoded.items()))
    if asked not in (None, only):
        what = f"rows of the format {only} cannot be written as {asked}"
        raise InputError([Problem(source.name, what, f"build it as {asked}, or leave --format out")])
    if only.startswith("ofa-") and len(sources) > 1 and any(s.format in FIELDS for s in sources):
        what = f"rows of the format {only} cannot be mixed with others"
        raise InputError([Problem(source.name, what, "build all sets in one format")])
    return only
