"""A built set: what its rows hold, what they depend on, and what happens to rows that are wrong."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import zstandard

from instraug.chain.build import build as build_set
from instraug.errors import InputError, InstraugError, StorageError, UsageError
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import sha256
from instraug.training_set import destination, shards
from instraug.training_set.build import BuildJob
from tests.sets import (
    CAPTION,
    CHOICE,
    TASKS,
    Row,
    built,
    caption_row,
    choice_row,
    find_row,
    nasty_row,
    rows_of,
    write_pool,
    write_rows,
    write_tasks,
)

ROWS = [row(i) for i in range(40) for row in (choice_row, caption_row, find_row)]


def problems(folder: Path, rows: list[Row] | Path, **given: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        built(folder, rows, **given)
    assert not (folder / "out.jsonl").exists()
    return [str(p) for p in caught.value.problems]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_the_raw_row_and_three_fields(tmp_path: Path) -> None:
    """Prompt, target and instruction_id are added; every raw field stays, options as prompted."""
    raw = nasty_row()
    (row,) = rows_of(tmp_path, [raw], tasks=[CHOICE], shuffle_options=False)
    assert {k: row[k] for k in raw} == raw
    assert list(row)[len(raw) :] == ["prompt", "target", "instruction_id"]
    assert row["target"] == raw["target_txt"]
    options = "||||".join(raw["options"])
    assert row["prompt"] in {
        f"Pick one. {raw['question']}\n\n[Options]: {options}",
        f"{raw['question']} Choose: {options}",
    }


def test_a_row_names_the_instruction_it_was_rendered_with(tmp_path: Path) -> None:
    """Rendering the instruction of that id again gives the prompt."""
    pool = write_pool(tmp_path / "p.jsonl", each=4)
    texts = [r["instruction"] for _, r in read_jsonl(pool) if r["task"] == "caption"]
    texts += CAPTION["instructions"]
    from instraug.tasks.records import instruction_id

    by_id = {instruction_id("caption", text): text for text in texts}
    rows = rows_of(tmp_path, [caption_row(i) for i in range(60)], pool=4)
    assert {row["instruction_id"] for row in rows} == set(by_id)
    assert all(row["prompt"] == by_id[row["instruction_id"]] for row in rows)


def test_shuffled_options_stand_in_the_row_as_in_its_prompt(tmp_path: Path) -> None:
    """Orders vary from row to row, the target is among them still, and the row says which."""
    rows = rows_of(tmp_path, [choice_row(i) for i in range(200)])
    assert len({tuple(row["options"]) for row in rows}) == 24
    for row in rows:
        assert row["prompt"].endswith("||||".join(row["options"]))
        assert sorted(row["options"]) == ["a", "b", "c", "d"]
        assert row["target"] == "b"


def test_options_keep_their_order_unless_they_are_shuffled(tmp_path: Path) -> None:
    """With shuffle_options off every prompt shows the row's own order."""
    rows = rows_of(tmp_path, [choice_row(i) for i in range(20)], shuffle_options=False)
    assert all(row["options"] == ["a", "b", "c", "d"] for row in rows)


def test_computed_fields_do_not_get_into_the_row(tmp_path: Path) -> None:
    """What the format room computes for the prompt is for the prompt alone."""
    task = {"name": "relation", "instructions": ["What is at {subject_region}?"]}
    raw = caption_row(1, task_name="relation")
    raw["meta_data"] = {"object_regions": {"subject": ["1 2 3 4"], "object": ["5 6 7 8"]}}
    (row,) = rows_of(tmp_path, [raw], tasks=[task])
    assert row["prompt"] == "What is at 1 2 3 4?"
    assert set(row) == set(raw) | {"prompt", "target", "instruction_id"}


# ── sampling ─────────────────────────────────────────────────────────────────────────────────


def test_rows_do_not_depend_on_the_order_of_the_input(tmp_path: Path) -> None:
    """Shuffled input gives the same rows, in the order of the input."""
    mixed = random.Random(1).sample(ROWS, len(ROWS))
    given = rows_of(tmp_path, ROWS, pool=5)
    found = rows_of(tmp_path, mixed, pool=5)
    assert [r["unique_id"] for r in found] == [r["unique_id"] for r in mixed]
    by_id = {r["unique_id"]: r for r in given}
    assert all(by_id[r["unique_id"]] == r for r in found)


