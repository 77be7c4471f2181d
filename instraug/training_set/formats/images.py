"""Image files that rows name: looked for below one folder, and nowhere else."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path

from instraug.errors import BadRow
from instraug.training_set.formats.base import unfit


def find_image(folder: Path, path: str) -> Path:
    """Return the file that a row's image path means.

    Args:
        folder: The folder that image paths start at.
        path: As a row spells it; a leading ``./`` or ``/`` is ignored.

    Raises:
        BadRow: there is no such file, or it lies outside the folder.
    """
    if "\0" in path:
        raise unfit("the image path holds a NUL character", "fix the row, or leave it out")
    # By its spelling, not resolved: a folder of links to where images are kept is usual.
    inside = normpath(path.lstrip("/"))
    if inside == ".." or inside.startswith("../"):
        what = f"the image {path!r:.200} lies outside {folder}"
        raise unfit(what, "put it inside, or leave the row out")
    file = folder / inside
    try:
        if file.is_file():
            return file
    except OSError as error:
        raise _unreadable(path, error) from None
    raise unfit(f"there is no image {str(file)!r:.200}", "check --images, or leave the row out")


def read_image(folder: Path, path: str) -> bytes:
    """Return the bytes of the image that a row names; raises as `find_image` does."""
    try:
        return find_image(folder, path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError) -> BadRow:
    what = f"the image {path!r:.200} cannot be read: {error.strerror}"
    return unfit(what, "check the path and its permissions")
