"""Qwen2-VL: thousandths of the sides, ``<|box_start|>(x1,y1),(x2,y2)<|box_end|>``.

Source:
    QwenLM/Qwen3-VL 9658872, qwen-vl-finetune/tools/process_bbox.ipynb: a coordinate over its side,
    times 1000, rounded half to even. The tokens: modelscope/ms-swift 3602360, docs (grounding), and
    the model's own tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled

WHOLE: Size = (1000, 1000)

_read = numbers(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>")


def make(_: Settings) -> Family:
    """Return the family."""
    spelling = thousandths("<|box_start|>(", ",", "),(", ")<|box_end|>")
    return Family(spelling, lambda text, size: scaled(_read(text), size, WHOLE), step)


def thousandths(start: str, comma: str, between: str, end: str) -> Callable[[Size], Spell]:
    """Return what spells a box in thousandths, with these texts around the four numbers."""

    def spelling(size: Size) -> Spell:
        w, h = size

        def spell(x1: float, y1: float, x2: float, y2: float) -> str:
            return (
                f"{start}{round(x1 / w * 1000)}{comma}{round(y1 / h * 1000)}{between}"
                f"{round(x2 / w * 1000)}{comma}{round(y2 / h * 1000)}{end}"
            )

        return spell

    return spelling


def step(size: Size) -> Size:
    """Return a thousandth of either side."""
    return size[0] / 1000, size[1] / 1000
