"""What a build did: rows by task and instruction, and every row that could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from instraug.errors import Problem
from instraug.tasks.pool import Pool
from instraug.tasks.records import Template
from instraug.training_set.shard_builder import LISTED, Report
from instraug.training_set.shards import Shard

NO_FAULT = frozenset({"target in context"})
"""Kinds of rows that are left out in any case: known faults of the data, none of the user's."""


@dataclass
class Outcome:
    """Adds up the reports of shards, which come in the order of the files."""

    pools: Sequence[Pool]
    epsilon: float
    used: Counter[str] = field(default_factory=Counter)
    """Instruction id -> rows built with it."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Kind of fault -> rows left out."""
    listed: list[tuple[str, Problem]] = field(default_factory=list)
    """Kind and problem of the first `LISTED` of each kind."""
    outputs: dict[str, str] = field(default_factory=dict)
    """File -> SHA-256."""
    _listed: Counter[str] = field(default_factory=Counter)
    """Kind -> rows seen that were to be listed."""
    _lines: int = 0
    """Of the file at hand, so far."""

    def add(self, shard: Shard, report: Report) -> None:
        """Add what became of the next shard."""
        if not shard.start:
            self._lines = 0
        for bad in report.bad:
            self._listed[bad.kind] += 1
            if self._listed[bad.kind] <= LISTED:
                place = f"{shard.path}:{self._lines + bad.line}"
                self.listed.append((bad.kind, Problem(place, bad.what, bad.fix)))
        self._lines += report.lines
        self.skipped += report.kinds
        self.used.update(report.used)

    @property
    def rows(self) -> int:
        """Rows built."""
        return self.used.total()

    @property
    def originals(self) -> int:
        """Rows built with a hand-written instruction."""
        return sum(self._rows(pool.task.templates).total() for pool in self.pools)

    def _rows(self, instructions: Iterable[Template]) -> Counter[str]:
        """Return rows by instruction, of those that any was built with."""
        return Counter({t.id: n for t in instructions if (n := self.used[t.id])})

    def failures(self, *, skip_bad: bool) -> list[Problem]:
        """Return what ends the run: rows that may not be skipped, or that there is none at all."""
        bad = sum(n for kind, n in self.skipped.items() if kind not in NO_FAULT)
        if bad and not skip_bad:
            problems = [problem for kind, problem in self.listed if kind not in NO_FAULT]
            more = f"{bad} rows cannot be used"
            if bad > len(problems):
                more += f", the first {len(problems)} of them are above"
            return [*problems, Problem("build", more, "fix them, or leave them out: --skip-bad")]
        if not self.rows:
            fix = "give rows of these tasks"
            return [
                *(p for _, p in self.listed),
                Problem("build", "there is no row to build", fix),
            ]
        return []

    def figures(self) -> dict[str, Any]:
        """Return counts, as the manifest and ``--json`` have them (docs/building.md)."""
        rows = self.rows
        return {
            "rows": rows,
            "epsilon": {
                "asked": self.epsilon,
                "realised": round(self.originals / rows, 6) if rows else None,
            },
            "skipped": dict(sorted(self.skipped.items())),
            "tasks": {
                pool.task.name: figures
                for pool in self.pools
                if (figures := self._of_task(pool))["rows"]
            },
        }

    def _of_task(self, pool: Pool) -> dict[str, int]:
        own, generated = self._rows(pool.task.templates), self._rows(pool.generated)
        return {
            "rows": own.total() + generated.total(),
            "original": own.total(),
            "generated": generated.total(),
            "instructions": len(own) + len(generated),
        }
