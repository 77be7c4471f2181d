"""A set holds the rows to train on, or those to evaluate on, as asked, and counts the others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from instraug.chain.build import build as build_set
from instraug.errors import InputError
from instraug.files.jsonl import read_jsonl
from instraug.training_set import shards
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig
from instraug.training_set.summary import Summary
from tests.commandline import instraug
from tests.sets import CAPTION, CHOICE, Row, caption_row, choice_row, write_rows, write_tasks

HELD = {**CHOICE, "split": "eval"}
TASKS = (CAPTION, HELD)


def layout(root: Path) -> Path:
    """Write training rows of both tasks, and testing rows of both; return the root."""
    write_rows(
        root / "training_data" / "coco" / "train.jsonl", [caption_row(1), choice_row(1), {"a": 1}]
    )
    write_rows(root / "training_data" / "vg" / "train.jsonl", [caption_row(2), caption_row(3)])
    write_rows(root / "testing_data" / "coco" / "test.jsonl", [choice_row(4), caption_row(5)])
    return root


def build(folder: Path, *paths: Path, workers: int = 1, **given: Any) -> tuple[Summary, list[str]]:
    """Build and return the outcome and the ids of the rows."""
    tasks, dest = write_tasks(folder / "tasks", TASKS), folder / "out.jsonl"
    config = BuildConfig(**({"skip_bad": True} | given))
    outcome = build_set(BuildJob(tasks, paths, dest, None, config, workers=workers, force=True))
    return outcome, [str(row["unique_id"]) for _, row in read_jsonl(dest)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("split", "ids", "held", "testing"),
    [
        ("train", ["p1", "p2", "p3"], {"choice": 1}, 2),
        ("eval", ["c4", "p5", "c1"], {"caption": 3}, 0),
        ("all", ["c4", "p5", "p1", "c1", "p2", "p3"], {}, 0),
    ],
)
def test_a_split_is_built_and_the_other_rows_are_counted(
    tmp_path: Path, split: str, ids: list[str], held: dict[str, int], testing: int, workers: int
) -> None:
    """Evaluation tasks by their task file, testing_data/ by its path; together they are all."""
    outcome, found = build(tmp_path, layout(tmp_path / "data"), split=split, workers=workers)
    assert found == ids
    assert outcome.figures()["left_out"] == {"tasks": held, "testing_data": testing}
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert manifest["left_out"] == {"tasks": held, "testing_data": testing}
    assert manifest["config"]["split"] == split


def test_without_a_word_rows_to_train_on_are_built(tmp_path: Path) -> None:
    """The default is train, from the command line too, and one line says what was left out."""
    tasks = write_tasks(tmp_path / "tasks", TASKS)
    data = layout(tmp_path / "data")
    done = instraug(
        *("build", tasks, "--instances", data, "-o", tmp_path / "o.jsonl", "--skip-bad", "--json")
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 3
    assert (
        "left out: 1 rows of tasks with split eval (choice 1) and 2 rows of testing_data/; "
        "--split all takes them\n" in done.stderr
    )


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("given", ["file", "link", "inside"])
def test_testing_data_is_known_by_its_path_however_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, end: str
) -> None:
    """As a file, through a link of another name, from inside its own folder, compressed."""
    file = layout(tmp_path / "data") / "testing_data" / "coco" / "test.jsonl"
    if end:
        (packed := file.with_name("test.jsonl.gz")).write_bytes(gzip.compress(file.read_bytes()))
        file = packed
    if given == "link":
        (tmp_path / f"more.jsonl{end}").symlink_to(file)
        file = tmp_path / f"more.jsonl{end}"
    elif given == "inside":
        monkeypatch.chdir(file.parent)
        file = Path(file.name)
    other = write_rows(tmp_path / "rows.jsonl", [caption_row(9)])
    outcome, found = build(tmp_path, file, other)
    assert (found, outcome.testing) == (["p9"], 2)


def test_a_name_alone_makes_no_testing_data(tmp_path: Path) -> None:
    """Neither test.jsonl elsewhere, nor a folder passed by, nor training_data below it."""
    one = write_rows(tmp_path / "test.jsonl", [caption_row(1)])
    two = write_rows(tmp_path / "testing_data" / "training_data" / "b.jsonl", [caption_row(2)])
    three = write_rows(tmp_path / "other.jsonl", [caption_row(3)])
    passing = tmp_path / "testing_data" / ".." / three.name
    assert build(tmp_path, one, two, passing)[1] == ["p1", "p2", "p3"]


def linked(root: Path) -> Path:
    """Write a layout whose testing_data is a link to a folder of another name; return its root."""
    data = layout(root / "L2")
    (data / "testing_data").rename(root / "elsewhere")
    (data / "testing_data").symlink_to(root / "elsewhere")
    (root / "c").mkdir()
    return data


@pytest.mark.parametrize(
    ("at", "given"),
    [
        ("c", "../L2"),
        ("c", "../c/../L2/testing_data/coco/test.jsonl"),
        ("c", "../L2/testing_data"),
        ("c", "../L2/testing_data/coco"),
        ("L2/training_data", "../testing_data"),
        ("L2/training_data", ".."),
        ("L2/training_data/coco", "../../testing_data/coco/../coco/test.jsonl"),
        ("L2/testing_data/coco", "test.jsonl"),
        ("L2/testing_data/coco", "../coco/test.jsonl"),
        ("L2/testing_data", "."),
        ("c", "../by_link"),
        ("c", "../by_link/coco/test.jsonl"),
        ("c", "../file_link.jsonl"),
    ],
)
def test_testing_data_is_known_through_links_and_ways_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, given: str
) -> None:
    """Where any link on the way, the shell's own place included, is in testing_data/."""
    data = linked(tmp_path)
    (tmp_path / "by_link").symlink_to(data / "testing_data")
    (tmp_path / "file_link.jsonl").symlink_to("L2/testing_data/coco/test.jsonl")
    other = write_rows(tmp_path / "rows.jsonl", [caption_row(9)])
    monkeypatch.chdir(tmp_path / at)
    monkeypatch.setenv("PWD", str(tmp_path / at))
    outcome, found = build(tmp_path, Path(given), other)
    assert {"c4", "p5"}.isdisjoint(found)
    assert outcome.testing == 2
    assert {"c4", "p5"} <= set(build(tmp_path, Path(given), split="eval")[1])


