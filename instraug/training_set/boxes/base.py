"""What a family is: how a region in source pixels becomes text, and how that text is read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from instraug.errors import BadRow

Size = tuple[float, float]
"""Width and height in the unit of the coordinates: source pixels."""

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in source pixels: the upper left corner and the lower right one."""

UNKNOWN: Size = (inf, inf)
"""The size of a picture that nobody states, for families that need none."""

Spell = Callable[[float, float, float, float], str]
"""x1, y1, x2, y2 in source pixels -> the spelling; the region is sound and inside its picture."""

OUTSIDE, UPSIDE_DOWN, NO_AREA = (
    "region outside its picture",
    "region upside down",
    "region without area",
)
NO_SIZE, SEVERAL = "region without a picture size", "region beside several pictures"
NO_BOX, SHARES = "target that is no box", "region in shares of its picture"
"""Kinds of rows whose regions cannot be spelled; what is wrong reads alike for all of a kind, so
that they are reported together."""

TURNED, SAME, TEXT = "turned_pictures", "same_boxes", "not_boxes"
"""What is noted of a row: its picture's EXIF data turns it; two of its options, different in source
pixels, are spelled alike; what stands for a region is no box, and stays as it is."""


@dataclass(frozen=True)
class Resizing:
    """How a picture is made larger or smaller before a model sees it; sizes in pixels."""

    min_pixels: int
    max_pixels: int


@dataclass(frozen=True)
class Settings:
    """What the spelling of some families depends on."""

    min_pixels: int = 56 * 56
    """Least pixels of a resized picture (Qwen2.5-VL)."""
    max_pixels: int = 14 * 14 * 4 * 16384
    """Most pixels of a resized picture (Qwen2.5-VL)."""
    patch_size: int = 512
    """Side of the picture that OFA sees."""
    max_image_size: int = 512
    """What OFA divides coordinates by."""
    digits: int = 2
    """Digits after the point (LLaVA)."""
    pad: bool = True
    """Pictures are padded to a square (LLaVA)."""
    before: Resizing | None = None
    """What a trainer does to a picture before the model's own resizing; None: nothing."""


@dataclass(frozen=True)
class Family:
    """One family, with its settings.

    Reading back misses a coordinate by half a step at most, and by a whole one where `whole_step`.
    """

    spelling: Callable[[Size], Spell]
    """Size of a picture -> what spells its regions; raises BadRow for a size that is refused."""
    read: Callable[[str, Size], Box]
    """(spelling, size) -> the region; raises ValueError for other text."""
    step: Callable[[Size], Size]
    """Size of a picture -> the width and height of the grid's cells, in source pixels."""
    needs_size: bool = True
    whole_step: bool = False
    wrap: Callable[[str], str] | None = None
    """What spells a sound region from its own text, where its numbers stay as they are."""


def numbers(pattern: str) -> Callable[[str], list[float]]:
    """Return what reads the numbers of a spelling, in the order of the text.

    Args:
        pattern: A regular expression whose groups are the numbers.
    """
    match_whole = re.compile(pattern).fullmatch

    def read(text: str) -> list[float]:
        if not (match := match_whole(text)):
            raise ValueError(f"{text!r:.60} is not a region")
        return [float(number) for number in match.groups()]

    return read


def scaled(found: Sequence[float], size: Size, whole: Size) -> Box:
    """Return the region in source pixels of numbers that count ``whole`` to a picture's sides."""
    x1, y1, x2, y2 = found
    kx, ky = size[0] / whole[0], size[1] / whole[1]
    return x1 * kx, y1 * ky, x2 * kx, y2 * ky


def unusable(kind: str, what: str, fix: str = "fix the row, or leave it out") -> BadRow:
    """Return what to raise for a row whose regions cannot be spelled."""
    return BadRow(kind, what, fix)
