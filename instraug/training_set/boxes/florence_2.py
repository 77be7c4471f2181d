"""Florence-2: four of 1,000 bins, ``<loc_X><loc_Y><loc_X><loc_Y>``, read back as their centres.

Source:
    transformers 5.24, models/florence2/processing_florence2.py (quantize and dequantize): a
    coordinate over a thousandth of its side, rounded down, at most 999, all in single precision. It
    cuts what it reads back to whole pixels; `Family.read` does not.
"""

from __future__ import annotations

from ctypes import c_float

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled

LAST = 999

_NEAR, _FAR = 1e-3, 1 - 1e-3
"""Of a bin: nearer to an edge than that, single precision may decide which bin it is."""

_read = numbers(r"<loc_(\d+)>" * 4)


def make(_: Settings) -> Family:
    """Return the family."""
    return Family(
        _spelling,
        lambda text, size: scaled([n + 0.5 for n in _read(text)], size, (LAST + 1, LAST + 1)),
        lambda size: (size[0] / (LAST + 1), size[1] / (LAST + 1)),
    )


def _spelling(size: Size) -> Spell:
    bin_w, bin_h = size[0] / (LAST + 1), size[1] / (LAST + 1)

    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        a, b, c, d = x1 / bin_w, y1 / bin_h, x2 / bin_w, y2 / bin_h
        i, j, k, m = int(a), int(b), int(c), int(d)
        inside = _NEAR < a - i < _FAR and _NEAR < b - j < _FAR
        if not (inside and _NEAR < c - k < _FAR and _NEAR < d - m < _FAR):
            i, j, k, m = _bin(x1, bin_w), _bin(y1, bin_h), _bin(x2, bin_w), _bin(y2, bin_h)
        return f"<loc_{i}><loc_{j}><loc_{k}><loc_{m}>"

    return spell


def _bin(coordinate: float, width: float) -> int:
    """Return the bin in single precision, as its code computes it."""
    return min(int(c_float(c_float(coordinate).value / c_float(width).value).value), LAST)
