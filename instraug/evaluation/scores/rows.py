"""Test rows, which hold what a file of predictions may lack: targets, options, output kinds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instraug.errors import InputError
from instraug.evaluation.scores.answers import Problems
from instraug.evaluation.scores.naming import prediction_files
from instraug.evaluation.scores.shapes import COLUMNS, Parts, Row, Shape, text
from instraug.files.jsonl import read_jsonl

Key = tuple[str | None, str | None, str]
"""Task and instruction where the row names them, and the instance."""


class Rows:
    """Test rows by the id of their instance."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read them all.

        Raises:
            InputError: a row without an id, or two of one id; a broken file.
        """
        self._by_key: dict[Key, Row] = {}
        self._used: set[Key] = set()
        kinds = Problems()
        for file in (file for path in paths for file in prediction_files(path)):
            for line, row in read_jsonl(file):
                key = _key(row)
                if key is None:
                    what = "the row of --rows has no unique_id, question_id or id"
                    kinds.add(f"{file}:{line}", what, "give each row one")
                elif self._by_key.setdefault(key, row) is not row:
                    what = "another row of --rows has the same id"
                    kinds.add(f"{file}:{line}", what, "keep one of them")
        if kinds.counts:
            raise InputError(kinds.problems())

    def completed(self, parts: Parts, row: Row, shape: Shape) -> Parts | None:
        """Return the parts of a prediction with what its test row adds; None where it has none."""
        at = text(parts.get("unique_id")) or ""
        task, instruction = text(row.get("task_name")), text(row.get("instruction_id"))
        keys = [
            (task, instruction, at),
            (None, instruction, at),
            (task, None, at),
            (None, None, at),
        ]
        for key in keys:
            if (test_row := self._by_key.get(key)) is not None:
                self._used.add(key)
                own = {name: value for name, value in parts.items() if value is not None}
                return shape.of_row(test_row) | own
        return None

    def unused(self) -> int:
        """Return how many rows no prediction was completed by."""
        return len(self._by_key) - len(self._used)


def _key(row: Row) -> Key | None:
    for column in (*COLUMNS["unique_id"], "id"):
        if (at := text(row.get(column))) is not None:
            return text(row.get("task_name")), text(row.get("instruction_id")), at
    return None
