"""How the rows of a file of predictions are to be read, as its first row shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.evaluation.scores import harness

Row = Mapping[str, Any]

Parts = dict[str, Any]
"""What a row holds, by the fields of `COLUMNS`; also group, content and perplexity."""

COLUMNS = {
    "unique_id": ("unique_id", "question_id"),
    "task_name": ("task_name",),
    "instruction_id": ("instruction_id",),
    "prediction": ("prediction", "text"),
    "target": ("target", "target_txt", "answerKey"),
    "options": ("options",),
    "output": ("output",),
    "protocol": ("protocol",),
    "score": (),
}
"""Field -> the columns that hold it where ``--columns`` does not name one."""

SHORT = {"id": "unique_id", "task": "task_name", "instruction": "instruction_id"}
"""Shorter names that ``--columns`` takes too."""

OF_ROWS = ("target", "options", "output", "protocol")
"""What a test row may add to a prediction."""


_BUILT = {"task_name", "instruction_id", "prompt"}
"""Columns of a row of ``build``, which no file of answers alone has together."""


@dataclass(frozen=True)
class Source:
    """What is read, and how."""

    paths: tuple[Path, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field of `COLUMNS` -> column; a dot leads into an object."""
    rows: tuple[Path, ...] = ()
    """Test rows that hold what the predictions lack, such as targets."""
    group: str | None = None
    """The column of what instances may share, such as ``image_path``."""
    filter: str | None = None
    """The answer filter of a harness to read; None: the first one of each file."""


class Shape:
    """Which columns of one file hold what."""

    def __init__(self, source: Source, file: Path, first: Row) -> None:
        """Look at the first row.

        Raises:
            InputError: a column that is needed, or that was named, is not there.
        """
        self._source = source
        self.sample = harness.is_sample(first)
        self.filter = (source.filter or text(first.get("filter"))) if self.sample else None
        self.columns = dict(source.columns)
        if not self.sample:
            self.columns = _known(first) | self.columns
            self._refuse_missing(file, first)

    def _refuse_missing(self, file: Path, first: Row) -> None:
        needed = {"unique_id"} if "score" in self.columns else {"unique_id", "prediction"}
        missing = sorted(needed - set(self.columns))
        for name, column in self._source.columns.items():
            if _value(first, column) is _ABSENT and not (self._source.rows and name in OF_ROWS):
                missing.append(column)
        if missing:
            what = f"no column {', '.join(map(repr, missing))}; there are {', '.join(first)}"
            fix = "name them with --columns FIELD=COLUMN,..."
            if missing == ["prediction"] and first.keys() >= _BUILT:
                what = "no column 'prediction'; these are rows of `instraug build`"
                fix = "run instraug predict on them, and score its folder"
            raise InputError([Problem(str(file), what, fix)])

    def is_left_out(self, row: Row) -> bool:
        """Whether the row is what another filter of the harness made of the answer."""
        return self.filter is not None and row.get("filter", self.filter) != self.filter

    def parts(self, row: Row) -> Parts:
        """Return what a row of predictions holds."""
        if not self.sample:
            held = Parts()
        elif harness.is_perplexity(row):
            return {"perplexity": True}
        else:
            held = harness.parts(row)
        for name, column in self.columns.items():
            value = row.get(column, _ABSENT)
            if value is _ABSENT:
                value = _value(row, column)
            if value is not _ABSENT:
                held[name] = value
        return held | self._group(row) if self._source.group else held

    def of_row(self, row: Row) -> Parts:
        """Return what a test row holds that a prediction may lack."""
        held = self._group(row)
        for name in OF_ROWS:
            for column in (self._source.columns.get(name), *COLUMNS[name]):
                value = _value(row, column) if column else _ABSENT
                if value is not _ABSENT:
                    held.setdefault(name, value)
        return held

    def _group(self, row: Row) -> Parts:
        value = _value(row, self._source.group) if self._source.group else _ABSENT
        return Parts() if value is _ABSENT else {"group": value}


def _known(first: Row) -> dict[str, str]:
    columns = {n: next((c for c in names if c in first), None) for n, names in COLUMNS.items()}
    if columns["prediction"] == "text" and "question_id" not in first:
        columns["prediction"] = None  # of a test row it is what is asked about
    return {name: column for name, column in columns.items() if column}


class _Absent:
    """The value of a column that a row lacks."""


_ABSENT = _Absent()


def _value(row: Any, column: str) -> Any:
    value = row.get(column, _ABSENT) if isinstance(row, dict) else _ABSENT
    head, dot, rest = column.partition(".") if value is _ABSENT else ("", "", "")
    return _value(row.get(head), rest) if dot and isinstance(row, dict) else value


def text(value: Any) -> str | None:
    """Return a value as text: of a list its first item, of an object nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return text(value[0]) if value else None
    return None if isinstance(value, dict) else str(value)


def texts(value: Any, joint: str | None = None) -> tuple[str, ...]:
    """Return every text of a list; of one text itself, or its parts between ``joint``."""
    if isinstance(value, str):
        return tuple(value.split(joint)) if joint else (value,)
    values = value if isinstance(value, list) else [value]
    return tuple(one for one in map(text, values) if one is not None)
