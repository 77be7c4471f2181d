"""The study of examples/study: its rows, its split, a run of it, and what it shipped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.commandline import instraug

STUDY = Path(__file__).resolve().parents[1] / "examples" / "study"
MODULES = ("make_data", "plans", "results", "runs", "server", "study")


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import a module of the study by name; they are scripts in one folder, not a package."""
    monkeypatch.syspath_prepend(str(STUDY))

    def get(name: str) -> ModuleType:
        return import_module(name)

    yield get
    for name in MODULES:
        sys.modules.pop(name, None)


def test_the_rows_are_the_same_each_time_and_no_text_is_in_both_files(
    part: Any, tmp_path: Path
) -> None:
    make = part("make_data").make
    make(tmp_path / "a", 0, 50, 20)
    make(tmp_path / "b", 0, 50, 20)
    files = {n: (tmp_path / "a" / f"{n}.jsonl").read_bytes() for n in ("train", "test")}
    assert files == {n: (tmp_path / "b" / f"{n}.jsonl").read_bytes() for n in files}
    train, test = ([json.loads(line) for line in text.splitlines()] for text in files.values())
    assert not {row["text"] for row in train} & {row["text"] for row in test}
    assert len(train) == 50 * 6
    assert len(test) == 20 * 6


def test_what_a_text_is_asked_for_stands_in_the_instruction_alone(part: Any) -> None:
    asked: dict[str, dict[str, str]] = {}
    for _, row in part("make_data").rows(0, 100, 50):
        asked.setdefault(row["text"], {})[row["task_name"]] = row["target_txt"]
    assert {len(answers) for answers in asked.values()} == {2}
    assert all(len(set(answers.values())) == 2 for answers in asked.values())


def test_the_tasks_have_no_problem(part: Any) -> None:
    for folder, each in (("tasks", 25), ("training", 5)):
        done = instraug("check", str(STUDY / folder))
        assert done.returncode == 0, done.stdout
        assert f"6 tasks, {6 * each} instructions, 0 problems" in done.stderr


class Fixed:
    """Answers like a model that was not trained: the first word of every prompt."""

    def __init__(self) -> None:
        self.trained = 0

    def train(self, rows: Sequence[tuple[str, str]], **settings: Any) -> Iterator[float]:
        self.trained += 1
        assert all(prompt and answer for prompt, answer in rows)
        yield from [1.0] * settings["steps"]

    def save(self, path: Path) -> None:
        path.write_bytes(b"")

    def load(self, path: Path) -> None:
        assert path.exists()

    def answers(self, prompts: Sequence[str]) -> list[str]:
        return [prompt.split()[0].strip(".,:") for prompt in prompts]


def test_a_run_builds_trains_predicts_and_scores_and_a_second_one_changes_nothing(
    part: Any, tmp_path: Path
) -> None:
    runs, plans = part("runs"), part("plans")
    size = replace(plans.SIZES["small"], steps=4, batch=6, texts=20, test=2)
    runs.prepare(tmp_path, size)
    model = Fixed()
    runs.run(tmp_path, size, "mixed", 3, model)
    folder = tmp_path / "mixed-3"
    facts = json.loads((folder / "run.json").read_text())
    lines = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
    assert facts["rows"] == 24
    assert 0 < facts["hand_written"] < 1
    assert len(lines) == 6
    assert {len(line["wordings"]) for line in lines} == {20}
    assert {len(right) for line in lines for right in line["wordings"].values()} == {2}
    trained = {row["id"] for row in runs.wordings(plans.TRAINING)}
    assert not trained & {one for line in lines for one in line["wordings"]}
    before = (folder / "run.json").stat().st_mtime_ns
    runs.run(tmp_path, size, "mixed", 3, model)
    assert (model.trained, (folder / "run.json").stat().st_mtime_ns) == (1, before)


def test_an_interrupted_run_goes_on_from_what_was_trained(part: Any, tmp_path: Path) -> None:
    runs, plans = part("runs"), part("plans")
    size = replace(plans.SIZES["small"], steps=4, batch=6, texts=20, test=2)
    runs.prepare(tmp_path, size)
    model = Fixed()
    folder = tmp_path / "hand-5-0"
    folder.mkdir()
    (folder / "weights.pt").write_bytes(b"")
    (folder / "losses.json").write_text("[0.5]")
    runs.run(tmp_path, size, "hand-5", 0, model)
    assert model.trained == 0
    assert json.loads((folder / "run.json").read_text())["losses"] == [0.5]
    assert not (folder / "weights.pt").exists()


def test_the_rewrites_are_of_the_training_wordings_and_each_was_read(part: Any) -> None:
    plans, runs = part("plans"), part("runs")
    kept = [json.loads(line) for line in plans.POOL.read_text("utf-8").splitlines()]
    trained = {row["id"] for row in runs.wordings(plans.TRAINING)}
    assert {row["id"] for row in kept if row["source"] == "original"} == trained
    rewrites = {row["id"] for row in kept if row["source"] == "generated"}
    read = (STUDY / "rewrites" / "reading.tsv").read_text("utf-8").splitlines()
    table = [line.split("\t") for line in read[1:]]
    assert {row[0] for row in table if row[3] == "kept"} == rewrites
    assert all(row[4] for row in table if row[3] == "left out")


def shipped() -> list[Path]:
    return sorted(path.parent for path in STUDY.glob("results/*/scores.jsonl"))


@pytest.mark.parametrize("folder", shipped(), ids=lambda folder: folder.name)
def test_the_shipped_scores_give_the_shipped_table_and_figure(
    part: Any, tmp_path: Path, folder: Path
) -> None:
    for name in ("scores.jsonl", "runs.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    part("results").draw(tmp_path)
    assert (tmp_path / "table.md").read_bytes() == (folder / "table.md").read_bytes()
    drawn = (tmp_path / "figure.svg").read_text("utf-8")
    assert [label for label in ("hand-5", "mixed") if f">{label}<" not in drawn] == []


def test_the_page_shows_the_shipped_tables() -> None:
    page = (STUDY.parents[1] / "docs" / "study.md").read_text("utf-8")
    tables = [(folder / "table.md").read_text("utf-8").strip() for folder in shipped()]
    assert tables
    assert [table for table in tables if table not in page] == []


@pytest.mark.parametrize("folder", shipped(), ids=lambda folder: folder.name)
def test_the_shipped_scores_have_the_sensitivity_that_score_printed(
    part: Any, folder: Path
) -> None:
    outcomes, _ = part("results").read(folder)
    ours = {(o.arm, o.seed): (o.mean, o.corrected) for o in outcomes}
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    theirs = {(r["arm"], r["seed"]): (r["mean"], r["sensitivity"]["corrected"]) for r in runs}
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value)


def test_the_paired_test_needs_six_pairs_to_show_anything(part: Any) -> None:
    results = part("results")

    def outcomes(pairs: int) -> list[Any]:
        return [
            results.Outcome(arm, seed, 0.5, 0.1, 10.0, value + seed / 10)
            for seed in range(pairs)
            for arm, value in (("mixed", 5.0), ("hand-5", 9.0))
        ]

    p = {pairs: results.paired(outcomes(pairs), "corrected")[1].p for pairs in (5, 8)}
    assert p[5] > 0.05 > p[8] > 0.001
