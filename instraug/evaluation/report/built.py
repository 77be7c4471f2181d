"""Figures of one built set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instraug.evaluation.report.sources import BuiltSet, members
from instraug.evaluation.stats.built import NEEDED, built_figures, known
from instraug.evaluation.stats.rows import rows
from instraug.tasks.records import Task

_READABLE = ("multiinstruct", "tsv")
"""Formats whose rows state their task, prompt and instruction."""


@dataclass
class SetFigures:
    """One built set."""

    name: str
    source: BuiltSet
    figures: Mapping[str, Any] | None
    """See `stats.built.built_figures`; None for a format that does not keep what they need."""
    prompts: Mapping[str, str]
    """Instruction id -> the first prompt that was rendered with it."""
    lengths: tuple[Counter[int], Counter[int]]
    """Words -> prompts of hand-written instructions; the same of all others."""
    kinds: tuple[str, str]
    """What the two are."""

    @property
    def rows(self) -> int:
        """Rows, as the manifest counts them."""
        rows = self.source.manifest.get("rows")
        return rows if isinstance(rows, int) else 0

    @property
    def realised(self) -> float | None:
        """The share of rows with a hand-written instruction."""
        share = members(self.source.manifest, "epsilon").get("realised")
        return float(share) if isinstance(share, int | float) else None

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """What is shown of each task."""
        counted = members(self.source.manifest, "tasks")
        measured = {t["task"]: t for t in self.figures["tasks"]} if self.figures else {}
        table = []
        for task in dict.fromkeys([*counted, *measured]):
            count, figures = members(counted, task), members(measured, task)
            table.append(
                {
                    "task": task,
                    "rows": count.get("rows", figures.get("rows")),
                    "original": count.get("original"),
                    "instructions": count.get("instructions", figures.get("instructions")),
                    "proportion": figures.get("instance_text_proportion"),
                    "distinct_2": figures.get("distinct_2"),
                }
            )
        return table

    @property
    def proportions(self) -> dict[str, float]:
        """Task -> instance text proportion, where it is known."""
        tasks = self.figures["tasks"] if self.figures else ()
        shares = {t["task"]: t["instance_text_proportion"] for t in tasks}
        return {task: share for task, share in shares.items() if share is not None}


def set_figures(
    source: BuiltSet, name: str, tasks: Sequence[Task], pool: Sequence[Mapping[str, Any]]
) -> SetFigures:
    """Read a set once and describe it.

    Args:
        source: The set.
        name: What the page calls it.
        tasks: Tasks that state their constants and hand-written instructions.
        pool: Rows of instructions.

    Raises:
        InputError: a row is damaged.
        StorageError: a file cannot be read.
    """
    if source.format not in _READABLE:
        return SetFigures(name, source, None, {}, (Counter(), Counter()), ("", ""))
    knowledge = known(tasks, pool) if tasks else {}
    originals = {key for key, one in knowledge.items() if one.original}
    prompts = dict[str, str]()
    lengths = (Counter[int](), Counter[int]())

    def seen() -> Iterator[dict[str, Any]]:
        for row in rows(source.path, NEEDED):
            key = str(row.get("instruction_id") or "")
            prompts.setdefault(key, row["prompt"])
            lengths[key not in originals][len(row["prompt"].split())] += 1
            yield row

    figures = built_figures(seen(), knowledge)
    kinds = ("hand-written", "generated" if originals else "prompts")
    return SetFigures(name, source, figures, prompts, lengths, kinds)
