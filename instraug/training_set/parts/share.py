"""Which shards of rows are a part's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from instraug.files.disk import refusals
from instraug.files.part import Part
from instraug.training_set.instances.base import Instances
from instraug.training_set.shards import Shard

_BATCH = 1 << 16


def share(shards: Sequence[Shard], part: Part) -> list[Shard]:
    """Return a part's shards: neighbours, of about as many bytes as each other part's.

    Args:
        shards: Of all rows, in order.
        part: Which share of them.

    Raises:
        StorageError: a file cannot be looked at.
    """
    pieces = Counter(shard.path for shard in shards)
    sizes = {}
    for path in pieces:
        with refusals(path, "read"):
            sizes[path] = path.stat().st_size
    taken = Counter[object]()
    weights = []
    for shard in shards:
        at, of, size = taken[shard.path], pieces[shard.path], sizes[shard.path]
        weights.append(size * (at + 1) // of - size * at // of)
        taken[shard.path] += 1
    return part.take(shards, weights)


def lines_before(
    instances: Instances, own: Sequence[Shard], shards: Sequence[Shard]
) -> Callable[[], int]:
    """Return what counts the lines of a file before a part's first shard, which begins within it.

    Args:
        instances: Reads the file.
        own: The part's shards.
        shards: Those of all parts.
    """

    def count() -> int:
        first = own[0]
        lines = 0
        for shard in shards:
            if shard.path == first.path and shard.number < first.number:
                with instances.opened(shard, _BATCH) as batches:
                    lines += sum(map(len, batches))
        return lines

    return count
