"""Sizes of rows' pictures: as the row states them, else from the header of the file."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from instraug.errors import BadRow, StorageError
from instraug.training_set.boxes.base import NO_SIZE, UNKNOWN, Size, unusable
from instraug.training_set.formats.base import Fields, image_of, unfit
from instraug.training_set.formats.images import find_image

MEMORY = 1 << 15
"""Pictures whose sizes are remembered at a time."""

EVERY = 1.0
"""Seconds in which a file is looked at once for whether it has changed, which costs half a row."""

_NUMBER = r"\s*[0-9]+(?:\.[0-9]*)?\s*"

_number = re.compile(_NUMBER).fullmatch

_pair = re.compile(rf"[\[(]?({_NUMBER})[\s,;xX×]({_NUMBER})[\])]?").fullmatch

_ORIENTATION = 0x0112
"""The EXIF tag; 1 is upright, from 5 on the sides are swapped."""


class _Measured(NamedTuple):
    file: Path
    changed: int
    """When the file last changed, in nanoseconds."""
    size: Size
    turned: bool
    """Whether its EXIF data asks to turn or mirror it."""


class Sizes:
    """Knows the sizes of rows' pictures; a file is measured once, and again where it has changed.

    Args:
        images: The folder that image paths start at; None: rows have to state sizes.
        turns: Whether sizes are those of pictures turned as their EXIF data asks.
        needed: False: a size that nobody states is `UNKNOWN`, instead of a fault.
    """

    def __init__(self, images: Path | None, *, turns: bool, needed: bool = True) -> None:
        self._images, self._turns, self._needed = images, turns, needed
        self._measured: dict[str, _Measured] = {}
        self._looked_at: set[str] = set()
        self._began = monotonic()

    def begin(self) -> None:
        """Begin a batch of rows: files are looked at again for changes, but not at every batch."""
        if (now := monotonic()) - self._began >= EVERY:
            self._looked_at.clear()
            self._began = now

    def of(self, row: Fields) -> tuple[Size, bool]:
        """Return the size of a row's picture, and whether the file asks to be turned.

        Raises:
            BadRow: nobody states it, or the picture cannot be read.
            StorageError: Pillow is not installed, and a picture is to be measured.
        """
        if size := stated(row):
            return size, False
        path = image_of(row)
        if self._images is None or not path:
            if not self._needed:
                return UNKNOWN, False
            what = "the size of the row's image is not known"
            raise unusable(NO_SIZE, what, "give --images, or rows with width and height")
        known = self._measured.get(path)
        if known is None or (path not in self._looked_at and _changed(known.file) != known.changed):
            known = self._remember(path, find_image(self._images, path))
        self._looked_at.add(path)
        return known.size, known.turned

    def _remember(self, path: str, file: Path) -> _Measured:
        if len(self._measured) >= MEMORY:
            self._measured.clear()
        changed = _changed(file)
        size, turned = measure(file, turns=self._turns)
        self._measured[path] = _Measured(file, changed, size, turned)
        return self._measured[path]


def stated(row: Fields) -> Size | None:
    """Return the size that a row states: ``image_size``, or ``width`` and ``height``."""
    for size in (row.get("image_size"), (row.get("width"), row.get("height"))):
        sides: Any = _both(size) if type(size) is str else size
        if type(sides) in (list, tuple) and len(sides) == 2:
            width, height = map(_side, sides)
            if width and height:
                return width, height
    return None


def _both(text: str) -> tuple[str, ...]:
    """Return width and height of a text such as ``[640, 480]`` or ``640x480``; none of another."""
    match = _pair(text.strip())
    return match.groups() if match else ()


def _side(value: Any) -> float:
    """Return a side's length, given as a number or as its text; 0 where it is none."""
    if type(value) is str and _number(value):
        value = float(value)
    return float(value) if type(value) in (int, float) and 0 < value < float("inf") else 0.0


def _changed(file: Path) -> int:
    try:
        return os.stat(file).st_mtime_ns  # noqa: PTH116 - three times as fast as Path.stat
    except OSError:
        return -1


def measure(file: Path, *, turns: bool) -> tuple[Size, bool]:
    """Return a picture's size and whether its EXIF data turns or mirrors it; read from its header.

    Args:
        file: The picture.
        turns: Whether its sides are those after turning.

    Raises:
        BadRow: it is no picture, or cannot be read.
        StorageError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise StorageError(
            "image sizes need Pillow; pip install '.[images]', or give rows with width and height"
        ) from None
    try:
        with warnings.catch_warnings():
            # A large picture is no bomb where its header alone is read.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(file)
        with opened as image:
            width, height = image.size
            # The base class's: some formats' own would decode the picture to find EXIF data.
            orientation = Image.Image.getexif(image).get(_ORIENTATION, 1)
            if image.format == "TIFF":  # turned as it is opened, so that all readers agree
                orientation = 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(file, error) from None
    swapped = turns and orientation in (5, 6, 7, 8)
    size = (float(height), float(width)) if swapped else (float(width), float(height))
    return size, orientation in range(2, 9)


def _unreadable(file: Path, error: Exception) -> BadRow:
    return unfit(f"the image {file} cannot be read: {error}", "fix it")
