"""Boxes that models spell in tokens of their own are read as the models' code reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.evaluation.scores import boxes
from instraug.evaluation.scores.protocols import PROTOCOLS
from instraug.training_set.boxes.base import Settings
from instraug.training_set.boxes.registry import load

FAMILIES = ("paligemma", "florence-2", "kosmos-2", "ofa")
SIZE = (640.0, 480.0)

PART = st.floats(0, 0.9)
AREA = st.tuples(PART, PART, st.floats(0.05, 0.1), st.floats(0.05, 0.1)).map(
    lambda p: (
        p[0] * SIZE[0],
        p[1] * SIZE[1],
        (p[0] + p[2]) * SIZE[0],
        (p[1] + p[3]) * SIZE[1],
    )
)


@pytest.mark.parametrize("name", FAMILIES)
@given(AREA, AREA)
def test_two_boxes_overlap_as_what_the_family_reads_back(
    name: str, one: boxes.Box, other: boxes.Box
) -> None:
    """IoU of two spellings is that of the regions in pixels, whatever the picture's proportions."""
    family = load(name, Settings())
    spelled = [family.spelling(SIZE)(*box) for box in (one, other)]
    found = [boxes.parse(text) for text in spelled]
    assert found[0]
    assert found[1]
    a, b = (family.read(text, SIZE) for text in spelled)
    assert boxes.iou(found[0], found[1]) == pytest.approx(boxes.iou(a, b), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("<loc0010><loc0020><loc0030><loc0040> cat", (20, 10, 40, 30)),
        ("<loc0010> <loc0020> <loc0030> <loc0040>", (20, 10, 40, 30)),
        ("a cat<loc_1><loc_2><loc_300><loc_999>", (1, 2, 300, 999)),
        ("<object><patch_index_0000><patch_index_0033></object>", (0.5, 0.5, 1.5, 1.5)),
        ("<object><patch_index_0000><patch_index_0001></object>", (0, 0, 2, 1)),
    ],
)
def test_a_box_in_tokens_is_found_in_an_answer(text: str, box: boxes.Box) -> None:
    """With a word beside it, and white space that a decoder put in."""
    assert boxes.parse(text) == box


@pytest.mark.parametrize(
    "text",
    [
        "<loc0010><loc0020><loc0030>",
        "<loc0010><loc0020><loc0030><loc0040><loc0050>",
        "<loc0010><loc0020><loc0030><loc0040> a ; <loc0011><loc0020><loc0030><loc0040> b",
        "<loc0030><loc0020><loc0010><loc0040>",
        "<loc_1><loc_2><loc_3><loc_4> 1 2 3 5",
        "<patch_index_0000>",
        "<patch_index_0000><patch_index_0033><patch_index_0034>",
        "<patch_index_0033><patch_index_0000>",
        "<loc10><loc20><loc30><loc40>",
    ],
)
def test_several_boxes_or_a_broken_one_are_none(text: str) -> None:
    """Too few tokens, too many, two boxes, or a corner in the wrong place."""
    assert boxes.parse(text) is None


def test_the_protocol_chooses_the_option_of_the_highest_overlap() -> None:
    """Options and answer in one family's spelling."""
    options = tuple(
        f"<loc{y:04}><loc{x:04}><loc{y + 90:04}><loc{x + 90:04}>" for y, x in ((0, 0), (500, 300))
    )
    judged = PROTOCOLS["iou"].score("<loc0510><loc0310><loc0600><loc0400>", options[1], options)
    assert judged.score == 1
    judged = PROTOCOLS["iou"].score("<loc0300><loc0500><loc0390><loc0590>", options[1], options)
    assert judged.score == 0
