"""Rows of any file: JSON Lines, one JSON list, a table with a heading, Parquet, OFA's tables."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from instraug.errors import InputError, Problem, StorageError
from instraug.files.compression import PACKED, open_input
from instraug.files.disk import refusals
from instraug.files.jsonl import OnProblem, read_jsonl
from instraug.training_set.formats.base import Fields

Rows = Iterator[tuple[int, Fields]]
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
    return path.suffix not in PACKED and suffix_of(path) not in (".json", ".tsv", ".csv", ".parquet")


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
    return read_jsonl(path, on_problem=on_problem)


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


class _Text(io.TextIOWrapper):
    """Text of a file; a byte that is no UTF-8 is an InputError."""

    def __init__(self, path: Path, file: BinaryIO, newline: str) -> None:
        super().__init__(file, "utf-8-sig", newline=newline)
        self._path = path

    def __next__(self) -> str:
        try:
            return super().__next__()
        except UnicodeDecodeError as error:
            byte = f"the byte 0x{error.object[error.start]:02x} is not UTF-8"
            raise InputError([Problem(str(self._path), byte, "save the file as UTF-8")]) from None


class _text:  # noqa: N801 - used as a function is
    def __init__(self, path: Path, newline: str) -> None:
        self._path, self._newline = path, newline
        self._opened = open_input(path)

    def __enter__(self) -> _Text:
        return _Text(self._path, self._opened.__enter__(), self._newline)

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)


def _parquet_rows(path: Path) -> Rows:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise StorageError(f"{path}: Parquet needs pyarrow; pip install 'instraug[parquet]'") from None
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
    """Return a row of our Parquet columns as it was before: ``extra`` spread out, nulls left out."""
    fields = {name: value for name, value in row.items() if value is not None}
    if isinstance(meta := fields.get("meta_data"), str):
        fields["meta_data"] = json.loads(meta)
    if isinstance(extra := fields.pop("extra", None), str):
        fields.update(json.loads(extra))
    return fields


def _list_rows(path: Path, on_problem: OnProblem) -> Rows:
    number = 0
    fix = "write one JSON list of objects, [{...}, ...]"
    for item in _items(path, fix):
        number += 1
        if isinstance(item, dict):
            yield number, item
        else:
            on_problem(Problem(f"{path}:row {number}", "not a JSON object", fix))


def _items(path: Path, fix: str) -> Iterator[Any]:
    """Yield the items of one JSON list, a stretch of the file at a time."""

    def wrong(what: str) -> InputError:
        return InputError([Problem(str(path), what, fix)])

    with open_input(path) as file:
        pieces = _pieces(file, wrong)
        text, at = next(pieces), 0
        state = _BEFORE
        while True:
            at = _blank(text, at).end()
            if at == len(text):
                piece = next(pieces, None)
                if piece is None:
                    break
                text, at = piece, 0
            elif state is _BEFORE and text[at] == "[":
                state, at = _FIRST, at + 1
            elif state in (_FIRST, _NEXT) and text[at] == "]":
                state, at = _AFTER, at + 1
            elif state is _NEXT and text[at] == ",":
                state, at = _ITEM, at + 1
            elif state in (_FIRST, _ITEM):
                try:
                    item, at = _decode(text, at)
                except (json.JSONDecodeError, RecursionError) as error:
                    piece = next(pieces, None) if _may_be_cut(error, text, at) else None
                    if piece is None:
                        raise wrong("is no JSON list, or is cut short") from None
                    text, at = text[at:] + piece, 0
                    continue
                state = _NEXT
                yield item
            else:
                raise wrong("is no JSON list")
    if state is not _AFTER:
        raise wrong("the list does not end")


_BEFORE, _FIRST, _ITEM, _NEXT, _AFTER = "before", "first", "item", "next", "after"

_decode = json.JSONDecoder().raw_decode

_blank: Callable[[str, int], Any] = re.compile(r"[ \t\r\n]*").match


def _may_be_cut(error: Exception, text: str, at: int) -> bool:
    """Return whether an item may only go on in the next piece of the file."""
    if not isinstance(error, json.JSONDecodeError) or len(text) - at > _LONGEST:
        return False
    return error.pos > len(text) - 16 or "Unterminated" in error.msg


def _pieces(file: BinaryIO, wrong: Callable[[str], InputError]) -> Iterator[str]:
    """Yield a file's text in pieces."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while data := file.read(_CHUNK):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise wrong("is not UTF-8") from None
