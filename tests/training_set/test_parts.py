"""Shards of a build, made apart and joined: the bytes of the whole, or a line that says why not."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import instraug
from instraug.chain.build import build as build_set
from instraug.chain.join import join_set
from instraug.errors import BadRow, InputError, UsageError
from instraug.files.part import Part
from instraug.training_set import shards
from instraug.training_set.build import BuildJob
from instraug.training_set.faults import Faults
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.parts.records import Kept
from instraug.training_set.repeated import Repeated
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard
from instraug.training_set.summary import Summary
from tests.child import Child
from tests.commandline import failed, instraug_here
from tests.sets import (
    CAPTION,
    CHOICE,
    FIND,
    Row,
    built,
    caption_row,
    choice_row,
    find_row,
    nasty_row,
    write_pool,
    write_rows,
    write_tasks,
)

EVALUATION = {**CAPTION, "name": "held", "split": "eval"}
TASKS = (CHOICE, CAPTION, FIND, EVALUATION)
ROWS: list[Row] = [
    nasty_row(),
    *[make(i) for i in range(30) for make in (choice_row, caption_row, find_row)],
    choice_row(3),
    choice_row(50, options=["one", "two", "three"], target_txt="two"),
    caption_row(51, task_name="held"),
    caption_row(52, image_path=""),
    find_row(53, target_txt="elsewhere"),
]
BAD: list[Row] = [choice_row(i, question=None) for i in range(8)] + [
    caption_row(9, task_name="nobody"),
    caption_row(10, unique_id=[1]),
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many shards of rows, although there are few rows."""
    monkeypatch.setattr(shards, "SHARD", 1 << 62)
    monkeypatch.setattr(shards.split, "__defaults__", (700,))


def make(folder: Path, rows: list[Row] | Path, count: int, dest: str = "part", **more: Any) -> None:
    """Build all parts, the last one first, each of the same rows."""
    file = rows if isinstance(rows, Path) else write_rows(folder / "rows.jsonl", rows)
    (folder / "parts").mkdir(exist_ok=True)
    for number in range(count, 0, -1):
        name = f"parts/{number}{dest}"
        built(folder, file, name, tasks=TASKS, part=Part(number, count), **more)


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "parts").iterdir())


def joined(folder: Path, dest: str) -> Summary:
    return join_set(parts(folder), folder / dest)[0]


def files(dest: Path) -> dict[str, Any]:
    """Every file of a set by name; of a manifest, all but the section ``run``."""
    manifest = dest.with_name(f"{dest.name}.manifest.json")
    paths = sorted(dest.iterdir()) if dest.is_dir() else [dest, manifest]
    found: dict[str, Any] = {}
    for path in paths:
        if path.name.endswith("manifest.json"):
            body = json.loads(path.read_bytes())
            body["outputs"] = list(body["outputs"].values())
            assert body.pop("run")
            found["manifest"] = body
        else:
            found[path.name.removeprefix(dest.stem.split(".")[0])] = path.read_bytes()
    return found


def alike(folder: Path, rows: list[Row] | Path, count: int, dest: str, **settings: Any) -> Summary:
    """Hold a set that is joined of so many parts to the one that one process builds."""
    whole = built(folder, rows, f"whole{dest}", tasks=TASKS, **settings)
    make(folder, folder / "rows.jsonl" if isinstance(rows, list) else rows, count, dest, **settings)
    found = joined(folder, f"join{dest}")
    assert files(folder / f"join{dest}") == files(folder / f"whole{dest}")
    assert found.figures() == whole.figures()
    assert found.remarks() == whole.remarks()
    assert list(map(str, found.listed.values())) == list(map(str, whole.listed.values()))
    return found


