"""Shards of raw rows -> built rows, or the ranks that a cap goes by.

This is the inner loop of a build: hundreds of thousands of rows a second go through it. They go in
batches, each stage over a whole one, which keeps that stage's code in the processor's cache;
benchmarks/build.py holds it against bare JSON reading and writing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from instraug.tasks.pool import Pool
from instraug.tasks.rendering import MissingField
from instraug.training_set.formats import registry
from instraug.training_set.formats.base import Fields, Options, Unfit
from instraug.training_set.formats.ofa_bins import quantiser
from instraug.training_set.instances.multiinstruct import Adapter, BadRow
from instraug.training_set.row_maker import Making, Ranked, Take, capped, exhauster, ranked, sampler
from instraug.training_set.sampling import Smallest
from instraug.training_set.shards import Shard, opened

BATCH = 12 << 10
"""Bytes of raw rows that are built together: few enough to stay in the processor's cache."""

LISTED = 1000
"""Bad rows of a kind that are listed one by one; all are counted."""

_FAULTS = (
    orjson.JSONDecodeError,
    orjson.JSONEncodeError,
    BadRow,
    MissingField,
    RecursionError,
    Unfit,
)

_instruction = itemgetter("instruction_id")


@dataclass(frozen=True)
class Plan:
    """All that a process needs to build any shard."""

    pools: tuple[Pool, ...]
    format: str
    options: Options
    making: Making
    as_released: bool = False
    ofa_bins: bool = False
    per_task: int | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that could not be used."""

    line: int
    """From 1, within its shard."""
    kind: str
    what: str
    fix: str


@dataclass
class Report:
    """What became of a shard's rows."""

    lines: int = 0
    used: Counter[str] = field(default_factory=Counter)
    """Instruction id -> rows built with it."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Kind of fault -> rows left out."""
    bad: list[Bad] = field(default_factory=list)
    """The first `LISTED` of each kind."""

    def leave_out(self, bad: Bad) -> None:
        """Count a row that cannot be used, and list it while there is room."""
        self.kinds[bad.kind] += 1
        if self.kinds[bad.kind] <= LISTED:
            self.bad.append(bad)


class Builder:
    """Builds shards; made once in every process.

    Raises:
        StorageError: a library that the format needs is not installed.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._format = registry.load(plan.format, plan.options)
        self._rows: list[Fields] = []
        """Built rows of the batch at hand."""
        self._ranks: list[Ranked] = []
        """Ranks of its rows."""
        tasks = [pool.task for pool in plan.pools]
        # What a row lacks is found where a prompt shows it, by one rule for all tasks.
        self._adapter = Adapter(tasks, as_released=plan.as_released, lenient=True)
        self._takes = {pool.task.name: self._take(pool) for pool in plan.pools}
        self._quantise: Callable[[Fields], None] | None = None
        if plan.ofa_bins:
            regions = {task.name for task in tasks if task.output == "region"}
            self._quantise = quantiser(plan.options.images, regions)

    def _take(self, pool: Pool) -> Take:
        making = self._plan.making
        take = exhauster if making.all_instructions else sampler
        return take(pool, making, self._adapter.preparer(pool.task.name), self._rows)

    def build(
        self, shard: Shard, bounds: Mapping[str, int], write: Callable[[bytes], Any]
    ) -> Report:
        """Write a shard's rows, as blocks of the format.

        Args:
            shard: What to read.
            bounds: Task -> the rank from which on its rows are left out; none where it is missing.
            write: Takes each block.

        Raises:
            InputError: a line over the cap, or compressed data that is damaged.
            StorageError: the file cannot be read.
        """
        report = Report()
        seed, pack, size = self._plan.making.seed, self._format.pack, self._format.block_rows
        takes = self._takes | {
            name: capped(self._takes[name], name, seed, bound) for name, bound in bounds.items()
        }
        block: list[Any] = []
        for lines, encoded in self._batches(shard, takes, report):
            block += encoded
            if len(block) >= size or len(lines[-1]) > BATCH:  # long lines do not pile up
                write(pack(block))
                block.clear()
        if block:
            write(pack(block))
        return report

    def rank(self, shard: Shard, bounds: Mapping[str, int]) -> dict[str, list[int]]:
        """Return the smallest ranks of a shard's sound rows by task, as `Smallest.held` does.

        Args:
            shard: What to read.
            bounds: Task -> the rank from which on its rows are known to be left out; every task's.

        Raises:
            InputError, StorageError: as `build` does.
        """
        wanted, seed = self._plan.per_task or 0, self._plan.making.seed
        smallest = {name: Smallest(wanted, bounds[name]) for name in self._takes}
        takes = {
            name: ranked(take, name, seed, smallest[name], self._ranks)
            for name, take in self._takes.items()
        }
        for _ in self._batches(shard, takes, Report()):
            for of_task, number in self._ranks:
                of_task.add(number)
        return {name: found for name, s in smallest.items() if (found := s.held())}

    def _batches(
        self, shard: Shard, takes: Mapping[str, Take], report: Report
    ) -> Iterator[tuple[list[bytes], list[Any]]]:
        """Yield lines and what is encoded of them by batch; note every row that cannot be used.

        Where a row of a batch is at fault, the batch is done again row by row.
        """
        # One line is enough where each gives many rows, or large ones.
        much = self._plan.making.all_instructions or self._format.block_rows == 1
        size = 1 if much else BATCH
        with opened(shard, size) as batches:
            for batch in batches:
                try:
                    yield batch, self._encoded(batch, takes, report)
                except _FAULTS:
                    for number, line in enumerate(batch, report.lines + 1):
                        try:
                            yield [line], self._encoded([line], takes, report)
                        except _FAULTS as fault:
                            if line.strip():
                                report.leave_out(_bad(fault, line, number))
                report.lines += len(batch)

    def _encoded(self, lines: list[bytes], takes: Mapping[str, Take], report: Report) -> list[Any]:
        """Parse lines, find each one's task, hand it over, encode what was built.

        Raises one of `_FAULTS` where a row cannot be used; nothing is noted of any row then.
        """
        adapt, quantise = self._adapter.adapt, self._quantise
        self._rows.clear()
        self._ranks.clear()
        for row, line in zip(list(map(orjson.loads, lines)), lines, strict=True):
            try:
                take = takes[row["task_name"]]
            except (LookupError, TypeError):
                take = takes[adapt(_object(row))]
            if quantise:
                quantise(row)
            take(row, line)
        used = list(map(_instruction, self._rows))
        encoded = list(map(self._format.encode, self._rows))
        report.used.update(used)
        return encoded


def _object(row: Any) -> Fields:
    if type(row) is dict:
        return row
    raise BadRow("broken line", "no JSON object", "write {...}, one a line")


def _bad(fault: BaseException, line: bytes, number: int) -> Bad:
    """Say what is wrong with a row."""
    if isinstance(fault, BadRow):
        return Bad(number, fault.kind, fault.what, fault.fix)
    if isinstance(fault, Unfit):
        return Bad(number, "unfit for the format", fault.what, fault.fix)
    if isinstance(fault, MissingField):
        what = f"the row has nothing for {{{fault.args[0]}}}"
        return Bad(number, "missing field", what, "add it, or leave the row out")
    if isinstance(fault, orjson.JSONDecodeError):
        return Bad(number, "broken line", _broken(fault, line), "write one JSON object a line")
    return Bad(number, "broken line", "the JSON is nested too deeply", "flatten it")


def _broken(fault: orjson.JSONDecodeError, line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line (0x{line[error.start]:02x}) is not UTF-8"
    return f"invalid JSON at column {fault.colno}: {fault.msg}"
