"""OFA: four ``<bin_N>`` tokens, N in 0..999 of the largest picture that a checkpoint was made for.

Source:
    OFA-Sys/OFA a36b91c, data/mm_data/refcoco_dataset.py and utils/transforms.py: the picture is
    made a square of patch_image_size pixels, a coordinate in it is divided by max_image_size and
    times 999, rounded half to even, all in single precision. So the right edge is 999 at 512/512,
    937 at 480/512.
"""

from __future__ import annotations

from ctypes import c_float

from instraug.training_set.boxes.base import Family, Settings, Size, Spell, numbers, scaled

LAST = 999

_read = numbers(" ".join([r"<bin_(\d+)>"] * 4))


_TIE = 0.5 - 1e-3
"""Of a bin: farther from its middle, single precision may decide which bin it is."""


def make(settings: Settings) -> Family:
    """Return the family for one size of pictures."""
    patch, most = settings.patch_size, settings.max_image_size
    edge = patch / most * LAST

    def spelling(size: Size) -> Spell:
        w, h = size
        kx, ky = edge / w, edge / h

        def spell(x1: float, y1: float, x2: float, y2: float) -> str:
            a, b, c, d = x1 * kx, y1 * ky, x2 * kx, y2 * ky
            i, j, k, m = round(a), round(b), round(c), round(d)
            clear = -_TIE < a - i < _TIE and -_TIE < b - j < _TIE
            if not (clear and -_TIE < c - k < _TIE and -_TIE < d - m < _TIE):
                i, k = _bin(x1, patch / w, most), _bin(x2, patch / w, most)
                j, m = _bin(y1, patch / h, most), _bin(y2, patch / h, most)
            return f"<bin_{i}> <bin_{j}> <bin_{k}> <bin_{m}>"

        return spell

    return Family(
        spelling,
        lambda text, size: scaled(_read(text), size, (edge, edge)),
        lambda size: (size[0] / edge, size[1] / edge),
    )


def _bin(coordinate: float, ratio: float, most: int) -> int:
    """Return the bin in single precision, as OFA's code computes it."""
    resized = _single(_single(coordinate) * _single(ratio))
    return round(_single(_single(resized / most) * LAST))


def _single(number: float) -> float:
    return c_float(number).value
