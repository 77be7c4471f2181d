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
from instraug.training_set.mix.buckets import Sorted, in_order
from instraug.training_set.mix.choice import Plan, Pool
from instraug.training_set.mix.rows import FIELDS
from instraug.training_set.mix.scanner import Lines
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
    folder: Path,
) -> None:
    """Write every set, a block of rows at a time; a folder takes what waits to be sorted.

    Raises:
        InputError: a row that the format has no room for; or a source changed meanwhile.
        StorageError: a file cannot be read or written.
    """
    wanted = [tuple(plan.draws[pool.name] for pool in pools) for plan in plans]
    most = [max(draws) for draws in zip(*wanted, strict=True)]
    groups = [range(len(pools))] if shuffled else [range(n, n + 1) for n in range(len(pools))]
    with ExitStack() as stack:
        adds = [stack.enter_context(_blocks(output, form, folder)) for output in outputs]
        files = [stack.enter_context(_opened(source.file)) for source in lines]
        for group in groups:
            for rows in in_order(pools, files, most, group, folder):
                items = _encoded(rows, encodes, lines, sources)
                for add, of_set in zip(adds, wanted, strict=True):
                    if len(plans) == 1:
                        add(items)
                    else:
                        held = zip(items, rows.sources, rows.numbers, strict=True)
                        add([item for item, source, number in held if number < of_set[source]])


def _encoded(
    rows: Sorted, encodes: Sequence[Encode], lines: Sequence[Lines], sources: Sequence[Source]
) -> list[Any]:
    """Encode some rows.

    Raises:
        InputError: a row that the format has no room for.
    """
    if all(encode is _same for encode in encodes):  # as nearly always
        return rows.bodies
    items = list[Any]()
    for source, body in zip(rows.sources, rows.bodies, strict=True):
        try:
            items.append(encodes[source](body))
        except (BadRow, KeyError, orjson.JSONDecodeError, orjson.JSONEncodeError) as fault:
            place = _place(sources[source], lines[source].file, body)
            raise InputError([_problem(place, fault)]) from None
    return items


@contextmanager
def _blocks(output: Output, form: Format, folder: Path) -> Iterator[Callable[[list[Any]], None]]:
    """Open a set; yield what adds rows to it."""
    sink: Sink = form.sink(output.stream, folder)
    pack, most, block = form.pack, form.block_rows, list[Any]()

    def flush() -> None:
        if block:
            with refusals(output.shown, "write"):
                sink.write(pack(block))
            block.clear()

    def add(items: list[Any]) -> None:
        block.extend(items)
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
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read rows of; it must be the same at the end.

    Raises:
        InputError: it changed.
    """
    with os.fdopen(open_regular(path), "rb", 0) as file:
        before = os.fstat(file.fileno())
        yield file
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError([Problem(str(path), "changed while it was read", "run again")])


def _place(source: Source, file: Path, body: bytes) -> str:
    """Return ``file:line`` of the first row of these bytes."""
    with refusals(file, "read"), file.open("rb") as lines:
        number = next((n for n, line in enumerate(lines, 1) if line.rstrip() == body), 0)
    return f"{source.file}:{number}" if number else str(source.file)


def _problem(place: str, fault: Exception) -> Problem:
    if isinstance(fault, BadRow):
        return Problem(place, fault.what, fault.fix)
    if isinstance(fault, KeyError):
        return Problem(place, f"the row has no {fault.args[0]}, which the format takes", "add it")
    return Problem(place, "the row is no JSON any more", "run again")


def encoder(form: str, source: str, made: Format) -> Encode:
    """Return what makes rows of a source into rows of a format.

    Args:
        form: The format of the set.
        source: The format of the source; see `target_format` for what goes together.
        made: The format, ready to write.
    """
    if form.startswith("ofa-"):
        return lambda line: "\t".join(orjson.loads(line)[CELLS]).encode() + b"\n"
    same = form == source or (source in FIELDS and form == "multiinstruct")
    if same and form not in ("parquet", "tsv"):
        return _same
    encode = made.encode
    return lambda line: encode(orjson.loads(line))


def _same(line: bytes) -> bytes:
    return line


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
        raise InputError(
            [Problem(source.name, what, f"build it as {asked}, or leave --format out")]
        )
    if only.startswith("ofa-") and len(sources) > 1 and any(s.format in FIELDS for s in sources):
        what = f"rows of the format {only} cannot be mixed with others"
        raise InputError([Problem(source.name, what, "build all sets in one format")])
    return only
