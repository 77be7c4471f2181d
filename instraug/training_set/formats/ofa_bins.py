"""Regions as OFA spells them: four ``<bin_N>`` tokens, N in 0..999 of the image's sides.

Source:
    OFA-Sys/OFA, data/mm_data/refcoco_dataset.py: a coordinate over its side, times 999, rounded
    half to even. A coordinate outside the image counts as its edge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

from instraug.errors import StorageError
from instraug.training_set.formats.base import Fields, image_of, unfit
from instraug.training_set.formats.images import find_image

LAST_BIN = 999

_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"

_box = re.compile(rf"{_NUMBER} {_NUMBER} {_NUMBER} {_NUMBER}").fullmatch

Size = tuple[float, float]
"""Width and height, in the unit of the coordinates (pixels)."""


def bins(box: tuple[float, float, float, float], size: Size) -> str:
    """Spell a region (x1, y1, x2, y2) as OFA's tokens.

    >>> bins((0, 0, 320, 480), (640, 480))
    '<bin_0> <bin_0> <bin_500> <bin_999>'
    """
    tokens = []
    for coordinate, side in zip(box, size * 2, strict=True):
        share = min(max(coordinate / side, 0.0), 1.0)
        tokens.append(f"<bin_{round(share * LAST_BIN)}>")
    return " ".join(tokens)


def quantiser(images: Path | None, region_tasks: Collection[str]) -> Callable[[Fields], None]:
    """Return the function that puts bins in place of a raw row's regions.

    Changed are ``region`` and ``meta_data.object_regions``; ``options`` and ``target_txt`` too
    where the task's answer is a region. Text that is not a region stays as it is.

    Args:
        images: The folder that image paths start at, for rows without ``image_size`` ([width,
            height]) or ``width`` and ``height``.
        region_tasks: Names of the tasks whose answer is a region.

    Returns:
        The function; it raises BadRow for a row whose image size is not known.
    """

    def quantise(fields: Fields) -> None:
        size: Size | None = None

        def spell(value: Any) -> Any:
            nonlocal size
            if isinstance(value, dict):
                return {name: spell(inner) for name, inner in value.items()}
            if isinstance(value, list) and not _is_numbers(value):
                return [spell(inner) for inner in value]
            box = value if isinstance(value, list) else _parsed(value)
            if not box:
                return value
            size = size or _size_of(fields, images)
            return bins(tuple(box), size)

        names = ["region"]
        if fields.get("task_name") in region_tasks:
            names += ["options", "target_txt"]
        for name in names:
            if name in fields:
                fields[name] = spell(fields[name])
        meta = fields.get("meta_data")
        if isinstance(meta, dict) and "object_regions" in meta:
            meta["object_regions"] = spell(meta["object_regions"])

    return quantise


def _is_numbers(value: list[Any]) -> bool:
    return len(value) == 4 and all(type(v) in (int, float) for v in value)


def _parsed(value: Any) -> list[float] | None:
    match = _box(value) if isinstance(value, str) else None
    return [float(n) for n in match.groups()] if match else None


def _size_of(fields: Fields, images: Path | None) -> Size:
    size = fields.get("image_size") or [fields.get("width"), fields.get("height")]
    if isinstance(size, list) and len(size) == 2:
        width, height = size
        if _is_side(width) and _is_side(height):
            return float(width), float(height)
    path = image_of(fields)
    if images is None or not path:
        what = "the size of the row's image is not known"
        raise unfit(what, "give --images, or rows with width and height")
    return _measured(find_image(images, path))


def _is_side(value: Any) -> bool:
    return type(value) in (int, float) and value > 0


@lru_cache(maxsize=4096)
def _measured(path: Path) -> Size:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise StorageError(
            "image sizes need Pillow; pip install 'instraug[images]', or give rows with width and "
            "height"
        ) from None
    try:
        with Image.open(path) as image:
            width, height = image.size
            return float(width), float(height)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise unfit(f"the image {path} cannot be read: {error}", "fix it") from None
