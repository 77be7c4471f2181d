"""A build can leave out rewrites that are nearly another instruction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instraug.chain.build import build as build_set
from instraug.errors import UsageError
from instraug.files.jsonl import read_jsonl
from instraug.tasks.load import load_tasks
from instraug.tasks.pool import load_pools
from instraug.tasks.records import instruction_id
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig, with_options
from instraug.training_set.narrowing import narrowed
from tests.commandline import instraug
from tests.sets import caption_row, write_rows, write_tasks

LONG = "look closely at this picture and say in one short sentence what the man is doing"
TASKS = (
    {"name": "caption", "instructions": [LONG]},
    {"name": "other", "instructions": [f"{LONG} now"]},
)
POOL = [
    ("caption", f"{LONG} today"),
    ("caption", "Write a caption."),
    ("other", "write a caption"),
    ("other", "Tell what happens in this scene, as briefly as you can, please."),
    ("other", LONG.upper()),
]


def inputs(folder: Path) -> tuple[Path, Path, Path]:
    """Tasks, rewrites and rows."""
    pool = [{"task": t, "instruction": i, "source": "generated", "origin": 0} for t, i in POOL]
    rows = [caption_row(n, task_name=name) for n in range(9) for name in ("caption", "other")]
    return (
        write_tasks(folder / "tasks", TASKS),
        write_rows(folder / "instructions.jsonl", pool),
        write_rows(folder / "rows.jsonl", rows),
    )


def build(folder: Path, **given: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the figures of a set, and the ids of its instructions."""
    tasks, pool, rows = inputs(folder)
    config = BuildConfig(per_instance="all", **given)
    dest = folder / "out.jsonl"
    summary = build_set(BuildJob(tasks, (rows,), dest, pool, config, force=True))
    return summary.figures(), {row["instruction_id"] for _, row in read_jsonl(dest)}


def test_near_rewrites_are_left_out_and_hand_written_ones_all_stay(tmp_path: Path) -> None:
    """Across tasks: what is near to a hand-written one or to an earlier rewrite; it is counted."""
    figures, used = build(tmp_path, near_duplicates=0.95)
    assert figures["near_duplicates"] == {"caption": 1, "other": 2}
    kept = [("caption", LONG), ("other", f"{LONG} now"), POOL[1], POOL[3]]
    assert used == {instruction_id(*one) for one in kept}
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert manifest["near_duplicates"] == figures["near_duplicates"]
    assert manifest["config"]["near_duplicates"] == 0.95
    figures, used = build(tmp_path)
    assert (figures["near_duplicates"], len(used)) == ({}, 7)


def test_a_held_out_side_holds_no_near_duplicate_of_the_other(tmp_path: Path) -> None:
    """They are left out before the pool is cut in two."""
    tasks, pool, _ = inputs(tmp_path)
    pools = load_pools(load_tasks(tasks), pool)
    sides = [
        narrowed(BuildConfig(near_duplicates=0.95, instruction_split=side, hold_out=0.5), pools)
        for side in ("train", "eval")
    ]
    generated = [t.text for side in sides for pool in side for t in pool.generated]
    assert sorted(generated) == sorted([POOL[1][1], POOL[3][1]])


@pytest.mark.parametrize("wrong", [0, 1.5, -1])
def test_a_threshold_is_a_share(wrong: float) -> None:
    """Above 0, and at most 1."""
    with pytest.raises(UsageError, match="near_duplicates"):
        with_options(BuildConfig(), {"near_duplicates": wrong})


def test_the_command_says_how_many_went(tmp_path: Path) -> None:
    """In one line."""
    tasks, pool, rows = inputs(tmp_path)
    done = instraug(
        *("build", tasks, "--instances", rows, "--instructions", pool),
        *("--near-duplicates", 0.95, "-o", tmp_path / "set.jsonl"),
    )
    assert done.returncode == 0, done.stderr
    assert "left out: 3 rewrites that are near-duplicates of instructions that stay" in done.stderr


def test_a_set_that_is_joined_states_what_went(tmp_path: Path) -> None:
    """As the whole does: its rows, and the rewrites left out."""
    tasks, pool, rows = inputs(tmp_path)
    given = ("build", tasks, "--instances", rows, "--instructions", pool, "-q")
    near = ("--near-duplicates", 0.95)
    done = instraug(*given, *near, "-o", tmp_path / "whole.jsonl")
    assert done.returncode == 0, done.stderr
    parts = [tmp_path / f"part{n}" for n in (1, 2)]
    for number, part in enumerate(parts, 1):
        done = instraug(*given, *near, "--shard", f"{number}/2", "-o", part)
        assert done.returncode == 0, done.stderr
    done = instraug("join", *parts, "-o", tmp_path / "joined.jsonl", "-q")
    assert done.returncode == 0, done.stderr
    whole, joined = ((tmp_path / f"{name}.jsonl").read_bytes() for name in ("whole", "joined"))
    assert joined == whole
    stated = [
        json.loads((tmp_path / f"{name}.jsonl.manifest.json").read_text())["near_duplicates"]
        for name in ("whole", "joined")
    ]
    assert stated[0] == stated[1] == {"caption": 1, "other": 2}
