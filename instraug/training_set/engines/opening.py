"""Which engine builds a set."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from instraug.errors import UsageError
from instraug.training_set.engines.base import Engine
from instraug.training_set.engines.local import local_engine
from instraug.training_set.shard_builder import Recipe

EngineName = Literal["local", "ray"]


def open_engine(
    name: EngineName, recipe: Recipe, workers: int | None, scratch: Path
) -> AbstractContextManager[Engine]:
    """Open an engine.

    Args:
        name: Which one.
        recipe: What to build.
        workers: Processes; None: one, or as many as a cluster has processors.
        scratch: A folder where an engine may keep what it built meanwhile.

    Raises:
        UsageError: a library that it needs is not installed.
        StorageError: one that the format needs is not.
    """
    if name == "ray":
        if find_spec("ray") is None:
            raise UsageError("--engine ray needs Ray; pip install '.[ray]', or leave it out")
        from instraug.training_set.engines.ray import ray_engine

        return ray_engine(recipe, workers)
    return local_engine(recipe, workers or 1, scratch)