def test_testing_data_reaches_to_any_depth(tmp_path: Path) -> None:
    """A file in a folder of a data set's folder is one to evaluate on, too."""
    deep = write_rows(tmp_path / "testing_data/coco/a/b/test.jsonl", [caption_row(1)])
    other = write_rows(tmp_path / "rows.jsonl", [caption_row(9)])
    assert build(tmp_path, deep, other)[1] == ["p9"]


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    """By the same path, by another, by a link, and as a part of a folder that is given as well."""
    data = layout(tmp_path / "data")
    file = data / "training_data" / "coco" / "train.jsonl"
    (tmp_path / "link.jsonl").symlink_to(file)
    again = [file, tmp_path / "link.jsonl", data / "testing_data" / ".." / file.relative_to(data)]
    ids = ["p1", "p2", "p3"]
    assert build(tmp_path, data, data / "training_data", *again, file.parent)[1] == ids
    assert build(tmp_path, *again)[1] == ids[:1]


def test_a_file_named_once_as_testing_data_is_no_training_data_by_another_name(
    tmp_path: Path,
) -> None:
    """The path in testing_data/ counts, though it is given second."""
    data = linked(tmp_path)
    outcome, found = build(tmp_path, tmp_path / "elsewhere" / "coco" / "test.jsonl", data)
    assert (found, outcome.testing) == (["p1", "p2", "p3"], 2)


@pytest.mark.parametrize(
    ("part", "ids"),
    [
        ("training_data", ["p1", "c1", "p2", "p3"]),
        ("training_data/vg", ["p2", "p3"]),
        ("training_data/vg/.", ["p2", "p3"]),
        ("testing_data", ["c4", "p5"]),
        ("testing_data/coco", ["c4", "p5"]),
    ],
)
def test_a_folder_of_the_layout_stands_for_its_rows(
    tmp_path: Path, part: str, ids: list[str]
) -> None:
    """Its two folders work as its root does, and the folder of one data set, too."""
    assert build(tmp_path, layout(tmp_path / "data") / part, split="all")[1] == ids


def test_from_inside_a_folder_of_the_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--instances .`` is the folder that one stands in."""
    monkeypatch.chdir(layout(tmp_path / "data") / "testing_data")
    assert build(tmp_path, Path(), split="eval")[1] == ["c4", "p5"]


def test_rows_of_the_other_split_are_not_looked_at(tmp_path: Path) -> None:
    """What such a row lacks is no fault, and it takes no place under a cap."""
    rows: list[Row] = [{"task_name": "choice"}, choice_row(1, target_txt=None), caption_row(1)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    broken = tmp_path / "testing_data" / "test.jsonl"
    broken.parent.mkdir()
    broken.write_text('{"\n\nx\n')
    outcome, found = build(tmp_path, file, broken, skip_bad=False, per_task=1)
    assert (found, outcome.held, outcome.testing) == (["p1"], {"choice": 2}, 2)


def test_both_halves_of_the_dialogue_task_are_held_out(tmp_path: Path) -> None:
    """A row that goes to a task of another name is left out for that task's split."""
    halves: list[Row] = [
        {"name": f"visual_dialog_{half}_hist", "split": "eval", "instructions": ["{question}"]}
        for half in ("has", "no")
    ]
    write_tasks(tmp_path / "tasks", halves)
    rows = [{"task_name": "visual_dialog", "meta_data": {"dialog_hist": h}} for h in ([], [1])]
    file = write_rows(tmp_path / "rows.jsonl", [*rows, caption_row(1)])
    outcome, _ = build(tmp_path, file, skip_bad=False)
    assert outcome.held == {"visual_dialog_has_hist": 1, "visual_dialog_no_hist": 1}


def test_rows_are_counted_once_however_a_batch_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken line beside them, small shards: the count is that of the rows."""
    monkeypatch.setattr(shards.split, "__defaults__", (300,))
    rows: list[Row] = [{"bad": 1}, *[choice_row(i) for i in range(20)], caption_row(1)]
    outcome, found = build(tmp_path, write_rows(tmp_path / "rows.jsonl", rows))
    assert (found, outcome.held, outcome.skipped.total()) == (["p1"], {"choice": 20}, 1)


def test_a_set_that_is_empty_for_its_split_says_so(tmp_path: Path) -> None:
    """The error counts what was left out, and names the option that takes it."""
    file = write_rows(tmp_path / "rows.jsonl", [choice_row(1), choice_row(2)])
    with pytest.raises(InputError) as caught:
        build(tmp_path, file)
    (problem,) = caught.value.problems
    assert "2 rows of tasks with split eval (choice 2)" in problem.what
    assert problem.fix == "--split all takes them"