@pytest.mark.parametrize("settings", [{}, {"per_task": 7}], ids=["all", "capped"])
def test_rows_do_not_depend_on_shards_and_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """Small shards and two processes leave the very bytes that one process leaves of one shard."""
    built(tmp_path, ROWS, "one.jsonl", pool=3, **settings)
    monkeypatch.setattr(shards, "SHARD", 1 << 62)
    monkeypatch.setattr(shards.split, "__defaults__", (700,))
    built(tmp_path, ROWS, "small.jsonl", pool=3, **settings)
    built(tmp_path, ROWS, "two.jsonl", pool=3, workers=2, **settings)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "small.jsonl").read_bytes()
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_another_seed_draws_anew_and_the_same_seed_the_same(tmp_path: Path) -> None:
    """A set is a function of its inputs and its seed."""
    first = rows_of(tmp_path, ROWS, pool=5, seed=1)
    assert rows_of(tmp_path, ROWS, pool=5, seed=1) == first
    assert rows_of(tmp_path, ROWS, pool=5, seed=2) != first


def test_one_id_in_two_tasks_draws_twice(tmp_path: Path) -> None:
    """Ids recur across tasks, so the task's name is part of what is hashed."""
    other = {**CAPTION, "name": "caption2"}
    rows = [caption_row(i, task_name=n) for n in ("caption", "caption2") for i in range(60)]
    found = rows_of(tmp_path, rows, tasks=[CAPTION, other])
    prompts = [row["prompt"] for row in found]
    assert prompts[:60] != prompts[60:]


def test_epsilon_realised_is_that_of_the_rows(tmp_path: Path) -> None:
    """The share in the figures is counted from the rows, not copied from the setting."""
    outcome = built(tmp_path, [caption_row(i) for i in range(500)], pool=3, epsilon=0.3)
    rows = [row for _, row in read_jsonl(tmp_path / "out.jsonl")]
    own = sum(row["prompt"] in CAPTION["instructions"] for row in rows)
    figures = outcome.figures()
    share = own / 500
    assert figures["epsilon"] == {"asked": 0.3, "realised": share, "realised_both_pools": share}
    assert 0.2 < own / 500 < 0.4
    assert figures["tasks"]["caption"] == {
        "rows": 500,
        "original": own,
        "generated": 500 - own,
        "instructions": 6,
    }


def test_every_instruction_for_every_instance(tmp_path: Path) -> None:
    """per_instance all gives each instance once per instruction, options in one order."""
    rows = rows_of(tmp_path, [choice_row(1), choice_row(2)], pool=3, per_instance="all")
    assert [row["unique_id"] for row in rows] == ["c1"] * 5 + ["c2"] * 5
    assert len({row["prompt"] for row in rows}) == 10
    assert len({tuple(row["options"]) for row in rows[:5]}) == 1


def test_every_instruction_sees_what_is_computed_for_the_row(tmp_path: Path) -> None:
    """Computed fields are there for each of an instance's prompts, and in none of its rows."""
    texts = ["What is at {subject_region}?", "Name what fills {subject_region}."]
    raw = caption_row(1, task_name="relation")
    raw["meta_data"] = {"object_regions": {"subject": ["1 2 3 4"]}}
    tasks = [{"name": "relation", "instructions": texts}]
    rows = rows_of(tmp_path, [raw], tasks=tasks, per_instance="all", shuffle_options=False)
    assert [r["prompt"] for r in rows] == ["What is at 1 2 3 4?", "Name what fills 1 2 3 4."]
    assert all(set(r) == set(raw) | {"prompt", "target", "instruction_id"} for r in rows)


@pytest.mark.parametrize(("epsilon", "count"), [(1.0, 2), (0.5, 5), (0.0, 3)])
def test_all_means_all_that_could_be_drawn(tmp_path: Path, epsilon: float, count: int) -> None:
    """With epsilon 1 hand-written instructions alone, with 0 rewrites alone."""
    rows = rows_of(tmp_path, [choice_row(1)], pool=3, per_instance="all", epsilon=epsilon)
    assert len(rows) == count


