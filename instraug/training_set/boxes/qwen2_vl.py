"""Qwen2-VL: thousandths of the sides, ``<|box_start|>(x1,y1),(x2,y2)<|box_end|>``.

Source:
    QwenLM/Qwen3-VL 9658872, qwen-vl-finetune/tools/process_bbox.ipynb: a coordinate over its side,
    times 1000, rounded half to even. The tokens: modelscope/ms-swift 3602360, docs (grounding), and
    the model's own tokenizer.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled

WHOLE: Size = (1000, 1000)

_read = numbers(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>")


def make(_: Settings) -> Family:
    """Return the family."""
    return Family(_spelling, lambda text, size: scaled(_read(text), size, WHOLE), step)


def _spelling(size: Size) -> Spell:
    w, h = size

    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        return (
            f"<|box_start|>({round(x1 / w * 1000)},{round(y1 / h * 1000)}),"
            f"({round(x2 / w * 1000)},{round(y2 / h * 1000)})<|box_end|>"
        )

    return spell


def step(size: Size) -> Size:
    """Return a thousandth of either side."""
    return size[0] / 1000, size[1] / 1000
