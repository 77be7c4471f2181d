"""Every family: what it writes for known boxes, and how near it comes back."""

from __future__ import annotations

import random

import pytest

from instraug.errors import BadRow
from instraug.training_set.boxes.base import Resizing, Settings, Size
from instraug.training_set.boxes.qwen2_5_vl import seen_size
from instraug.training_set.boxes.registry import FAMILIES, load

RNG = random.Random(13)


def boxes(count: int) -> list[tuple[Size, tuple[float, float, float, float]]]:
    """Sound regions in pictures of many shapes, with the edges among them."""
    found = []
    for number in range(count):
        size = (float(RNG.randint(30, 4000)), float(RNG.randint(30, 4000)))
        sides = [sorted(RNG.uniform(0, side) for _ in range(2)) for side in size]
        if number % 10 == 0:
            sides = [[0.0, side] for side in size]
        (x1, x2), (y1, y2) = sides
        if x2 - x1 > 1 and y2 - y1 > 1:
            found.append((size, (x1, y1, x2, y2)))
    return found


THOUSAND = boxes(1010)[:1000]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_thousand_boxes_come_back_within_half_a_step(name: str) -> None:
    """Of the family's grid, a whole patch for Kosmos-2, one pixel where it is pixels."""
    family = load(name, Settings())
    worst = 0.0
    for size, box in THOUSAND:
        back = family.read(family.spelling(size)(*box), size)
        for ours, theirs, step in zip(back, box, family.step(size) * 2, strict=True):
            worst = max(worst, abs(ours - theirs) / step)
    assert worst <= (1 if family.whole_step else 0.5) + 1e-9


@pytest.mark.parametrize("name", FAMILIES)
def test_other_text_is_not_read_as_a_region(name: str) -> None:
    """Reading back refuses what the family does not write."""
    with pytest.raises(ValueError, match="is not a region"):
        load(name, Settings()).read("none", (10, 10))


def spelled(name: str, size: Size, box: tuple[float, float, float, float], **given: int) -> str:
    """The spelling of one region, with settings."""
    return load(name, Settings(**given)).spelling(size)(*box)  # type: ignore[arg-type]


def test_the_edges_of_each_grid() -> None:
    """Halves and edges as the families' own code has them."""
    whole = (0, 0, 1000, 1000)
    assert spelled("qwen2.5-vl", (1000, 1000), (100, 200, 500, 1000)) == (
        '{"bbox_2d": [101, 202, 504, 1008]}'
    )
    assert spelled("florence-2", (1000, 1000), whole) == "<loc_0><loc_0><loc_999><loc_999>"
    assert "_0000><patch_index_0495>" in spelled("kosmos-2", (100, 100), (0, 0, 50, 50))
    assert "_0000><patch_index_0511>" in spelled("kosmos-2", (100, 100), (0, 0, 100, 50))
    assert spelled("paligemma", (1000, 1000), whole) == "<loc0000><loc0000><loc1023><loc1023>"
    for patch, edge in ((512, 999), (480, 937), (384, 749)):
        found = spelled("ofa", (1000, 1000), whole, patch_size=patch)
        assert found == f"<bin_0> <bin_0> <bin_{edge}> <bin_{edge}>"
    assert spelled("ofa", (1998, 1998), (1, 3, 5, 7)) == "<bin_0> <bin_2> <bin_2> <bin_4>"


def test_llavas_boxes_are_those_of_the_padded_square() -> None:
    """The odd pixel of the padding stands behind; both digits and padding are settings."""
    box = (0, 0, 100, 51)
    assert spelled("llava", (100, 51), box) == "[0.0, 0.24, 1.0, 0.75]"
    assert spelled("llava", (100, 51), box, pad=False) == "[0.0, 0.0, 1.0, 1.0]"
    assert spelled("llava", (3, 3), (1, 0, 2, 3), digits=4) == "[0.3333, 0.0, 0.6667, 1.0]"


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((1000, 1000), (1008, 1008)),
        ((4000, 3000), (4004, 2996)),
        ((10, 10), (56, 56)),
        ((20000, 10000), (5068, 2520)),
        ((30, 2000), (28, 1988)),
    ],
)
def test_the_picture_that_qwen_sees(size: Size, seen: Size) -> None:
    """Multiples of 28, within the bounds of the model's own preprocessor file."""
    assert seen_size(size, Settings()) == seen


def test_a_picture_of_which_qwen_sees_nothing_is_a_fault() -> None:
    """Its processor raises beyond 1:200."""
    with pytest.raises(BadRow, match="refuses sides of more than 1:200"):
        spelled("qwen2.5-vl", (10, 2001), (0, 0, 5, 5))


def test_llama_factory_shrinks_pictures_first() -> None:
    """4000x3000 becomes 886x665, of which the processor makes 896x672."""
    before = Settings(before=Resizing(32 * 32, 768 * 768))
    assert seen_size((4000, 3000), before) == (896, 672)
    box = load("qwen2.5-vl", before).spelling((4000, 3000))(0, 0, 4000, 3000)
    assert box == '{"bbox_2d": [0, 0, 896, 672]}'
