"""InternVL: thousandths of the sides, ``<box>[[x1, y1, x2, y2]]</box>``.

Source:
    InternVL's documentation (czczup/InternVL-doc f54eb76, chat data format, grounding): a
    coordinate over its side, times 1000, rounded half to even; its RefCOCO example is, too.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled
from instraug.training_set.boxes.qwen2_vl import WHOLE, step

_read = numbers(r"<box>\[\[(\d+), (\d+), (\d+), (\d+)\]\]</box>")


def make(_: Settings) -> Family:
    """Return the family."""
    return Family(_spelling, lambda text, size: scaled(_read(text), size, WHOLE), step)


def _spelling(size: Size) -> Spell:
    w, h = size

    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        return (
            f"<box>[[{round(x1 / w * 1000)}, {round(y1 / h * 1000)}, "
            f"{round(x2 / w * 1000)}, {round(y2 / h * 1000)}]]</box>"
        )

    return spell
