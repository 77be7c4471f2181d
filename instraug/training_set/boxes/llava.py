"""LLaVA: shares of a square that the picture is padded to, ``[0.32, 0.8, 0.59, 1.0]``.

Source:
    haotian-liu/LLaVA c121f04: llava/train/train.py (expand2square puts the picture in the middle,
    the odd pixel behind it) and the spelling of its published training data (at most two digits,
    trailing zeros left out, as Python writes a rounded number); issues 606 and 623 there show that
    boxes are those of the padded picture.
"""

from __future__ import annotations

from instraug.training_set.boxes.base import Box, Family, Settings, Size, Spell, numbers

_TABLE = 3
"""Most digits for which every share is written beforehand, which halves the time."""

_TIE = 0.5 - 1e-6
"""Of a step: farther from its middle, multiplying may not round as Python's ``round`` does."""

_read = numbers(r"\[([\d.]+), ([\d.]+), ([\d.]+), ([\d.]+)\]")


def make(settings: Settings) -> Family:
    """Return the family for a number of digits, with padding or without."""
    digits = settings.digits
    whole = 10**digits
    written = [repr(round(n / whole, digits)) for n in range(whole + 1)] if digits <= _TABLE else []

    def frame(size: Size) -> tuple[float, float, float, float]:
        """Return what is put before either coordinate, and the sides that shares are of."""
        width, height = size
        if not settings.pad:
            return 0, 0, width, height
        side = max(size)
        return (side - width) // 2, (side - height) // 2, side, side

    def spelling(size: Size) -> Spell:
        dx, dy, w, h = frame(size)

        def exact(x1: float, y1: float, x2: float, y2: float) -> str:
            return (
                f"[{round((x1 + dx) / w, digits)}, {round((y1 + dy) / h, digits)}, "
                f"{round((x2 + dx) / w, digits)}, {round((y2 + dy) / h, digits)}]"
            )

        def spell(x1: float, y1: float, x2: float, y2: float) -> str:
            a, b = (x1 + dx) / w * whole, (y1 + dy) / h * whole
            c, d = (x2 + dx) / w * whole, (y2 + dy) / h * whole
            i, j, k, m = round(a), round(b), round(c), round(d)
            clear = -_TIE < a - i < _TIE and -_TIE < b - j < _TIE
            if clear and -_TIE < c - k < _TIE and -_TIE < d - m < _TIE:
                return f"[{written[i]}, {written[j]}, {written[k]}, {written[m]}]"
            return exact(x1, y1, x2, y2)

        return spell if written else exact

    def read(text: str, size: Size) -> Box:
        dx, dy, w, h = frame(size)
        x1, y1, x2, y2 = _read(text)
        return x1 * w - dx, y1 * h - dy, x2 * w - dx, y2 * h - dy

    def step(size: Size) -> Size:
        _, _, w, h = frame(size)
        return w / 10**digits, h / 10**digits

    return Family(spelling, read, step)
