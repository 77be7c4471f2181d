"""Read back what parts of a build left, as an engine that has built all rows already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from instraug.errors import InputError, Problem
from instraug.files.disk import read_regular, refusals
from instraug.files.jsonl import read_jsonl
from instraug.files.part import PartFolder
from instraug.tasks.pool import Pool
from instraug.training_set.build import Inputs
from instraug.training_set.config import BuildConfig, with_options
from instraug.training_set.engines.base import Write
from instraug.training_set.parts.fingerprints import Fingerprints
from instraug.training_set.parts.records import DAMAGED, Kept, pools_of
from instraug.training_set.parts.writing import BLOCKS, POOLS, REPORTS
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard


@dataclass(frozen=True)
class Joined:
    """A whole, as its parts describe it."""

    folders: Sequence[PartFolder]
    config: BuildConfig
    format: str
    suffix: str
    pools: tuple[Pool, ...]
    inputs: Inputs
    shards: int
    """Shards of rows of all parts."""

    def replay(self, write: Write) -> Iterator[tuple[Shard, ShardReport]]:
        """Write all blocks in order, and yield each shard of rows with its report.

        Raises:
            InputError: a file is not the one that its part wrote.
            StorageError: one cannot be read.
        """
        buffer = memoryview(b"")  # one for all blocks: a fresh one costs more than to fill it
        number = 0
        for folder in self.folders:
            digest = hashlib.sha256()
            path = folder.path / BLOCKS
            with refusals(path, "read"), path.open("rb") as file:
                for kept in _kept(folder):
                    if kept.shard.number != number:
                        folder.refuse(REPORTS)
                    number += 1
                    for size in kept.sizes:
                        if size > len(buffer):
                            buffer = memoryview(bytearray(size))
                        if file.readinto(buffer[:size]) != size:
                            folder.refuse(BLOCKS)
                        digest.update(buffer[:size])
                        write(buffer[:size])
                    yield kept.shard, kept.report
                if file.read(1) or digest.hexdigest() != folder.body["outputs"].get(BLOCKS):
                    folder.refuse(BLOCKS)
        if number != self.shards:
            self.folders[-1].refuse(REPORTS)


def joined(folders: Sequence[PartFolder]) -> Joined:
    """Return the whole that parts describe, in the order of their numbers.

    Raises:
        InputError: parts read other files of one name; or one is damaged.
    """
    first = folders[0]
    try:
        settings = dict(first.same["config"])
        inputs = Inputs(**first.same["inputs"])
        seen = Fingerprints()
        for folder in folders:
            seen.add(folder.path, folder.body["instances"])
        whole = Inputs(seen.of(list(inputs.instances)), inputs.instructions, inputs.tasks)
        pools = pools_of(orjson.loads(read_regular(first.file(POOLS))))
        config = with_options(BuildConfig(), settings)
        form, suffix = config.format, first.same["suffix"]
        if form is None:
            raise ValueError("no format")
        count = int(first.same["shards"])
        return Joined(folders, config, form, str(suffix), pools, whole, count)
    except DAMAGED:
        raise _damaged(first) from None


def _kept(folder: PartFolder) -> Iterator[Kept]:
    for _, row in read_jsonl(folder.file(REPORTS)):
        try:
            yield Kept.of(row)
        except DAMAGED:
            raise _damaged(folder) from None


def _damaged(folder: PartFolder) -> InputError:
    fix = f"make it again: {folder.fix}"
    return InputError([Problem(str(folder.path), "the shard is damaged", fix)])
