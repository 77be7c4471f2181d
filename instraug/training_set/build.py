"""Build a training set: instances rendered with sampled instructions (MIns+, arXiv:2402.14492).

tasks + instructions -> pools -> plan -> engine -> rows of a format -> destination
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import instraug
from instraug.errors import InputError, UsageError
from instraug.files.disk import refusals
from instraug.files.manifest import check_spelled, sha256
from instraug.tasks.load import load_tasks
from instraug.tasks.pool import load_pools
from instraug.training_set.caps import caps_of
from instraug.training_set.card import card
from instraug.training_set.config import BuildConfig
from instraug.training_set.destination import Destination
from instraug.training_set.engines.local import Engine
from instraug.training_set.formats import registry
from instraug.training_set.formats.base import Block, Options
from instraug.training_set.row_maker import Making
from instraug.training_set.shard_builder import Plan
from instraug.training_set.shards import Shard
from instraug.training_set.summary import Outcome


@dataclass(frozen=True)
class BuildJob:
    """What to build, of what, and where to."""

    tasks: Path
    instances: tuple[Path, ...]
    """Row files, or folders in MultiInstruct's layout."""
    dest: Path
    instructions: Path | None = None
    """An instructions.jsonl; None: hand-written instructions alone."""
    config: BuildConfig = field(default_factory=BuildConfig)
    workers: int = 1
    """Processes; the rows do not depend on how many."""
    force: bool = False
    progress: Callable[[int, int], None] = lambda _done, _all: None
    """Told of shards done, of all of them, from 0 on."""


def make_recipe(job: BuildJob, target: registry.Target) -> Plan:
    config = job.config
    if config.ofa_bins and target.format == "ofa-refcoco":
        raise UsageError(
            "ofa-refcoco takes numbers, of which its reader makes bins; leave --ofa-bins out"
        )
    pools = load_pools(load_tasks(job.tasks), job.instructions)
    return Plan(
        pools=pools,
        format=target.format,
        options=Options(target.suffix, Path(config.images) if config.images else None),
        making=Making(
            epsilon=config.epsilon,
            all_instructions=config.per_instance == "all",
            shuffle_options=config.shuffle_options,
            seed=config.seed,
        ),
        as_released=config.as_released,
        ofa_bins=config.ofa_bins,
        caps=caps_of(config),
        split=config.split,
    )


def check_apart(dest: Path, files: Iterable[Path]) -> None:
    """Refuse a destination that holds, or is, a file that the set is built from.

    Raises:
        UsageError: it does.
    """
    place = dest.resolve()
    for file in map(Path.resolve, files):
        if place in (file, *file.parents):
            raise UsageError(f"{dest}: the set is built from it; choose another destination")


def check_names(job: BuildJob, plan: Plan, files: Iterable[Path]) -> None:
    """Refuse, before a row is built, what the manifest could not name.

    Raises:
        UsageError: a path, or a setting, holds bytes that are no UTF-8.
    """
    sources = [pool.task.source for pool in plan.pools]
    check_spelled([job.dest.name, *files, *sources, job.instructions, asdict(job.config)])


@contextmanager
def hashing(files: Iterable[Path]) -> Iterator[Iterator[str]]:
    """Hash files in another thread, which stops when the block ends."""
    stop = Event()
    with ThreadPoolExecutor(1) as hasher:
        try:
            yield hasher.map(partial(sha256, stop=stop), files)
        finally:
            stop.set()


def write_rows(
    plan: Plan,
    engine: Engine,
    shards: list[Shard],
    dest: Destination,
    outcome: Outcome,
    job: BuildJob,
) -> None:
    """Write the data file.

    Raises:
        InputError: rows that cannot be used, and may not be skipped; or no row at all.
    """
    bounds: list[dict[str, int]] = []
    for cap in plan.caps:
        ranks = engine.ranks(shards, bounds, cap.rows)
        cap.check(ranks.groups())
        bounds.append(ranks.limits())
    form = registry.load(plan.format, plan.options)
    with dest.stream() as stream:
        sink = form.sink(stream)

        def write(block: Block) -> None:
            # Here, lest what reads the rows takes a refusal to write for one of its own.
            with refusals(job.dest, "write"):
                sink.write(block)

        try:
            job.progress(0, len(shards))
            reports = engine.build(shards, bounds, write)
            for done, (shard, report) in enumerate(zip(shards, reports, strict=True), 1):
                outcome.add(shard, report)
                job.progress(done, len(shards))
            sink.close()
        except BaseException:
            sink.abandon()
            raise
        if problems := outcome.failures(skip_bad=job.config.skip_bad):
            raise InputError(problems)


def write_companions(dest: Destination, plan: Plan, outcome: Outcome, job: BuildJob) -> None:
    """Write what a folder holds beside its rows."""
    form = registry.load(plan.format, plan.options)
    for name, content in form.companions(dest.data.name).items():
        dest.add(name, content)
    text = card(dest.data.name, plan.format, outcome.figures(), job.config.seed, dest.digest())
    dest.add("README.md", text.encode())


def manifest_body(
    job: BuildJob, plan: Plan, outcome: Outcome, inputs: dict[str, str]
) -> dict[str, Any]:
    sources = [pool.task.source for pool in plan.pools if pool.task.source]
    pool = {} if job.instructions is None else {str(job.instructions): sha256(job.instructions)}
    listed: dict[str, list[str]] = {}
    for kind, problem in outcome.listed:
        listed.setdefault(kind, []).append(problem.where)
    return {
        "kind": "build",
        "instraug": instraug.__version__,
        "python": platform.python_version(),
        "config": asdict(job.config) | {"format": plan.format},
        "inputs": {
            "instances": inputs,
            "instructions": pool,
            "tasks": {source: sha256(Path(source)) for source in sources},
        },
        "skipped_at": listed,
        **outcome.figures(),
    }
