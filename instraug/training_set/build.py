"""Build a training set: instances rendered with sampled instructions (MIns+, arXiv:2402.14492).

The steps of `chain.build`, which shows them in a row.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, TypeVar

import instraug
from instraug.errors import InputError, UsageError
from instraug.files.card import PICTURE, README
from instraug.files.disk import refusals
from instraug.files.manifest import check_spelled, sha256
from instraug.files.part import Part
from instraug.tasks.lengths_picture import draw
from instraug.tasks.pool import Pool
from instraug.training_set.caps import Cap, caps_of
from instraug.training_set.card import card
from instraug.training_set.config import BuildConfig
from instraug.training_set.destination import Destination, check_free
from instraug.training_set.engines.base import Engine, Write
from instraug.training_set.engines.opening import EngineName
from instraug.training_set.formats import registry
from instraug.training_set.formats.base import Block, Format, Options
from instraug.training_set.formats.registry import DataFile
from instraug.training_set.instances.multiinstruct import MultiInstruct
from instraug.training_set.option_styles import pairs
from instraug.training_set.profiles import facts
from instraug.training_set.shard_builder import Bounds, Recipe
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard
from instraug.training_set.summary import Summary

T = TypeVar("T")
H = TypeVar("H")


@dataclass(frozen=True)
class BuildJob:
    """What to build, from what, and where to."""

    tasks: Path
    instances: tuple[Path, ...]
    """Row files, or folders in MultiInstruct's layout."""
    dest: Path
    instructions: Path | None = None
    """An instructions.jsonl; None: hand-written instructions only."""
    config: BuildConfig = field(default_factory=BuildConfig)
    workers: int | None = None
    """Processes; None: one, or as many as a cluster has. The rows do not depend on how many."""
    force: bool = False
    progress: Callable[[int, int], None] = lambda _done, _all: None
    """Called with the shards done, from 0 on, and their total."""
    engine: EngineName = "local"
    part: Part | None = None
    """Build this share of the rows, for `join`; None: the whole."""


def fitted(job: BuildJob) -> BuildJob:
    """Return a job whose config holds what its profile sets.

    Raises:
        UsageError: there is no such profile.
    """
    return replace(job, config=job.config.fitted())


def settled(job: BuildJob) -> DataFile:
    """Settle where a job's rows go, and in which format, before anything is read.

    Raises:
        UsageError: the destination exists, or does not fit the format or its settings.
        StorageError: there is no place for it.
    """
    data_file = registry.data_file(job.dest, job.config.format)
    check_free(job.dest, is_file=data_file.is_file and not job.part, force=job.force)
    check_boxes(job.config, data_file.format)
    pairs(job.config.options_style, job.config.answers)
    return data_file


def check_boxes(config: BuildConfig, form: str) -> None:
    """Refuse settings of boxes that contradict each other or the format.

    Raises:
        UsageError: they do.
    """
    boxes = config.boxes
    if form == "ofa-refcoco" and boxes not in (None, "pixels"):
        left = "--ofa-bins" if config.ofa_bins else f"--boxes {boxes}"
        raise UsageError(
            f"ofa-refcoco takes numbers, of which its reader makes bins; leave {left} out"
        )
    if config.ofa_bins and boxes != "ofa":
        raise UsageError(f"--ofa-bins is --boxes ofa, and --boxes {boxes} another; leave one out")
    if boxes == "ms-swift" and form not in ("ms-swift", "multiinstruct"):
        raise UsageError(
            f"--boxes ms-swift writes objects beside the text, which the format {form} has no room "
            "for; use --format ms-swift"
        )
    settings = config.box_settings()
    bounds = settings.before or settings
    if bounds.min_pixels > bounds.max_pixels:
        raise UsageError(
            f"--min-pixels {bounds.min_pixels} is above --max-pixels {bounds.max_pixels}; "
            "give the smaller one first"
        )
    if config.patch_size > config.max_image_size:
        raise UsageError(
            f"--patch-size {config.patch_size} is above --max-image-size {config.max_image_size}, "
            "which OFA has no bins for; raise the second"
        )


def make_recipe(config: BuildConfig, data_file: DataFile, pools: tuple[Pool, ...]) -> Recipe:
    """Put together what rows are built by.

    Raises:
        UsageError: settings that do not go together.
    """
    return Recipe(
        pools=pools,
        instances=MultiInstruct(config.as_released, tuple(config.columns.items())),
        format=data_file.format,
        options=Options(data_file.suffix, Path(config.images) if config.images else None),
        config=config,
        caps=caps_of(config),
    )


def check_names(job: BuildJob, pools: Iterable[Pool], files: Iterable[Path]) -> None:
    """Refuse, before a row is built, what the manifest could not name.

    Raises:
        UsageError: a path, or a setting, holds bytes that are no UTF-8.
    """
    sources = [pool.task.source for pool in pools]
    check_spelled([job.dest.name, *files, *sources, job.instructions, asdict(job.config)])