# ── the cap ──────────────────────────────────────────────────────────────────────────────────


def test_a_cap_keeps_as_many_of_each_task_in_any_order(tmp_path: Path) -> None:
    """The same rows are kept whatever their order, and they stand in the order of the input."""
    rows = [*ROWS, caption_row(1000), caption_row(1001)]
    kept = rows_of(tmp_path, rows, per_task=5)
    assert Counter(r["task_name"] for r in kept) == {"choice": 5, "caption": 5, "find": 5}
    mixed = rows_of(tmp_path, random.Random(2).sample(rows, len(rows)), per_task=5)
    assert {r["unique_id"] for r in kept} == {r["unique_id"] for r in mixed}
    order = [r["unique_id"] for r in rows]
    assert [r["unique_id"] for r in kept] == sorted((r["unique_id"] for r in kept), key=order.index)


def test_a_larger_cap_keeps_what_a_smaller_one_kept(tmp_path: Path) -> None:
    """Caps are nested, so that 59K is a part of 564K; a cap above all rows changes nothing."""
    ids = [
        {row["unique_id"] for row in rows_of(tmp_path, ROWS, per_task=n)} for n in (3, 10, 40, 99)
    ]
    assert ids[0] < ids[1] < ids[2] == ids[3]
    assert [len(i) for i in ids] == [9, 30, 120, 120]


def test_rows_that_cannot_be_built_take_no_place_under_a_cap(tmp_path: Path) -> None:
    """A cap counts sound rows: as many are kept as without the broken ones."""
    bad = [choice_row(i, question=None) for i in range(100, 200)]
    sound = [choice_row(i) for i in range(30)]
    kept = rows_of(tmp_path, [*bad, *sound], per_task=10, skip_bad=True)
    assert [r["unique_id"] for r in kept] == [
        r["unique_id"] for r in rows_of(tmp_path, sound, per_task=10)
    ]


def test_equal_rows_are_kept_or_left_together(tmp_path: Path) -> None:
    """A cap never tells equal rows apart by their order, and never keeps more than it says."""
    rows = [caption_row(1)] * 5 + [caption_row(2)] * 5
    assert len(rows_of(tmp_path, rows, per_task=5)) == 5
    assert len(rows_of(tmp_path, [*rows, caption_row(3)], per_task=7)) in (5, 6)


def test_a_row_with_a_wrong_id_is_named_under_a_cap_too(tmp_path: Path) -> None:
    """It has no rank, and is a fault like any other."""
    rows = [*ROWS, choice_row(1, unique_id=[1]), caption_row(2, unique_id=True)]
    found = problems(tmp_path, rows, per_task=2)
    assert [line.split(": ")[0].rpartition(":")[2] for line in found[:-1]] == ["121", "122"]


def test_another_seed_keeps_other_rows(tmp_path: Path) -> None:
    """Which rows a cap keeps is drawn, and not the first of them."""
    ids = [
        {row["unique_id"] for row in rows_of(tmp_path, ROWS, per_task=10, seed=s)} for s in (1, 2)
    ]
    assert ids[0] != ids[1]


# ── rows that are wrong ──────────────────────────────────────────────────────────────────────