# ── the whole's bytes ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 3, 16])
@pytest.mark.parametrize("dest", [".jsonl", ""], ids=["file", "folder"])
def test_parts_make_the_whole(tmp_path: Path, count: int, dest: str) -> None:
    """Rows, manifest, card, picture and counts are those of one process."""
    summary = alike(tmp_path, ROWS, count, dest, pool=3, skip_bad=True)
    assert summary.rows > 90
    assert summary.remarks()
    sizes = [(path / "blocks").stat().st_size for path in parts(tmp_path)]
    assert min(sizes) > 0


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_can_be_joined(tmp_path: Path, name: str) -> None:
    """Also those whose file begins, or ends, with what depends on all rows."""
    rows = [choice_row(i, context="", text="t", question="q") for i in range(12)]
    if name == "ofa-refcoco":
        rows = [find_row(i) for i in range(12)]
    if name == "ofa-snli-ve":
        rows = [caption_row(i, target_txt="yes") for i in range(12)]
    if "ofa" not in name and "tsv-" not in name and name != "lavis":
        rows.insert(0, caption_row(40, image_path=""))
    alike(tmp_path, rows, 3, "", format=name, pool=2, skip_bad=True)


@pytest.mark.parametrize("suffix", [".json", ".jsonl.gz", ".json.zst", ".tsv.gz", ".parquet"])
def test_every_kind_of_file_can_be_joined(tmp_path: Path, suffix: str) -> None:
    """A list, a compressed file and a table of columns are one, however many parts there were."""
    alike(tmp_path, ROWS, 3, suffix, pool=2)


@pytest.mark.parametrize(
    "caps",
    [
        {"per_task": 7},
        {"per_source": 9, "source_by": ("task_name", "image_source")},
        {"per_source": 20, "per_task": 6, "first": 4},
        {"first": 5, "per_instance": "all"},
    ],
    ids="-".join,
)
def test_caps_look_at_the_whole(tmp_path: Path, caps: dict[str, Any]) -> None:
    """Each part ranks all rows, so that those which are kept do not depend on the parts."""
    summary = alike(tmp_path, ROWS, 5, ".jsonl", pool=2, **caps)
    assert 0 < summary.rows < 100


def test_rows_that_are_left_out_are_counted_and_listed_alike(tmp_path: Path) -> None:
    """Kinds, counts and places are those of the whole."""
    rows = [row for pair in zip(ROWS, [*BAD, *BAD], strict=False) for row in pair]
    summary = alike(tmp_path, rows, 4, ".jsonl", skip_bad=True)
    assert summary.skipped.total() == 20


def test_parts_of_compressed_files_and_tables(tmp_path: Path) -> None:
    """What cannot be cut is one part's, and tables are read by row groups."""
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "a.jsonl", ROWS)
    packed = tmp_path / "rows" / "a.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes(), mtime=0))
    table = pa.Table.from_pylist([caption_row(i) for i in range(40)])
    pq.write_table(table, tmp_path / "rows" / "b.parquet", row_group_size=5)
    tasks = write_tasks(tmp_path / "tasks", TASKS)
    job = BuildJob(tasks, tuple(sorted((tmp_path / "rows").iterdir())), tmp_path / "whole.jsonl")
    build_set(job)
    (tmp_path / "parts").mkdir()
    for number in (1, 2):
        dest = tmp_path / "parts" / f"{number}.jsonl"
        build_set(replace(job, dest=dest, part=Part(number, 2)))
    joined(tmp_path, "join.jsonl")
    assert files(tmp_path / "join.jsonl") == files(tmp_path / "whole.jsonl")


def test_workers_build_parts_too(tmp_path: Path) -> None:
    """A part is the same from several processes."""
    make(tmp_path, ROWS, 2, "", pool=2)
    blocks = [(path / "blocks").read_bytes() for path in parts(tmp_path)]
    make(tmp_path, ROWS, 2, "", pool=2, workers=2, force=True)
    assert [(path / "blocks").read_bytes() for path in parts(tmp_path)] == blocks


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 20))
def test_each_item_is_in_one_part(weights: list[int], count: int) -> None:
    """Parts are runs of neighbours, and none has more than its share and one item."""
    items = list(range(len(weights)))
    runs = [Part(n, count).take(items, weights) for n in range(1, count + 1)]
    assert [item for run in runs for item in run] == items
    most = sum(weights) / count + max(weights, default=0)
    assert all(sum(weights[item] for item in run) <= most for run in runs)


