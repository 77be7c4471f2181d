"""The sizes of rows' pictures, in pixels: of the row itself, or of the file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from instraug.errors import BadRow, StorageError
from instraug.training_set.formats.base import Fields
from instraug.training_set.formats.images import find_image
from instraug.training_set.mix.image_tokens import Size

_KEYS = (("width", "height"), ("image_width", "image_height"), ("img_width", "img_height"))

_PAIRS = ("image_size", "image_sizes", "img_size", "size")

_KEPT = 1 << 16
"""Files whose size is remembered."""


class Sizes:
    """Finds the sizes of pictures.

    Args:
        images: The folder that image paths start at; None: files are not looked at.

    Raises:
        StorageError: the folder is given, and Pillow is not installed.
    """

    def __init__(self, images: Path | None) -> None:
        self._images = images
        if images is not None:
            _pillow(images)
        self._measured = lru_cache(_KEPT)(_measure)

    def of(self, row: Fields, images: tuple[str, ...]) -> list[Size]:
        """Return the size of each picture of a row.

        Raises:
            BadRow: a size is unknown, or the file is no picture.
        """
        stated = _stated(row, len(images))
        if stated is not None:
            return stated
        if self._images is None:
            fix = "give --images DIR, or rows with width and height"
            raise BadRow("unknown size", "the size of the row's picture is not known", fix)
        return [self._measured(self._images, path) for path in images]


def _stated(row: Fields, pictures: int) -> list[Size] | None:
    """Return the sizes that a row states; None where it states none, or not as many."""
    meta = row.get("meta_data")
    for holder in (row, meta if isinstance(meta, dict) else {}):
        for wide, high in _KEYS:
            if pictures == 1 and (size := _size([holder.get(wide), holder.get(high)])):
                return [size]
        for name in _PAIRS:
            value = holder.get(name)
            if pictures == 1 and (size := _size(value)):
                return [size]
            if isinstance(value, list) and len(value) == pictures:
                sizes = [size for item in value if (size := _size(item))]
                if len(sizes) == pictures:
                    return sizes
    return None


def _size(value: Any) -> Size | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    sides = [_whole(side) for side in value]
    return (sides[0], sides[1]) if all(side > 0 for side in sides) else None


def _whole(side: Any) -> int:
    if isinstance(side, str) and side.isascii() and side.isdigit() and len(side) < 9:
        return int(side)
    return side if type(side) is int else 0


def _measure(folder: Path, path: str) -> Size:
    file, image = find_image(folder, path), _pillow(folder)
    try:
        with image.open(file) as opened:
            width, height = opened.size
            return int(width), int(height)
    except (OSError, ValueError, image.DecompressionBombError) as error:
        what = f"the picture {path!r:.200} cannot be opened ({str(error)[:100]})"
        raise BadRow("broken picture", what, "replace it, or leave the row out") from None


def _pillow(folder: Path) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise StorageError(
            f"{folder}: to measure pictures needs Pillow; pip install '.[images]'"
        ) from None
    return Image
