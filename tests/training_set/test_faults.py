"""Whatever is wrong with a thousand rows takes a handful of lines, with counts and first places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instraug.errors import BadRow, InputError
from instraug.training_set import shards
from instraug.training_set.faults import DIFFERENT, Faults
from tests.sets import CHOICE, Row, built, choice_row, find_row, write_rows

MANY = 300


def lines(tmp_path: Path, rows: Any, **given: Any) -> list[str]:
    """What a build says that fails."""
    with pytest.raises(InputError) as caught:
        built(tmp_path, rows, **given)
    return str(caught.value).split("\n")


def test_missing_pictures_are_one_line(tmp_path: Path) -> None:
    """The folder, the first three of them, their number and the fix."""
    (tmp_path / "photos").mkdir()
    rows = [find_row(n) for n in range(MANY)]
    first, last = lines(tmp_path, rows, boxes="qwen3-vl", images=str(tmp_path / "photos"))
    named = "'images/0.jpg', 'images/1.jpg', 'images/2.jpg', ...; check --images"
    assert f"rows.jsonl:1: there is no image in {tmp_path}/photos: {named}" in first
    assert "(300 times, also at" in first
    assert last.startswith("build: 300 rows cannot be used; ")


def test_unknown_tasks_are_a_handful_of_lines(tmp_path: Path) -> None:
    """As where the wrong column is taken for the task's name."""
    rows = [choice_row(n) | {"id": f"i{n}"} for n in range(MANY)]
    found = lines(tmp_path, rows, columns={"task_name": "id"})
    assert len(found) == DIFFERENT + 2
    assert found[0].startswith(f"{tmp_path}/rows.jsonl:1: no task is named 'i0'; ")
    assert "rows.jsonl:6: more rows of the kind 'unknown task': " in found[DIFFERENT]
    assert "no task is named 'i5', no task is named 'i6'" in found[DIFFERENT]
    assert f"({MANY - DIFFERENT} times, also at {tmp_path}/rows.jsonl:7, " in found[DIFFERENT]


@pytest.mark.parametrize("workers", [1, 2])
def test_parts_of_a_file_are_added_up(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part has its handful; together they have no more."""
    monkeypatch.setattr(shards.split, "__defaults__", (1 << 12,))
    rows = [choice_row(n, task_name=f"t{n}") for n in range(MANY)]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    assert len(shards.split([path])) > 2
    found = lines(tmp_path, path, workers=workers)
    assert len(found) == DIFFERENT + 2
    assert f"({MANY - DIFFERENT} times" in found[DIFFERENT]


def test_rows_of_any_length_are_a_handful_of_lines(tmp_path: Path) -> None:
    """A table whose cells hold its separator, unquoted."""
    rows = "".join(f"{n},choice{',x' * (n + 5)}\n" for n in range(MANY))
    path = tmp_path / "t.csv"
    path.write_text("unique_id,task_name,question,options,target_txt\n" + rows)
    assert len(lines(tmp_path, path)) == DIFFERENT + 2


def test_lines_broken_at_any_column_are_a_handful_of_lines(tmp_path: Path) -> None:
    """Each is counted, wherever its JSON ends."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join('{"a": "' + "x" * n + "\n" for n in range(MANY)))
    found = lines(tmp_path, path)
    assert len(found) <= DIFFERENT + 2
    assert found[-1].startswith(f"build: {MANY} rows cannot be used; ")


def test_rare_faults_are_lines_beside_a_flood(tmp_path: Path) -> None:
    """Another kind, or another fix, has a handful of its own."""
    rows: list[Row] = [choice_row(n, task_name=f"t{n}") for n in range(MANY)]
    rows += [choice_row(1, options=[]), choice_row(2, question=None)]
    found = lines(tmp_path, rows, tasks=[CHOICE])
    assert len(found) == DIFFERENT + 4
    assert "empty list" in found[-3]


def test_names_are_told_once() -> None:
    """Three that differ; where there are more, the line says so."""
    faults = Faults()
    for place, name in enumerate(["a", "b", "a", "c"]):
        faults.add(BadRow("k", "gone", "look", name), str(place))
    (problem,) = faults.problems().values()
    assert str(problem) == "0: gone: a, b, c; look (4 times, also at 1, 2, 3)"
    faults.add(BadRow("k", "gone", "look", "d"), "4")
    (problem,) = faults.problems().values()
    assert problem.what == "gone: a, b, c, ..."
