"""Test rows: one instruction of each task, the first rows, and wordings that nobody trained on."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.chain.build import build as build_set
from instraug.errors import InputError, UsageError
from instraug.evaluation.scores.seen import used_instructions
from instraug.tasks.records import Template
from instraug.training_set import shards
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig
from instraug.training_set.instances.multiinstruct import MultiInstruct
from instraug.training_set.narrowing import held_out
from tests.commandline import failed, instraug_here
from tests.sets import (
    CAPTION,
    CHOICE,
    TASKS,
    built,
    caption_row,
    choice_row,
    rows_of,
    write_pool,
    write_rows,
    write_tasks,
)


@st.composite
def pools(draw: st.DrawFn) -> list[Template]:
    """A task's originals, each with some rewrites."""
    sizes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=7))
    return [
        Template("t", f"wording {origin}.{number}", origin)
        for origin, rewrites in enumerate(sizes)
        for number in range(rewrites + 1)
    ]


@settings(max_examples=1000)
@given(pools(), st.floats(0.01, 0.99), st.integers(0, 2**63 - 1), st.randoms(use_true_random=False))
def test_a_thousand_splits_share_no_instruction(
    pool: list[Template], share: float, seed: int, rng: random.Random
) -> None:
    """The sides are a partition, neither empty where there are two, whatever the pool's order."""
    ids = {t.id for t in pool}
    held = held_out(pool, share, seed)
    assert held <= ids
    if len(ids) > 1:
        assert 0 < len(held) < len(ids)
        assert abs(len(held) - share * len(ids)) <= 1
    else:
        assert not held
    assert held_out(rng.sample(pool, len(pool)), share, seed) == held
    assert held_out(pool * 2, share, seed) == held, "equal instructions count once"


@settings(max_examples=200)
@given(pools(), st.floats(0.02, 0.9), st.integers(0, 99))
def test_each_original_gives_its_share_of_wordings(
    pool: list[Template], share: float, seed: int
) -> None:
    """Of an original and its rewrites the share of the whole is held out, to within two."""
    held = held_out(pool, share, seed)
    whole = len(held) / len({t.id for t in pool})
    for origin, size in Counter(t.origin for t in pool).items():
        of_stratum = sum(t.id in held for t in pool if t.origin == origin)
        assert abs(of_stratum - whole * size) < 2


@settings(max_examples=200)
@given(pools(), st.floats(0.02, 0.5), st.floats(1, 1.9), st.integers(0, 99))
def test_a_larger_share_holds_out_what_a_smaller_one_does(
    pool: list[Template], share: float, times: float, seed: int
) -> None:
    """So rows that train beside a larger share stay apart from those of a smaller one."""
    assert held_out(pool, share, seed) <= held_out(pool, share * times, seed)


def test_seeds_hold_out_different_wordings() -> None:
    """The split is a random choice like any other, by the build's seed."""
    pool = [Template("t", str(n), n % 5) for n in range(40)]
    assert len({held_out(pool, 0.2, seed) for seed in range(20)}) > 15


def ids_of(folder: Path, name: str) -> set[str]:
    manifest = json.loads((folder / f"{name}.manifest.json").read_text())
    return set(manifest["instruction_ids"])


ROWS = [choice_row(n) for n in range(60)] + [caption_row(n) for n in range(60)]


@pytest.mark.parametrize("per_instance", ["sample", "all"])
@pytest.mark.parametrize("epsilon", [0, 0.5, 1])
def test_built_sides_share_no_instruction_and_keep_every_task(
    tmp_path: Path, epsilon: float, per_instance: Any
) -> None:
    """The manifests list what the rows have; the two lists are apart, with both tasks in each."""
    for side in ("train", "eval"):
        built(
            tmp_path,
            ROWS,
            f"{side}.jsonl",
            pool=7,
            epsilon=epsilon,
            per_instance=per_instance,
            instruction_split=side,
            hold_out=0.3,
        )
    train, test = ids_of(tmp_path, "train.jsonl"), ids_of(tmp_path, "eval.jsonl")
    assert train
    assert test
    assert not train & test
    for side, listed in (("train", train), ("eval", test)):
        lines = (tmp_path / f"{side}.jsonl").read_text().splitlines()
        found = list(map(json.loads, lines))
        assert {row["instruction_id"] for row in found} == listed
        assert {row["task_name"] for row in found} == {"choice", "caption"}
    assert used_instructions(tmp_path / "train.jsonl") == train, "what score --trained-on reads"


def test_one_instruction_gives_the_rows_that_all_of_them_hold(tmp_path: Path) -> None:
    """A test set of instruction I is that part of the rows of all hand-written instructions."""
    every = rows_of(tmp_path, ROWS, pool=3, per_instance="all", epsilon=1)
    chosen = {str(task["name"]): list(task["instructions"])[1] for task in (CHOICE, CAPTION)}
    ids = {Template(name, text, 1).id for name, text in chosen.items()}
    alone = rows_of(tmp_path, ROWS, pool=3, instruction=1)
    assert alone == [row for row in every if row["instruction_id"] in ids]
    assert len(alone) == len(ROWS)


