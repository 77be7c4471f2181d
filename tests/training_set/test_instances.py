"""MultiInstruct's rows get prompts that are the release's own, byte for byte."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.chain.build import build
from instraug.errors import BadRow, InputError
from instraug.files.jsonl import read_jsonl
from instraug.tasks.importers.multiinstruct.templates import read_templates
from instraug.tasks.pool import Pool
from instraug.tasks.records import Output, Task
from instraug.tasks.save import write
from instraug.training_set.build import BuildJob
from instraug.training_set.config import BuildConfig
from instraug.training_set.formats.base import Options
from instraug.training_set.instances.base import Prepare, Row
from instraug.training_set.instances.computed import COMPUTED, region_texts
from instraug.training_set.instances.multiinstruct import MultiInstruct, MultiInstructAdapter
from instraug.training_set.shard_builder import Builder, Recipe
from instraug.training_set.shards import Shard
from tests.sets import rows_of

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "multiinstruct"
"""A few rows of the release's shapes: raw, and with the prompts that f-strings made of them."""
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TABLE = SHARED / "multiinstruct_templates.tsv"
RELEASED = SHARED / "multiinstruct_train_sample.jsonl"
CHECKOUT = os.environ.get("MULTIINSTRUCT_CHECKOUT")


def task(name: str, *templates: str, output: Output = "text", **settings: Any) -> Task:
    return Task(name, templates, output=output, **settings)


def row(name: str, **fields: Any) -> dict[str, Any]:
    return {"unique_id": "1", "task_name": name, "target_txt": "t", **fields}


Prompts = dict[tuple[str, str], set[tuple[str, str]]]
"""Task name and id of a row -> its prompts, each with the row's target."""


def prompts(tasks: Iterable[Task], rows: Path, folder: Path) -> tuple[Prompts, dict[str, int]]:
    """Build every prompt of rows; return them, and how many rows were skipped by kind."""
    write(tasks, folder / "tasks")
    config = BuildConfig(
        split="all",
        epsilon=1,
        per_instance="all",
        shuffle_options=False,
        as_released=True,
        skip_bad=True,
    )
    dest = folder / "set.jsonl"
    summary = build(BuildJob(folder / "tasks", (rows,), dest, config=config))
    found: Prompts = defaultdict(set)
    for _, row in read_jsonl(dest):
        found[row["task_name"], row["unique_id"]].add((row["prompt"], row["target"]))
    return found, dict(summary.skipped)


def assert_parity(source: Path, rows: Path, released: Path, folder: Path) -> tuple[int, int]:
    """Assert that each released row's own prompt and target are among those built of rows.

    Returns:
        How many rows have a task, and how many have none.
    """
    tasks = read_templates(source).tasks
    # The two orders of options that no row holds: the release shuffles them.
    turned = [
        replace(task, defaults={k: list(reversed(v)) for k, v in task.defaults.items()})
        for task in tasks
    ]
    for name in ("one", "other"):
        (folder / name).mkdir(parents=True)
    one, skipped = prompts(tasks, rows, folder / "one")
    other, _ = prompts(turned, rows, folder / "other")
    assert skipped.keys() <= {"unknown task"}
    count = 0
    for _, row in read_jsonl(released):
        key = (row["task_name"], row["unique_id"])
        if key in one:
            assert (row["prompt"], row["target"]) in one[key] | other[key], key
            count += 1
    return count, skipped.get("unknown task", 0)


@pytest.mark.parametrize("rows", ["raw", "built"])
def test_parity_with_the_sample(rows: str, tmp_path: Path) -> None:
    """Raw rows and built ones get the very prompts that the release's f-strings give."""
    given = SAMPLE / f"{rows}.jsonl"
    found = assert_parity(SAMPLE / "templates.tsv", given, SAMPLE / "built.jsonl", tmp_path)
    assert found == (20, 0)


@pytest.mark.skipif(not RELEASED.is_file(), reason="the release's built rows are not here")
def test_parity_with_the_table(tmp_path: Path) -> None:
    """Every built row whose task the table has is rendered byte for byte: 55 of 59."""
    assert assert_parity(TABLE, RELEASED, RELEASED, tmp_path) == (55, 4)


