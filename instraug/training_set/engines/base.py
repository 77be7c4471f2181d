"""The seam for engines: what builds shards, in whatever processes; equal bytes from each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from instraug.training_set.formats.base import Block
from instraug.training_set.sampling import Ranks
from instraug.training_set.shard_builder import Bounds
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard

Write = Callable[[Block], Any]


class Engine(Protocol):
    """What builds the shards of one recipe."""

    def ranks(self, shards: Sequence[Shard], earlier: Bounds, wanted: int) -> Ranks:
        """Return the smallest ranks by group, for the cap after those whose bounds are given.

        Args:
            shards: What to read.
            earlier: Of the caps before it.
            wanted: How many rows of a group the cap keeps.
        """

    def build(self, shards: Sequence[Shard], bounds: Bounds, write: Write) -> Iterator[ShardReport]:
        """Write the blocks of all shards in order, and yield what became of each shard."""
