"""What became of a shard of rows, and pools, as JSON: a part keeps them for `join`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.files.decode import decode
from instraug.tasks.pool import Pool
from instraug.tasks.records import Task, TaskKeys, Template
from instraug.training_set.faults import Fault, Faults
from instraug.training_set.repeated import Repeated
from instraug.training_set.shard_report import ShardReport
from instraug.training_set.shards import Shard

DAMAGED = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a record raises that is none."""

_COUNTS = ("used", "kinds", "held", "lacking")

_PAIRS = ("shown", "notes")


@dataclass(frozen=True)
class Kept:
    """One shard of rows, as a part keeps it."""

    shard: Shard
    sizes: tuple[int, ...]
    """Bytes of each of its blocks."""
    report: ShardReport

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        shard, report = self.shard, self.report
        count, mask, seen = report.ids.__getstate__()
        return {
            "shard": [str(shard.path), shard.start, shard.end, shard.number],
            "sizes": self.sizes,
            "lines": report.lines,
            "testing": report.testing,
            **{name: dict(getattr(report, name)) for name in _COUNTS},
            **{name: [[*p, n] for p, n in getattr(report, name).items()] for name in _PAIRS},
            "noted_at": report.noted_at,
            "ids": [count, mask, b64encode(seen).decode()],
            "bad": [
                [*key, fault.rows, fault.places, fault.names, fault.more]
                for key, fault in report.bad.found.items()
            ],
        }

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Kept:
        """Read it.

        Raises:
            DAMAGED: it is none.
        """
        path, start, end, number = row["shard"]
        report = ShardReport(lines=int(row["lines"]), testing=int(row["testing"]))
        for name in _COUNTS:
            setattr(report, name, Counter({str(k): int(n) for k, n in row[name].items()}))
        for name in _PAIRS:
            setattr(report, name, Counter({(str(a), str(b)): int(n) for a, b, n in row[name]}))
        report.noted_at = {str(what): int(line) for what, line in row["noted_at"].items()}
        report.ids = _ids(*row["ids"])
        report.bad = Faults({(str(a), str(b), str(c)): _fault(*f) for a, b, c, *f in row["bad"]})
        shard = Shard(Path(path), int(start), None if end is None else int(end), int(number))
        return cls(shard, tuple(map(int, row["sizes"])), report)


def _ids(count: int, mask: int, seen: str) -> Repeated:
    ids = Repeated()
    ids.__setstate__((int(count), int(mask), b64decode(seen)))
    return ids


def _fault(rows: int, places: Iterable[str], names: Iterable[str], more: bool) -> Fault:
    return Fault(int(rows), [str(int(p)) for p in places], list(map(str, names)), bool(more))


def pools_as_json(pools: Iterable[Pool]) -> list[dict[str, Any]]:
    """Return pools as JSON has them."""
    return [
        {
            "task": pool.task.keys(),
            "source": pool.task.source,
            "generated": [[t.text, t.origin] for t in pool.generated],
            "chosen": None if pool.chosen is None else [t.origin for t in pool.chosen],
            "near_duplicates": pool.near_duplicates,
        }
        for pool in pools
    ]


def pools_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Pool, ...]:
    """Read pools.

    Raises:
        DAMAGED: they are none.
    """
    return tuple(map(_pool, rows))


def _pool(row: Mapping[str, Any]) -> Pool:
    draft, wrong = decode(row["task"], TaskKeys, lambda _: "a task")
    if wrong or draft is None:
        raise ValueError(wrong)
    task = Task(**draft.keys(), source=str(row["source"]))
    generated = tuple([Template(task.name, str(t), int(at)) for t, at in row["generated"]])
    at = row["chosen"]
    chosen = None if at is None else tuple([task.templates[n] for n in at])
    return Pool(task, generated, chosen, int(row["near_duplicates"]))