@pytest.mark.skipif(not CHECKOUT, reason="MULTIINSTRUCT_CHECKOUT names no checkout")
@pytest.mark.parametrize(("name", "count"), [("train", 59), ("test", 11)])
def test_parity_with_the_public_repository(name: str, count: int, tmp_path: Path) -> None:
    """Every built row of the public repository, training and testing, is rendered byte for byte."""
    checkout = Path(CHECKOUT or "")
    rows = checkout / f"{name}.jsonl"
    assert assert_parity(checkout, rows, rows, tmp_path) == (count, 0)


def prepared(adapter: MultiInstructAdapter, row: dict[str, Any]) -> str:
    """Make a row ready, and return its task's name."""
    name = adapter.task_of(row)
    if prepare := adapter.preparer(name):
        prepare(row)
    return name


@pytest.mark.parametrize(
    ("regions", "texts"),
    [
        (["1 2 3 4"], ["1 2 3 4"]),
        ([[1, 2.0, 3.25, 491.20000000000005]], ["1 2.0 3.25 491.20000000000005"]),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], ["1 2 3 4", "5 6 7 8"]),
        ([1, 2, 3, 4], ["1 2 3 4"]),
        ("1 2 3 4", ["1 2 3 4"]),
        ([], []),
    ],
)
def test_regions_are_spelled_as_the_release_does(regions: Any, texts: list[str]) -> None:
    """Numbers keep their digits and are joined by a space; text stays as it is."""
    assert region_texts(regions) == texts


REGIONS = {"object_regions": {"subject": [[1, 2, 3, 4]], "object": ["5 6 7 8"]}}


@pytest.mark.parametrize(
    ("name", "fields", "value"),
    [
        ("given_region", {"meta_data": {"object_regions": {"given_region": ["1 2"]}}}, ["1 2"]),
        ("subject_region", {"meta_data": REGIONS}, ["1 2 3 4"]),
        ("object_region", {"meta_data": REGIONS}, ["5 6 7 8"]),
        ("region_info", {"meta_data": REGIONS}, "subject is in 1 2 3 4. object is in 5 6 7 8."),
        (
            "question_with_regions",
            {"meta_data": REGIONS, "question": "Is the subject a subject?"},
            "Is the the subject in 1 2 3 4 a the subject in 1 2 3 4?",
        ),
        (
            "dialog_history",
            {"meta_data": {"dialog_hist": [{"q": "who", "a": "me"}, {"q": "why", "a": "so"}]}},
            ["who, me;", "why, so;"],
        ),
        ("previous_steps", {"context": ["Cut.", "Glue."]}, ["Cut.", "Glue."]),
        ("previous_steps", {"context": []}, ['"nothing"']),
    ],
)
def test_computed_fields(name: str, fields: dict[str, Any], value: Any) -> None:
    """Each computed field is what the release computes, and only the tasks that show it get it."""
    shows, other = task("shows", f"See {{{name}}}"), task("other", "See")
    adapter = MultiInstructAdapter([shows, other])
    given = row("shows", **deepcopy(fields))
    assert prepared(adapter, given) == "shows"
    assert given == {**row("shows", **fields), name: value}
    assert adapter.hidden("shows") == (name,)
    assert adapter.preparer("other") is None


def test_the_catalog_of_computed_fields_is_complete() -> None:
    """Every computed field of the importer's has its function here."""
    from instraug.tasks.importers.multiinstruct import catalog

    tables = [catalog.LOCALS, *catalog.TABLE_LOCALS.values()]
    assert {local.field for table in tables for local in table.values()} == COMPUTED.keys()


def test_regions_of_raw_rows_become_text() -> None:
    """Regions, options that are regions, and a target that the raw row lacks are spelled out."""
    raw = {
        "unique_id": "1",
        "task_name": "pick",
        "region": [[1, 2, 3.5, 4]],
        "options": [[1, 2, 3.5, 4], [5, 6, 7, 8]],
    }
    prepared(MultiInstructAdapter([task("pick", "Pick {options}", output="region")]), raw)
    assert raw["region"] == ["1 2 3.5 4"]
    assert raw["options"] == ["1 2 3.5 4", "5 6 7 8"]
    assert raw["target_txt"] == "1 2 3.5 4"


def test_several_regions_of_a_target_are_joined_as_the_release_does() -> None:
    """A target of several regions is their texts, a space between."""
    raw = {"unique_id": "1", "task_name": "find", "region": [[1, 2, 3, 4], "5 6 7 8"]}
    prepared(MultiInstructAdapter([task("find", "Find it.", output="region")]), raw)
    assert raw["target_txt"] == "1 2 3 4 5 6 7 8"


