"""Figures of a built set, in one pass over its rows and memory that does not grow with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from heapq import heappush, heappushpop
from typing import Any

from instraug.errors import InputError, PlaceholderError
from instraug.evaluation.stats.diversity import Words
from instraug.evaluation.stats.duplicates import repeats
from instraug.evaluation.stats.overlap import Overlap, Row, digest
from instraug.evaluation.stats.pool import distincts, diversity, mean
from instraug.evaluation.stats.proportion import instance_words, template_words
from instraug.tasks.lengths import lengths
from instraug.tasks.records import Task
from instraug.tasks.words import words

JSON = dict[str, Any]

NEEDED = ("prompt", "task_name")
"""Text fields that every row of a built set has."""

SAMPLE = 200
"""Most prompts that a task's diversity is measured on."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about an instruction that rows name by its id."""

    template_words: int
    original: bool


def known(tasks: Iterable[Task], pool: Iterable[Mapping[str, Any]] = ()) -> dict[str, Known]:
    """Return what is known of each instruction id: of the tasks' own and of a pool's.

    Args:
        tasks: The tasks, which list the constants.
        pool: Rows of an instructions.jsonl; those of other tasks are left out.

    Raises:
        InputError: a pool's instruction holds a malformed placeholder.
    """
    constants = {task.name: task.constants for task in tasks}
    known_ids = {
        template.id: Known(template_words(template.text, task.constants), True)
        for task in tasks
        for template in task.templates
    }
    for row in pool:
        if row["task"] in constants:
            try:
                own = template_words(row["instruction"], constants[row["task"]])
            except PlaceholderError as error:
                where = f"instruction {row['id']} of {row['task']}"
                raise InputError(replace(p, where=where) for p in error.problems) from None
            known_ids.setdefault(row["id"], Known(own, row["source"] == "original"))
    return known_ids


@dataclass(slots=True)
class _Tally:
    """What is counted of one task's rows."""

    rows: int = 0
    instructions: set[str] = field(default_factory=set)
    lengths: Counter[int] = field(default_factory=Counter)
    sample: list[tuple[int, str]] = field(default_factory=list)
    """A heap of the prompts with the smallest digests; digests negated, the largest on top."""
    known: int = 0
    """Rows whose instruction is known; where any is, those of the hand-written ones all are."""
    originals: int = 0
    words: int = 0
    instance_words: int = 0

    def add(self, row: Row, key: int, knowledge: Mapping[str, Known]) -> None:
        prompt, instruction = row["prompt"], str(row.get("instruction_id") or "")
        length = len(prompt.split())
        self.rows += 1
        self.lengths[length] += 1
        keep = heappush if len(self.sample) < SAMPLE else heappushpop
        keep(self.sample, (-key, prompt))
        if instruction:
            self.instructions.add(instruction)
        if known := knowledge.get(instruction):
            self.known += 1
            self.originals += known.original
            self.words += length
            self.instance_words += instance_words(length, known.template_words)

    def counts(self) -> JSON:
        return {
            "rows": self.rows,
            "instructions": len(self.instructions),
            "known_rows": self.known,
            "original_share": self.originals / self.rows if self.known else None,
            "instance_text_proportion": self.instance_words / self.words if self.words else None,
        }

    def texts(self) -> list[Words]:
        return [words(prompt) for _, prompt in sorted(self.sample, reverse=True)]


def built_figures(
    rows: Iterable[Row],
    knowledge: Mapping[str, Known] | None = None,
    overlap: Overlap | None = None,
) -> JSON:
    """Describe the rows of a built set; docs/statistics.md defines each figure.

    Args:
        rows: Rows that have the `NEEDED` fields; read once.
        knowledge: What `known` returns for their instructions; without it there is no instance text
            proportion.
        overlap: Holds the evaluation rows to compare with; without it none are.

    Raises:
        StorageError: the temporary database could not be kept.
    """
    tallies: dict[str, _Tally] = {}
    duplicates = repeats(_counted(rows, tallies, knowledge or {}, overlap))
    tasks = [
        {"task": task, **tally.counts(), **diversity(tally.texts())}
        for task, tally in sorted(tallies.items())
    ]
    total = _sum(tallies.values())
    return {
        "kind": "rows",
        "total": {
            "tasks": len(tasks),
            **total.counts(),
            **distincts([text for tally in tallies.values() for text in tally.texts()]),
            "self_rouge_l": mean(task["self_rouge_l"] for task in tasks),
        },
        "tasks": tasks,
        "lengths": {"prompt": None if (d := lengths(total.lengths)) is None else asdict(d)},
        "duplicates": asdict(duplicates),
        "overlap": overlap and overlap.figures(),
    }


def _counted(
    rows: Iterable[Row],
    tallies: dict[str, _Tally],
    knowledge: Mapping[str, Known],
    overlap: Overlap | None,
) -> Iterator[tuple[int, str]]:
    """Count every row on its way, and yield the key of its picture and prompt with its task."""
    for row in rows:
        task, key = row["task_name"], digest(row.get("image_path"), row["prompt"])
        if task not in tallies:
            tallies[task] = _Tally()
        tallies[task].add(row, key, knowledge)
        if overlap is not None:
            overlap.check(row)
        yield key, task


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    """Add up what can be added; samples stay with their tasks."""
    total = _Tally()
    for tally in tallies:
        total.rows += tally.rows
        total.instructions |= tally.instructions
        total.lengths += tally.lengths
        total.known += tally.known
        total.originals += tally.originals
        total.words += tally.words
        total.instance_words += tally.instance_words
    return total
