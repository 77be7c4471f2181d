"""Read the rows of a pool or of a built set, one at a time, whatever file they are in."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from instraug.errors import InputError, Problem
from instraug.files.compression import PACKED, open_input, refuse_workbook
from instraug.files.jsonl import LINE_CAP, read_jsonl
from instraug.files.manifest import MANIFEST

Row = dict[str, Any]

_NOT_ROWS = (MANIFEST, "dataset_info.json")

_KINDS = (".jsonl", ".json", ".tsv")

_SUFFIXES = tuple(kind + packed for kind in _KINDS for packed in ("", *PACKED))

_FIX = "give a built set of the format multiinstruct or tsv, or an output folder of expand"


def rows(path: Path, needed: Collection[str] = ()) -> Iterator[Row]:
    """Yield the rows of a file, or of every data file of a folder (by path, subfolders too).

    Args:
        path: ``.jsonl`` with an object a line, ``.json`` with a list of objects (read whole), or
            ``.tsv`` with a header and CSV quoting, each also as ``.gz`` or ``.zst``; or a folder.
        needed: Fields that must hold text in every row.

    Raises:
        InputError: the path is of another kind, holds no data file, or a row is broken or lacks
            what is needed.
        StorageError: a file cannot be read.
    """
    for file in data_files(path):
        for where, row in _read(file):
            for name in needed:
                if not isinstance(row.get(name), str):
                    raise _wrong(f"{file}:{where}", f"the row has no text {name!r}", _FIX)
            yield row


def data_files(path: Path) -> list[Path]:
    """Return the data files of a folder by path, or the file itself.

    Raises:
        InputError: there is none, or the file is of another kind or missing.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.name.endswith(_SUFFIXES) and p.is_file())
        files = [p for p in files if not p.name.endswith(_NOT_ROWS) and not _hidden(p, path)]
        if not files:
            raise _wrong(path, f"no file here ends in {', '.join(_KINDS)}", _FIX)
        return files
    refuse_workbook(path)
    if not path.exists():
        raise _wrong(path, "does not exist", "check the path")
    if not path.name.endswith(_SUFFIXES):
        raise _wrong(path, f"the name does not end in {', '.join(_KINDS)}", _FIX)
    return [path]


def _hidden(file: Path, folder: Path) -> bool:
    """Whether a name below the folder starts with a dot, as what a killed build leaves does."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _read(file: Path) -> Iterator[tuple[int, Row]]:
    kind = Path(file.stem).suffix if file.suffix in PACKED else file.suffix
    if kind == ".jsonl":
        yield from read_jsonl(file)
    else:
        with open_input(file) as data:
            yield from read_tsv(file, data) if kind == ".tsv" else _list(file, data)


def _list(file: Path, data: BinaryIO) -> Iterator[tuple[int, Row]]:
    try:
        listed = orjson.loads(data.read())
    except orjson.JSONDecodeError as error:
        raise _wrong(f"{file}:{error.lineno}", f"invalid JSON: {error.msg}", _FIX) from None
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise _wrong(file, "not a list of objects", _FIX)
    yield from enumerate(listed, 1)


def read_tsv(file: Path, data: BinaryIO) -> Iterator[tuple[int, Row]]:
    """Yield (line, row) of a table with a header and CSV quoting.

    Raises:
        InputError: it is broken.
    """
    # A prompt may be far longer than the 128 KiB that the module takes by default.
    csv.field_size_limit(LINE_CAP)
    with TextIOWrapper(data, "utf-8", newline="") as text:
        table = csv.DictReader(text, delimiter="\t", strict=True)
        try:
            for row in table:
                if None in row or None in row.values():
                    what = f"not {len(table.fieldnames or ())} columns, as the header has"
                    raise _wrong(f"{file}:{table.line_num}", what, _FIX)
                yield table.line_num, row
        except UnicodeDecodeError:
            raise _wrong(file, "not UTF-8", "save it as UTF-8") from None
        except csv.Error as error:
            raise _wrong(f"{file}:{table.reader.line_num}", str(error), _FIX) from None


def _wrong(where: Path | str, what: str, fix: str) -> InputError:
    return InputError([Problem(str(where), what, fix)])