BROKEN: dict[str, tuple[bytes, str]] = {
    "cut off": (b'{"unique_id": "x"', "invalid JSON"),
    "not UTF-8": (b'{"unique_id": "\xff"}', "byte 16 of the line (0xff) is not UTF-8"),
    "lone surrogate": (rb'{"unique_id": "\ud800"}', "invalid JSON"),
    "NaN": (b'{"unique_id": NaN}', "invalid JSON"),
    "a list": (b"[1]", "not a JSON object"),
    "a list of rows": (
        b'[{"task_name": "a"}]',
        "but a list of one, a mapping; write one row a line",
    ),
    "a text": (b'"task_name"', "not a JSON object"),
    "a number": (b"17", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "nested too deeply": (b'{"a":' * 2000 + b"1" + b"}" * 2000, "invalid JSON"),
    "nested deeply": (
        json.dumps(caption_row(1)).encode()[:-1] + b',"m":' + b"[" * 600 + b"]" * 600 + b"}",
        "nested too deeply",
    ),
    "no task": (b'{"unique_id": "x"}', "without task_name"),
    "unknown task": (b'{"unique_id": "x", "task_name": "choices"}', "no task is named 'choices'"),
    "a task that is no text": (b'{"unique_id": "x", "task_name": ["choice"]}', "no task is named"),
}


def row_lines() -> Iterator[tuple[str, bytes, str]]:
    for name, (line, said) in BROKEN.items():
        yield name, line, said
    for name, said in {
        "target_txt": "target_txt",
        "question": "question",
        "options": "options",
    }.items():
        row = choice_row(1)
        del row[name]
        yield f"without {name}", json.dumps(row).encode(), said
        yield f"null {name}", json.dumps(choice_row(1, **{name: None})).encode(), said
    yield (
        "a list for an id",
        json.dumps(choice_row(1, unique_id=[])).encode(),
        "unique_id is an emp",
    )
    yield (
        "yes or no for a target",
        json.dumps(choice_row(1, target_txt=True)).encode(),
        "target_txt is true; ",
    )
    one = choice_row(1, target_txt=["left"])
    yield "a list of one", json.dumps(one).encode(), "target_txt is a list of one, 'left'; write"
    yield "a mapping for a text", json.dumps(choice_row(1, question={})).encode(), "{question}"


@pytest.mark.parametrize(
    ("line", "said"), [r[1:] for r in row_lines()], ids=[r[0] for r in row_lines()]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_bad_row_ends_the_run_with_its_line_or_is_skipped_and_counted(
    tmp_path: Path, line: bytes, said: str, at: int
) -> None:
    """First, in the middle and last: named with file and line, or left out of the rows."""
    good = [json.dumps(choice_row(i)).encode() for i in range(2)]
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join([*good[:at], line, *good[at:]]) + b"\n")
    found = problems(tmp_path, path)
    assert len(found) == 2
    assert found[0].startswith(f"{path}:{at + 1}: ")
    assert said in found[0]
    assert "1 rows cannot be used" in found[1]
    outcome = built(tmp_path, path, skip_bad=True)
    assert outcome.rows == 2
    assert outcome.skipped.total() == 1


@pytest.mark.parametrize("region", [["1 2 3 4"], [1, 2, 3, 4], "1 2 3 4"])
def test_a_row_must_have_what_its_prompt_shows(tmp_path: Path, region: Any) -> None:
    """And no more, however another of its fields is spelled."""
    task = {"name": "r", "instructions": ["No field.", "Where is {text} in {region}?"]}
    rows = [
        {"unique_id": str(i), "task_name": "r", "target_txt": "t", "region": region}
        for i in range(40)
    ]
    outcome = built(tmp_path, rows, tasks=[task], skip_bad=True)
    found = [row["unique_id"] for _, row in read_jsonl(tmp_path / "out.jsonl")]
    spelled = [{**row, "region": ["1 2 3 4"], "text": "x"} for row in rows]
    whole = rows_of(tmp_path, spelled, tasks=[task])
    assert found == [row["unique_id"] for row in whole if row["prompt"] == "No field."]
    assert outcome.skipped == {"missing field": 40 - len(found)}


def test_all_bad_rows_are_reported_at_once(tmp_path: Path) -> None:
    """One line a fault, each with its place, and what to do about them."""
    rows: list[Row] = [choice_row(1), {"a": 1}, caption_row(2), caption_row(3, task_name="x")]
    found = problems(tmp_path, rows)
    assert [line.split(": ")[0].rpartition(":")[2] for line in found] == ["2", "4", "build"]
    assert "--skip-bad" in found[-1]


def test_a_flood_of_bad_rows_is_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    """Memory does not grow with faults: equal ones are one line with a count and a few places."""
    outcome = built(tmp_path, [choice_row(1), *[{"a": 1}] * 3000], skip_bad=True)
    assert outcome.skipped == {"missing field": 3000}
    (problem,) = outcome.listed.values()
    assert problem.times == 3000
    assert len(problem.also) == 3
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert manifest["skipped"] == {"missing field": 3000}
    assert manifest["skipped_at"]["missing field"][0] == f"{tmp_path / 'rows.jsonl'}:2"


def test_known_faults_of_the_data_do_not_hide_the_users_own(tmp_path: Path) -> None:
    """However many rows hold their own target, the one broken line is named."""
    steps = {"name": "wikihow_next_step", "instructions": ["What is next? {context}"]}
    told = {"unique_id": "a", "task_name": steps["name"], "target_txt": "t", "context": "t"}
    rows = [told] * 1500 + [{"task_name": steps["name"]}]
    (found, _) = problems(tmp_path, rows, tasks=[steps])
    assert "rows.jsonl:1501: " in found


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    """No row is built twice, and no fault is reported twice."""
    path = write_rows(tmp_path / "rows.jsonl", [caption_row(1), {"bad": 1}])
    job = BuildJob(write_tasks(tmp_path / "tasks"), (path, path), tmp_path / "out.jsonl")
    with pytest.raises(InputError) as caught:
        build_set(job)
    assert [p.where for p in caught.value.problems[:-1]] == [f"{path}:2"]


def test_lines_are_counted_across_the_shards_of_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A problem's line is that of its file, in whatever shard it was found."""
    monkeypatch.setattr(shards.split, "__defaults__", (300,))
    rows = [choice_row(i) for i in range(30)]
    files = tuple(
        write_rows(tmp_path / name, [*rows[:at], {"bad": 1}, *rows[at:]])
        for name, at in (("a.jsonl", 20), ("b.jsonl", 7))
    )
    job = BuildJob(write_tasks(tmp_path / "tasks"), files, tmp_path / "out.jsonl")
    with pytest.raises(InputError) as caught:
        build_set(job)
    problem = caught.value.problems[0]
    assert (problem.where, *problem.also) == (f"{files[0]}:21", f"{files[1]}:8")


def test_blank_lines_and_line_ends_of_other_systems_are_no_faults(tmp_path: Path) -> None:
    """CRLF, blank lines, a byte order mark and a last line without an end are read."""
    lines = [json.dumps(choice_row(i)).encode() for i in range(3)]
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n  \n".join(lines))
    assert len(rows_of(tmp_path, path)) == 3


def test_a_known_fault_of_the_release_is_left_out_without_being_asked(tmp_path: Path) -> None:
    """A next-step row that holds its own target is counted; as_released takes it."""
    task = {"name": "wikihow_next_step", "instructions": ["{context} What next?"]}
    row = caption_row(1, task_name="wikihow_next_step", context=["Cut it."], target_txt="Cut it.")
    rows = [row, {**row, "unique_id": "2", "target_txt": "Glue it."}]
    outcome = built(tmp_path, rows, tasks=[task])
    assert (outcome.rows, outcome.skipped) == (1, {"target in context": 1})
    assert len(rows_of(tmp_path, rows, tasks=[task], as_released=True)) == 2


def test_a_set_without_rows_is_an_error(tmp_path: Path) -> None:
    """An empty file, or one whose rows were all skipped, builds nothing."""
    assert "there is no row to build" in problems(tmp_path, [])[-1]
    assert "there is no row to build" in problems(tmp_path, [{"a": 1}], skip_bad=True)[-1]


def test_a_row_over_the_line_cap_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows such a line may be endless, so that --skip-bad does not help."""
    monkeypatch.setattr(shards, "LINE_CAP", 500)
    rows = [choice_row(1), choice_row(2, text="x" * 1000)]
    found = problems(tmp_path, rows, skip_bad=True)
    assert "rows.jsonl:2: the line is longer than 500 bytes" in found[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_archive_never_is_a_partial_success(tmp_path: Path, workers: int) -> None:
    """A .gz that is cut short leaves no set, whoever reads it and whatever may be skipped."""
    path = tmp_path / "rows.jsonl.gz"
    content = "".join(json.dumps(choice_row(i)) + "\n" for i in range(3000)).encode()
    path.write_bytes(gzip.compress(content)[:-2000])
    assert "cut short" in problems(tmp_path, path, skip_bad=True, workers=workers)[0]


def test_compressed_rows_build_the_same_set(tmp_path: Path) -> None:
    """.gz and .zst in, .gz and .zst out, and the rows are the same."""
    plain = write_rows(tmp_path / "rows.jsonl", ROWS)
    (tmp_path / "rows.jsonl.zst").write_bytes(zstandard.compress(plain.read_bytes()))
    built(tmp_path, plain, "plain.jsonl")
    built(tmp_path, tmp_path / "rows.jsonl.zst", "packed.jsonl.gz")
    built(tmp_path, plain, "packed.jsonl.zst", workers=2)
    wanted = (tmp_path / "plain.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "packed.jsonl.gz").read_bytes()) == wanted
    packed = (tmp_path / "packed.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == wanted


# ── files ────────────────────────────────────────────────────────────────────────────────────


def test_one_file_has_its_manifest_beside_it(tmp_path: Path) -> None:
    """Hashes of every input and output, settings, counts: enough to build the set again."""
    built(tmp_path, ROWS, pool=2, seed=5, epsilon=0.25)
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert manifest["outputs"] == {"out.jsonl": sha256(tmp_path / "out.jsonl")}
    inputs = manifest["inputs"]
    pool, rows = tmp_path / "instructions.jsonl", tmp_path / "rows.jsonl"
    assert inputs["instances"] == {str(rows): sha256(rows)}
    assert inputs["instructions"] == {str(pool): sha256(pool)}
    assert len(inputs["tasks"]) == len(TASKS)
    assert (manifest["config"]["seed"], manifest["config"]["format"]) == (5, "multiinstruct")
    assert manifest["rows"] == 120
    assert {name: t["rows"] for name, t in manifest["tasks"].items()} == dict.fromkeys(
        ("caption", "choice", "find"), 40
    )


def test_a_folder_holds_rows_manifest_and_card(tmp_path: Path) -> None:
    """A destination without a known suffix is a folder, complete or not there."""
    built(tmp_path, ROWS, "set")
    assert {p.name for p in (tmp_path / "set").iterdir()} == {
        "data.jsonl",
        "manifest.json",
        "README.md",
        "lengths.svg",
    }
    outputs = json.loads((tmp_path / "set" / "manifest.json").read_bytes())["outputs"]
    files = ("data.jsonl", "README.md", "lengths.svg")
    assert outputs == {n: sha256(tmp_path / "set" / n) for n in files}
    card = (tmp_path / "set" / "README.md").read_text()
    assert "data_files: data.jsonl" in card
    assert "| choice | 40 | 40 | 2 |" in card


def test_manifests_are_equal_but_for_the_run(tmp_path: Path) -> None:
    """Building again, with other workers, changes the section ``run`` alone."""
    found = []
    for workers in (1, 2):
        built(tmp_path, ROWS, force=True, workers=workers, pool=2)
        body = json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
        assert body.pop("run")["workers"] == workers
        found.append(body)
    assert found[0] == found[1]


@pytest.mark.parametrize("dest", ["out.jsonl", "set"])
def test_what_exists_is_replaced_only_by_force(tmp_path: Path, dest: str) -> None:
    """Without force the old set stays as it was; with force the new one takes its place."""
    built(tmp_path, ROWS, dest)
    data = tmp_path / dest if dest == "out.jsonl" else tmp_path / dest / "data.jsonl"
    before = data.read_bytes()
    with pytest.raises(UsageError, match="--force"):
        built(tmp_path, ROWS[:3], dest)
    assert data.read_bytes() == before
    built(tmp_path, ROWS[:3], dest, force=True)
    assert data.read_bytes().count(b"\n") == 3
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_force_does_not_replace_a_folder_that_no_build_made(tmp_path: Path) -> None:
    """--force on the wrong folder deletes nothing."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"dear")
    with pytest.raises(UsageError, match=r"no build made a\.jpg"):
        built(tmp_path, ROWS, "photos", force=True)
    for manifest in ('{"outputs": {"a.jpg": "0"}}', '{"epsilon": 1, "outputs": [["a.jpg"]]}', "{"):
        (tmp_path / "photos" / "manifest.json").write_text(manifest)
        with pytest.raises(UsageError, match=r"no build made a\.jpg"):
            built(tmp_path, ROWS, "photos", force=True)
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"dear"


@pytest.mark.parametrize("dest", ["set/mine.txt", "own.jsonl", "rows.jsonl"])
def test_force_replaces_nothing_but_what_a_build_made(tmp_path: Path, dest: str) -> None:
    """A file among those of a set, a file of the user's, and what the set is built from, stay."""
    built(tmp_path, ROWS, "set")
    (tmp_path / "own.jsonl").write_text("{}")
    built(tmp_path, ROWS, "rows2.jsonl")
    path = tmp_path / dest
    if dest == "rows.jsonl":
        (tmp_path / "rows2.jsonl").rename(path)
        (tmp_path / "rows2.jsonl.manifest.json").rename(tmp_path / "rows.jsonl.manifest.json")
        manifest = (tmp_path / "rows.jsonl.manifest.json").read_text()
        (tmp_path / "rows.jsonl.manifest.json").write_text(manifest.replace("rows2.j", "rows.j"))
    elif not path.exists():
        path.write_text("mine")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="choose another destination"):
        built(tmp_path, path if dest == "rows.jsonl" else ROWS, dest.split("/")[0], force=True)
    assert path.read_bytes() == before


