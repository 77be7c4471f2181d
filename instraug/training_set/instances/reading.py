"""Files of rows of any kind, as lines of JSON: one object a line, whatever the file holds.

    .jsonl, and any other suffix    lines as they stand
    .json                           the same, or one list of objects
    .csv, .tsv                      tables with a heading
    .parquet, .arrow                tables with a schema

All but the last two may be compressed. A row's number is that of its line, of its row in the table
(the heading is row 1), or of its place in the list, from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from instraug.files.compression import PACKED, open_input, refuse_workbook
from instraug.training_set import shards
from instraug.training_set.shards import Shard

_TEXT, _ARROW, _LISTS = "text_tables", "arrow_tables", "json_lists"
"""Modules that read files of a kind; each is imported when there is one."""

_BY_SUFFIX = {".csv": _TEXT, ".tsv": _TEXT, ".parquet": _ARROW, ".arrow": _ARROW}


def split(files: Iterable[Path]) -> list[Shard]:
    """Cut files into shards, in order.

    Raises:
        InputError: every path that is not a regular file; or a table that cannot be read.
        StorageError: a file cannot be looked at, or a library that it needs is not installed.
    """
    cut: list[Shard] = []
    for shard in shards.split(files):
        kind = _kind(shard.path)
        if kind is None:
            cut.append(shard)
        elif not shard.start:
            cut += _reader(kind).split(shard.path)
    return [replace(shard, number=number) for number, shard in enumerate(cut)]


def names(files: Iterable[Path]) -> set[str] | None:
    """Return the columns that files have together; None where one of them states none."""
    kinds = [(_kind(path), path) for path in files]
    if any(kind in (None, _LISTS) for kind, _ in kinds):
        return None
    return {name for kind, path in kinds if kind for name in _reader(kind).names(path)}


def opened(
    shard: Shard, batch: int, lists: frozenset[str]
) -> AbstractContextManager[Iterator[list[bytes]]]:
    """Open a shard's rows as lines of JSON, in batches of some bytes.

    Args:
        shard: What to read.
        batch: Bytes; 1 gives each line on its own.
        lists: Columns of a table of text whose cells may spell a list, or a mapping.

    Raises:
        InputError: (also while reading) the file is damaged, or not of its kind.
        StorageError: the file cannot be read.
    """
    kind = _kind(shard.path)
    if kind is None:
        return shards.opened(shard, batch)
    more = (lists,) if kind == _TEXT else ()
    found: AbstractContextManager[Iterator[list[bytes]]] = _reader(kind).opened(shard, batch, *more)
    return found


def _kind(path: Path) -> str | None:
    """Return the name of the module that reads a file; None for one of lines."""
    refuse_workbook(path)
    suffix = Path(path.stem).suffix if path.suffix in PACKED else path.suffix
    if suffix.lower() == ".json" and _is_list(path):
        return _LISTS
    return _BY_SUFFIX.get(suffix.lower())


def _reader(kind: str) -> ModuleType:
    return import_module(f"{__package__}.{kind}")


def _is_list(path: Path) -> bool:
    with open_input(path) as file:
        while start := file.read(1 << 12):
            if start := start.removeprefix(b"\xef\xbb\xbf").lstrip():
                return start.startswith(b"[")
    return False