@dataclass(frozen=True)
class Work:
    """All that a build needs before its first row."""

    job: BuildJob
    data_file: DataFile
    recipe: Recipe
    files: Sequence[Path]
    """Of rows."""
    shards: Sequence[Shard]
    """Of all of them, whoever builds them."""

    @property
    def part(self) -> Part:
        """The job's part; of a whole, the only one."""
        return self.job.part or Part(1, 1)

    def run(self, began: float) -> dict[str, Any]:
        """Return what a manifest states of a run, which may be otherwise in another one.

        Args:
            began: On the monotonic clock.
        """
        return {"seconds": round(monotonic() - began, 3), "workers": self.job.workers or 1}

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file of rows.

        Raises:
            StorageError: it cannot be looked at.
        """
        sizes = {}
        for file in self.files:
            with refusals(file, "read"):
                sizes[str(file)] = file.stat().st_size
        return sizes


def hashed_whole(path: Path, stop: Event) -> str:
    """Return a file's SHA-256; see `hashing`."""
    return sha256(path, stop)


@contextmanager
def hashing(hashed: Callable[[T, Event], H], items: Iterable[T]) -> Iterator[Iterator[H]]:
    """Hash in another thread, which stops when the block ends.

    Args:
        hashed: Hashes an item; once the event is set what it returns means nothing.
        items: Of which the hashes are yielded, in order.
    """
    stop = Event()
    with ThreadPoolExecutor(1) as hasher:
        try:
            yield hasher.map(lambda item: hashed(item, stop), items)
        finally:
            stop.set()


def find_bounds(engine: Engine, shards: Sequence[Shard], caps: Iterable[Cap]) -> Bounds:
    """Rank the rows for each cap in turn, among those that the caps before it keep.

    Raises:
        InputError: ``source_by`` names a key that no row has.
    """
    bounds: list[Mapping[str, int]] = []
    for cap in caps:
        ranks = engine.ranks(shards, bounds, cap.rows)
        cap.check(ranks.groups())
        bounds.append(ranks.limits())
    return bounds


@contextmanager
def writing(dest: Destination, form: Format, shown: Path) -> Iterator[Write]:
    """Open the data file; yield what writes a block to it.

    Args:
        dest: Where it is.
        form: Its format.
        shown: The destination's name, for messages.
    """
    with dest.stream() as stream:
        sink = form.sink(stream, dest.data.parent)

        def write(block: Block) -> None:
            # Caught here, so that what reads the rows does not take it for an error of its own.
            with refusals(shown, "write"):
                sink.write(block)

        try:
            yield write
            sink.close()
        except BaseException:
            sink.abandon()
            raise


def add_up(
    summary: Summary,
    shards: int,
    reports: Iterable[tuple[Shard, ShardReport]],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Add up the shards' reports; the rows are built as these are read.

    Args:
        summary: Takes them.
        shards: How many there are.
        reports: Each with its shard.
        progress: Called with the shards done, from 0 on, and their total.
    """
    progress(0, shards)
    for done, (shard, report) in enumerate(reports, 1):
        summary.add(shard, report)
        progress(done, shards)


def check_rows(summary: Summary, *, skip_bad: bool, some: bool = True) -> None:
    """Refuse a set with rows that cannot be built and may not be skipped, or with no row at all.

    Args:
        summary: What became of all rows.
        skip_bad: Leave out rows that cannot be built.
        some: There has to be a row.

    Raises:
        InputError: it is such a set.
    """
    if problems := summary.failures(skip_bad=skip_bad, some=some):
        raise InputError(problems)


def write_companions(dest: Destination, recipe: Recipe, form: Format, summary: Summary) -> None:
    """Write what a folder holds beside its rows."""
    name = dest.data.name
    for other, content in form.companions(name).items():
        dest.add(other, content)
    figures, seed = summary.figures(), recipe.config.seed
    dest.add(README, card(name, recipe.format, figures, seed, dest.digest()).encode())
    dest.add(PICTURE, draw(*summary.lengths()).encode())


@dataclass(frozen=True)
class Inputs:
    """The SHA-256 of what a set is made of, by path, as its manifest states them."""

    instances: Mapping[str, Any]
    instructions: Mapping[str, str]
    tasks: Mapping[str, str]

    @classmethod
    def of(cls, job: BuildJob, pools: Iterable[Pool], instances: Mapping[str, Any]) -> Inputs:
        """Add to what is known of the rows the hashes of tasks and instructions.

        Raises:
            StorageError: a file cannot be read.
        """
        sources = [pool.task.source for pool in pools if pool.task.source]
        pool = {} if job.instructions is None else {str(job.instructions): sha256(job.instructions)}
        return cls(instances, pool, {source: sha256(Path(source)) for source in sources})


def settings_of_set(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a set, as its manifest states them."""
    return asdict(recipe.config) | {"format": recipe.format}


def manifest_body(
    recipe: Recipe, summary: Summary, inputs: Inputs, run: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a manifest states about a build, except its outputs.

    Args:
        recipe: What rows were built by.
        summary: What became of it.
        inputs: What it was made of.
        run: What may be otherwise in another run of the same.
    """
    listed: dict[str, list[str]] = {}
    for (kind, *_), problem in summary.listed.items():
        listed.setdefault(kind, []).extend((problem.where, *problem.also))
    profile = recipe.config.profile
    return {
        "kind": "build",
        "instraug": instraug.__version__,
        "python": platform.python_version(),
        "config": settings_of_set(recipe),
        "inputs": asdict(inputs),
        "instruction_ids": sorted(summary.used),
        "original_instruction_ids": summary.originals(),
        "task_outputs": {p.task.name: p.task.output for p in recipe.pools if summary.has(p)},
        "profile": facts(profile) if profile else None,
        "skipped_at": listed,
        "sources": {p.task.name: p.task.sources for p in recipe.pools if p.task.sources},
        **summary.figures(),
        "run": run,
    }
