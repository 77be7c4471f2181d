"""InternVL: thousandths of the sides, ``<box>[[x1, y1, x2, y2]]</box>``.

Source:
    InternVL's documentation (czczup/InternVL-doc f54eb76, chat data format, grounding): a
    coordinate over its side, times 1000, rounded half to even; its RefCOCO example is, too.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Family, Settings, numbers, scaled
from instraug.training_set.boxes.qwen2_vl import WHOLE, step, thousandths

_read = numbers(r"<box>\[\[(\d+), (\d+), (\d+), (\d+)\]\]</box>")


def make(_: Settings) -> Family:
    """Return the family."""
    spelling = thousandths("<box>[[", ", ", ", ", "]]</box>")
    return Family(spelling, lambda text, size: scaled(_read(text), size, WHOLE), step)
