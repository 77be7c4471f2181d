"""The folder that ``build --shard I/N`` leaves: blocks of its format, and what became of the rows.

    blocks          the format's blocks, one after the other
    reports         JSON lines: of each shard of rows the sizes of its blocks, and its report
    pools           JSON: the pools, of the first part alone
    manifest.json   see `files.part`

No name ends like a data file's, so that nothing takes the folder for a set.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, BinaryIO

import instraug
from instraug.files.disk import refusals
from instraug.files.jsonl import dumps
from instraug.training_set.build import Inputs, Work, settings_of_set
from instraug.training_set.destination import Destination
from instraug.training_set.engines.base import Engine
from instraug.training_set.formats.base import Block
from instraug.training_set.parts.records import Kept, pools_as_json
from instraug.training_set.shard_builder import Bounds, Recipe
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard
from instraug.training_set.summary import Summary

BLOCKS, REPORTS, POOLS = "blocks", "reports", "pools"
"""Names in a part's folder."""


class PartWriter:
    """Writes a part's folder.

    Args:
        dest: The folder; its data file are the blocks.
        recipe: What rows are built by.
    """

    def __init__(self, dest: Destination, recipe: Recipe) -> None:
        self._dest = dest
        self._reports = dest.another(REPORTS)
        self._recipe = recipe
        self._pools = dumps(pools_as_json(recipe.pools))

    @contextmanager
    def building(
        self, engine: Engine, shards: Sequence[Shard], bounds: Bounds
    ) -> Iterator[Iterator[tuple[Shard, ShardReport]]]:
        """Open the files; yield shards with their reports, built and kept as these are read.

        Raises:
            StorageError: the disk refused.
        """
        with self._dest.stream() as blocks, self._reports.stream() as reports:
            yield self._kept(engine, shards, bounds, blocks, reports)

    def _kept(
        self,
        engine: Engine,
        shards: Sequence[Shard],
        bounds: Bounds,
        blocks: BinaryIO,
        reports: BinaryIO,
    ) -> Iterator[tuple[Shard, ShardReport]]:
        sizes: list[int] = []

        def write(block: Block) -> None:
            with refusals(self._dest.data, "write"):
                blocks.write(block)
            sizes.append(len(block))

        for shard, report in zip(shards, engine.build(shards, bounds, write), strict=True):
            with refusals(self._reports.data, "write"):
                reports.write(dumps(Kept(shard, tuple(sizes), report).as_json()) + b"\n")
            sizes.clear()
            yield shard, report

    def finish(
        self,
        work: Work,
        inputs: Inputs,
        fingerprints: Mapping[str, Any],
        bounds: Bounds,
        summary: Summary,
        began: float,
    ) -> None:
        """Write the pools and the manifest.

        Args:
            work: The build.
            inputs: The hashes of its inputs, but of files of rows the size.
            fingerprints: Of the files of rows; see `fingerprints`.
            bounds: Of every cap.
            summary: What became of the rows.
            began: When it began, on the monotonic clock.
        """
        part = work.part
        if part.number == 1:
            self._dest.add(POOLS, self._pools)
        body = {
            "kind": "shard",
            "of": "build",
            "python": platform.python_version(),
            "shard": [part.number, part.of],
            "same": {
                "instraug": instraug.__version__,
                "config": settings_of_set(self._recipe),
                "suffix": self._recipe.options.suffix,
                "inputs": asdict(inputs),
                "pools": hashlib.sha256(self._pools).hexdigest(),
                "bounds": _digest(bounds),
                "shards": len(work.shards),
            },
            "instances": fingerprints,
            **summary.figures(),
            "run": work.run(began),
        }
        summary.outputs = self._dest.finish(body, [self._reports])


def _digest(bounds: Bounds) -> str:
    """Return a digest of what caps keep, which depends on all rows; ranks are no JSON."""
    spelled = repr([sorted(bound.items()) for bound in bounds])
    return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()
