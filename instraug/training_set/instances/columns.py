"""Rows whose fields stand under other names: which column is which field."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.decode import suggest
from instraug.training_set.instances.base import Rename, Row

Columns = tuple[tuple[str, str], ...]
"""Field, and the column, or key, that has it under another name."""

_STRUCTURED = ("options", "region", "image_path", "answer", "meta_data")
"""Fields that may be lists, or a mapping."""


def structured(columns: Columns) -> frozenset[str]:
    """Return the columns whose cells may spell a list, or a mapping."""
    own = dict(columns)
    return frozenset([own.get(name, name) for name in _STRUCTURED])


def check(columns: Columns, known: Collection[str]) -> None:
    """Refuse columns that no file has.

    Raises:
        InputError: every such column.
    """
    problems = [
        Problem("columns", f"no file has the column {column!r}", suggest(column, known))
        for _, column in columns
        if column not in known and column.partition(".")[0] not in known
    ]
    if problems:
        raise InputError(problems)


def renamer(columns: Columns) -> Rename:
    """Return what moves columns to the fields that they are."""

    def rename(row: Any) -> None:
        if type(row) is dict:
            moved = {field: _found(row, column) for field, column in columns}
            for _, column in columns:
                row.pop(column, None)
            row.update({field: value for field, value in moved.items() if value is not None})

    return rename


def _found(row: Row, column: str) -> Any:
    """Return what a column holds; where there is none of that name, what ``a.b`` leads to."""
    if column in row:
        return row[column]
    value: Any = row
    for step in column.split("."):
        try:
            value = value[int(step) if type(value) is list else step]
        except (LookupError, TypeError, ValueError):
            return None
    return value