def test_defaults_are_copied_into_rows_that_lack_them() -> None:
    """A row without options gets its own copy of the task's, one with options keeps them."""
    ordering = task("o", "Which? {options}", defaults={"options": ["next", "previous"]})
    adapter = MultiInstructAdapter([ordering])
    lacking, null, having = row("o"), row("o", options=None), row("o", options=["a"])
    for each in (lacking, null, having):
        prepared(adapter, each)
    lacking["options"].reverse()
    assert ordering.defaults == {"options": ["next", "previous"]}
    assert null["options"] == ["next", "previous"]
    assert having["options"] == ["a"]


def test_a_dialogue_row_goes_to_the_task_of_its_history() -> None:
    """With a history or without decides the task, where both exist; else the row's own name."""
    both = [task("visual_dialog_has_hist", "x"), task("visual_dialog_no_hist", "y")]
    turn = {"dialog_hist": [{"q": "a", "a": "b"}]}
    adapter = MultiInstructAdapter([*both, task("visual_dialog", "z")])
    told = row("visual_dialog", meta_data=turn)
    assert adapter.task_of(told) == "visual_dialog_has_hist"
    fresh = row("visual_dialog", meta_data={"dialog_hist": []})
    assert adapter.task_of(fresh) == "visual_dialog_no_hist"
    assert MultiInstructAdapter([task("visual_dialog", "z")]).task_of(told) == "visual_dialog"
    with pytest.raises(BadRow, match="visual_dialog_has_hist"):
        MultiInstructAdapter(both[1:]).task_of(told)


def test_a_row_that_tells_its_target_is_refused_unless_as_released() -> None:
    """A next-step row whose context holds the target is a known fault with a kind of its own."""
    steps = task("wikihow_next_step", "Done: {previous_steps}")
    told = row("wikihow_next_step", context=["s", "t"])
    with pytest.raises(BadRow) as caught:
        prepared(MultiInstructAdapter([steps]), dict(told))
    assert caught.value.kind == "target in context"
    assert prepared(MultiInstructAdapter([steps], as_released=True), dict(told)) == steps.name
    assert prepared(MultiInstructAdapter([steps]), row(steps.name, context=["s"])) == steps.name
    assert prepared(MultiInstructAdapter([steps]), row(steps.name, context=["to t"])) == steps.name


