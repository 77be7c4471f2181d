"""What a set may hold of each source and task, and the share of hand-written instructions in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from instraug.chain.build import build as build_set
from instraug.errors import InputError, UsageError
from instraug.files.jsonl import read_jsonl
from instraug.files.presets import folder
from instraug.training_set import shards
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig, load_build_config
from tests.commandline import instraug
from tests.sets import CAPTION, CHOICE, Row, caption_row, choice_row, write_pool, write_rows
from tests.sets import write_tasks as write

FILES = {
    "a.jsonl": [caption_row(i, image_source="coco") for i in range(30)],
    "b.jsonl": [caption_row(100 + i, image_source="vg") for i in range(20)],
    "c.jsonl": [r for i in range(20) for r in (choice_row(i), caption_row(200 + i))],
    "d.jsonl": [choice_row(300 + i, image_source="vg") for i in range(3)],
}


def build(
    folder: Path, files: dict[str, list[Row]], *, workers: int = 1, **given: Any
) -> list[Row]:
    tasks = write(folder / "tasks")
    paths = tuple(write_rows(folder / name, rows) for name, rows in files.items())
    dest = folder / "out.jsonl"
    build_set(
        BuildJob(tasks, paths, dest, None, BuildConfig(**given), workers=workers, force=True),
    )
    return [row for _, row in read_jsonl(dest)]


def ids(rows: list[Row]) -> list[str]:
    return [row["unique_id"] for row in rows]


def of_file(rows: list[Row]) -> Counter[str]:
    found = {r["unique_id"]: name for name, of in FILES.items() for r in of}
    return Counter(found[row["unique_id"]] for row in rows)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_source_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """As many rows of each file are kept, whatever tasks are in it and however it is cut."""
    monkeypatch.setattr(shards.split, "__defaults__", (900,))
    kept = build(tmp_path, FILES, per_source=7, workers=workers)
    assert of_file(kept) == {"a.jsonl": 7, "b.jsonl": 7, "c.jsonl": 7, "d.jsonl": 3}
    mixed = {name: rows[::-1] for name, rows in FILES.items()}
    assert sorted(ids(build(tmp_path, mixed, per_source=7))) == sorted(ids(kept))


def test_a_larger_cap_of_sources_keeps_what_a_smaller_one_kept(tmp_path: Path) -> None:
    """Caps are nested, so that 59K is a part of 564K."""
    small, large = (set(ids(build(tmp_path, FILES, per_source=n))) for n in (3, 9))
    assert len(small) == 12
    assert small < large


def test_rows_of_one_file_go_to_sources_by_their_keys(tmp_path: Path) -> None:
    """The values of the keys name the source; a row without one has a source, too."""
    rows = {"all.jsonl": [row for rows in FILES.values() for row in rows]}
    for row in rows["all.jsonl"]:
        row.setdefault("image_source", None)
    kept = build(tmp_path, rows, per_source=5, source_by=("task_name", "image_source"))
    assert Counter((row["task_name"], row["image_source"]) for row in kept) == {
        ("caption", "coco"): 5,
        ("caption", "vg"): 5,
        ("caption", "coco2014"): 5,
        ("choice", None): 5,
        ("choice", "vg"): 3,
    }
    kept = build(tmp_path, rows, per_source=5, source_by=("image_source",))
    assert Counter(r["image_source"] for r in kept) == {"coco": 5, "vg": 5, "coco2014": 5, None: 5}


def test_a_source_may_be_named_by_values_of_any_kind(tmp_path: Path) -> None:
    """Lists and numbers are told apart as well as text: 1 is not "1"."""
    rows = [caption_row(i, k=k) for i, k in enumerate([1, "1", [1], ["1"], 1, "1"])]
    assert len(build(tmp_path, {"a.jsonl": rows}, per_source=1, source_by=("k",))) == 4


def test_both_caps_hold_and_neither_takes_from_the_other(tmp_path: Path) -> None:
    """A task's cap is filled from what the sources' cap keeps."""
    by_source = build(tmp_path, FILES, per_source=7)
    kept = build(tmp_path, FILES, per_source=7, per_task=6)
    assert Counter(row["task_name"] for row in by_source).most_common()[-1][1] >= 6
    assert Counter(row["task_name"] for row in kept) == {"caption": 6, "choice": 6}
    assert set(ids(kept)) <= set(ids(by_source))


def test_a_key_that_no_row_has_is_refused(tmp_path: Path) -> None:
    """A slip would make one source of all rows; it is named, and nothing is written."""
    with pytest.raises(InputError) as caught:
        build(tmp_path, FILES, per_source=5, source_by=("task_name", "image_sauce"))
    assert [p.what for p in caught.value.problems] == ["no row has the key 'image_sauce'"]
    assert not (tmp_path / "out.jsonl").exists()


def test_sources_without_a_cap_are_refused(tmp_path: Path) -> None:
    """source_by alone would do nothing."""
    with pytest.raises(UsageError, match="--per-source"):
        build(tmp_path, FILES, source_by=("task_name",))


def test_the_command_line_caps_sources(tmp_path: Path) -> None:
    """The options go over a preset, which knows files alone."""
    rows = [caption_row(i, image_source=s) for i in range(30) for s in ("x", "y")]
    done = instraug(
        *(
            "build",
            write(tmp_path / "tasks"),
            "--instances",
            write_rows(tmp_path / "r.jsonl", rows),
        ),
        *("-c", "mins-59k", "--per-source", 4, "--source-by", "task_name, image_source"),
        *("-o", tmp_path / "o.jsonl", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 8


def test_mins_59k_is_a_thousand_rows_of_each_of_59_files(tmp_path: Path) -> None:
    """59 files over 50 task names, nine evaluation tasks beside them: 59,000 rows to train on."""
    names = [f"t{i}" for i in range(50)]
    held = [f"e{i}" for i in range(9)]
    tasks: list[Row] = [{"name": n, "instructions": ["Say it.", "Tell it."]} for n in names]
    tasks += [{"name": n, "instructions": ["Say it."], "split": "eval"} for n in held]
    write(tmp_path / "tasks", tasks)
    data = tmp_path / "data"
    for i in range(59):
        rows = [
            {"unique_id": f"{i}-{j}", "task_name": names[i % 50], "target_txt": "x"}
            for j in range(1300)
        ]
        write_rows(data / "training_data" / f"set{i}" / "train.jsonl", rows)
    for i, name in enumerate(held):
        rows = [{"unique_id": f"{j}", "task_name": name, "target_txt": "x"} for j in range(20)]
        write_rows(data / "testing_data" / name / "test.jsonl", rows)
        write_rows(data / "training_data" / f"beside{i}" / "train.jsonl", rows)
    config = load_build_config(folder("configs") / "mins-59k.yaml")
    outcome = build_set(BuildJob(tmp_path / "tasks", (data,), tmp_path / "o.jsonl", None, config))
    assert (outcome.rows, outcome.held.total(), outcome.testing) == (59_000, 180, 180)
    found = Counter(
        (row["task_name"], row["unique_id"].split("-")[0])
        for _, row in read_jsonl(tmp_path / "o.jsonl")
    )
    assert set(found.values()) == {1000}
    assert {name for name, _ in found} == set(names)


# ── epsilon ──────────────────────────────────────────────────────────────────────────────────


def test_epsilon_is_counted_over_all_rows_and_over_tasks_that_have_both_pools(
    tmp_path: Path,
) -> None:
    """A task without rewrites raises the one share and not the other; the summary has both."""
    pool = write_pool(tmp_path / "pool.jsonl", [CAPTION])
    rows = [r for i in range(300) for r in (caption_row(i), choice_row(i))]
    done = instraug(
        *("build", write(tmp_path / "tasks", [CAPTION, CHOICE]), "--instructions", pool),
        *("--instances", write_rows(tmp_path / "r.jsonl", rows), "-o", tmp_path / "o.jsonl"),
    )
    assert done.returncode == 0, done.stderr
    own = sum(
        row["prompt"] in CAPTION["instructions"] for _, row in read_jsonl(tmp_path / "o.jsonl")
    )
    manifest = json.loads((tmp_path / "o.jsonl.manifest.json").read_bytes())
    found = manifest["epsilon"]
    assert found == {
        "asked": 0.5,
        "realised": round((300 + own) / 600, 6),
        "realised_both_pools": round(own / 300, 6),
    }
    assert 0.35 < found["realised_both_pools"] < 0.65 < found["realised"]
    for name in ("realised", "realised_both_pools"):
        shown = name.replace("_", " ")
        assert re.search(rf"^  {shown} +{found[name]}$", done.stderr, re.MULTILINE)