def test_a_part_keeps_all_of_a_report(tmp_path: Path) -> None:
    """Also what a later version notes: each field comes back as it was."""
    bad = Faults()
    bad.add(BadRow("kind", "sort", "fix", "name"), "3")
    ids = Repeated()
    ids.add([1, 2, 2])
    values: dict[str, Any] = {"ids": ids, "bad": bad, "noted_at": {"what": 4}}
    report = ShardReport()
    for number, field in enumerate(fields(ShardReport), 1):
        if field.name in values:
            value = values[field.name]
        elif isinstance(getattr(report, field.name), int):
            value = number
        else:
            pair = field.name in ("shown", "notes")
            value = Counter({("a", "b") if pair else "a": number})
        setattr(report, field.name, value)
    kept = Kept(Shard(tmp_path, 4, None, 7), (1, 2), report)
    again = Kept.of(json.loads(json.dumps(kept.as_json())))
    assert (again.shard, again.sizes) == (kept.shard, kept.sizes)
    for field in fields(ShardReport):
        before, after = (getattr(one, field.name) for one in (report, again.report))
        if isinstance(before, Repeated):
            before, after = before.__getstate__(), after.__getstate__()
        assert after == before, field.name


# ── rows that are wrong ──────────────────────────────────────────────────────────────────────


def test_a_part_ends_as_the_whole_does_where_its_rows_are_wrong(tmp_path: Path) -> None:
    """With exit 1, nothing written, and the line of the row in its file, not in the part."""
    rows = [*ROWS, *BAD[:1]]
    with pytest.raises(InputError) as whole:
        built(tmp_path, rows, "w.jsonl", tasks=TASKS)
    file = tmp_path / "rows.jsonl"
    for number in (1, 2):
        built(tmp_path, file, f"{number}", tasks=TASKS, part=Part(number, 3))
    with pytest.raises(InputError) as last:
        built(tmp_path, file, "3", tasks=TASKS, part=Part(3, 3))
    assert str(last.value) == str(whole.value)
    assert f"{file}:{len(rows)}" in str(last.value)
    assert not (tmp_path / "3").exists()


def test_a_whole_without_a_row_is_refused_when_it_is_joined(tmp_path: Path) -> None:
    """A part may be empty; the whole may not, and the line is the same."""
    rows = [caption_row(i, task_name="held") for i in range(4)]
    with pytest.raises(InputError) as whole:
        built(tmp_path, rows, "w.jsonl", tasks=TASKS)
    make(tmp_path, rows, 2)
    with pytest.raises(InputError) as error:
        joined(tmp_path, "j.jsonl")
    assert str(error.value) == str(whole.value)
    assert not (tmp_path / "j.jsonl").exists()


# ── what is no whole ─────────────────────────────────────────────────────────────────────────


def refusal(folder: Path, *paths: Path) -> str:
    """Return the one line with which shards are refused, by the command, before anything is."""
    dest = folder / "join.jsonl"
    done = instraug_here("join", *(paths or parts(folder)), "-o", dest)
    failed(done, 1)
    assert not dest.exists()
    return done.stderr


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    """With the option that makes it."""
    make(tmp_path, ROWS, 4)
    shutil.rmtree(tmp_path / "parts" / "2part")
    assert "shards 2 of 4 are missing (1)" in refusal(tmp_path)


def test_a_shard_that_is_there_twice_is_named(tmp_path: Path) -> None:
    """By both paths."""
    make(tmp_path, ROWS, 3)
    again = shutil.copytree(tmp_path / "parts" / "2part", tmp_path / "parts" / "again")
    line = refusal(tmp_path)
    assert f"{again}: is shard 2/3, and so is {tmp_path / 'parts' / '2part'}" in line


Change = Callable[[Path, dict[str, Any]], None]


def _rows(folder: Path, more: dict[str, Any]) -> None:
    write_rows(folder / "rows.jsonl", [choice_row(9), *ROWS[1:]])


def _same_size(folder: Path, more: dict[str, Any]) -> None:
    text = (folder / "rows.jsonl").read_bytes()
    (folder / "rows.jsonl").write_bytes(text.replace(b"Which is 29?", b"Which is 92?"))


