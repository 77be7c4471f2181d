"""The instructions that a set is built with: a task's own, and what a run made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.errors import (
    InputError,
    PlaceholderError,
    Problem,
)
from instraug.files.jsonl import read_jsonl
from instraug.tasks.placeholders import multiset
from instraug.tasks.records import Task, Template

_FIX = "give the instructions.jsonl of a run over these tasks"


@dataclass(frozen=True)
class Pool:
    """A task and its instructions."""

    task: Task
    generated: tuple[Template, ...] = ()
    """Accepted rewrites of its templates, no two alike."""

    @property
    def instructions(self) -> tuple[Template, ...]:
        """All of them, hand-written ones first."""
        return (*self.task.templates, *self.generated)


def load_pools(tasks: Iterable[Task], path: Path | None) -> tuple[Pool, ...]:
    """Add the rewrites of an instructions.jsonl to the tasks they belong to.

    Hand-written instructions are the task files'; those in the file are passed over, and so are
    rewrites for tasks that are not among these.

    Args:
        tasks: The tasks.
        path: The file; None: no rewrites.

    Raises:
        InputError: every row that is no instruction or does not fit its task, at once.
        StorageError: the file cannot be read.
    """
    tasks = tuple(tasks)
    found: dict[str, dict[str, Template]] = {task.name: {} for task in tasks}
    fits = {task.name: [multiset(t.text) for t in task.templates] for task in tasks}
    problems: list[Problem] = []
    rows = read_jsonl(path, on_problem=problems.append) if path else ()
    for number, row in rows:
        template = _template(row)
        if template is None:
            problems.append(Problem(f"{path}:{number}", "this row is no instruction", _FIX))
        elif "reasons" in row:
            problems.append(Problem(f"{path}:{number}", "this rewrite was rejected", _FIX))
        elif row["source"] == "generated" and template.task in found:
            try:
                if multiset(template.text) in fits[template.task]:
                    found[template.task].setdefault(template.text, template)
                    continue
                what = "the placeholders are those of no template of its task"
            except PlaceholderError as error:
                what = error.problems[0].what
            problems.append(Problem(f"{path}:{number}", what, _FIX))
    if problems:
        raise InputError(problems)
    return tuple([Pool(task, _distinct(task, found[task.name])) for task in tasks])


def _template(row: dict[str, Any]) -> Template | None:
    task, text, origin = row.get("task"), row.get("instruction"), row.get("origin")
    texts = isinstance(task, str) and isinstance(text, str)
    if texts and type(origin) is int and row.get("source") in ("original", "generated"):
        return Template(str(task), str(text), origin)
    return None


def _distinct(task: Task, generated: dict[str, Template]) -> tuple[Template, ...]:
    own = {t.text for t in task.templates}
    return tuple([t for text, t in generated.items() if text not in own])


INSTRUCTIONS, REJECTED, REPLIES = "instructions.jsonl", "rejected.jsonl", "replies.jsonl"


_AGAIN = "run the same `instraug expand` again; replies already bought are reused"


@dataclass(frozen=True, slots=True)
class InstructionRow:
    """One line of instructions.jsonl."""

    where: str
    """``file:line``, for messages."""
    task: str
    body: Mapping[str, Any]

    @property
    def generated(self) -> bool:
        """False for a hand-written one."""
        return bool(self.body["source"] == "generated")


_TYPES: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "task": str,
    "instruction": str,
    "source": str,
    "origin": int,
    "parent": (str, type(None)),
    "reply": (str, type(None)),
    "choice": (int, type(None)),
}


def read_instruction_rows(path: Path, problems: list[Problem]) -> list[InstructionRow]:
    """Read the instructions whose shape is right.

    Args:
        path: An ``instructions.jsonl``.
        problems: What is wrong with the other lines is added to it.

    Raises:
        StorageError: the file cannot be read.
    """
    rows = []
    try:
        for number, body in read_jsonl(path, strict=True, on_problem=problems.append):
            where = f"{path}:{number}"
            wrong = [k for k, kind in _TYPES.items() if not isinstance(body.get(k, ...), kind)]
            if body.get("source") not in ("original", "generated"):
                wrong.append("source")
            if wrong:
                names = ", ".join(dict.fromkeys(wrong))
                problems.append(Problem(where, f"missing or wrong: {names}", _AGAIN))
            else:
                rows.append(InstructionRow(where, body["task"], body))
    except InputError as error:
        problems.extend(error.problems)
    return rows
