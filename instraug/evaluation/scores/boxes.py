"""Boxes in text: four numbers or a model's own tokens, and how much two boxes overlap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in the units of the text: pixels, shares, bins or patches."""

_NUMBER = r"-?\d+(?:\.\d+)?"

_RUN = re.compile(rf"{_NUMBER}(?:(?:[\s,;()\[\]]|<bin_|>|<)+{_NUMBER})*")

_PATCHES = 32
"""Along either side of a picture of Kosmos-2."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Box | None:
    """Return the one box that a text names; None where it names none, or several.

    A box is a run of exactly four numbers with nothing but white space, commas, brackets or
    ``<bin_N>`` around them, or a run of the tokens by which PaliGemma (``<locYYYY>``, y first),
    Florence-2 (``<loc_X>``) or Kosmos-2 (``<patch_index_NNNN>``) spells one. Its first corner is at
    or before the second.

    Source:
        training_set/boxes: the modules of these families state where their spelling is from.
    """
    boxes: set[Box] = set()
    for run, size, read in _runs(text):
        if len(run) > size:
            return None
        if len(run) == size:
            boxes.add(read(*map(float, run)))
    if len(boxes) != 1:
        return None
    x1, y1, x2, y2 = boxes.pop()
    return (x1, y1, x2, y2) if x1 <= x2 and y1 <= y2 else None


def _runs(text: str) -> Iterator[tuple[list[str], int, Callable[..., Box]]]:
    """Yield the numbers of each run, how many a box has, and what makes a box of them."""
    for run in _RUN.findall(text):
        yield re.findall(_NUMBER, run), 4, _corners
    for token, size, read in _TOKENS if "<" in text else ():
        for run in re.findall(rf"(?:<{token}>\s*)+", text):
            yield re.findall(r"\d+", run), size, read


def _corners(x1: float, y1: float, x2: float, y2: float) -> Box:
    return x1, y1, x2, y2


def _rows_first(y1: float, x1: float, y2: float, x2: float) -> Box:
    return x1, y1, x2, y2


def _patches(first: float, last: float) -> Box:
    """Return the box between the centres of two patches; the whole ones in one row or column."""
    (y1, x1), (y2, x2) = divmod(first, _PATCHES), divmod(last, _PATCHES)
    before, after = (0.0, 1.0) if x1 == x2 or y1 == y2 else (0.5, 0.5)
    return x1 + before, y1 + before, x2 + after, y2 + after


_TOKENS: tuple[tuple[str, int, Callable[..., Box]], ...] = (
    (r"loc\d{4}", 4, _rows_first),
    (r"loc_\d{1,3}", 4, _corners),
    (r"patch_index_\d{4}", 2, _patches),
)
"""Token of PaliGemma, Florence-2 and Kosmos-2, how many spell a box, and what it is."""


def iou(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over their union, 0 to 1; 0 where both are flat."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(a) + _area(b) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