def _task(folder: Path, more: dict[str, Any]) -> None:
    more["tasks"] = [
        {**CHOICE, "instructions": ["Pick. {question}{options_token} {options}"]},
        *TASKS[1:],
    ]


def _pool(folder: Path, more: dict[str, Any]) -> None:
    more["pool"] = 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _, more: more.update(seed=1), "config.seed 0 -> 1"),
        (lambda _, more: more.update(per_task=4), "config.per_task null -> 4"),
        (_rows, "inputs.instances."),
        (_same_size, "rows.jsonl was another file"),
        (_task, "inputs.tasks."),
        (_pool, "inputs.instructions."),
    ],
    ids=["seed", "cap", "rows", "rows-of-one-size", "task", "pool"],
)
def test_a_shard_of_another_whole_is_one_line(tmp_path: Path, change: Change, said: str) -> None:
    """Settings and inputs of all shards are the same, down to the bytes of each file."""
    make(tmp_path, ROWS, 3, pool=2)
    more: dict[str, Any] = {"pool": 2, "tasks": TASKS, "force": True, "part": Part(3, 3)}
    change(tmp_path, more)
    built(tmp_path, tmp_path / "rows.jsonl", "parts/3part", **more)
    line = refusal(tmp_path)
    assert str(tmp_path / "parts" / "3part") in line
    assert said in line


def test_the_odd_shard_is_named_though_it_is_the_first(tmp_path: Path) -> None:
    """The others agree, so it is the one to make again."""
    make(tmp_path, ROWS, 3)
    file = tmp_path / "rows.jsonl"
    built(tmp_path, file, "parts/1part", tasks=TASKS, part=Part(1, 3), force=True, seed=1)
    line = refusal(tmp_path)
    assert line.startswith(str(tmp_path / "parts" / "1part"))
    assert "config.seed 0 -> 1" in line


def test_a_shard_of_another_version_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another version built may be other rows."""
    make(tmp_path, ROWS, 2)
    monkeypatch.setattr(instraug, "__version__", "9.9.9")
    built(
        tmp_path, tmp_path / "rows.jsonl", "parts/2part", tasks=TASKS, part=Part(2, 2), force=True
    )
    monkeypatch.undo()
    assert 'instraug "0.1.0" -> "9.9.9"' in refusal(tmp_path)


def test_another_version_does_not_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes a shard's files for may be something else."""
    make(tmp_path, ROWS, 2)
    monkeypatch.setattr(instraug, "__version__", "9.9.9")
    assert "was made by instraug 0.1.0, and this is 9.9.9" in refusal(tmp_path)


def test_a_shard_of_another_number_of_shards_is_one_line(tmp_path: Path) -> None:
    """Shards 1/2 and 2/3 hold some rows twice."""
    make(tmp_path, ROWS, 2)
    file = tmp_path / "rows.jsonl"
    built(tmp_path, file, "parts/2part", tasks=TASKS, part=Part(2, 3), force=True)
    assert "is shard 2/3, and" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["blocks", "reports", "pools"])
@pytest.mark.parametrize("how", ["cut", "longer", "gone"])
def test_a_damaged_shard_is_one_line(tmp_path: Path, name: str, how: str) -> None:
    """Nothing is made of it."""
    make(tmp_path, ROWS, 2)
    file = tmp_path / "parts" / "1part" / name
    if how == "gone":
        file.unlink()
    else:
        text = file.read_bytes()
        file.write_bytes(text[:-3] if how == "cut" else text + b"\n")
    assert f"{file}: " in refusal(tmp_path)


def test_what_is_no_shard_is_one_line(tmp_path: Path) -> None:
    """A set, a folder, a file, nothing."""
    built(tmp_path, ROWS, "set", tasks=TASKS)
    (tmp_path / "empty").mkdir()
    for name in ("set", "empty", "rows.jsonl", "nothing"):
        line = refusal(tmp_path, tmp_path / name)
        assert line.startswith(f"{tmp_path / name}: ")


