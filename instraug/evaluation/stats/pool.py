"""Figures of a pool of instructions: growth, lengths, diversity, texts that tasks share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from instraug.evaluation.stats.diversity import Words, distinct, self_rouge_l
from instraug.tasks.lengths import lengths
from instraug.tasks.words import folded, rouge_l, words

JSON = dict[str, Any]

SHOWN = 5
"""Examples kept of texts that tasks share."""

NEEDED = ("task", "instruction", "source")
"""Text fields that every row of a pool has."""


def pool_figures(instructions: Iterable[Mapping[str, Any]]) -> JSON:
    """Describe the rows of an instructions.jsonl; docs/statistics.md defines each figure.

    Memory grows with the pool.

    Args:
        instructions: Rows that have the `NEEDED` fields and ``origin``.
    """
    rows = list(instructions)
    by_task: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_task[row["task"]].append(row)
    tasks = [
        {"task": task, **_growth(mine), **diversity(_split(mine))} for task, mine in by_task.items()
    ]
    total = {
        "tasks": len(tasks),
        **_growth(rows),
        **distincts(_split(rows)),
        "self_rouge_l": mean(task["self_rouge_l"] for task in tasks),
    }
    return {
        "kind": "pool",
        "total": total,
        "tasks": tasks,
        "lengths": {source: _lengths(rows, source) for source in ("original", "generated")},
        "across_tasks": _across_tasks(rows),
    }


def distincts(texts: Sequence[Words]) -> JSON:
    """Return distinct-1, -2 and -3 of some texts."""
    return {f"distinct_{n}": distinct(texts, n) for n in (1, 2, 3)}


def diversity(texts: Sequence[Words]) -> JSON:
    """Return distinct-1, -2, -3 and the mean ROUGE-L between pairs of some texts."""
    return {**distincts(texts), "self_rouge_l": self_rouge_l(texts)}


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are there; None where there is none."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _split(rows: Iterable[Mapping[str, Any]]) -> list[Words]:
    return list(map(_words, rows))


def _words(row: Mapping[str, Any]) -> Words:
    return words(row["instruction"])


def _growth(rows: Sequence[Mapping[str, Any]]) -> JSON:
    originals = {_ancestor(r): r for r in rows if r["source"] == "original"}
    generated = [r for r in rows if r["source"] != "original"]
    before = len(rows) - len(generated)
    pairs = [
        (row, origin) for row in generated if (origin := originals.get(_ancestor(row))) is not None
    ]
    return {
        "before": before,
        "after": len(rows),
        "factor": len(rows) / before if before else None,
        "origin_rouge_l": mean(rouge_l(_words(row), _words(origin)) for row, origin in pairs),
    }


def _ancestor(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["task"], str(row.get("origin"))


def _lengths(rows: Iterable[Mapping[str, Any]], source: str) -> JSON | None:
    spread = lengths(Counter(len(r["instruction"].split()) for r in rows if r["source"] == source))
    return None if spread is None else asdict(spread)


def _across_tasks(rows: Iterable[Mapping[str, Any]]) -> JSON:
    holders: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        holders[folded(row["instruction"])].append(row["task"])
    shared = {text: tasks for text, tasks in holders.items() if len(set(tasks)) > 1}
    examples = [{"text": t, "tasks": sorted(set(k))} for t, k in list(shared.items())[:SHOWN]]
    return {
        "texts": len(shared),
        "instructions": sum(map(len, shared.values())),
        "examples": examples,
    }
