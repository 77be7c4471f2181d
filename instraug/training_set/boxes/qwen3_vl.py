"""Qwen3-VL: thousandths of the sides as JSON, ``{"bbox_2d": [x1, y1, x2, y2]}``.

Source:
    QwenLM/Qwen3-VL 9658872: qwen-vl-finetune/README.md (the JSON) and cookbooks (coordinates of 0
    to 1000); rounding as in qwen-vl-finetune/tools/process_bbox.ipynb.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled
from instraug.training_set.boxes.qwen2_vl import WHOLE, step

read_json = numbers(r'\{"bbox_2d": \[(\d+), (\d+), (\d+), (\d+)\]\}')
"""Reads what Qwen2.5-VL and Qwen3-VL write."""


def make(_: Settings) -> Family:
    """Return the family."""
    return Family(_spelling, lambda text, size: scaled(read_json(text), size, WHOLE), step)


def _spelling(size: Size) -> Spell:
    w, h = size

    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        return (
            f'{{"bbox_2d": [{round(x1 / w * 1000)}, {round(y1 / h * 1000)}, '
            f"{round(x2 / w * 1000)}, {round(y2 / h * 1000)}]}}"
        )

    return spell
