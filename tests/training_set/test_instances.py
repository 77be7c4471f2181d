"""MultiInstruct's rows become instances whose prompts are the release's own, byte for byte."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import InputError
from instraug.tasks.importers.multiinstruct.templates import read_templates
from instraug.tasks.records import Instance, Output, Task, Template
from instraug.tasks.rendering import renderer
from instraug.training_set.instances.computed import COMPUTED, region_texts
from instraug.training_set.instances.multiinstruct import (
    Adapter,
    BadRow,
    Unusable,
    computed_fields,
    instance_files,
    read_instances,
)

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TABLE = SHARED / "multiinstruct_templates.tsv"
SAMPLE = SHARED / "multiinstruct_train_sample.jsonl"
CHECKOUT = os.environ.get("MULTIINSTRUCT_CHECKOUT")


def task(name: str, *templates: str, output: Output = "text", **settings: Any) -> Task:
    made = tuple(Template(name, text, i) for i, text in enumerate(templates))
    return Task(name, made, output=output, **settings)


def row(name: str, **fields: Any) -> dict[str, Any]:
    return {"unique_id": "1", "task_name": name, "target_txt": "t", **fields}


def prompts(tasks: dict[str, Task], instance: Instance) -> Iterator[str]:
    """Render every template, under both orders where the row holds no options of its own."""
    found = tasks[instance.task]
    options: list[str] = instance.fields.get("options") or []
    orders = [options, options[::-1]] if found.defaults else [options]
    for template in found.templates:
        render = renderer(template.text, found)
        for order in orders:
            yield render({**instance.fields, "options": order})


def assert_parity(source: Path, rows: Path, unknown: set[str]) -> int:
    """Assert that each row's own prompt is among ours; return the number of rows."""
    tasks = {t.name: t for t in read_templates(source).tasks}
    unusable: list[Unusable] = []
    count = 0
    for instance in read_instances([rows], tasks.values(), unusable.append, as_released=True):
        assert instance.fields["prompt"] in set(prompts(tasks, instance)), instance.where
        assert instance.fields["target_txt"] == instance.fields["target"]
        count += 1
    assert {u.kind for u in unusable} <= {"unknown task"}
    assert {u.problem.what for u in unusable} == {f"no task is named {n!r}" for n in unknown}
    return count


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the release's built rows are not here")
def test_parity_with_the_table() -> None:
    """Every built row whose task the table has is rendered byte for byte: 55 of 59."""
    unknown = {
        "VQA_sport_recognition",
        "select_overlap_least_region",
        "wikihow_immediate_next_step_selection",
        "text_localization",
    }
    assert assert_parity(TABLE, SAMPLE, unknown) == 55


@pytest.mark.skipif(not CHECKOUT, reason="MULTIINSTRUCT_CHECKOUT names no checkout")
def test_parity_with_the_public_repository() -> None:
    """Every built row of the public repository, training and testing, is rendered byte for byte."""
    checkout = Path(CHECKOUT or "")
    assert assert_parity(checkout, checkout / "train.jsonl", set()) == 59
    assert assert_parity(checkout, checkout / "test.jsonl", set()) == 11


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
    adapter = Adapter([shows, other])
    given = row("shows", **deepcopy(fields))
    assert adapter.adapt(given) == "shows"
    assert given == {**row("shows", **fields), name: value}
    assert computed_fields(shows) == (name,)
    plain = row("other", **deepcopy(fields))
    adapter.adapt(plain)
    assert plain == row("other", **fields)


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
    Adapter([task("pick", "Pick {options}", output="region")]).adapt(raw)
    assert raw["region"] == ["1 2 3.5 4"]
    assert raw["options"] == ["1 2 3.5 4", "5 6 7 8"]
    assert raw["target_txt"] == "1 2 3.5 4"


def test_several_regions_of_a_target_are_joined_as_the_release_does() -> None:
    """A target of several regions is their texts, a space between."""
    raw = {"unique_id": "1", "task_name": "find", "region": [[1, 2, 3, 4], "5 6 7 8"]}
    Adapter([task("find", "Find it.", output="region")]).adapt(raw)
    assert raw["target_txt"] == "1 2 3 4 5 6 7 8"


def test_defaults_are_copied_into_rows_that_lack_them() -> None:
    """A row without options gets its own copy of the task's, one with options keeps them."""
    ordering = task("o", "Which? {options}", defaults={"options": ["next", "previous"]})
    adapter = Adapter([ordering])
    lacking, null, having = row("o"), row("o", options=None), row("o", options=["a"])
    for each in (lacking, null, having):
        adapter.adapt(each)
    lacking["options"].reverse()
    assert ordering.defaults == {"options": ["next", "previous"]}
    assert null["options"] == ["next", "previous"]
    assert having["options"] == ["a"]


def test_a_dialogue_row_goes_to_the_task_of_its_history() -> None:
    """With a history or without decides the task, where both exist; else the row's own name."""
    both = [task("visual_dialog_has_hist", "x"), task("visual_dialog_no_hist", "y")]
    turn = {"dialog_hist": [{"q": "a", "a": "b"}]}
    adapter = Adapter([*both, task("visual_dialog", "z")])
    assert adapter.adapt(row("visual_dialog", meta_data=turn)) == "visual_dialog_has_hist"
    assert adapter.adapt(row("visual_dialog", meta_data={"dialog_hist": []})) == (
        "visual_dialog_no_hist"
    )
    alone = Adapter([task("visual_dialog", "z")])
    assert alone.adapt(row("visual_dialog", meta_data=turn)) == "visual_dialog"
    with pytest.raises(BadRow, match="visual_dialog_has_hist"):
        Adapter(both[1:]).adapt(row("visual_dialog", meta_data=turn))


