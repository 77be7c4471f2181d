"""Builds shards by Ray, on a cluster or on this machine: its core tasks, over our own byte ranges.

A task builds one shard, as a worker process of `local` does, and hands its blocks back in chunks.
Ray does a task again whose worker, or node, is gone; equal shards give equal bytes.

Source:
    ray-project/ray 2.60.0, core tasks and generators.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Any, TypeVar

import ray

import instraug
from instraug.errors import InstraugError, UsageError
from instraug.files.disk import refusals
from instraug.training_set.engines.base import Engine, Write
from instraug.training_set.sampling import Ranks
from instraug.training_set.shard_builder import Bounds, Builder, Recipe
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard

T = TypeVar("T")

_CHUNK = 8 << 20
"""Bytes of blocks that travel together; a shard of a file that cannot be cut makes several."""

_AHEAD = 4
"""Chunks of one task that may wait to be fetched."""

_PATIENCE = 10
"""Seconds in which a cluster has to answer."""

_RETRIES = 5
"""Times that a shard is built again whose worker was killed."""


@contextmanager
def ray_engine(recipe: Recipe, workers: int | None) -> Iterator[Engine]:
    """Open an engine on the cluster at RAY_ADDRESS, or on one of this machine, started for it.

    Args:
        recipe: What to build.
        workers: Processors of the machine's own cluster, and half the shards that are in work or
            wait to be written; None: as many as the cluster has.

    Raises:
        UsageError: no cluster answers; or its nodes have another version.
        StorageError: a library that the format needs is not installed.
    """
    Builder(recipe)  # what is missing here is a line, before a cluster is started
    with _connected(workers), _as_lines():
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        yield _OnRay(_Run.of(recipe), 2 * count)


@contextmanager
def _connected(workers: int | None) -> Iterator[None]:
    """Be connected to a cluster, one that is connected to already among them."""
    if ray.is_initialized():
        yield
        return
    # In a thread of its own Ray sets no handlers of signals in Python, and a signal to this one
    # does not end it halfway, which would abort the process. The thread lives as long as the
    # cluster: Linux ends the processes that it started when it ends.
    with ThreadPoolExecutor(1) as thread:
        try:
            _connect(thread, workers)
            yield
        finally:
            ray.shutdown()


@contextmanager
def _as_lines() -> Iterator[None]:
    """Turn what Ray raises into lines."""
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ImportError):
            what = f"the nodes of the cluster cannot import {error.cause.name}"
            raise UsageError(f"--engine ray: {what}; install instraug on each of them") from None
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        what = f"{_said(error)}; look at the cluster, and run again"
        raise InstraugError(f"--engine ray: {what}") from None


def _connect(thread: ThreadPoolExecutor, workers: int | None) -> None:
    """Connect to a cluster, or start one, quietly.

    Raises:
        UsageError: none answers at RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports to its makers
    address = os.environ.get("RAY_ADDRESS")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address:
        _check_there(address)
    else:
        quiet |= {"address": "local", "num_cpus": workers, "include_dashboard": False}
    begun = thread.submit(ray.init, **quiet)
    try:
        with _handlers():
            begun.result()
    except (ConnectionError, ImportError, RuntimeError, ValueError) as error:
        raise _no_cluster(address or "local", error) from None
    finally:
        wait([begun])


def _check_there(address: str) -> None:
    """Refuse an address where nothing listens, which Ray would try again for minutes.

    Raises:
        UsageError: it is one.
    """
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), _PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise _no_cluster(address, error) from None


def _no_cluster(address: str, error: Exception) -> UsageError:
    fix = "start one, or unset RAY_ADDRESS to start one here"
    return UsageError(f"RAY_ADDRESS={address}: no Ray cluster answers ({_said(error)}); {fix}")


def _said(error: Exception) -> str:
    """Return the first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


@contextmanager
def _handlers() -> Iterator[None]:
    """Keep the handlers of signals, over which the library below Ray sets its own."""
    kept: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # which alone may set them
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class _Run:
    """What a worker needs for any shard of one build; the recipe is fetched once."""

    name: str
    recipe: Any
    """The reference to it."""
    version: str
    folder: str
    """Where paths begin."""
    shell: str
    """The shell's name for it."""

    @classmethod
    def of(cls, recipe: Recipe) -> _Run:
        """Hand a recipe to the cluster."""
        shell = os.environ.get("PWD", "")
        reference = ray.put(recipe)
        return cls(secrets.token_hex(8), reference, instraug.__version__, str(Path.cwd()), shell)


