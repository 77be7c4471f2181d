"""What a build did: rows by task and instruction, and every row that could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from instraug.errors import Problem
from instraug.tasks.pool import Pool
from instraug.tasks.records import Template
from instraug.training_set.answers import IN_ORDER, NO_OPTION, NUMBERED
from instraug.training_set.boxes.base import SAME, TEXT, TURNED
from instraug.training_set.faults import Faults, Key
from instraug.training_set.formats import readers
from instraug.training_set.given_options import UNLISTED
from instraug.training_set.instances.base import NO_FAULT
from instraug.training_set.option_styles import KEPT
from instraug.training_set.repeated import Repeated
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard

REMARKS = {
    IN_ORDER: "their options keep their order, which carries meaning",
    NUMBERED: (
        "their answer is a number, so that their options keep their order; state in the task "
        "file whether it counts from 0 or from 1 (answers: index0 or index1)"
    ),
    NO_OPTION: "their target is none of their options, which keep their order; check the rows",
    KEPT: (
        "their answer stays as it is: none of the options, more options than letters, or options "
        "with labels of their own"
    ),
    UNLISTED: "their options are one text, which stays as it is, as does the answer; give a list",
    TURNED: (
        "their picture is to be turned by its EXIF data; sizes are as the profile's reader has "
        "them, and boxes have to be of that picture: check these, or turn the files themselves"
    ),
    TEXT: "what stands for a region is no box, and stays as it is; check the rows",
    SAME: "two of their options are one box in this spelling; check the rows",
    **readers.REMARKS,
}

_OF_BOXES = (TURNED, SAME, TEXT)

_ELSEWHERE = (*_OF_BOXES, *readers.REMARKS)


@dataclass(repr=False)
class Summary:
    """Adds up the reports of shards, which come in the order of the files."""

    pools: Sequence[Pool]
    epsilon: float
    used: Counter[str] = field(default_factory=Counter)
    """Instruction id -> rows built with it."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Kind of fault -> rows left out."""
    faults: Faults = field(default_factory=Faults)
    """Of rows that cannot be built."""
    held: Counter[str] = field(default_factory=Counter)
    """Task of the split that was not asked for -> its rows."""
    lacking: Counter[str] = field(default_factory=Counter)
    """Task without an instruction that may be used -> its rows."""
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """A style of options, and what the answer is -> rows whose options are shown so."""
    testing: int = 0
    """Rows of ``testing_data/`` that were not asked for."""
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """A note about rows' options (`answers`) or their readers (`readers`), and the task -> rows."""
    noted_at: dict[str, str] = field(default_factory=dict)
    """What is noted -> ``file:line`` of the first."""
    ids: Repeated = field(default_factory=Repeated)
    """Rows that have the id of an earlier one of their task, and so its instruction."""
    outputs: dict[str, str] = field(default_factory=dict)
    """File -> SHA-256."""
    lines_before: Callable[[], int] | None = None
    """Counts the lines before the first shard, where that begins within its file."""
    _repeated_in: str = ""
    """The first file in which an id repeats."""
    _lines: int = 0
    """Of the file at hand, so far."""

    def add(self, shard: Shard, report: ShardReport) -> None:
        """Add what became of the next shard."""
        if not shard.start:
            self._lines, self.lines_before = 0, None
        elif self.lines_before and (report.bad.found or report.noted_at):
            self._lines += self.lines_before()
            self.lines_before = None
        self.faults.merge(report.bad, str(shard.path), self._lines)
        for what, line in report.noted_at.items():
            self.noted_at.setdefault(what, f"{shard.path}:{self._lines + line}")
        self.notes += report.notes
        self.ids.merge(report.ids)
        if self.ids.count and not self._repeated_in:
            self._repeated_in = str(shard.path)
        self._lines += report.lines
        self.skipped += report.kinds
        self.held += report.held
        self.lacking += report.lacking
        self.testing += report.testing
        self.shown.update(report.shown)
        self.used.update(report.used)

    def __repr__(self) -> str:
        """Spell the counts, not the rows."""
        skipped = self.skipped.total() + self.lacking.total()
        return f"Summary(rows={self.rows}, tasks={len(self.pools)}, skipped={skipped})"

    @property
    def listed(self) -> dict[Key, Problem]:
        """A line for what is wrong alike with some rows."""
        return self.faults.problems()

    @property
    def rows(self) -> int:
        """Rows built."""
        return self.used.total()

    def lengths(self) -> tuple[Counter[int], Counter[int]]:
        """Return words of the instruction -> rows, of hand-written ones and of generated ones."""
        own, generated = Counter[int](), Counter[int]()
        for pool in self.pools:
            for spread, some in ((own, pool.originals), (generated, pool.generated)):
                for template in some:
                    spread[len(template.text.split())] += self.used[template.id]
        return own, generated

    def has(self, pool: Pool) -> bool:
        """Whether there are rows of a pool's task."""
        return any(self.used[t.id] for t in pool.instructions)

    def originals(self) -> list[str]:
        """Return the ids of the hand-written instructions that rows have, sorted."""
        ids = {t.id for pool in self.pools for t in pool.originals}
        return sorted(ids & self.used.keys())

    def _share(self, pools: Iterable[Pool]) -> float | None:
        """Return the share of these tasks' rows that have a hand-written instruction."""
        own = generated = 0
        for pool in pools:
            own += self._rows(pool.originals).total()
            generated += self._rows(pool.generated).total()
        return round(own / (own + generated), 6) if own + generated else None

    def _rows(self, instructions: Iterable[Template]) -> Counter[str]:
        """Return rows by instruction, of those that any was built with."""
        return Counter({t.id: n for t in instructions if (n := self.used[t.id])})

    def failures(self, *, skip_bad: bool, some: bool = True) -> list[Problem]:
        """Return what ends the run: rows that may not be skipped, or that there is none at all.

        Args:
            skip_bad: Rows that cannot be built may be skipped.
            some: There has to be a row.
        """
        bad = sum(n for kind, n in self.skipped.items() if kind not in NO_FAULT)
        if (bad or self.lacking) and not skip_bad:
            problems = [p for (kind, *_), p in self.listed.items() if kind not in NO_FAULT]
            lacking, more = self.without_instruction(), f"{bad} rows cannot be used"
            if not bad:
                return lacking
            if bad > (above := sum(p.times for p in problems)):
                more += f", {above} of them are above"
            last = Problem("build", more, "fix them, or leave them out: --skip-bad")
            return [*lacking, *problems, last]
        if some and not self.rows:
            fix, what = "give rows of these tasks", "there is no row to build"
            if other := self.other_split():
                what, fix = f"{what}, but {other}", "--split all takes them"
            return [*self.listed.values(), Problem("build", what, fix)]
        return []

    def without_instruction(self) -> list[Problem]:
        """Return each task whose rows find no instruction, with their count."""
        sources = {pool.task.name: pool.task.source for pool in self.pools}
        fix = "choose other instructions, or leave its rows out: --skip-bad"
        return [
            Problem(sources[task], f"task {task} has no such instruction, which {n} rows need", fix)
            for task, n in sorted(self.lacking.items())
        ]

    def _noted(self) -> dict[str, Counter[str]]:
        by_note: dict[str, Counter[str]] = {}
        for (what, task), rows in sorted(self.notes.items()):
            by_note.setdefault(what, Counter())[task] = rows
        return by_note

    def remarks(self) -> list[str]:
        """Return in words what is noted of rows, a line each, with the first place."""
        remarks = [
            f"{self.noted_at[what]}: {rows.total()} rows ({_listed(rows)}): {REMARKS[what]}"
            for what, rows in self._noted().items()
        ]
        if self.ids.count:
            count = f"{'' if self.ids.exact else 'about '}{self.ids.count}"
            remarks.append(
                f"{self._repeated_in}: {count} rows have the unique_id of an earlier row of their "
                "task, and so its instruction; --draw-by content draws by all that a row holds"
            )
        return remarks

    def other_split(self) -> str:
        """Return in words which rows were left out for their split; "" where none was."""
        parts = []
        if self.held:
            split = next(p.task.split for p in self.pools if p.task.name in self.held)
            parts.append(
                f"{self.held.total()} rows of tasks with split {split} ({_listed(self.held)})"
            )
        if self.testing:
            parts.append(f"{self.testing} rows of testing_data/")
        return " and ".join(parts)

    def figures(self) -> dict[str, Any]:
        """Return counts, as the manifest and ``--json`` have them (docs/building.md)."""
        noted = self._noted()
        return {
            "rows": self.rows,
            "epsilon": {
                "asked": self.epsilon,
                "realised": self._share(self.pools),
                "realised_both_pools": self._share(
                    [pool for pool in self.pools if pool.originals and pool.generated]
                ),
            },
            "left_out": {"tasks": dict(sorted(self.held.items())), "testing_data": self.testing},
            "near_duplicates": {
                pool.task.name: pool.near_duplicates for pool in self.pools if pool.near_duplicates
            },
            "options": {w: dict(n) for w, n in noted.items() if w not in _ELSEWHERE},
            "boxes": {w: dict(n) for w, n in noted.items() if w in _OF_BOXES},
            "readers": {w: dict(n) for w, n in noted.items() if w in readers.REMARKS},
            "options_style": self._shares(0),
            "answers": self._shares(1),
            "repeated_ids": self.ids.count,
            "skipped": dict(sorted(self._skipped().items())),
            "tasks": {
                pool.task.name: figures
                for pool in self.pools
                if (figures := self._of_task(pool))["rows"]
            },
        }

    def _skipped(self) -> Counter[str]:
        return self.skipped + Counter({"no instruction": self.lacking.total()})

    def _shares(self, which: int) -> dict[str, dict[str, float]]:
        """Return, by style or by kind of answer, the rows and their share."""
        rows = Counter[str]()
        for pair, count in self.shown.items():
            rows[pair[which]] += count
        total = rows.total()
        return {n: {"rows": rows[n], "share": round(rows[n] / total, 6)} for n in sorted(rows)}

    def _of_task(self, pool: Pool) -> dict[str, int]:
        own, generated = self._rows(pool.originals), self._rows(pool.generated)
        return {
            "rows": own.total() + generated.total(),
            "original": own.total(),
            "generated": generated.total(),
            "instructions": len(own) + len(generated),
        }


def _listed(rows: Counter[str]) -> str:
    return ", ".join(f"{task} {count}" for task, count in sorted(rows.items()))
