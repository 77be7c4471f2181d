"""Shards of raw rows -> built rows, or the ranks that a cap goes by.

This is the inner loop of a build: hundreds of thousands of rows a second go through it. They go in
batches, each stage over a whole one, which keeps that stage's code in the processor's cache;
benchmarks/build.py holds it against bare JSON reading and writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from instraug.errors import BadRow
from instraug.tasks.pool import Pool
from instraug.tasks.records import Task
from instraug.training_set.answers import Note
from instraug.training_set.caps import Cap
from instraug.training_set.config import BuildConfig
from instraug.training_set.formats import registry
from instraug.training_set.formats.base import Fields, Look, Options
from instraug.training_set.instances.base import Instances, Unreadable
from instraug.training_set.row_maker import (
    Out,
    Rank,
    Take,
    answering,
    capped,
    exhauster,
    passer,
    ranked,
    sampler,
    spelling,
)
from instraug.training_set.sampling import BITS, HIGHEST, Smallest, ranker
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard

if TYPE_CHECKING:  # only some builds have any
    from instraug.training_set.boxes.regions import Regions

BATCH = 12 << 10
"""Bytes of raw rows that are built together: few enough to stay in the processor's cache."""

_FAULTS = (BadRow, orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError)
"""What a row that cannot be built raises; of the last three `_bad` makes the first."""

COUNTED = 1 << 15
"""Rows that are counted together."""

_instruction = itemgetter("instruction_id")

Finish = Callable[[Fields], object]
"""What is done to a built row before it is encoded."""

Bounds = Sequence[Mapping[str, int]]
"""For each of a build's first caps: group -> the rank from which on its rows are left out.

A group that is missing keeps all its rows.
"""


@dataclass(frozen=True)
class Recipe:
    """All that a process needs to build any shard."""

    pools: tuple[Pool, ...]
    instances: Instances
    format: str
    options: Options
    config: BuildConfig
    caps: tuple[Cap, ...] = ()


