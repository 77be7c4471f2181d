"""Boxes in text: four numbers, and how much two boxes overlap."""

from __future__ import annotations

import re
from functools import lru_cache

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in the units of the text: pixels, shares or bins."""

_NUMBER = r"-?\d+(?:\.\d+)?"

_RUN = re.compile(rf"{_NUMBER}(?:(?:[\s,;()\[\]]|<bin_|>|<)+{_NUMBER})*")


@lru_cache(maxsize=4096)
def parse(text: str) -> Box | None:
    """Return the one box that a text names; None where it names none, or several.

    A box is a run of exactly four numbers with nothing but white space, commas, brackets or
    ``<bin_N>`` around them, the first corner at or before the second.
    """
    runs = [re.findall(_NUMBER, run) for run in _RUN.findall(text)]
    boxes = {tuple(map(float, run)) for run in runs if len(run) == 4}
    if len(boxes) != 1 or any(len(run) > 4 for run in runs):
        return None
    x1, y1, x2, y2 = boxes.pop()
    return (x1, y1, x2, y2) if x1 <= x2 and y1 <= y2 else None


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
