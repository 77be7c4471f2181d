"""Regions of raw rows are spelled in prompt, options and target alike; what is none is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instraug.errors import InputError, StorageError, UsageError
from instraug.training_set.boxes.base import Settings
from instraug.training_set.boxes.regions import Regions
from instraug.training_set.boxes.registry import load
from instraug.training_set.boxes.sizes import Sizes
from tests.sets import FIND, Row, built, choice_row, find_row, rows_of

BOX = "1.5 10.0 200.25 300.0"
OPTIONS = ["100.0 20.0 300.0 400.0", BOX]
SIZE = {"width": 640, "height": 480}


def spelled(row: Row, family: str = "ofa", **given: Any) -> Row:
    """The row with its regions spelled, its answer being one."""
    made = load(family, Settings())
    regions = Regions(made, Sizes(None, turns=False, needed=made.needs_size), **given)
    regions.speller(answers=True)(row)
    return row


def test_a_rows_regions_become_bins_everywhere(tmp_path: Path) -> None:
    """Region, options and target of a region task, so that prompt and target agree."""
    (row,) = rows_of(tmp_path, [find_row(0, width=640, height=480)], ofa_bins=True)
    region = "<bin_1> <bin_21> <bin_313> <bin_624>"
    assert row["target"] == region
    assert row["region"] == [region]
    assert region in row["options"]
    assert region in row["prompt"]
    assert "200.25" not in json.dumps(row)


def test_text_that_looks_like_a_region_stays_where_no_region_is_answered(tmp_path: Path) -> None:
    """An answer '1 2 3 4' of another task is text."""
    row = choice_row(1, options=["1 2 3 4", "b"], question="1 2 3 4", width=10, height=10)
    (found,) = rows_of(tmp_path, [row], ofa_bins=True, shuffle_options=False)
    assert found["options"] == ["1 2 3 4", "b"]
    assert "1 2 3 4" in found["prompt"]


@pytest.mark.parametrize(
    "region",
    [["1 2 3 4"], "1 2 3 4", [1, 2, 3, 4], [[1.0, 2, 3, 4]], ["1.0 2 3.00 4e0"]],
    ids=str,
)
def test_regions_are_read_in_each_spelling_of_the_release(region: Any) -> None:
    """As text or numbers, one or a list."""
    row: Row = {"region": region, "width": 999, "height": 999}
    spelled(row)
    found = row["region"]
    bins = "<bin_1> <bin_2> <bin_3> <bin_4>"
    assert found == (bins if isinstance(region, str) or region == [1, 2, 3, 4] else [bins])


def test_regions_of_named_objects_become_bins_too() -> None:
    """They are what computed fields are made of; other metadata stays."""
    row: Row = {
        "meta_data": {
            "object_regions": {"dog": ["1 2 3 4"], "cat": "5 6 7 8", "sky": "all"},
            "x": "1 2 3 4",
        },
        "image_size": [999, 999],
    }
    spelled(row)
    assert row["meta_data"] == {
        "object_regions": {
            "dog": ["<bin_1> <bin_2> <bin_3> <bin_4>"],
            "cat": "<bin_5> <bin_6> <bin_7> <bin_8>",
            "sky": "all",
        },
        "x": "1 2 3 4",
    }


def test_image_sizes_come_from_the_image_file(tmp_path: Path) -> None:
    """Where the row does not say, the picture does."""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (400, 1000)).save(tmp_path / "images" / "0.jpg")
    (row,) = rows_of(tmp_path, [find_row(0)], ofa_bins=True, images=str(tmp_path))
    assert row["target"] == "<bin_1> <bin_10> <bin_500> <bin_300>"


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (None, {}, "there is no image"),
        (b"no picture", {}, "cannot be read"),
        (None, {"image_path": "x" * 300}, "cannot be read: File name too long"),
        (b"", {"image_path": ""}, "size of the row's image is not known"),
        (b"", {"width": 0, "height": 5, "image_path": ""}, "not known"),
        (b"", {"width": True, "height": True, "image_path": ""}, "not known"),
    ],
)
def test_a_row_whose_image_size_nobody_knows_is_a_fault(
    tmp_path: Path, content: bytes | None, fields: Row, said: str
) -> None:
    """A region is never guessed."""
    (tmp_path / "images").mkdir()
    if content is not None:
        (tmp_path / "images" / "0.jpg").write_bytes(content)
    with pytest.raises(InputError, match=said):
        rows_of(tmp_path, [find_row(0, **fields)], ofa_bins=True, images=str(tmp_path))


def test_without_images_a_row_must_bring_its_size(tmp_path: Path) -> None:
    """The fix says how."""
    with pytest.raises(InputError, match="--images, or rows with width and height"):
        rows_of(tmp_path, [find_row(0)], ofa_bins=True)


def test_without_pillow_the_user_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, which also names the way that needs no library."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.jpg").write_bytes(b"")
    with pytest.raises(StorageError, match=r"pip install '\.\[images\]'"):
        rows_of(tmp_path, [find_row(0)], ofa_bins=True, images=str(tmp_path))


@pytest.mark.parametrize(
    ("family", "region"),
    [
        ("pixels", "2 10 200 300"),
        ("qwen2-vl", "<|box_start|>(2,21),(313,625)<|box_end|>"),
        ("qwen3-vl", '{"bbox_2d": [2, 21, 313, 625]}'),
        ("qwen2.5-vl", '{"bbox_2d": [2, 10, 202, 298]}'),
        ("internvl", "<box>[[2, 21, 313, 625]]</box>"),
        ("llava", "[0.0, 0.14, 0.31, 0.59]"),
        ("instructblip", "2 10 200 300"),
        ("paligemma", "<loc0021><loc0002><loc0639><loc0320>"),
        ("florence-2", "<loc_2><loc_20><loc_312><loc_625>"),
        ("kosmos-2", "<object><patch_index_0000><patch_index_0618></object>"),
        ("ofa", "<bin_2> <bin_21> <bin_313> <bin_624>"),
    ],
)
def test_prompt_options_and_target_hold_one_spelling(
    tmp_path: Path, family: str, region: str
) -> None:
    """Whatever the family; no coordinate is left in source pixels, and options are shuffled."""
    rows = [find_row(1, unique_id=str(n), options=OPTIONS, **SIZE) for n in range(20)]
    tasks = [FIND | {"instructions": ["{region}: {text} {options}"]}]
    found = rows_of(tmp_path, rows, tasks=tasks, boxes=family)
    assert {row["target"] for row in found} == {row["target_txt"] for row in found} == {region}
    for row in found:
        assert row["region"] == [region]
        assert region in row["options"]
        assert row["prompt"] == f"{region}: thing 1 {'||||'.join(row['options'])}"
        assert "200.25" not in json.dumps(row)
    assert len({tuple(row["options"]) for row in found}) == 2


def test_a_row_of_numbers_alone_gets_a_spelled_target(tmp_path: Path) -> None:
    """A raw row whose target is its region has none before it is prepared."""
    row = find_row(0, region=[1, 2, 3, 4], options=None, width=10, height=10)
    del row["target_txt"]
    tasks = [FIND | {"instructions": ["{text}"]}]
    (found,) = rows_of(tmp_path, [row], tasks=tasks, boxes="qwen2-vl")
    assert found["target"] == "<|box_start|>(100,200),(300,400)<|box_end|>"


BAD: dict[str, Row] = {
    "reaches outside its picture": {"region": ["0 0 641 480"]},
    "is upside down": {"region": ["50 0 10 480"]},
    "has no area": {"region": ["10 0 10 480"]},
    "the size of the row's image is not known": {"width": None},
    "the row has several pictures": {"image_path": ["a.jpg", "b.jpg"]},
}


@pytest.mark.parametrize(("said", "fields"), BAD.items())
@pytest.mark.parametrize("family", ["qwen2-vl", "qwen2.5-vl", "llava", "kosmos-2", "ms-swift"])
def test_a_kind_of_bad_region_is_one_line(
    tmp_path: Path, said: str, fields: Row, family: str
) -> None:
    """With a count and the first places, and with exit code 1; --skip-bad leaves the rows out."""
    if family == "ms-swift" and "width" in fields:
        pytest.skip("ms-swift measures pictures itself")
    rows = [find_row(1, unique_id=str(n), options=OPTIONS, **SIZE) for n in range(9)]
    for row in rows[2:8]:
        row.update(fields)
    with pytest.raises(InputError) as caught:
        built(tmp_path, rows, boxes=family)
    first, last = str(caught.value).split("\n")
    assert first.startswith(f"{tmp_path}/rows.jsonl:3: ")
    assert said in first
    assert "(6 times" in first
    for line in (4, 5, 6):
        assert f"rows.jsonl:{line}" in first
    assert "rows.jsonl:7" not in first
    assert last.startswith("build: 6 rows cannot be used; ")
    summary = built(tmp_path, rows, "skipped.jsonl", boxes=family, skip_bad=True)
    assert summary.rows == 3
    assert len(summary.listed) == 1


def test_kinds_of_bad_regions_are_lines_of_their_own(tmp_path: Path) -> None:
    """Each kind with its own first place; a broken line stays a line by itself."""
    rows = [find_row(1, width=640, height=480) | fields for fields in BAD.values()] * 2
    with pytest.raises(InputError) as caught:
        built(tmp_path, [*rows, {"a": 1}], boxes="qwen2-vl")
    lines = str(caught.value).split("\n")
    assert len(lines) == len(BAD) + 2
    assert sum("(2 times" in line for line in lines) == len(BAD)


@pytest.mark.parametrize(
    ("region", "found"),
    [
        ("-0.4 0 640.9 480", "<bin_0> <bin_0> <bin_999> <bin_999>"),
        ("  1,2, 3 ,4", "<bin_1> <bin_2> <bin_3> <bin_4>"),
        ("all", "all"),
        ("1 2 3", "1 2 3"),
        ("nan 2 3 4", "nan 2 3 4"),
        ("true 2 3 4 5", "true 2 3 4 5"),
    ],
)
def test_what_is_a_region_and_what_is_text(region: str, found: str) -> None:
    """Less than a pixel over the edge is rounding; what is not four numbers stays as it is."""
    size = [640, 480] if "640" in region else [999, 999]
    assert spelled({"region": region, "image_size": size})["region"] == found


def test_ofa_bins_takes_what_lies_outside_for_the_edge() -> None:
    """As it always did; --boxes ofa refuses it."""
    row: Row = {"region": "-5 -0.1 700 481", "image_size": [640, 480]}
    assert spelled(row, lenient=True)["region"] == "<bin_0> <bin_0> <bin_999> <bin_999>"


def test_options_that_become_one_box_are_noted(tmp_path: Path) -> None:
    """Two regions of one patch are the same to Kosmos-2."""
    row = find_row(1, options=["1.5 10.0 200.25 300.0", "2 11 205 299"], width=640, height=480)
    summary = built(tmp_path, [row], boxes="kosmos-2")
    assert summary.figures()["boxes"] == {"same_boxes": {"find": 1}}
    assert "two of their options are one box" in "".join(summary.remarks())


def test_ms_swift_gets_tags_and_the_boxes_beside_them(tmp_path: Path) -> None:
    """In the order of the text, prompt first, each with the number of its picture."""
    tasks = [FIND | {"instructions": ["{options}: {text}? {region[0]}"]}]
    row = find_row(1)
    (found,) = rows_of(tmp_path, [row], tasks=tasks, boxes="ms-swift", shuffle_options=False)
    assert found["prompt"] == "<bbox>||||<bbox>: thing 1? <bbox>"
    assert found["target"] == "<bbox>"
    region = [1.5, 10, 200.25, 300]
    objects = {"ref": [], "bbox": [[1, 2, 3, 4], region, region, region], "image_id": [0] * 4}
    assert found["objects"] == objects
    assert found["region"] == ["1.5 10.0 200.25 300.0"]
    assert not any(ord(c) >= 0xE000 for c in json.dumps(found, ensure_ascii=False))


def test_rows_without_regions_have_empty_objects(tmp_path: Path) -> None:
    """All rows have one schema."""
    (found,) = rows_of(tmp_path, [choice_row(1)], boxes="ms-swift", format="ms-swift")
    assert found["objects"] == {"ref": [], "bbox": [], "image_id": []}
    assert found["messages"][0]["content"].startswith("<image>\n")
    assert found["images"] == ["images/1.jpg"]


def test_a_text_with_a_tag_of_ms_swift_is_a_fault(tmp_path: Path) -> None:
    """It would take a box away from the tag that it belongs to."""
    with pytest.raises(InputError, match="a tag of ms-swift"):
        built(tmp_path, [find_row(1, text="<bbox>")], boxes="ms-swift")


def test_ms_swift_measures_no_region_without_a_picture(tmp_path: Path) -> None:
    """There is nothing that it could scale by."""
    with pytest.raises(InputError, match="regions and no picture"):
        built(tmp_path, [find_row(1, image_path="")], boxes="ms-swift")


def test_a_private_character_is_not_taken_for_a_region(tmp_path: Path) -> None:
    """It is ours to mark regions with."""
    with pytest.raises(InputError, match="private character"):
        built(tmp_path, [find_row(1, text="\ue000x")], boxes="ms-swift")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"boxes": "ms-swift", "format": "llava"}, "use --format ms-swift"),
        ({"boxes": "qwen2-vl", "ofa_bins": True}, "leave one out"),
        ({"boxes": "qwen2-vl", "format": "ofa-refcoco"}, "leave --boxes qwen2-vl out"),
        ({"boxes": "qwen2.5-vl", "min_pixels": 20_000_000}, "above --max-pixels"),
        ({"boxes": "ofa", "patch_size": 640}, "raise the second"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    tmp_path: Path, given: Row, said: str
) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError, match=said):
        built(tmp_path, [find_row(1, width=640, height=480)], "set", **given)


def test_rows_that_are_not_built_are_not_looked_at(tmp_path: Path) -> None:
    """A bad region of an evaluation task does not end a build for training."""
    tasks = [FIND | {"name": "held", "split": "eval"}, FIND]
    rows = [find_row(1, width=640, height=480), find_row(2, task_name="held", region=["4 3 2 1"])]
    assert built(tmp_path, rows, tasks=tasks, boxes="qwen2-vl").rows == 1


TEN = "<bin_10> <bin_20> <bin_30> <bin_40>"


@pytest.mark.parametrize(
    ("region", "wanted"),
    [
        ("[10, 20, 30, 40]", TEN),
        ("(10, 20, 30, 40)", TEN),
        ("10;20;30;40", TEN),
        ("10, 20, 30, 40", TEN),
        ("10\t20\t30\t40", TEN),
        ("(10,20),(30,40)", TEN),
        ("[[10, 20, 30, 40]]", TEN),
        ([["10", "20", "30", "40"]], [TEN]),
        (["10", "20.", " 30", "40"], TEN),
        ("10 20 30 40 || 10, 20, 30, 40", f"{TEN}||{TEN}"),
        ("[[10, 20, 30, 40], [10, 20, 30, 40]]", f"{TEN}, {TEN}"),
        ({"a": [10, 20, 30, 40], "b": None}, {"a": TEN, "b": None}),
    ],
    ids=str,
)
def test_a_box_is_four_numbers_however_it_is_written(region: Any, wanted: Any) -> None:
    """Parted and bracketed as people write them, alone and several in one text."""
    row = spelled({"region": region, "image_size": [999, 999]}, separators=("||",))
    assert row["region"] == wanted


@pytest.mark.parametrize("family", ["ofa", "ms-swift"])
def test_what_is_no_box_stays_and_is_counted(tmp_path: Path, family: str) -> None:
    """Region, named regions and options of a region task: a line with rows and the first place."""
    rows = [
        find_row(1, options=OPTIONS, **SIZE),
        find_row(2, options=OPTIONS, target_txt=BOX, region=["left of it"], **SIZE),
        find_row(3, options=[*OPTIONS, "none"], target_txt=BOX, **SIZE),
        find_row(4, options=OPTIONS, meta_data={"object_regions": {"a": "all"}}, **SIZE),
        find_row(5, options=OPTIONS, target_txt="b", **SIZE),
        find_row(6, options=OPTIONS, text="1 2 3", **SIZE),
    ]
    summary = built(tmp_path, rows, boxes=family)
    assert summary.figures()["boxes"] == {"not_boxes": {"find": 3}}
    (line,) = [r for r in summary.remarks() if "is no box" in r]
    assert "rows.jsonl:2: 3 rows (find 3)" in line


@pytest.mark.parametrize("target", ["the left one", "1 2 3", 7, ""])
def test_a_region_target_that_is_no_box_is_a_fault(tmp_path: Path, target: Any) -> None:
    """One line for all of them, also where it is one of the options."""
    rows = [find_row(1, options=OPTIONS, target_txt=target, **SIZE) for _ in range(3)]
    rows.append(find_row(1, options=[*OPTIONS, "none"], target_txt="none", **SIZE))
    with pytest.raises(InputError, match=r"output is region is no box.*\(4 times") as caught:
        built(tmp_path, rows, boxes="qwen3-vl")
    assert len(str(caught.value).split("\n")) == 2


def test_several_boxes_of_a_text_are_tags_each(tmp_path: Path) -> None:
    """ms-swift gets one tag and one box for each, and the row keeps its numbers."""
    row = find_row(1, options=None, target_txt="1 2 30 40||||[5, 6, 70, 80]", region=None)
    tasks = [FIND | {"instructions": ["{text}?"]}]
    (found,) = rows_of(tmp_path, [row], tasks=tasks, boxes="ms-swift")
    assert found["target"] == "<bbox>||||<bbox>"
    assert found["objects"]["bbox"] == [[1, 2, 30, 40], [5, 6, 70, 80]]
    assert found["target_txt"] == "1.0 2.0 30.0 40.0||||5.0 6.0 70.0 80.0"


@pytest.mark.parametrize("family", ["pixels", "qwen3-vl", "kosmos-2", "ms-swift", "ofa"])
def test_boxes_in_shares_of_the_picture_are_a_fault(tmp_path: Path, family: str) -> None:
    """One line, not a set of `0 0 0 0`; one such box beside others is a box."""
    shares = ["0.1 0.2 0.5 0.9", "0 0 1 1"]
    row = find_row(1, options=shares, region=shares[:1], target_txt=shares[0], **SIZE)
    with pytest.raises(InputError, match=r"is above 1.*give pixels.*\(2 times"):
        built(tmp_path, [row, row | {"unique_id": "2"}], boxes=family)
    beside = find_row(1, options=[*OPTIONS, "0 0 1 1"], **SIZE)
    assert built(tmp_path, [beside], "kosmos.jsonl", boxes="kosmos-2").rows == 1
    small = row | {"width": 1, "height": 1}
    assert built(tmp_path, [small], "small.jsonl", boxes="qwen3-vl").rows == 1


@pytest.mark.parametrize("family", ["pixels", "qwen3-vl", "llava", "florence-2", "ofa"])
def test_a_box_that_vanishes_in_the_grid_is_a_fault(tmp_path: Path, family: str) -> None:
    """Its spelling would have no area."""
    rows = [find_row(n, options=[*OPTIONS, "40.1 7.0 40.3 9.0"], **SIZE) for n in (1, 1)]
    with pytest.raises(InputError, match=r"has no area in it.*\(2 times"):
        built(tmp_path, rows, boxes=family)
