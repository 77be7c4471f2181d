"""The families by name; each one's module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from instraug.training_set.boxes.base import Family, Settings

FAMILIES = {
    "pixels": "pixels",
    "qwen3-vl": "qwen3_vl",
    "qwen2.5-vl": "qwen2_5_vl",
    "qwen2-vl": "qwen2_vl",
    "internvl": "internvl",
    "llava": "llava",
    "instructblip": "pixels",
    "paligemma": "paligemma",
    "florence-2": "florence_2",
    "kosmos-2": "kosmos_2",
    "ofa": "ofa",
    "ms-swift": "ms_swift",
}
"""Family -> its module."""


def load(name: str, settings: Settings) -> Family:
    """Return a family of `FAMILIES`, with its settings."""
    made: Family = import_module(f"{__package__}.{FAMILIES[name]}").make(settings)
    return made
