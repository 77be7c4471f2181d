"""Qwen2.5-VL: pixels of the picture as the model sees it, ``{"bbox_2d": [x1, y1, x2, y2]}``.

The processor makes both sides multiples of 28 and keeps the number of pixels within bounds, so that
boxes are right only where the trainer is given the same bounds. Some trainers resize a picture
before that, too (`Settings.before`).

Source:
    transformers 5.24, models/qwen2_vl (smart_resize); the bounds are those of the model's
    preprocessor_config.json, not the class's. QwenLM/Qwen3-VL 9658872,
    qwen-vl-finetune/tools/process_bbox.ipynb: a coordinate times the new side over the old one,
    rounded half to even (it keeps the lower right corner one pixel inside; modelscope/ms-swift
    3602360, swift/template/base.py, does not, and neither does this). hiyouga/LLaMA-Factory v0.9.5,
    data/mm_plugin.py: its resizing before.
"""

from __future__ import annotations

from math import ceil, floor, sqrt

from instraug.errors import BadRow
from instraug.training_set.boxes.base import Family, Resizing, Settings, Size, Spell, scaled
from instraug.training_set.boxes.qwen3_vl import read_json
from instraug.training_set.formats.base import unfit

FACTOR = 28
"""What both sides are multiples of: two patches of 14 pixels."""

_LONGEST = 200
"""Most times that one side may be as long as the other."""


def make(settings: Settings) -> Family:
    """Return the family for one set of bounds."""

    def seen(size: Size) -> Size:
        return seen_size(size, settings)

    def spelling(size: Size) -> Spell:
        width, height = seen(size)
        kx, ky = width / size[0], height / size[1]

        def spell(x1: float, y1: float, x2: float, y2: float) -> str:
            return (
                f'{{"bbox_2d": [{round(x1 * kx)}, {round(y1 * ky)}, '
                f"{round(x2 * kx)}, {round(y2 * ky)}]}}"
            )

        return spell

    def step(size: Size) -> Size:
        width, height = seen(size)
        return size[0] / width, size[1] / height

    return Family(spelling, lambda text, size: scaled(read_json(text), size, seen(size)), step)


def seen_size(size: Size, settings: Settings) -> Size:
    """Return the size in pixels of a picture as the model sees it.

    Raises:
        BadRow: one side is more than 200 times as long as the other.
    """
    width, height = size
    if settings.before:
        width, height = resized_before(size, settings.before)
    if max(width, height) / min(width, height) > _LONGEST:
        raise _too_long(size)
    new_height, new_width = round(height / FACTOR) * FACTOR, round(width / FACTOR) * FACTOR
    if new_height * new_width > settings.max_pixels:
        by = sqrt(height * width / settings.max_pixels)
        new_height = max(FACTOR, floor(height / by / FACTOR) * FACTOR)
        new_width = max(FACTOR, floor(width / by / FACTOR) * FACTOR)
    elif new_height * new_width < settings.min_pixels:
        by = sqrt(settings.min_pixels / (height * width))
        new_height = ceil(height * by / FACTOR) * FACTOR
        new_width = ceil(width * by / FACTOR) * FACTOR
    return new_width, new_height


def resized_before(size: Size, bounds: Resizing) -> Size:
    """Return the size that LLaMA-Factory hands to the processor."""
    width, height = size
    if width * height > bounds.max_pixels:
        by = sqrt(bounds.max_pixels / (width * height))
        width, height = int(width * by), int(height * by)
    if width * height < bounds.min_pixels:
        by = sqrt(bounds.min_pixels / (width * height))
        width, height = int(width * by), int(height * by)
    if min(width, height) < FACTOR:
        width, height = max(width, FACTOR), max(height, FACTOR)
    if width / height > _LONGEST:
        width = height * 180
    if height / width > _LONGEST:
        height = width * 180
    return width, height


def _too_long(size: Size) -> BadRow:
    what = (
        f"a picture of {size[0]:g}x{size[1]:g}: Qwen's processor refuses sides of more than 1:200"
    )
    return unfit(what, "cut the picture, or leave the row out")