@pytest.mark.parametrize("name", ["damage_severity", "informative", "disaster_types"])
def test_medic_rows_get_their_own_options_unless_as_released(name: str) -> None:
    """The options of three tasks together are cut down to the row's own."""
    medic = task(f"medic_{name}", "Which? {options}")
    fields = {"options": ["a", "b", "c"], "meta_data": {"options": ["a", "b"]}}
    fixed, released = row(medic.name, **fields), row(medic.name, **fields)
    prepared(MultiInstructAdapter([medic]), fixed)
    prepared(MultiInstructAdapter([medic], as_released=True), released)
    assert fixed["options"] == ["a", "b"]
    assert released["options"] == ["a", "b", "c"]
    fixed["options"].reverse()
    assert fixed["meta_data"]["options"] == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "kind", "what"),
    [
        ({}, "missing field", "a row without task_name"),
        ({"task_name": None}, "missing field", "a row without task_name"),
        ({"task_name": ["a"]}, "unknown task", "no task is named ['a']"),
        (row("b"), "unknown task", "no task is named 'b'"),
        ([1], "broken line", "not a JSON object"),
        (row("a", options=["x"], region=[3, None, {}]), "missing field", "of another shape"),
        (row("a", options=["x"], region=[[3, [4]]]), "missing field", "a region is four numbers"),
        (row("a", options=["x"], region={"x": 1}), "missing field", "row of task a without 0"),
        (row("a", options=["x"], region=7), "missing field", "of another shape"),
        (row("c"), "missing field", "row of task c without meta_data"),
        (row("c", meta_data=[]), "missing field", "of another shape"),
        (row("d", context="one text"), "missing field", "of another shape"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(given: Any, kind: str, what: str) -> None:
    """Unknown tasks and missing or misshapen fields are named, never a traceback."""
    adapter = MultiInstructAdapter(
        [
            task("a", "{options} {region}", defaults={"options": ["x"]}),
            task("c", "{given_region}"),
            task("d", "{previous_steps}"),
        ]
    )
    with pytest.raises(BadRow) as caught:
        prepared(adapter, given)
    assert caught.value.kind == kind
    assert what in caught.value.what


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["object_regions", "dialog_hist", "options", "q", "a", "subject"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
_EVERY = MultiInstructAdapter(
    [
        task("all", *(f"{{{name}}}" for name in COMPUTED), output="region"),
        task("wikihow_next_step", "{previous_steps} {meta_data.method}"),
        task("medic_informative", "{options}"),
        task("visual_dialog_has_hist", "{dialog_history}"),
    ]
)


@given(
    st.sampled_from(["all", "wikihow_next_step", "medic_informative", "visual_dialog"]),
    st.dictionaries(
        st.sampled_from(["region", "options", "meta_data", "context", "question", "target_txt"]),
        _JSON,
    ),
)
def test_no_row_breaks_the_adapter(name: str, fields: dict[str, Any]) -> None:
    """Any JSON object is adapted or refused with a reason."""
    given = {"unique_id": "1", "task_name": name, **fields}
    try:
        found = prepared(_EVERY, given)
    except BadRow as bad:
        found = bad.kind
    reasons = {"missing field", "target in context", "unknown task"}
    assert found in {name, "visual_dialog_has_hist"} | reasons


def layout(root: Path) -> None:
    """Write a small data folder as the release's scripts leave it."""
    lines = {
        "training_data/b/train.jsonl": [row("a", n=1)],
        "training_data/b/valid.jsonl": [row("a", n=9)],
        "training_data/a/train.jsonl": [row("a", n=0)],
        "testing_data/c/test.jsonl": [row("a", n=2)],
    }
    for name, rows in lines.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    packed = root / "training_data" / "d" / "train.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(json.dumps(row("a", n=3)).encode()))


def test_a_folder_in_the_releases_layout_is_read_in_a_fixed_order(tmp_path: Path) -> None:
    """Training and testing rows are found, compressed too; validation rows are not."""
    layout(tmp_path)
    files = MultiInstruct().files([tmp_path])
    assert [str(file.relative_to(tmp_path)) for file in files] == [
        "testing_data/c/test.jsonl",
        "training_data/a/train.jsonl",
        "training_data/b/train.jsonl",
        "training_data/d/train.jsonl.gz",
    ]
    tasks = [{"name": "a", "instructions": ["x"]}]
    (tmp_path / "out").mkdir()
    rows = rows_of(tmp_path / "out", tmp_path, tasks=tasks, split="all")
    assert [r["n"] for r in rows] == [2, 0, 1, 3]


def test_a_folder_without_rows_is_an_error(tmp_path: Path) -> None:
    """Every folder that holds no row file is named at once."""
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError) as caught:
        MultiInstruct().files([tmp_path, tmp_path / "x", tmp_path / "some.jsonl"])
    assert [p.where for p in caught.value.problems] == [str(tmp_path), str(tmp_path / "x")]


class Renamed(MultiInstructAdapter):
    """Rows that name their task, id and target in words of their own."""

    def task_of(self, row: Any) -> str:
        return str(row["kind"])

    def preparer(self, task: str) -> Prepare:
        def prepare(row: Row) -> None:
            row["unique_id"], row["target_txt"] = row.pop("number"), row.pop("answer")

        return prepare


class Table(MultiInstruct):
    """Such rows in a CSV file."""

    @contextmanager
    def opened(self, shard: Shard, batch: int) -> Iterator[Iterator[list[bytes]]]:
        with shard.path.open(newline="") as file:
            yield iter([[json.dumps(row).encode() for row in csv.DictReader(file)]])

    def adapter(self, tasks: Iterable[Task]) -> Renamed:
        return Renamed(tasks)


def test_another_kind_of_instances_is_built_behind_the_same_seam(tmp_path: Path) -> None:
    """Files, lines, task, id and target are what a kind says; the builder asks for nothing else."""
    file = tmp_path / "rows.csv"
    file.write_text('kind,number,answer,text\na,7,"yes, two\nlines",a cat\n')
    recipe = Recipe(
        (Pool(task("a", "Is it {text}?")),),
        Table(),
        "multiinstruct",
        Options(".jsonl"),
        BuildConfig(),
    )
    blocks: list[bytes] = []
    (shard,) = recipe.instances.split(recipe.instances.files([file]))
    report = Builder(recipe).build(shard, (), blocks.append)
    assert report.bad.found == {}
    (row,) = map(json.loads, b"".join(blocks).splitlines())
    assert (row["unique_id"], row["prompt"], row["target"]) == (
        "7",
        "Is it a cat?",
        "yes, two\nlines",
    )
