"""Source pixels, rounded: ``x1 y1 x2 y2``, as MultiInstruct spells regions, without fractions.

Source:
    MultiInstruct 1.0's rows (four numbers, a space between them). InstructBLIP has no spelling of
    its own (salesforce/LAVIS, lavis/models/blip2_models), and gets this one.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled

_read = numbers(" ".join([r"(\d+)"] * 4))


def make(_: Settings) -> Family:
    """Return the family; halves are rounded to even."""
    return Family(
        _spelling, lambda text, _: scaled(_read(text), (1, 1), (1, 1)), _step, needs_size=False
    )


def _spelling(_: Size) -> Spell:
    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        return f"{round(x1)} {round(y1)} {round(x2)} {round(y2)}"

    return spell


def _step(_: Size) -> Size:
    return 1, 1