def test_a_task_without_the_instruction_is_named_once_with_its_rows(tmp_path: Path) -> None:
    """Rows without a wording end the run, a line a task; or are left out and counted."""
    with pytest.raises(InputError) as raised:
        built(tmp_path, ROWS, instruction=2)
    (problem,) = raised.value.problems
    assert "task choice has no such instruction, which 60 rows need" in problem.what
    assert problem.where.endswith("choice.yaml")
    summary = built(tmp_path, ROWS, instruction=2, skip_bad=True)
    assert (summary.rows, summary.figures()["skipped"]) == (60, {"no instruction": 60})


def test_a_task_of_one_instruction_has_nothing_to_hold_out(tmp_path: Path) -> None:
    """It trains with what it has; evaluation rows of it are an error, not rows that were seen."""
    lone = {**CAPTION, "instructions": ["Describe it."]}
    rows = [caption_row(1)]
    split: dict[str, Any] = {"tasks": [lone], "hold_out": 0.9}
    assert built(tmp_path, rows, instruction_split="train", **split).rows == 1
    with pytest.raises(InputError, match="no such instruction"):
        built(tmp_path, rows, "other.jsonl", instruction_split="eval", **split)


@pytest.mark.parametrize(
    "given",
    [
        {"instruction_split": "eval"},
        {"hold_out": 0.2},
        {"instruction": 0, "instruction_split": "train", "hold_out": 0.2},
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    """Half a split, or a split of one instruction, is no set that anybody meant."""
    with pytest.raises(UsageError, match="--instruction-split"):
        built(tmp_path, ROWS, **given)


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "nan", "1.5"])
def test_a_share_is_between_0_and_1(tmp_path: Path, share: str) -> None:
    """A side that holds nothing, or all, is refused before anything is read."""
    tasks, rows = write_tasks(tmp_path / "tasks"), write_rows(tmp_path / "rows.jsonl", ROWS)
    done = instraug_here(
        "build", tasks, "--instances", rows, "-o", tmp_path / "x.jsonl",
        "--instruction-split", "eval", f"--hold-out={share}",
    )  # fmt: skip
    failed(done, 2, "hold_out")


def test_the_first_rows_are_those_that_are_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each task, over files and their pieces, with one worker or two; bad ones do not count."""
    monkeypatch.setattr(shards, "SHARD", 700)
    monkeypatch.setattr(
        MultiInstruct, "split", lambda _self, files: shards.split(files, shards.SHARD)
    )
    rows = [r for pair in zip(ROWS[:60], ROWS[60:], strict=True) for r in pair]
    rows[4] = {**rows[4], "target_txt": [3]}
    one = write_rows(tmp_path / "one.jsonl", rows[:50])
    two = write_rows(tmp_path / "two.jsonl", rows[50:])
    tasks = write_tasks(tmp_path / "tasks")
    found = []
    for workers in (1, 2):
        config = BuildConfig(first=30, skip_bad=True)
        dest = tmp_path / f"{workers}.jsonl"
        build_set(BuildJob(tasks, (one, two), dest, None, config, workers=workers))
        found.append([json.loads(line)["unique_id"] for line in dest.read_text().splitlines()])
    sound = [r["unique_id"] for i, r in enumerate(rows) if i != 4]
    wanted = {x for kind in "cp" for x in [i for i in sound if i[0] == kind][:30]}
    assert found[0] == found[1] == [i for i in sound if i in wanted]


def test_the_first_rows_are_of_those_that_a_cap_keeps(tmp_path: Path) -> None:
    """With --per-task both hold; with every instruction, N instances give each all of theirs."""
    kept = rows_of(tmp_path, ROWS, per_task=20)
    both = rows_of(tmp_path, ROWS, per_task=20, first=5)
    firsts = [
        [r["unique_id"] for r in kept if r["task_name"] == t][:5] for t in ("choice", "caption")
    ]
    assert [r["unique_id"] for r in both] == [*firsts[0], *firsts[1]]
    every = rows_of(tmp_path, ROWS, first=5, per_instance="all", epsilon=1)
    assert Counter(r["task_name"] for r in every) == {"choice": 10, "caption": 15}


def test_the_command_builds_test_rows_of_a_split(tmp_path: Path) -> None:
    """The options of the command line are the settings."""
    tasks, rows = write_tasks(tmp_path / "tasks"), write_rows(tmp_path / "rows.jsonl", ROWS)
    pool = write_pool(tmp_path / "pool.jsonl", TASKS, 6)
    done = instraug_here(
        "build", tasks, "--instances", rows, "-o", tmp_path / "x.jsonl", "--instructions", pool,
        "--instruction-split", "eval", "--hold-out", "0.2", "--first", "7", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 14
    assert "no rewrites" not in done.stderr