def test_a_folder_is_not_replaced_by_what_is_built_of_its_rows(tmp_path: Path) -> None:
    """The input would be gone."""
    built(tmp_path, ROWS, "set")
    with pytest.raises(UsageError, match="is made of it"):
        built(tmp_path, tmp_path / "set" / "data.jsonl", "set", force=True)


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    """Somebody made it for the set."""
    (tmp_path / "set").mkdir()
    built(tmp_path, ROWS, "set")
    assert (tmp_path / "set" / "data.jsonl").exists()


def test_datasets_loads_a_set_that_was_built_again_anew(tmp_path: Path) -> None:
    """Its cache goes by the head of the card, which changes with the rows."""
    for rows in (ROWS, ROWS[:3]):
        built(tmp_path, rows, "set", format="llava", force=True)
        found = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
        assert len(found["train"]) == len(rows)


def test_rejected_rewrites_are_no_pool(tmp_path: Path) -> None:
    """A run's rejected.jsonl beside its instructions.jsonl is easily taken for it."""
    path = write_pool(tmp_path / "rejected.jsonl")
    rows = [row | {"reasons": ["empty"]} for _, row in read_jsonl(path)]
    write_rows(path, rows)
    job = BuildJob(write_tasks(tmp_path / "tasks"), (), tmp_path / "o.jsonl", path)
    with pytest.raises(InputError, match="this rewrite was rejected"):
        build_set(job)


