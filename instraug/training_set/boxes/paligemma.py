"""PaliGemma: four of 1,024 location tokens, y first, ``<locYYYY><locXXXX><locYYYY><locXXXX>``.

Source:
    google-research/big_vision 0127fb6, pp/proj/paligemma/segmentation.py: a coordinate over its
    side, times 1023, rounded half to even; evaluators/proj/paligemma/transfers/segmentation.py
    divides by 1023 on the way back.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Box, Family, Settings, Size, Spell, numbers, scaled

LAST = 1023

_TOKENS = [f"<loc{n:04}>" for n in range(LAST + 1)]

_read = numbers(r"<loc(\d{4})>" * 4)


def make(_: Settings) -> Family:
    """Return the family."""
    return Family(_spelling, _back, lambda size: (size[0] / LAST, size[1] / LAST))


def _spelling(size: Size) -> Spell:
    w, h = size

    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        return (
            f"{_TOKENS[round(y1 / h * LAST)]}{_TOKENS[round(x1 / w * LAST)]}"
            f"{_TOKENS[round(y2 / h * LAST)]}{_TOKENS[round(x2 / w * LAST)]}"
        )

    return spell


def _back(text: str, size: Size) -> Box:
    y1, x1, y2, x2 = _read(text)
    return scaled((x1, y1, x2, y2), size, (LAST, LAST))
