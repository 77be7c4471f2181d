"""Predictions of any file as `Answer` records.

Read are the answers of ``instraug predict``, samples of lm-evaluation-harness and lmms-eval, the
answer files of LLaVA and MLAN, and any other JSONL whose columns are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.evaluation.scores.answers import Answer, Problems
from instraug.evaluation.scores.naming import is_samples, prediction_files, stated
from instraug.evaluation.scores.rows import Rows
from instraug.evaluation.scores.shapes import Parts, Shape, Source, text, texts
from instraug.files.jsonl import read_jsonl

_JOINT = "||||"


class Reader:
    """Reads a source as often as is needed; the test rows are read once."""

    def __init__(self, source: Source, name: tuple[str, str] | None = None) -> None:
        """Find the files.

        Args:
            source: What to read.
            name: Task and instruction of a lone file whose rows name none; None: by its name.

        Raises:
            InputError: there are no files, or the test rows are broken.
        """
        self._source = source
        self.files = [file for path in source.paths for file in prediction_files(path)]
        self.names = stated(self.files)
        if name and self.lone_name():
            self.names = {self.files[0]: name}
        self._rows = Rows(source.rows) if source.rows else None
        self.other_filters: dict[str, str] = {}
        """Filter of a harness that was left out -> the one that was read."""

    def lone_name(self) -> tuple[str, str] | None:
        """Return what the name of a lone file states; None where that is a harness's task."""
        if len(self.files) != 1 or is_samples(self.files[0]):
            return None
        return self.names[self.files[0]]

    def answers(self, kinds: Problems) -> Iterator[Answer]:
        """Yield every answer; what cannot be used is counted instead.

        Raises:
            InputError: a file holds no predictions, or lacks a column.
            StorageError: a file cannot be read.
        """
        for number, file in enumerate(self.files):
            some = False
            for answer in self._of_file(number, file, kinds):
                some = True
                yield answer
            if not some and not kinds.counts:
                what = f"holds no predictions{self._of_filter()}"
                raise InputError([Problem(str(file), what, "check the path and the filter")])

    def _of_filter(self) -> str:
        there = ", ".join(sorted(self.other_filters))
        return f" of the filter {self._source.filter}; there are {there}" if there else ""

    def _of_file(self, number: int, file: Path, kinds: Problems) -> Iterator[Answer]:
        def bad(problem: Problem) -> None:
            kinds.add(problem.where, problem.what, problem.fix)

        shape: Shape | None = None
        for line, row in read_jsonl(file, on_problem=bad):
            shape = shape or Shape(self._source, file, row)
            if shape.is_left_out(row):
                self.other_filters[str(row.get("filter"))] = str(shape.filter)
                continue
            parts: Parts | None = shape.parts(row)
            if self._rows and parts:
                parts = self._rows.completed(parts, row, shape)
            answer = _answer((number, line), parts, self.names[file])
            if isinstance(answer, Answer):
                yield answer
            else:
                kinds.add(f"{file}:{line}", *answer)

    def unused(self) -> int:
        """Return how many test rows no prediction was read for."""
        return self._rows.unused() if self._rows else 0

    def place(self, where: tuple[int, int]) -> str:
        """Return ``file:line`` of an answer."""
        return f"{self.files[where[0]]}:{where[1]}"


def _answer(
    where: tuple[int, int], parts: Mapping[str, Any] | None, name: tuple[str, str]
) -> Answer | tuple[str, str]:
    """Make an answer of its parts; where one is missing, return what is wrong and the fix."""
    if parts is None:
        return "the prediction has no row in --rows", "give the rows that were predicted"
    if "perplexity" in parts:
        return "a perplexity holds no answer", "leave such samples out"
    at, targets = text(parts.get("unique_id")), texts(parts.get("target"))
    score = _score(parts.get("score"))
    if not at:
        return "the row has no unique_id", "name its column with --columns unique_id=COLUMN"
    if score is not None and not 0 <= score <= 1:
        return "the score is not a number from 0 to 1", "give shares, not percent"
    if score is None and not targets:
        return "the prediction has no target", "give the rows that hold the targets with --rows"
    return Answer(
        where=where,
        task=text(parts.get("task_name")) or name[0],
        instruction=text(parts.get("instruction_id")) or name[1],
        id=at,
        text=text(parts.get("prediction")) or "",
        targets=targets,
        options=texts(parts.get("options"), _JOINT) or None,
        output=text(parts.get("output")),
        protocol=text(parts.get("protocol")),
        score=score,
        group=text(parts.get("group")),
        content=text(parts.get("content")),
    )


def _score(score: Any) -> float | None:
    """Return a score; below 0 where it is not a number."""
    if score is None:
        return None
    return float(score) if isinstance(score, bool | int | float) else -1.0
