"""Image files that rows name: looked for below one folder, and nowhere else."""

from __future__ import annotations

from functools import cache
from os.path import normpath, realpath
from pathlib import Path

from instraug.errors import BadRow

UNFIT = "unfit image"
"""The kind of these faults."""


def find_image(folder: Path, path: str) -> Path:
    """Return the file that a row's image path means.

    Args:
        folder: The folder that image paths start at.
        path: As a row spells it; a leading ``./`` or ``/`` is ignored.

    Raises:
        BadRow: there is no such file, or it lies outside the folder.
    """
    if "\0" in path:
        raise BadRow(UNFIT, "the image path holds a NUL character", "fix the row, or leave it out")
    inside = normpath(path.lstrip("/"))
    file = folder / inside
    if inside == ".." or inside.startswith("../") or not _is_inside(file, folder):
        what = f"the image {path!r:.200} lies outside {folder}"
        raise BadRow(UNFIT, what, "put it inside, or leave the row out")
    try:
        if file.is_file():
            return file
    except OSError as error:
        raise unreadable(path, error) from None
    what = f"there is no image in {folder}"
    raise BadRow(UNFIT, what, "check --images, or leave the row out", f"{inside!r:.200}")


def unreadable(path: str, error: OSError) -> BadRow:
    """Return what to raise for an image that the system does not let be read."""
    what = f"the image {path!r:.200} cannot be read: {error.strerror}"
    return BadRow(UNFIT, what, "check the path and its permissions")


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a path stays in a folder, links followed; the folder may be a link itself."""
    return Path(realpath(path)).is_relative_to(_real(folder))


@cache
def _real(folder: Path) -> str:
    return realpath(folder)
