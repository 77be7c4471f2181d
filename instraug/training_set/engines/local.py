"""Builds shards in this process, or in several of this machine; equal bytes either way."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from instraug.errors import InstraugError
from instraug.files.disk import refusals, write_all
from instraug.training_set.engines.base import Engine, Write
from instraug.training_set.sampling import Ranks
from instraug.training_set.shard_builder import Bounds, Builder, Recipe
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard

if TYPE_CHECKING:  # one process does without it, and starts sooner
    from concurrent.futures import Future, ProcessPoolExecutor

T = TypeVar("T")


@contextmanager
def local_engine(recipe: Recipe, workers: int, scratch: Path) -> Iterator[Engine]:
    """Open an engine.

    Args:
        recipe: What to build.
        workers: Processes; 1 is this one.
        scratch: The folder where worker processes leave what they built, in one of their own.

    Raises:
        StorageError: a library that the format needs is not installed.
    """
    builder = Builder(recipe)
    if workers == 1:
        yield _Here(builder)
        return
    from concurrent.futures.process import BrokenProcessPool

    pool = _processes(recipe, workers, builder)
    with TemporaryDirectory(prefix=".instraug-", dir=scratch) as folder:
        try:
            yield _There(pool, workers, Path(folder))
        except BrokenProcessPool:
            raise InstraugError(
                "a worker process was killed, perhaps for memory; run with fewer --workers"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _processes(recipe: Recipe, workers: int, builder: Builder) -> ProcessPoolExecutor:
    """Start worker processes.

    They are forked where that is safe, which is on Linux as long as there is no other thread: a
    fork is at work at once, with the compiled instructions it was born with.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    forked = sys.platform == "linux" and threading.active_count() == 1
    method = "fork" if forked else "spawn"
    pool = ProcessPoolExecutor(workers, get_context(method), _start, (recipe,))
    if forked:
        _builders.append(builder)
        pool.submit(int).result()
        _builders.clear()
    return pool


class _Here:
    """Builds in this process."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def ranks(self, shards: Sequence[Shard], earlier: Bounds, wanted: int) -> Ranks:
        ranks = Ranks(wanted)
        for shard in shards:
            ranks.merge(self._builder.rank(shard, earlier, ranks.bounds()))
        return ranks

    def build(self, shards: Sequence[Shard], bounds: Bounds, write: Write) -> Iterator[ShardReport]:
        for shard in shards:
            yield self._builder.build(shard, bounds, write)


class _There:
    """Builds in worker processes."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int, folder: Path) -> None:
        self._pool = pool
        self._ahead = 2 * workers
        self._folder = folder

    def ranks(self, shards: Sequence[Shard], earlier: Bounds, wanted: int) -> Ranks:
        ranks = Ranks(wanted)
        calls = (self._pool.submit(_rank, shard, earlier, ranks.bounds()) for shard in shards)
        for part in self._in_order(calls):
            ranks.merge(part)
        return ranks

    def build(self, shards: Sequence[Shard], bounds: Bounds, write: Write) -> Iterator[ShardReport]:
        # A part is written again once it was read: its pages are in memory, and stay there.
        parts = cycle([self._folder / str(number) for number in range(self._ahead + 1)])
        pairs = zip(shards, parts, strict=False)
        calls = (self._pool.submit(_build, shard, bounds, part) for shard, part in pairs)
        buffer = memoryview(b"")  # one for all blocks: a fresh one costs more than to fill it
        for part, sizes, report in self._in_order(calls):
            with part.open("rb") as file:
                for size in sizes:
                    if size > len(buffer):
                        buffer = memoryview(bytearray(size))
                    file.readinto(buffer[:size])
                    write(buffer[:size])
            yield report

    def _in_order(self, calls: Iterator[Future[T]]) -> Iterator[T]:
        """Yield results in order, a few calls ahead: no process waits, no disk fills up."""
        waiting: deque[Future[T]] = deque()
        for call in calls:
            waiting.append(call)
            if len(waiting) > self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


# ── in a worker process ──────────────────────────────────────────────────────────────────────

_builders: list[Builder] = []
"""The one builder of a worker process."""


def _start(recipe: Recipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not _builders:
        _builders.append(Builder(recipe))


def _end_with_parent() -> None:
    """End this process when its parent is gone, however that ended.

    It checks now and then: a pipe to the parent would stay open as long as another worker holds it.
    """
    from multiprocessing import parent_process

    if parent := parent_process():
        while os.getppid() == parent.pid:
            time.sleep(0.2)
        os._exit(1)


def _rank(shard: Shard, earlier: Bounds, known: Mapping[str, int]) -> dict[str, list[int]]:
    return _builders[0].rank(shard, earlier, known)


def _build(shard: Shard, bounds: Bounds, part: Path) -> tuple[Path, list[int], ShardReport]:
    """Build a shard into a file; return it, the sizes of its blocks, and the report."""
    sizes: list[int] = []
    with refusals(part, "write"):
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(block: bytes) -> None:
        write_all(fd, block, part)
        sizes.append(len(block))

    try:
        return part, sizes, _builders[0].build(shard, bounds, write)
    finally:
        os.close(fd)