def test_a_hostile_manifest_is_one_line(tmp_path: Path) -> None:
    """A manifest is data, whatever it holds."""
    make(tmp_path, ROWS, 1)
    path = tmp_path / "parts" / "1part" / "manifest.json"
    body = json.loads(path.read_text())
    for key, value in (
        ("shard", [1, 10**9]),
        ("shard", [True, 1]),
        ("same", {}),
        ("same", {**body["same"], "config": {"nothing": 1}}),
        ("same", {**body["same"], "inputs": [1]}),
        ("same", {**body["same"], "suffix": None}),
        ("same", {**body["same"], "shards": "x"}),
        ("instances", 7),
        ("instances", {"rows": {}}),
        ("outputs", {}),
    ):
        path.write_text(json.dumps({**body, key: value}))
        done = instraug_here("join", *parts(tmp_path), "-o", tmp_path / "j.jsonl")
        failed(done, done.returncode)
        assert done.returncode in (1, 2)


def test_a_joined_set_is_of_the_shards_suffix(tmp_path: Path) -> None:
    """The blocks of lines make no list, and none of them Parquet."""
    make(tmp_path, ROWS, 2, ".jsonl")
    for name in ("j.json", "j.tsv", "j.parquet"):
        failed(instraug_here("join", *parts(tmp_path), "-o", tmp_path / name), 2, name)
    for name in ("j.jsonl", "j.jsonl.gz", "j"):
        assert instraug_here("join", *parts(tmp_path), "-o", tmp_path / name).returncode == 0


def test_a_destination_that_is_there_is_kept(tmp_path: Path) -> None:
    """As for build: also a shard, and a set in the place of a shard."""
    make(tmp_path, ROWS, 2, ".jsonl")
    (tmp_path / "j.jsonl").write_text("mine")
    done = instraug_here("join", *parts(tmp_path), "-o", tmp_path / "j.jsonl", "--force")
    failed(done, 2, "no build made j.jsonl")
    assert (tmp_path / "j.jsonl").read_text() == "mine"
    failed(instraug_here("join", *parts(tmp_path), "-o", parts(tmp_path)[0], "--force"), 2)
    with pytest.raises(UsageError, match="exists; give --force"):
        built(tmp_path, ROWS, "parts/1.jsonl", tasks=TASKS, part=Part(1, 2))


@pytest.mark.parametrize(
    "text", ["0/3", "4/3", "1", "1/0", "-1/3", "1/3/3", "a/b", "1/9999999", ""]
)
def test_a_shard_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    """I is one of 1 to N."""
    tasks, rows = write_tasks(tmp_path / "tasks"), write_rows(tmp_path / "rows.jsonl", ROWS)
    done = instraug_here("build", tasks, "--instances", rows, "-o", tmp_path / "s", "--shard", text)
    failed(done, 2, "--shard", "I/N")


# ── killed, and done again ───────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_shard_that_was_killed_is_done_again(tmp_path: Path) -> None:
    """It leaves no folder that could be taken for it; the bytes are those of the whole."""
    tasks, pool = write_tasks(tmp_path / "tasks"), write_pool(tmp_path / "pool.jsonl")
    long = {"context": "long " * 400}
    rows = [row(i, **long) for i in range(3_000) for row in (choice_row, caption_row)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    given = ("build", tasks, "--instances", file, "--instructions", pool, "-q")
    assert instraug_here(*given, "-o", tmp_path / "whole.jsonl").returncode == 0

    def run(number: int) -> Child:
        shard = ("-o", tmp_path / f"s{number}", "--shard", f"{number}/3")
        return Child(tmp_path / f"c{number}", *given, *shard)

    others = [run(1), run(3)]
    victim = run(2)
    while not (found := [*tmp_path.glob(".s2.*.tmp/blocks")]):
        assert victim.running, victim.stderr
        time.sleep(0.001)
    os.kill(victim.pid, signal.SIGKILL)
    assert victim.end() == -signal.SIGKILL
    assert found[0].exists()
    assert [other.end() for other in others] == [0, 0]
    done = instraug_here("join", *tmp_path.glob("s*"), "-o", tmp_path / "join.jsonl")
    failed(done, 1, "shards 2 of 3 are missing")
    assert run(2).end() == 0
    done = instraug_here("join", *tmp_path.glob("s*"), "-o", tmp_path / "join.jsonl")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "join.jsonl") == files(tmp_path / "whole.jsonl")
