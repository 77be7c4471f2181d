"""How many tokens a picture takes, by the family of the model.

Every formula gives what the family's own processor counts for a picture of that size, special
tokens included where a family puts them around each picture.

Source:
    The processors of Hugging Face transformers: Qwen2-VL, LLaVA-NeXT, InternVL (GOT-OCR2's tiles),
    Gemma 3; for LLaVA-1.5 and MLAN, their papers and code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from instraug.errors import BadRow, UsageError
from instraug.files.decode import suggest

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Pixels:
    """The limits of a family; None is the family's own."""

    min_pixels: int | None = None
    max_pixels: int | None = None
    patch_size: int | None = None
    """Pixels along one side of what becomes one token."""
    max_tiles: int | None = None


@dataclass(frozen=True)
class ImageTokens:
    """The tokens of pictures for one family."""

    family: str
    constant: int | None
    """Of every picture; None: it depends on the size."""
    of_size: Callable[[Size], int]


@dataclass(frozen=True)
class _Limits:
    """A family that resizes a picture to whole patches, within limits of its area."""

    patch: int
    least: int
    most: int


_RESIZED = {
    "qwen2-vl": _Limits(28, 56 * 56, 28 * 28 * 1280),
    "qwen2.5-vl": _Limits(28, 56 * 56, 28 * 28 * 1280),
    "qwen3-vl": _Limits(32, 1 << 16, 1 << 24),
}

_FIXED = {"llava-1.5": 576, "mlan": 576, "mlan-length": 128, "gemma3": 256}
"""``mlan-length`` is what MLAN's trainer takes a picture for when it groups rows by length."""

FAMILIES = (*_FIXED, *_RESIZED, "llava-next", "internvl")

DEFAULT = "llava-1.5"


def image_tokens(family: str, limits: Pixels | None = None) -> ImageTokens:
    """Return how the pictures of a family are counted.

    Args:
        family: One of `FAMILIES`, or a number: that many tokens for each picture.
        limits: Settings that the model's own config may change.

    Raises:
        UsageError: there is no such family, or it has no such setting.
    """
    limits = limits or Pixels()
    if family.isascii() and family.isdigit():
        return _checked(family, limits, int(family))
    if family in _FIXED:
        return _checked(family, limits, _FIXED[family])
    if family in _RESIZED:
        return _of_resized(family, limits)
    if family == "llava-next":
        _refuse(family, limits, "min_pixels", "max_pixels", "patch_size", "max_tiles")
        return ImageTokens(family, None, _llava_next)
    if family == "internvl":
        _refuse(family, limits, "min_pixels", "max_pixels", "patch_size")
        most = 12 if limits.max_tiles is None else limits.max_tiles
        return ImageTokens(family, None, lambda size: _internvl(size, most))
    raise UsageError(f"no family of models is named {family!r:.60}; {suggest(family, FAMILIES)}")


def _checked(family: str, limits: Pixels, tokens: int) -> ImageTokens:
    _refuse(family, limits, "min_pixels", "max_pixels", "patch_size", "max_tiles")
    return ImageTokens(family, tokens, lambda _: tokens)


def _refuse(family: str, limits: Pixels, *names: str) -> None:
    for name in names:
        if getattr(limits, name) is not None:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} means nothing to {family}; leave it out")


# ── resized to whole patches ─────────────────────────────────────────────────────────────────


def _of_resized(family: str, limits: Pixels) -> ImageTokens:
    _refuse(family, limits, "max_tiles")
    own = _RESIZED[family]
    bounds = replace(
        own,
        patch=limits.patch_size or own.patch,
        least=own.least if limits.min_pixels is None else limits.min_pixels,
        most=own.most if limits.max_pixels is None else limits.max_pixels,
    )
    if bounds.least > bounds.most:
        raise UsageError(f"min-pixels {bounds.least} is above max-pixels {bounds.most}")
    return ImageTokens(family, None, lambda size: _resized(size, bounds))


def _resized(size: Size, limits: _Limits) -> int:
    """Return the whole patches of a picture, each side rounded, its area within the limits."""
    width, height = size
    if max(size) > 200 * min(size):
        what = f"a picture of {width}x{height} pixels is narrower than the model takes"
        raise BadRow("unfit picture", what, "leave the row out")
    patch, area = limits.patch, width * height
    wide, high = round(width / patch), round(height / patch)
    now = wide * high * patch * patch
    if now > limits.most:
        shrink = math.sqrt(area / limits.most)
        wide = max(1, math.floor(width / shrink / patch))
        high = max(1, math.floor(height / shrink / patch))
    elif now < limits.least:
        grow = math.sqrt(limits.least / area)
        wide, high = math.ceil(width * grow / patch), math.ceil(height * grow / patch)
    return wide * high


# ── tiles ────────────────────────────────────────────────────────────────────────────────────

_NEXT_TILE, _NEXT_PATCHES = 336, 24
"""Pixels and patches along a side of one of LLaVA-NeXT's tiles."""

_NEXT_GRIDS = ((2, 1), (1, 2), (2, 2), (1, 3), (3, 1))
"""Columns and rows of tiles that it chooses from, in its order."""


def _llava_next(size: Size) -> int:
    """Return the patches of the whole picture, of its tiles without padding, and a mark a line."""
    width, height = size
    best, fit = _NEXT_GRIDS[0], (-1, 0)
    for columns, rows in _NEXT_GRIDS:
        wide, high = columns * _NEXT_TILE, rows * _NEXT_TILE
        scale = min(wide / width, high / height)
        used = min(int(width * scale) * int(height * scale), width * height)
        if (used, used - wide * high) > fit:
            best, fit = (columns, rows), (used, used - wide * high)
    wide, high = best[0] * _NEXT_PATCHES, best[1] * _NEXT_PATCHES
    if width / height > wide / high:
        shown = int(round(height * (wide / width), 7))
        high -= (high - shown) // 2 * 2
    else:
        shown = int(round(width * (high / height), 7))
        wide -= (wide - shown) // 2 * 2
    return wide * high + high + _NEXT_PATCHES**2


_INTERN_TILE, _INTERN_TOKENS = 448, 256


def _internvl(size: Size, most: int) -> int:
    """Return the tokens of the tiles, of the small whole picture beside them, and of two marks."""
    columns, rows = _canvas(size, most)
    tiles = columns * rows
    return (tiles + (tiles > 1)) * _INTERN_TOKENS + 2


def _canvas(size: Size, most: int) -> Size:
    """Return columns and rows of tiles whose ratio is nearest to the picture's."""
    width, height = size
    ratio, area = width / height, width * height
    grids = {(c, r) for c in range(1, most + 1) for r in range(1, most + 1) if c * r <= most}
    best, least = (1, 1), math.inf
    for columns, rows in sorted(grids, key=lambda grid: (grid[0] * grid[1], grid)):
        away = abs(ratio - columns / rows)
        if away < least:
            best, least = (columns, rows), away
        elif away == least and area > 0.5 * _INTERN_TILE**2 * columns * rows:
            best = (columns, rows)
    return best
