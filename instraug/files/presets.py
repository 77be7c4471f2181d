"""What ships beside the code, in a source tree and in a wheel alike."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from instraug.errors import InputError, Problem
from instraug.files.decode import suggest


def find(name: str) -> Path:
    """Return the file that ``-c NAME`` means: a shipped preset, by its bare name, or a path.

    Raises:
        InputError: a bare name that no preset has.
    """
    presets = {path.stem: path for path in folder("configs").glob("*.yaml")}
    if name not in presets:
        if Path(name).suffix or "/" in name:
            return Path(name)
        fix = f"a file of your own needs its suffix; else {suggest(name, presets)}"
        raise InputError([Problem(name, "is not a shipped config", fix)])
    return presets[name]


_PACKAGE = Path(__file__).parents[1]


def folder(name: Literal["configs", "meta_prompts"]) -> Path:
    """Return the folder of the shipped config presets or meta-prompts."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