class Builder:
    """Builds shards; made once in every process.

    Raises:
        StorageError: a library that the format needs is not installed.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe, self._config = recipe, recipe.config
        self._instances = recipe.instances
        self._rename = recipe.instances.renamer()
        self._is_testing = cache(recipe.instances.is_testing)
        self._format = registry.load(recipe.format, recipe.options)
        self._used: list[str] = []
        self._drawn: list[int] = []
        """Instruction ids, and numbers of row ids, that are not counted yet."""
        self._out = Out()
        """Of the batch at hand."""
        # One line at a time where each gives many rows, or where its place counts.
        self._single = self._config.per_instance == "all" or any(c.first for c in recipe.caps)
        tasks = [pool.task for pool in recipe.pools]
        self._adapter = self._instances.adapter(tasks)
        take = exhauster if self._config.per_instance == "all" else sampler
        self._lacking = {p.task.name for p in recipe.pools if not p.instructions}
        if self._config.options_style or self._config.answers:
            from instraug.training_set.styled_rows import styled

            take = styled
        self._takes = {
            pool.task.name: take(
                pool, self._config, self._adapter, self._out, dates=self._format.notes_dates
            )
            for pool in recipe.pools
        }
        for pool in recipe.pools:
            if pool.task.answer_form == "rationale":
                name = pool.task.name
                self._takes[name] = answering(self._takes[name], self._out.rows)
        self._regions: Regions | None = None
        self._finish: Finish | None = None
        if self._config.boxes:
            self._spell_regions(self._config.boxes, tasks)

    def _spell_regions(self, boxes: str, tasks: Sequence[Task]) -> None:
        """Have every task's regions spelled as a family does."""
        from instraug.training_set.boxes import ms_swift
        from instraug.training_set.boxes.regions import regions_of

        regions = regions_of(boxes, self._config, self._recipe.options.images, tasks)
        self._regions = regions
        self._takes = {
            task.name: spelling(self._takes[task.name], task, regions, self._out) for task in tasks
        }
        self._finish = ms_swift.finish if boxes == "ms-swift" else None

    def build(self, shard: Shard, bounds: Bounds, write: Callable[[bytes], Any]) -> ShardReport:
        """Write a shard's rows, as blocks of the format.

        Args:
            shard: What to read.
            bounds: Of every cap.
            write: Takes each block.

        Raises:
            InputError: a line over the cap, or compressed data that is damaged.
            StorageError: the file cannot be read.
        """
        report = ShardReport()
        self._used, self._drawn = [], []
        if self._passed_over(shard):
            self._count(shard, report)
            return report
        pack, size = self._format.pack, self._format.block_rows
        takes = self._capped(self._takes, shard, bounds, report)
        block: list[Any] = []
        for lines, encoded in self._batches(shard, takes, report):
            block += encoded
            if len(block) >= size or len(lines[-1]) > BATCH:  # long lines do not pile up
                write(pack(block))
                block.clear()
        if block:
            write(pack(block))
        self._count_up(report)
        return report

    def _count_up(self, report: ShardReport) -> None:
        """Count what was built since the last time."""
        report.used.update(self._used)
        report.ids.add(self._drawn)
        self._used, self._drawn = [], []

    def rank(self, shard: Shard, earlier: Bounds, known: Mapping[str, int]) -> dict[str, list[int]]:
        """Return the smallest ranks of a shard's sound rows by group, as `Smallest.held` does.

        Args:
            shard: What to read.
            earlier: Of the caps before the one that is ranked for.
            known: Group -> the rank from which on its rows are known to be left out.

        Raises:
            InputError, StorageError: as `build` does.
        """
        if self._passed_over(shard):
            return {}
        cap, report = self._recipe.caps[len(earlier)], ShardReport()
        smallest: dict[str, Smallest] = {}

        def of(group: str) -> Smallest:
            return smallest.setdefault(group, Smallest(cap.rows, known.get(group, HIGHEST)))

        takes = {
            name: ranked(
                take,
                self._rank(cap, name, shard, report),
                cap.group(name, shard.path),
                of,
                self._out.ranks,
            )
            for name, take in self._takes.items()
        }
        takes = self._capped(takes, shard, earlier, report)
        for _ in self._batches(shard, takes, report):
            for of_group, number in self._out.ranks:
                of_group.add(number)
        return {group: ranks for group, s in smallest.items() if (ranks := s.held())}

    def _rank(self, cap: Cap, task: str, shard: Shard, report: ShardReport) -> Rank:
        """Return what ranks a task's rows for a cap: by a hash, or by the line being read."""
        if cap.first:
            return lambda _id, _line: (shard.number << BITS) + report.lines
        return ranker(self._config.seed, task)

    def _capped(
        self, takes: Mapping[str, Take], shard: Shard, bounds: Bounds, report: ShardReport
    ) -> dict[str, Take]:
        """Return what takes a shard's rows, except those of the other split or over a cap."""
        held = self._other_split(shard)
        capped_takes = {}
        for name, take in takes.items():
            if name in held:
                capped_takes[name] = passer(name, self._out.held)
                continue
            if name in self._lacking:
                capped_takes[name] = passer(name, self._out.lacking)
                continue
            capped_takes[name] = take
            for cap, of_cap in zip(self._recipe.caps, bounds, strict=False):
                rank, group = self._rank(cap, name, shard, report), cap.group(name, shard.path)
                capped_takes[name] = capped(capped_takes[name], rank, group, of_cap)
        return capped_takes

    def _passed_over(self, shard: Shard) -> bool:
        return self._config.split == "train" and self._is_testing(shard.path)

    def _count(self, shard: Shard, report: ShardReport) -> None:
        """Count the rows of a shard that is not built."""
        with self._instances.opened(shard, BATCH) as batches:
            for batch in batches:
                report.lines += len(batch)
                report.testing += sum(not line.isspace() for line in batch)

    def _other_split(self, shard: Shard) -> frozenset[str]:
        """Return the names of the tasks whose rows in this shard are not to be built."""
        wanted = self._config.split
        if wanted == "all" or self._is_testing(shard.path):
            return frozenset()
        return frozenset([p.task.name for p in self._recipe.pools if p.task.split != wanted])

    def _batches(
        self, shard: Shard, takes: Mapping[str, Take], report: ShardReport
    ) -> Iterator[tuple[list[bytes], list[Any]]]:
        """Yield lines and what is encoded of them by batch; note every row that cannot be used.

        Where a row of a batch is at fault, the batch is done again row by row.
        """
        size = 1 if self._single or self._format.block_rows == 1 else BATCH
        with self._instances.opened(shard, size) as batches:
            for batch in batches:
                try:
                    yield batch, self._encoded(batch, report.lines + 1, takes, report)
                except _FAULTS:
                    for number, line in enumerate(batch, report.lines + 1):
                        try:
                            yield [line], self._encoded([line], number, takes, report)
                        except _FAULTS as fault:
                            if line.strip():
                                report.leave_out(number, _bad(fault, line))
                report.lines += len(batch)

    def _encoded(
        self, lines: list[bytes], first: int, takes: Mapping[str, Take], report: ShardReport
    ) -> list[Any]:
        """Parse lines, find each one's task, hand it over, encode what was built.

        Raises one of `_FAULTS` where a row cannot be used; nothing is noted of any row then.
        """
        task_of = self._adapter.task_of
        self._out.clear()
        rows = self._parsed(lines)
        for row, line in zip(rows, lines, strict=True):
            try:
                take = takes[row["task_name"]]
            except (LookupError, TypeError):
                take = takes[task_of(row)]
            take(row, line)
        if self._finish:
            for row in self._out.rows:
                self._finish(row)
        noted = [*self._noted(look, rows, lines)] if (look := self._format.look) else []
        used = list(map(_instruction, self._out.rows))
        encoded = list(map(self._format.encode, self._out.rows))
        self._used += used
        self._drawn += self._out.drawn
        if len(self._used) > COUNTED:
            self._count_up(report)
        report.add(self._out.held, self._out.lacking, self._out.shown)
        if noted or self._out.notes:
            report.note(self._out.notes + noted, lines, first)
        return encoded

    def _parsed(self, lines: list[bytes]) -> list[Any]:
        """Return the rows that lines hold, under the fields' own names."""
        if self._regions:
            self._regions.begin()
        rows = list(map(orjson.loads, lines))
        if self._rename:
            for row in rows:
                self._rename(row)
        return rows

    def _noted(self, look: Look, rows: list[Any], lines: list[bytes]) -> Iterator[Note]:
        """Yield what the format notes of the built rows."""
        for what, at in look(self._out.rows):
            built = self._out.rows[at]
            # Rows that are built with every instruction are new ones, and come a line at a time.
            line = next((n for n, row in enumerate(rows) if row is built), 0)
            yield what, built["task_name"], lines[line]


def _bad(fault: BaseException, line: bytes) -> BadRow:
    """Return a row's fault without the frames that it came up through, which hold the row."""
    if isinstance(line, Unreadable):
        return line.fault
    if isinstance(fault, BadRow):
        return BadRow(fault.kind, fault.sort, fault.fix, fault.name)
    if isinstance(fault, orjson.JSONDecodeError):
        return BadRow("broken line", _broken(fault, line), "write one JSON object a line")
    return BadRow("broken line", "the JSON is nested too deeply", "flatten it")


def _broken(fault: orjson.JSONDecodeError, line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line (0x{line[error.start]:02x}) is not UTF-8"
    return f"invalid JSON at column {fault.colno}: {fault.msg}"