@pytest.mark.parametrize("dest", ["a.csv", "a.JSONL", "a.jsonl.bz2", "a.gz", "-"])
def test_a_name_that_looks_like_another_file_is_refused(tmp_path: Path, dest: str) -> None:
    """A folder of that name is not what anybody meant."""
    with pytest.raises(UsageError, match="rename it"):
        built(tmp_path, ROWS, dest)


def test_bins_do_not_go_into_what_makes_bins_itself(tmp_path: Path) -> None:
    """OFA's reader of RefCOCO takes numbers."""
    with pytest.raises(UsageError, match="leave --ofa-bins out"):
        built(tmp_path, ROWS, "set", format="ofa-refcoco", ofa_bins=True)


@pytest.mark.parametrize("dest", ["out.jsonl", "set"])
def test_a_failed_build_leaves_the_old_set_and_nothing_else(tmp_path: Path, dest: str) -> None:
    """Even by force a run that ends in error changes nothing."""
    built(tmp_path, ROWS, dest)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(InputError):
        built(tmp_path, [*ROWS, {"a": 1}], dest, force=True)
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert {p for p in after if p not in before} == set()
    assert {p for p in before if before[p] != after[p]} == {tmp_path / "rows.jsonl"}


@pytest.mark.parametrize("dest", ["out.jsonl", "set"])
def test_no_manifest_ever_vouches_for_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dest: str
) -> None:
    """Where a build fails between its rows and its manifest, no manifest fits what is there."""
    built(tmp_path, ROWS, dest)

    def refuse(path: Path, body: object) -> None:
        raise StorageError(f"{path}: the disk is full")

    monkeypatch.setattr(destination, "write_manifest", refuse)
    shown = tmp_path / "set" / "manifest.json" if dest == "set" else "out.jsonl.manifest.json"
    with pytest.raises(StorageError, match=f"^{tmp_path / shown}: the disk is full"):
        built(tmp_path, ROWS[:3], dest, force=True)
    manifest = "set/manifest.json" if dest == "set" else "out.jsonl.manifest.json"
    outputs = json.loads((tmp_path / manifest).read_bytes())["outputs"]
    folder = tmp_path / "set" if dest == "set" else tmp_path
    assert outputs == {name: sha256(folder / name) for name in outputs}
    assert not list(tmp_path.glob(".*"))


