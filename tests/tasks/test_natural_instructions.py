"""``import natural-instructions``: a task and its rows from every file, or a reason why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instraug.files.jsonl import read_jsonl
from instraug.tasks.load import load_tasks
from instraug.tasks.records import Task
from tests.commandline import failed, instraug_here

Row = dict[str, Any]


def task(count: int = 3, **keys: Any) -> Row:
    """A task of the newer shape; the older one has texts for lists, and no languages or ids."""
    rows = [{"id": f"x-{i}", "input": f"in {i}", "output": [f"out {i}"]} for i in range(count)]
    return {
        "Source": ["cosmosqa"],
        "Categories": ["Question Answering"],
        "Definition": ["Answer the question."],
        "Input_language": ["English"],
        "Output_language": ["English"],
        "Positive Examples": [],
        "Instances": rows,
        **keys,
    }


def checkout(folder: Path, **tasks: Any) -> Path:
    for name, content in tasks.items():
        path = folder / "tasks" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def imported(source: Path, out: Path, *more: object) -> tuple[dict[str, Task], str]:
    done = instraug_here("import", "natural-instructions", source, "-o", out, *more)
    assert done.returncode == 0, done.stderr
    return {t.name: t for t in load_tasks(out)}, done.stderr


def rows(path: Path) -> list[Row]:
    return [row for _, row in read_jsonl(path)]


def test_both_forms_of_a_definition_give_the_same_template(tmp_path: Path) -> None:
    """A text and a list of one become the template, braces escaped, followed by {input}."""
    text = 'Give {"a": 1}.'
    old = task(Definition=text, Source="cosmosqa", Categories="Question Answering")
    del old["Input_language"], old["Output_language"]
    source = checkout(tmp_path / "ni", new=task(Definition=[text]), old=old)
    tasks, _ = imported(source, tmp_path / "tasks")
    assert {t.instructions for t in tasks.values()} == {('Give {{"a": 1}}.\n\n{input}',)}
    assert {t.sources for t in tasks.values()} == {("cosmosqa",)}
    assert {t.category for t in tasks.values()} == {"Question Answering"}


def test_the_first_hundred_rows_are_for_testing_and_build_reads_both(tmp_path: Path) -> None:
    """Of 120 rows 100 go to testing_data; build takes the others to train on, these for eval."""
    imported(checkout(tmp_path / "ni", a=task(120)), tmp_path / "tasks")
    folder = tmp_path / "tasks" / "instances"
    assert [r["unique_id"] for r in rows(folder / "testing_data" / "a.jsonl")][-1] == "x-99"
    assert len(rows(folder / "a.jsonl")) == 20
    counts = {}
    for split in ("train", "eval"):
        dest = tmp_path / f"{split}.jsonl"
        args = ("build", tmp_path / "tasks", "--instances", tmp_path / "tasks", "-o", dest)
        assert instraug_here(*args, "--split", split).returncode == 0
        counts[split] = len(rows(dest))
        assert rows(dest)[0]["prompt"].startswith("Answer the question.\n\nin ")
    assert counts == {"train": 20, "eval": 100}
    manifest = json.loads((tmp_path / "train.jsonl.manifest.json").read_text())
    assert manifest["sources"] == {"a": ["cosmosqa"]}


def test_the_lists_of_the_default_split_are_honoured(tmp_path: Path) -> None:
    """A task on the test list is for evaluation, one on the excluded list is left out and named."""
    source = checkout(tmp_path / "ni", train=task(), test=task(), out=task())
    lists = source / "splits" / "default"
    lists.mkdir(parents=True)
    (lists / "test_tasks.txt").write_text("test\n")
    (lists / "excluded_tasks.txt").write_text("out\n")
    for given, out in ((source, "one"), (source / "tasks", "two")):
        tasks, told = imported(given, tmp_path / out)
        assert {name: t.split for name, t in tasks.items()} == {"train": "train", "test": "eval"}
        assert "out.json: is on the list of excluded tasks" in told


def test_tasks_in_other_languages_are_left_out(tmp_path: Path) -> None:
    """English is the default; --language names others, and any takes all."""
    mixed = task(Output_language=["French"])
    source = checkout(tmp_path / "ni", en=task(), fr=mixed)
    assert set(imported(source, tmp_path / "a")[0]) == {"en"}
    both = ("--language", "English", "--language", "French")
    assert set(imported(source, tmp_path / "b", *both)[0]) == {"en", "fr"}
    assert set(imported(source, tmp_path / "c", "--language", "any")[0]) == {"en", "fr"}
    strict = ("import", "natural-instructions", source, "-o", tmp_path / "d", "--strict")
    failed(instraug_here(*strict), 1, "another language")
    assert not (tmp_path / "d").exists()


def test_one_of_several_outputs_is_drawn_the_same_in_every_run(tmp_path: Path) -> None:
    """The target is one of the outputs by a hash of the id; rows for testing keep all of them."""
    many = task(150)
    for row in many["Instances"]:
        row["output"] = ["a", "b", "c"]
    source = checkout(tmp_path / "ni", a=many)
    for out in ("one", "two"):
        imported(source, tmp_path / out)
    places = [tmp_path / out / "instances" / "a.jsonl" for out in ("one", "two")]
    assert places[0].read_bytes() == places[1].read_bytes()
    assert {r["target_txt"] for r in rows(places[0])} == {"a", "b", "c"}
    assert rows(places[0].parent / "testing_data" / "a.jsonl")[0]["outputs"] == ["a", "b", "c"]


def test_a_cap_keeps_part_of_what_a_larger_one_keeps(tmp_path: Path) -> None:
    """--per-task N keeps N rows to train on, all of them among those of a larger N."""
    source = checkout(tmp_path / "ni", a=task(200))
    kept = []
    for most in (10, 40):
        imported(source, tmp_path / str(most), "--per-task", most)
        found = rows(tmp_path / str(most) / "instances" / "a.jsonl")
        kept.append({row["unique_id"] for row in found})
        assert len(found) == most
    assert kept[0] < kept[1]


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ('{"Definition": "x", "Inst', "bad.json:1: invalid JSON"),
        ('{"Definition": "x"}', "has no list Instances"),
        ("[1, 2]", "has no list Instances"),
    ],
)
def test_a_damaged_file_among_many_ends_the_import(tmp_path: Path, broken: str, what: str) -> None:
    """One line names it, and nothing is written."""
    many = {f"t{i}": task() for i in range(20)}
    source = checkout(tmp_path / "ni", **many, bad=broken)
    out = tmp_path / "tasks"
    failed(instraug_here("import", "natural-instructions", source, "-o", out), 1, what)
    assert not out.exists()


def test_rows_without_input_or_output_are_counted(tmp_path: Path) -> None:
    """They are left out in one line that tells how many; equal ids are told apart."""
    odd = task(2)
    odd["Instances"] += [{"id": "x-0", "input": "again", "output": "text"}]
    odd["Instances"] += [{"id": "y", "input": "no answer", "output": []}, {"id": "z"}]
    _, told = imported(checkout(tmp_path / "ni", a=odd), tmp_path / "tasks")
    assert "an instance has no input or no output (and 1 more)" in told
    found = rows(tmp_path / "tasks" / "instances" / "testing_data" / "a.jsonl")
    assert [r["unique_id"] for r in found] == ["x-0", "x-1", "x-0-2"]


def test_a_folder_that_is_there_is_added_to_with_force_alone(tmp_path: Path) -> None:
    """Without --force it is refused; with it, tasks and rows of other names stay."""
    out = tmp_path / "tasks"
    imported(checkout(tmp_path / "one", a=task()), out)
    source = checkout(tmp_path / "two", b=task())
    failed(instraug_here("import", "natural-instructions", source, "-o", out), 1, "not empty")
    tasks, _ = imported(source, out, "--force")
    assert set(tasks) == {"a", "b"}
    testing = out / "instances" / "testing_data"
    assert sorted(p.name for p in testing.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_what_is_given_may_be_one_file(tmp_path: Path) -> None:
    """A single task file is imported; a path without any is one line."""
    source = checkout(tmp_path / "ni", a=task(), b=task())
    tasks, _ = imported(source / "tasks" / "b.json", tmp_path / "one")
    assert set(tasks) == {"b"}
    (tmp_path / "empty").mkdir()
    for path, what in ((tmp_path / "empty", "holds no task file"), (tmp_path / "no", "not exist")):
        args = ("import", "natural-instructions", path, "-o", tmp_path / "two")
        failed(instraug_here(*args), 1, what)


def test_a_task_that_cannot_be_used_is_left_out(tmp_path: Path) -> None:
    """Without a definition, or without a usable row; where none is left, the run ends."""
    broken = {"no_definition": task(Definition=[" "]), "no_rows": task(0)}
    source = checkout(tmp_path / "ni", good=task(), **broken)
    tasks, told = imported(source, tmp_path / "tasks")
    assert set(tasks) == {"good"}
    assert "has no definition" in told
    assert "has no instance that can be used" in told
    source = checkout(tmp_path / "other", **broken)
    done = instraug_here("import", "natural-instructions", source, "-o", tmp_path / "none")
    assert done.returncode == 1
    assert "no task is left" in done.stderr
    assert not (tmp_path / "none").exists()