class _OnRay:
    """Builds by tasks of Ray."""

    def __init__(self, run: _Run, ahead: int) -> None:
        self._run, self._ahead = run, ahead
        # A task holds one processor, and shards have to come in order: no other limit is needed.
        own = {"num_cpus": 1, "max_retries": _RETRIES}
        self._rank = ray.remote(**own)(_rank).remote
        kept = {"_generator_backpressure_num_objects": _AHEAD}
        self._build = ray.remote(num_returns="streaming", **own, **kept)(_build).remote

    def ranks(self, shards: Sequence[Shard], earlier: Bounds, wanted: int) -> Ranks:
        ranks = Ranks(wanted)

        def begin(shard: Shard) -> Any:
            return self._rank(self._run, shard, earlier, ranks.bounds())

        for reference in self._in_order(begin, shards):
            ranks.merge(_sound(ray.get(reference)))
        return ranks

    def build(self, shards: Sequence[Shard], bounds: Bounds, write: Write) -> Iterator[ShardReport]:
        def begin(shard: Shard) -> Any:
            return self._build(self._run, shard, bounds)

        for references in self._in_order(begin, shards):
            for reference in references:
                found = _sound(ray.get(reference))
                if isinstance(found, ShardReport):
                    yield found
                    continue
                blocks, sizes = memoryview(found[0]), found[1]
                for size in sizes:
                    write(blocks[:size])
                    blocks = blocks[size:]

    def _in_order(self, begin: Callable[[Shard], T], shards: Sequence[Shard]) -> Iterator[T]:
        """Yield what was begun for each shard, a few ahead: no worker waits, no store fills up."""
        calls = map(begin, shards)
        waiting = deque(islice(calls, self._ahead))
        while waiting:
            yield waiting.popleft()
            waiting.extend(islice(calls, 1))


def _sound(found: Any) -> Any:
    if isinstance(found, InstraugError):
        raise found
    return found


# ── in a worker process ──────────────────────────────────────────────────────────────────────

_builders: dict[str, Builder] = {}
"""The builder of the run at hand; a worker may outlive a run."""


def _builder(run: _Run) -> Builder:
    """Return this process's builder of a run.

    Raises:
        UsageError: the node has another version.
        StorageError: it lacks the folder, or a library that the format needs.
    """
    if run.name not in _builders:
        if instraug.__version__ != run.version:
            raise UsageError(
                f"--engine ray: a node has instraug {instraug.__version__}, and this machine "
                f"{run.version}; install one version on all of them"
            )
        with refusals(Path(run.folder), "enter"):
            os.chdir(run.folder)
        os.environ["PWD"] = run.shell
        _builders.clear()
        _builders[run.name] = Builder(ray.get(run.recipe))
    return _builders[run.name]


def _rank(
    run: _Run, shard: Shard, earlier: Bounds, known: Mapping[str, int]
) -> dict[str, list[int]] | InstraugError:
    try:
        return _builder(run).rank(shard, earlier, known)
    except InstraugError as error:
        return error


def _build(run: _Run, shard: Shard, bounds: Bounds) -> Iterator[Any]:
    """Yield chunks, each the bytes of some blocks and their sizes; then the report, or an error."""
    sizes: deque[int] = deque()
    place = Path(gettempdir())
    with SpooledTemporaryFile(_CHUNK, dir=str(place)) as kept:

        def write(block: bytes) -> None:
            with refusals(place, "write"):
                kept.write(block)
            sizes.append(len(block))

        try:
            report = _builder(run).build(shard, bounds, write)
        except InstraugError as error:
            yield error
            return
        kept.seek(0)
        while sizes:
            some = [sizes.popleft()]
            while sizes and sum(some) < _CHUNK:
                some.append(sizes.popleft())
            yield kept.read(sum(some)), some
    yield report
