"""CSV and TSV: a heading, then a row of texts each, as spreadsheets and pandas write them.

An empty cell is a field that the row lacks. All cells are text, but for columns that hold lists.
"""

from __future__ import annotations

import ast
import csv
import io
import re
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import orjson

from instraug.errors import InputError, Problem
from instraug.files.compression import PACKED
from instraug.files.jsonl import LINE_CAP
from instraug.training_set.instances.base import Unreadable
from instraug.training_set.instances.batches import batches, decoded
from instraug.training_set.shards import Shard

_BETWEEN = ("||||", "|")
"""What may part the items of a list in a cell; the first that it holds does."""

_STATED = re.compile(r'"?sep=([^"\r\n])"?[\r\n]*')
"""A first line that says what parts cells."""

_ESCAPED = re.compile("[\udc80-\udcff]")
"""A byte that is no UTF-8, as Python takes it in."""

_SHORT = 1 << 10
"""Characters of a cell that is likely to come again."""


def split(path: Path) -> list[Shard]:
    """Return the file as one shard: a quoted cell may hold line ends.

    Raises:
        InputError: the heading lacks a name, or has one twice.
    """
    names(path)
    return [Shard(path, 0, None)]


def names(path: Path) -> list[str]:
    """Return the names of the table's columns."""
    with decoded(path) as text:
        return _heading(path, _records(path, text))


@contextmanager
def opened(shard: Shard, batch: int, lists: frozenset[str]) -> Iterator[Iterator[list[bytes]]]:
    """Open a table's rows; see `reading.opened`. The heading comes as a blank line."""
    with decoded(shard.path) as text:
        yield _batches(shard.path, text, batch, lists)


def _batches(
    path: Path, text: io.TextIOWrapper, batch: int, lists: frozenset[str]
) -> Iterator[list[bytes]]:
    records = _records(path, text)
    heading = _heading(path, records)
    yield [b"\n"]
    yield from batches(_lines(heading, records, lists), batch)


def _lines(
    heading: list[str], records: Iterator[list[str]], lists: frozenset[str]
) -> Iterator[bytes]:
    width, structured = len(heading), [name for name in heading if name in lists]
    dumps = orjson.dumps
    for record in records:
        row: dict[str, Any] = {
            name: cell for name, cell in zip(heading, record, strict=False) if cell
        }
        if not row:
            yield b"\n"
        elif len(record) > width and any(record[width:]):
            what = f"the row has {len(record)} cells, and the heading {width}"
            fix = "put cells that hold the separator in quotes"
            if heading[0].startswith("#"):
                fix = f"remove the comment above the heading, or {fix}"
            yield Unreadable.of(what, fix)
        else:
            for name in structured:
                if cell := row.get(name):
                    row[name] = _listed(cell)
            yield dumps(row)


def _records(path: Path, text: io.TextIOWrapper) -> Iterator[list[str]]:
    """Yield each record's cells.

    Raises:
        InputError: bytes that are no UTF-8, quotes that are not closed or a cell that is too long.
    """
    csv.field_size_limit(LINE_CAP)
    number = 0
    try:
        for record in _cells(path, text):
            number += 1
            yield record
    except UnicodeDecodeError as error:
        what = f"a byte (0x{error.object[error.start]:02x}) is not UTF-8"
        fix = "save the file as UTF-8; in a spreadsheet, as 'CSV UTF-8'"
        row = _first_undecodable(path) or number + 1
        raise InputError([Problem(f"{path}:{row}", what, fix)]) from None
    except csv.Error as error:
        fix = 'put cells with quotes in quotes, and double those inside: "a ""b"" c"'
        raise InputError([Problem(f"{path}:{number + 1}", f"broken row: {error}", fix)]) from None


def _cells(path: Path, text: io.TextIOWrapper) -> Iterator[list[str]]:
    """Return a reader of the cells; a first line ``sep=;``, as Excel takes it, is no row."""
    first = text.readline(LINE_CAP)
    if stated := _STATED.fullmatch(first):
        return csv.reader(text, delimiter=stated[1], strict=True)
    return csv.reader(chain([first], text), delimiter=_separator(path, first), strict=True)


def _first_undecodable(path: Path) -> int | None:
    """Return the number of the row that holds the first byte that is no UTF-8."""
    with suppress(csv.Error), decoded(path, "surrogateescape") as text:
        for number, record in enumerate(_cells(path, text), 1):
            if _ESCAPED.search("".join(record)):
                return number
    return None


def _separator(path: Path, heading: str) -> str:
    """Return what parts cells: a tab in TSV, in CSV the one of comma, semicolon and tab it has."""
    suffix = Path(path.stem).suffix if path.suffix in PACKED else path.suffix
    if suffix.lower() == ".tsv":
        return "\t"
    return max(",;\t", key=heading.count)


def _heading(path: Path, records: Iterator[list[str]]) -> list[str]:
    names = [name.strip() for name in next(records, [])]
    while names and not names[-1]:
        names.pop()
    if names and names[0].startswith("#") and not any(names[1:]):
        what = f"the first line is a comment, and not the heading: {names[0]!r:.60}"
        raise InputError([Problem(f"{path}:1", what, "remove the lines above the heading")])
    doubled = sorted({name for name in names if names.count(name) > 1})
    if not names or doubled or "" in names:
        what = (
            f"the heading has {doubled[0]!r} twice"
            if doubled and doubled[0]
            else (
                "the heading has a column without a name" if names else "the table has no heading"
            )
        )
        raise InputError([Problem(f"{path}:1", what, "name each column once in the first row")])
    return names


# ── cells of several values ──────────────────────────────────────────────────────────────────


def _listed(cell: str) -> Any:
    """Read a cell as a list or mapping: JSON, Python's spelling, or items with | between them."""
    if cell[0] in "[{":
        try:
            return orjson.loads(cell)
        except orjson.JSONDecodeError:
            found = _short(cell) if len(cell) < _SHORT else _literal(cell)
            return cell if found is None else found
    for mark in _BETWEEN:
        if mark in cell:
            items = [item.strip() for item in cell.split(mark)]
            return items if items[-1] else items[:-1]  # a mark may end the last item, too
    return cell


def _literal(cell: str) -> Any:
    """Read a list or mapping as Python spells it; None for anything else.

    Two texts side by side, as numpy prints them, are none: Python would make one of them.
    """
    try:
        value = ast.literal_eval(cell)
        tokens = [t.type for t in tokenize.generate_tokens(io.StringIO(cell).readline)]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, tokenize.TokenError):
        return None
    texts = [a == b == tokenize.STRING for a, b in pairwise(tokens)]
    return None if any(texts) else value


_short = lru_cache(1 << 12)(_literal)
