"""Regions become OFA's bins: coordinate over side, times 999, rounded half to even."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from instraug.errors import InputError, StorageError
from instraug.training_set.formats.ofa_bins import bins, quantiser
from tests.sets import Row, choice_row, find_row, rows_of

SIDE = st.floats(1, 1e5)


def test_bins_of_known_regions() -> None:
    """The edges are 0 and 999; a half is rounded to even; what lies outside counts as the edge."""
    assert bins((0, 0, 640, 480), (640, 480)) == "<bin_0> <bin_0> <bin_999> <bin_999>"
    assert bins((1, 3, 5, 7), (1998, 1998)) == "<bin_0> <bin_2> <bin_2> <bin_4>"
    assert bins((-5, -0.1, 700, 481), (640, 480)) == "<bin_0> <bin_0> <bin_999> <bin_999>"


@given(st.tuples(SIDE, SIDE, SIDE, SIDE), SIDE, SIDE)
def test_bins_are_within_half_a_bin_of_the_coordinate(
    box: tuple[float, float, float, float], width: float, height: float
) -> None:
    """Turning bins back into pixels misses by half a bin at most."""
    found = [int(n) for n in re.findall(r"<bin_(\d+)>", bins(box, (width, height)))]
    assert len(found) == 4
    for bin_, coordinate, side in zip(found, box, (width, height) * 2, strict=True):
        assert 0 <= bin_ <= 999
        assert abs(bin_ / 999 * side - min(coordinate, side)) <= side / 999 * 0.5001


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
    quantiser(None, ())(row)
    found = row["region"]
    spelled = "<bin_1> <bin_2> <bin_3> <bin_4>"
    assert found == (spelled if isinstance(region, str) or region == [1, 2, 3, 4] else [spelled])


def test_regions_of_named_objects_become_bins_too() -> None:
    """They are what computed fields are made of; other metadata stays."""
    row: Row = {
        "meta_data": {
            "object_regions": {"dog": ["1 2 3 4"], "cat": "5 6 7 8", "sky": "all"},
            "x": "1 2 3 4",
        },
        "image_size": [999, 999],
    }
    quantiser(None, ())(row)
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
    with pytest.raises(StorageError, match=r"pip install 'instraug\[images\]'"):
        rows_of(tmp_path, [find_row(0)], ofa_bins=True, images=str(tmp_path))