def test_a_row_that_tells_its_target_is_refused_unless_as_released() -> None:
    """A next-step row whose context holds the target is a known fault with a kind of its own."""
    steps = task("wikihow_next_step", "Done: {previous_steps}")
    told = row("wikihow_next_step", context=["s", "t"])
    with pytest.raises(BadRow) as caught:
        Adapter([steps]).adapt(dict(told))
    assert caught.value.kind == "target in context"
    assert Adapter([steps], as_released=True).adapt(dict(told)) == steps.name
    assert Adapter([steps]).adapt(row(steps.name, context=["s"])) == steps.name
    assert Adapter([steps]).adapt(row(steps.name, context=["to t"])) == steps.name


@pytest.mark.parametrize("name", ["damage_severity", "informative", "disaster_types"])
def test_medic_rows_get_their_own_options_unless_as_released(name: str) -> None:
    """The options of three tasks together are cut down to the row's own."""
    medic = task(f"medic_{name}", "Which? {options}")
    fields = {"options": ["a", "b", "c"], "meta_data": {"options": ["a", "b"]}}
    fixed, released = row(medic.name, **fields), row(medic.name, **fields)
    Adapter([medic]).adapt(fixed)
    Adapter([medic], as_released=True).adapt(released)
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
        ({"task_name": "a", "target_txt": "t"}, "missing field", "without options, unique_id"),
        (
            {**row("a", options=[]), "target_txt": 3},
            "missing field",
            "target_txt or unique_id is no",
        ),
        ({**row("a", options=[]), "unique_id": 3}, "missing field", "unique_id is no text"),
        (row("a", options=["x"], region=[3, None, {}]), "missing field", "of another shape"),
        (row("a", options=["x"], region=[[3, [4]]]), "missing field", "a region is four numbers"),
        (row("a", options=["x"], region={"x": 1}), "missing field", "row of task a without 0"),
        (row("a", options=["x"], region=7), "missing field", "of another shape"),
        (row("c"), "missing field", "row of task c without meta_data"),
        (row("c", meta_data=[]), "missing field", "of another shape"),
        (row("d", context="one text"), "missing field", "of another shape"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(given: dict[str, Any], kind: str, what: str) -> None:
    """Unknown tasks and missing or misshapen fields are named, never a traceback."""
    adapter = Adapter(
        [task("a", "{options}"), task("c", "{given_region}"), task("d", "{previous_steps}")]
    )
    with pytest.raises(BadRow) as caught:
        adapter.adapt(given)
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
_EVERY = [
    task("all", *(f"{{{name}}}" for name in COMPUTED), output="region"),
    task("wikihow_next_step", "{previous_steps} {meta_data.method}"),
    task("medic_informative", "{options}"),
    task("visual_dialog_has_hist", "{dialog_history}"),
]


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
        name = Adapter(_EVERY).adapt(given)
    except BadRow as bad:
        line = str(bad.at("f:1").problem)
    else:
        line = f"f:1: {name}"
    assert line.startswith("f:1: ")


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
    unusable: list[Unusable] = []
    found = list(read_instances([tmp_path], [task("a", "x")], unusable.append))
    assert [i.fields["n"] for i in found] == [2, 0, 1, 3]
    assert found[0].where == f"{tmp_path}/testing_data/c/test.jsonl:1"
    assert (found[0].task, found[0].unique_id) == ("a", "1")
    assert unusable == []


def test_a_folder_without_rows_is_an_error(tmp_path: Path) -> None:
    """Every folder that holds no row file is named at once."""
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError) as caught:
        instance_files([tmp_path, tmp_path / "x", tmp_path / "some.jsonl"])
    assert [p.where for p in caught.value.problems] == [str(tmp_path), str(tmp_path / "x")]


def test_bad_lines_are_told_in_order_and_the_rest_is_read(tmp_path: Path) -> None:
    """Broken JSON, values that are no object and unknown tasks are reported by file and line."""
    file = tmp_path / "rows.jsonl"
    lines = [row("a"), "{", "[1]", "", row("b"), row("a", text="\u2028"), '{"a": NaN}']
    file.write_text(
        "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines), encoding="utf-8"
    )
    unusable: list[Unusable] = []
    found = list(read_instances([file], [task("a", "x")], unusable.append))
    assert [i.where for i in found] == [f"{file}:1", f"{file}:6"]
    assert [(u.kind, u.problem.where) for u in unusable] == [
        ("broken line", f"{file}:2"),
        ("broken line", f"{file}:3"),
        ("unknown task", f"{file}:5"),
        ("broken line", f"{file}:7"),
    ]


def test_a_cut_archive_is_never_a_partial_success(tmp_path: Path) -> None:
    """A compressed file that ends early is an error, whatever could be read of it."""
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress((json.dumps(row("a")) + "\n").encode() * 1000)[:-9])
    with pytest.raises(InputError, match="cut short"):
        list(read_instances([file], [task("a", "x")], lambda _: None))
