"""The images that rows name, as formats that hold or measure them want them."""

from __future__ import annotations

from pathlib import Path

from instraug.errors import BadRow
from instraug.files import images
from instraug.training_set.formats.base import unfit


def find_image(folder: Path, path: str) -> Path:
    """Return the file that a row's image path means, see `instraug.files.images.find_image`.

    Raises:
        BadRow: there is no such file, or it lies outside the folder.
    """
    try:
        return images.find_image(folder, path)
    except BadRow as fault:
        raise unfit(fault.sort, fault.fix, fault.name) from None


def read_image(folder: Path, path: str) -> bytes:
    """Return the bytes of the image that a row names; raises as `find_image` does."""
    try:
        return find_image(folder, path).read_bytes()
    except OSError as error:
        fault = images.unreadable(path, error)
        raise unfit(fault.sort, fault.fix, fault.name) from None
