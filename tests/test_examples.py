"""The shipped examples hold together: tasks, instances, images and scripts."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from instraug.tasks.placeholders import own_words, placeholders
from instraug.tasks.records import Task
from instraug.tasks.rendering import renderer
from tests.child import environment
from tests.commandline import instraug
from tests.fakeserver import FakeServer, running

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
RELEASED = ROOT.parent / "shared" / "data" / "multiinstruct_templates.tsv"
SCRIPTS = ("batch.sh", "regenerate.sh", "mlan/run.sh")
CATEGORIES = {
    "VQA",
    "Commonsense Reasoning",
    "Visual Relationship",
    "Temporal Ordering",
    "Grounded Generation",
    "Grounded Matching",
    "Region Understanding",
    "Image Understanding",
    "Image-Text Matching",
    "Miscellaneous",
}


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    from instraug.tasks.load import load_tasks

    return {task.name: task for task in load_tasks(EXAMPLES / "tasks")}


def instances(name: str) -> list[dict[str, Any]]:
    text = (EXAMPLES / "instances" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


TRAIN, TEST = instances("train"), instances("test")


def test_tasks_span_the_ten_categories_and_hold_out_two(tasks: dict[str, Task]) -> None:
    assert {task.category for task in tasks.values()} == CATEGORIES
    assert len(tasks) >= 13
    assert sum(task.split == "eval" for task in tasks.values()) >= 2
    assert "region" in {task.output for task in tasks.values()}


def test_every_task_has_five_distinct_instructions_of_five_words_or_more(
    tasks: dict[str, Task],
) -> None:
    texts = [t.text for task in tasks.values() for t in task.templates]
    assert len(set(texts)) == len(texts) == 5 * len(tasks)
    assert [t for t in texts if len(own_words(t)) < 5] == []


def test_instructions_show_what_expansion_must_keep(tasks: dict[str, Task]) -> None:
    texts = [t.text for task in tasks.values() for t in task.templates]
    assert any('"{text}"' in text for text in texts), "a quoted placeholder"
    assert any("{region[0]}" in text and "{meta_data.relation}" in text for text in texts)
    assert any("\n" in text for text in texts), "a newline within a template"
    assert any(text.endswith("{options_token} {options}") for text in texts), "an options tail"
    repeats = [Counter(p.source for p in placeholders(text)) for text in texts]
    assert any(max(counts.values(), default=0) > 1 for counts in repeats), "a repeated placeholder"


@pytest.mark.skipif(not RELEASED.exists(), reason="the released templates are not here")
def test_no_instruction_is_one_of_multiinstruct(tasks: dict[str, Task]) -> None:
    def bare(text: str) -> str:
        """Letters only, expressions in braces left out: spelling and spacing do not count."""
        outside = "".join(part.split("}")[-1] for part in text.split("{"))
        return "".join(filter(str.isalpha, outside)).lower()

    with RELEASED.open(encoding="utf-8", newline="") as file:
        released = {bare(row["instructions"]) for row in csv.DictReader(file, delimiter="\t")}
    ours = {bare(t.text): t.text for task in tasks.values() for t in task.templates}
    assert [ours[b] for b in ours.keys() & released] == []


@pytest.mark.parametrize(("rows", "split"), [(TRAIN, "train"), (TEST, "eval")])
def test_each_task_has_three_instances_in_the_file_of_its_split(
    tasks: dict[str, Task], rows: list[dict[str, Any]], split: str
) -> None:
    wanted = {name: 3 for name, task in tasks.items() if task.split == split}
    assert Counter(row["task_name"] for row in rows) == wanted
    assert len({row["unique_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("row", TRAIN + TEST, ids=lambda row: row["unique_id"])
def test_every_instruction_renders_with_every_instance(
    tasks: dict[str, Task], row: dict[str, Any]
) -> None:
    task = tasks[row["task_name"]]
    for template in task.templates:
        prompt = renderer(template.text, task)(row)
        assert "{" not in prompt
    options = row.get("options", task.defaults.get("options"))
    assert options is None or row["target_txt"] in options
    assert not task.labels or row["target_txt"] in task.labels


def test_training_and_evaluation_share_no_picture() -> None:
    assert {r["image_path"] for r in TRAIN}.isdisjoint(r["image_path"] for r in TEST)


@pytest.mark.parametrize("path", sorted({r["image_path"] for r in TRAIN + TEST}))
def test_every_picture_opens_and_is_small(path: str) -> None:
    data = (ROOT / path).read_bytes()
    assert len(data) <= 10 * 1024
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    image = pytest.importorskip("PIL.Image")
    with image.open(ROOT / path) as opened:
        opened.load()
        assert opened.size == (320, 240)


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    pytest.importorskip("PIL.Image")
    spec = importlib.util.spec_from_file_location("make_images", EXAMPLES / "make_images.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_images"] = module
    spec.loader.exec_module(module)
    return module


def test_the_script_draws_the_committed_pictures(drawing: ModuleType) -> None:
    from PIL import Image, ImageChops, ImageStat

    names = set()
    for name, image in drawing.images():
        names.add(name)
        with Image.open(EXAMPLES / "images" / name) as committed:
            difference = ImageChops.difference(image.convert("RGB"), committed.convert("RGB"))
        # Releases of Pillow may differ in soft edges; a thing moved or recolored shows far more.
        assert max(ImageStat.Stat(difference).mean) < 0.2, name
    assert names == {path.name for path in (EXAMPLES / "images").glob("*.png")}


def box(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def test_regions_are_where_the_named_things_are_drawn(drawing: ModuleType) -> None:
    for row in TRAIN:
        if row["task_name"] in ("find_object", "region_caption", "region_label_match"):
            scene = drawing.SCENES[Path(row["image_path"]).stem]
            [thing] = [t for t in scene if t.box == box(row["region"][0])]
            told = row["text"] if "text" in row else row["target_txt"]
            fits = thing.name.split()[-1] in told.split()
            assert fits == (row["target_txt"] != "no"), row["unique_id"]
        if row["task_name"] == "find_object":
            assert row["target_txt"] == row["region"][0]


def test_exactly_the_answer_of_an_overlap_question_overlaps() -> None:
    for row in TRAIN:
        if row["task_name"] == "overlap_choice":
            x1, y1, x2, y2 = box(row["region"][0])
            overlapping = [
                option
                for option in row["options"]
                for a1, b1, a2, b2 in [box(option)]
                if min(x2, a2) > max(x1, a1) and min(y2, b2) > max(y1, b1)
            ]
            assert overlapping == [row["target_txt"]], row["unique_id"]


def test_counted_things_are_drawn_that_often(drawing: ModuleType) -> None:
    counted = {"apples": "an apple", "balloons": "a balloon"}
    seen = 0
    for row in TRAIN:
        if row["task_name"] == "object_count" and (name := counted.get(row["question"].split()[2])):
            scene = drawing.SCENES[Path(row["image_path"]).stem]
            assert sum(thing.name == name for thing in scene) == int(row["target_txt"])
            seen += 1
    assert seen == 2


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_parse_and_pass_shellcheck(script: str) -> None:
    path = EXAMPLES / script
    assert os.access(path, os.X_OK)
    assert "set -euo pipefail" in path.read_text()
    subprocess.run(["bash", "-n", path], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", path], check=True)


def run_script(tmp_path: Path, codes: list[int], *command: str) -> tuple[int, list[str]]:
    """Run a script with an ``instraug`` that notes its arguments and ends with the next code."""
    stand_in = tmp_path / "bin" / "instraug"
    stand_in.parent.mkdir()
    (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
    stand_in.write_text(
        f'#!/bin/bash\necho "$*" >> {tmp_path}/calls\n'
        f"code=$(head -n 1 {tmp_path}/codes)\nsed -i 1d {tmp_path}/codes\nexit $code\n"
    )
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PAUSE": "0", "BUDGET": "10", "TRIES": "3"}
    done = subprocess.run([EXAMPLES / command[0], *command[1:]], env=environment)
    return done.returncode, (tmp_path / "calls").read_text().splitlines()


def test_batch_raises_the_budget_retries_the_endpoint_then_builds(tmp_path: Path) -> None:
    code, calls = run_script(tmp_path, [4, 75, 0, 0, 0, 0], "batch.sh", "out", "one", "two")
    assert code == 0
    assert [call.split()[0] for call in calls] == [*["expand"] * 3, "build", "expand", "build"]
    budgets = [call.split()[-1] for call in calls if call.startswith("expand")]
    assert budgets == ["10", "20", "20", "10"]
    assert "--instructions out/one/instructions.jsonl" in calls[3]
    assert "-o out/two/train.jsonl" in calls[5]


def test_batch_refuses_two_folders_of_one_name(tmp_path: Path) -> None:
    """They would share an output folder: exit 2 before any run, and the name is shown."""
    done = subprocess.run(
        [EXAMPLES / "batch.sh", "out", "one/tasks", "two", "three/tasks/"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "would all go to out/tasks" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("codes", "calls_made"), [([1], 1), ([75, 75, 75], 3), ([4, 3], 2)])
def test_batch_gives_up_with_the_code_of_the_last_run(
    tmp_path: Path, codes: list[int], calls_made: int
) -> None:
    code, calls = run_script(tmp_path, codes, "batch.sh", "out", "one", "two")
    assert (code, len(calls)) == (codes[-1], calls_made)


def test_regenerate_replays_frozen_then_verifies_and_compares(tmp_path: Path) -> None:
    arguments = ("regenerate.sh", "tasks", "out", "journal", "old", "--model", "local")
    code, calls = run_script(tmp_path, [0, 0, 1], *arguments)
    assert code == 1
    assert calls == [
        "expand tasks -o out --journal journal --frozen --model local",
        "verify out --journal journal",
        "diff out old",
    ]


@pytest.mark.parametrize("codes", [[5], [0, 1]])
def test_regenerate_stops_at_the_first_failure(tmp_path: Path, codes: list[int]) -> None:
    arguments = ("regenerate.sh", "tasks", "out", "journal", "old")
    code, calls = run_script(tmp_path, codes, *arguments)
    assert (code, len(calls)) == (codes[-1], len(codes))


@pytest.mark.slow
def test_a_real_run_regenerates_without_its_model_and_tells_any_difference(tmp_path: Path) -> None:
    options = ["--model", "m", "--only", "f*", "--rewrites", "2"]
    with running(FakeServer()) as server:
        made = instraug(
            "expand", EXAMPLES / "tasks", "-o", tmp_path / "old", "--base-url", server.url, *options
        )
    assert made.returncode == 0, made.stderr
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "instraug"
    command.write_text(f'#!/bin/bash\nexec {sys.executable} -m instraug "$@"\n')
    command.chmod(0o755)

    def regenerate(*more: str) -> int:
        names = [tmp_path / "new", tmp_path / "old" / "replies.jsonl", tmp_path / "old"]
        script = [str(p) for p in (EXAMPLES / "regenerate.sh", EXAMPLES / "tasks", *names)]
        # The server is gone: an attempt to ask would fail.
        given = [*options, "--base-url", "http://127.0.0.1:9/v1", *more]
        path = f"{command.parent}:{os.environ['PATH']}"
        return subprocess.run([*script, *given], env=environment(PATH=path)).returncode

    assert regenerate() == 0
    assert regenerate("--seed", "1") == 5
    instructions = tmp_path / "old" / "instructions.jsonl"
    lines = instructions.read_text().split("\n")
    instructions.write_text("\n".join([*lines[:-2], ""]))
    assert regenerate() == 1
