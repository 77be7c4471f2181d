"""Rows of any file: JSON Lines, one JSON list, a table with a heading, Parquet, OFA's tables."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from instraug.errors import InputError, Problem, StorageError
from instraug.files.compression import PACKED, open_input
from instraug.files.disk import refusals
from instraug.files.jsonl import OnProblem, read_jsonl
from instraug.training_set.formats.base import Fields

Rows = Generator[tuple[int, Fields], None, None]
"""Number of the row or line, from 1, and the row."""

CELLS = "cells"
"""The one key of a row of OFA's tables, which have no heading."""

_CHUNK = 1 << 20

_LONGEST = 1 << 30
"""Bytes that one item of a JSON list may have."""


def suffix_of(path: Path) -> str:
    """Return a file's suffix in lower case, compression taken off."""
    return (Path(path.stem).suffix if path.suffix in PACKED else path.suffix).lower()


def is_plain(path: Path) -> bool:
    """Return whether a file holds one JSON object a line, uncompressed."""
    return path.suffix not in PACKED and suffix_of(path) not in (
        ".json",
        ".tsv",
        ".csv",
        ".parquet",
    )


def read_rows(path: Path, on_problem: OnProblem, *, is_ofa: bool = False) -> Rows:
    """Yield a file's rows, whatever its kind, in memory that does not grow with it.

    Args:
        path: The file; its suffix tells the kind.
        on_problem: Called with a row that cannot be read, which is then left out.
        is_ofa: It is a table without a heading or quoting.

    Raises:
        InputError: the file is damaged as a whole.
        StorageError: it cannot be read, or a library that it needs is not installed.
    """
    suffix = suffix_of(path)
    if is_ofa:
        return _ofa_rows(path)
    if suffix == ".parquet":
        return _parquet_rows(path)
    if suffix in (".tsv", ".csv"):
        return _table_rows(path, "\t" if suffix == ".tsv" else ",", on_problem)
    if suffix == ".json":
        return _list_rows(path, on_problem)
    return _line_rows(path, on_problem)


def _line_rows(path: Path, on_problem: OnProblem) -> Rows:
    yield from read_jsonl(path, on_problem=on_problem)


def _ofa_rows(path: Path) -> Rows:
    with _text(path, "\n") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, {CELLS: line.rstrip("\n").split("\t")}


def _table_rows(path: Path, tab: str, on_problem: OnProblem) -> Rows:
    csv.field_size_limit(1 << 26)
    with _text(path, "") as lines:
        reader = csv.DictReader(lines, delimiter=tab)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                fix = "write a table with one heading and CSV quoting"
                raise InputError([Problem(f"{path}:{reader.line_num}", str(error), fix)]) from None
            if row is None:
                return
            if None in row or None in row.values():
                what = "the row has not as many columns as the heading"
                on_problem(Problem(f"{path}:{reader.line_num}", what, "quote tabs and line ends"))
            else:
                yield reader.line_num, row


@contextmanager
def _text(path: Path, newline: str) -> Iterator[Iterator[str]]:
    """Open a file's lines as text.

    Raises:
        InputError: (while reading) a byte is no UTF-8.
    """
    with open_input(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline=newline) as lines:
        yield _decoded(path, lines)


def _decoded(path: Path, lines: Iterator[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        byte = f"the byte 0x{error.object[error.start]:02x} is not UTF-8"
        raise InputError([Problem(str(path), byte, "save the file as UTF-8")]) from None


def _parquet_rows(path: Path) -> Rows:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise StorageError(f"{path}: Parquet needs pyarrow; pip install '.[parquet]'") from None
    number = 0
    with refusals(path, "read"):
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(1024):
                    for row in batch.to_pylist():
                        number += 1
                        yield number, row
        except pa.ArrowException as error:
            what = f"is no sound Parquet file ({' '.join(str(error).split())[:120]})"
            raise InputError([Problem(str(path), what, "make it again")]) from None


def unpacked(row: Fields) -> Fields:
    """Return a row of our Parquet columns as it was before: ``extra`` in it, nulls left out."""
    fields = {name: value for name, value in row.items() if value is not None}
    if isinstance(meta := fields.get("meta_data"), str):
        fields["meta_data"] = json.loads(meta)
    if isinstance(extra := fields.pop("extra", None), str):
        fields.update(json.loads(extra))
    return fields


def _list_rows(path: Path, on_problem: OnProblem) -> Rows:
    fix = "write one JSON list of objects, [{...}, ...]"
    for number, item in enumerate(_items(path, fix), 1):
        if isinstance(item, dict):
            yield number, item
        else:
            on_problem(Problem(f"{path}:row {number}", "not a JSON object", fix))


def _items(path: Path, fix: str) -> Iterator[Any]:
    """Yield the items of one JSON list, a stretch of the file at a time."""

    def wrong(what: str) -> InputError:
        return InputError([Problem(str(path), what, fix)])

    with open_input(path) as file:
        text = _Stretch(_pieces(file, wrong))
        if text.next_mark() != "[":
            raise wrong("is no JSON list")
        text.at += 1
        mark = text.next_mark()
        while mark not in ("", "]"):
            try:
                yield text.value()
            except (json.JSONDecodeError, RecursionError):
                raise wrong("is no JSON list, or is cut short") from None
            mark = text.next_mark()
            if mark == ",":
                text.at += 1
            elif mark != "]":
                break
        if mark != "]":
            raise wrong("is no JSON list, or is cut short")
        text.at += 1
        if text.next_mark():
            raise wrong("goes on after the list")


class _Stretch:
    """A stretch of a text that comes in pieces."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text, self.at = "", 0

    def next_mark(self) -> str:
        """Go to the next character that is no space, and return it; "" at the end."""
        while True:
            self.at = _blank(self._text, self.at).end()
            if self.at < len(self._text):
                return self._text[self.at]
            piece = next(self._pieces, None)
            if piece is None:
                return ""
            self._text, self.at = piece, 0

    def value(self) -> Any:
        """Read the value that stands next, of as many pieces as it has.

        Raises:
            JSONDecodeError: there is none.
        """
        self.next_mark()
        while True:
            try:
                value, self.at = _decode(self._text, self.at)
            except json.JSONDecodeError as error:
                piece = next(self._pieces, None) if self._may_be_cut(error) else None
                if piece is None:
                    raise
                self._text, self.at = self._text[self.at :] + piece, 0
            else:
                return value

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        near_end = error.pos > len(self._text) - 16 or "Unterminated" in error.msg
        return near_end and len(self._text) - self.at < _LONGEST


_decode = json.JSONDecoder().raw_decode

_blank: Callable[[str, int], Any] = re.compile(r"[ \t\r\n]*").match


def _pieces(file: BinaryIO, wrong: Callable[[str], InputError]) -> Iterator[str]:
    """Yield a file's text in pieces."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while data := file.read(_CHUNK):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise wrong("is not UTF-8") from None