def test_a_link_to_a_folder_is_not_replaced(tmp_path: Path) -> None:
    """--force on it is refused before any work, and the set that it stands for stays."""
    built(tmp_path, ROWS, "set")
    (tmp_path / "link").symlink_to(tmp_path / "set")
    with pytest.raises(UsageError, match="symbolic link"):
        built(tmp_path, ROWS, "link", force=True)
    assert (tmp_path / "set" / "manifest.json").exists()


def test_an_error_does_not_wait_for_hashing(tmp_path: Path) -> None:
    """A build that fails at once is over at once, with terabytes of input still to be hashed."""
    broken = write_rows(tmp_path / "a.jsonl", [{"bad": 1}])
    huge = tmp_path / "b.jsonl.gz"
    with huge.open("wb") as file:
        file.truncate(1 << 42)
    job = BuildJob(write_tasks(tmp_path / "tasks"), (broken, huge), tmp_path / "out.jsonl")
    with pytest.raises(InputError):
        build_set(job)


def test_rows_with_images_are_written_one_by_one(tmp_path: Path) -> None:
    """Blocks hold one embedded image each, so that memory does not grow with a batch of them."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "big.jpg").write_bytes(b"x" * 1_000_000)
    rows = [caption_row(i, image_path="big.jpg") for i in range(150)]
    tracemalloc.start()
    built(tmp_path, rows, "out", format="ofa-caption", images=str(tmp_path / "images"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out" / "data.tsv").stat().st_size > 190_000_000
    assert peak < 50_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system decides when to write")
def test_what_is_written_goes_to_the_disk_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stretch follows stretch, and a disk that takes no advice is no error."""
    sent: list[tuple[int, int]] = []

    def advised(fd: int, start: int, length: int, _: int) -> None:
        assert start + length <= os.fstat(fd).st_size
        sent.append((start, start + length))
        raise OSError(errno.EINVAL, "no advice")

    monkeypatch.setattr(destination, "_STRETCH", 1000)
    monkeypatch.setattr(os, "posix_fadvise", advised)
    many = [caption_row(i) for i in range(2000)]
    built(tmp_path, many, "out.jsonl", tasks=[CAPTION])
    starts, ends = zip(*sent, strict=True)
    assert starts == (0, *ends[:-1])
    assert ends[-1] > 100_000


def test_a_destination_that_cannot_be_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """A missing parent and a file where a folder is wanted are found first."""
    with pytest.raises(StorageError, match="not a folder"):
        built(tmp_path, ROWS, "missing/out.jsonl")
    (tmp_path / "set").write_text("")
    (tmp_path / "dir.jsonl").mkdir()
    for dest in ("set", "dir.jsonl"):
        with pytest.raises(UsageError, match="of this name"):
            built(tmp_path, ROWS, dest, force=True)


def test_no_worker_outlives_an_error(tmp_path: Path) -> None:
    """A fault in a worker process is the user's one line, as in this process."""
    with pytest.raises(InstraugError, match="does not exist"):
        built(tmp_path, tmp_path / "missing.jsonl", workers=2)
