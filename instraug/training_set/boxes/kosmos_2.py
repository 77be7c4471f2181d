"""Kosmos-2: the first and the last of 32x32 patches that a region lies on.

``<object><patch_index_0000><patch_index_0495></object>`` is the upper left quarter: patches are
counted row by row, and the last one is inside.

Source:
    transformers 5.24, models/kosmos2/processing_kosmos2.py (coordinate_to_patch_index and
    patch_index_to_coordinate), after microsoft/unilm, kosmos-2.
"""

from __future__ import annotations

from math import ceil

from instraug.training_set.boxes.base import Box, Family, Settings, Size, Spell, numbers

SIDE = 32
"""Patches along either side."""

_TOKENS = [f"<patch_index_{n:04}>" for n in range(SIDE * SIDE)]

_read = numbers(r"<object><patch_index_(\d{4})><patch_index_(\d{4})></object>")


def make(_: Settings) -> Family:
    """Return the family; a region is read back within one patch."""
    return Family(_spelling, _back, lambda size: (size[0] / SIDE, size[1] / SIDE), whole_step=True)


def _spelling(size: Size) -> Spell:
    w, h = size

    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        first = int(y1 / h * SIDE) * SIDE + int(x1 / w * SIDE)
        last = ceil(y2 / h * SIDE - 1) * SIDE + ceil(x2 / w * SIDE - 1)
        return f"<object>{_TOKENS[first]}{_TOKENS[last]}</object>"

    return spell


def _back(text: str, size: Size) -> Box:
    first, last = map(int, _read(text))
    (y1, x1), (y2, x2) = divmod(first, SIDE), divmod(last, SIDE)
    # Centres of patches; whole patches where they stand in one row or column.
    before, after = (0.0, 1.0) if x1 == x2 or y1 == y2 else (0.5, 0.5)
    w, h = size[0] / SIDE, size[1] / SIDE
    return (x1 + before) * w, (y1 + before) * h, (x2 + after) * w, (y2 + after) * h
