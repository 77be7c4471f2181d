"""What ships beside the code, in a source tree and in a wheel alike."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parent


def folder(name: Literal["configs", "meta_prompts"]) -> Path:
    """Return the folder of the shipped config presets or meta-prompts."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
