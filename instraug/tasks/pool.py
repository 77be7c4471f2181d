"""The pool of instructions: the rows of instructions.jsonl, and the instructions of each task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from instraug.errors import InputError, PlaceholderError, Problem
from instraug.files.jsonl import read_jsonl
from instraug.files.spool import Groups, Spool
from instraug.tasks.placeholders import placeholders
from instraug.tasks.records import Task, Template, instruction_id

INSTRUCTIONS, REJECTED, REPLIES = "instructions.jsonl", "rejected.jsonl", "replies.jsonl"
"""What a run leaves in its output folder, beside the manifest."""

OUTPUTS = (INSTRUCTIONS, REJECTED)
"""Those that are written anew each time."""

ANOTHER = "give an output folder of `instraug expand`"
"""The fix where another folder is given than one of a run."""

_FIX = "give the instructions.jsonl of a run over these tasks"


@dataclass(frozen=True)
class InstructionRow:
    """One line of instructions.jsonl: a hand-written instruction, or an accepted rewrite.

    The order of the fields is the file's.
    """

    id: str
    task: str
    instruction: str
    source: Literal["original", "generated"]
    origin: int
    """Position among the task's hand-written instructions of the first ancestor."""
    parent: str | None = None
    """Id of the instruction that it is a rewrite of."""
    meta_prompt: str | None = None
    temperature: float | None = None
    iteration: int = 0
    model: str | None = None
    reply: str | None = None
    """The journal's key of the reply that it comes from."""
    choice: int | None = None

    @property
    def generated(self) -> bool:
        """False for a hand-written one."""
        return self.source == "generated"

    def as_json(self) -> dict[str, Any]:
        """Return the line as JSON has it."""
        return dict(vars(self))  # a third of the time of asdict; the values are plain


_TYPES: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "task": (str,),
    "instruction": (str,),
    "source": (str,),
    "origin": (int,),
    "parent": (str, type(None)),
    "meta_prompt": (str, type(None)),
    "temperature": (int, float, type(None)),
    "iteration": (int,),
    "model": (str, type(None)),
    "reply": (str, type(None)),
    "choice": (int, type(None)),
}
_NEEDED = ("task", "instruction")
"""What a row has to have to be built with; the rest states where it comes from."""

_UNSTATED: Mapping[str, Any] = {"source": "generated", "origin": 0}
"""What a row is taken for that does not state it, as in a pool that someone wrote."""


class RowsByTask:
    """The rows of an instructions.jsonl by task; they stay on the disk, a task's fit into memory.

    Args:
        path: The file.
        spool: Holds the rows.
        problems: What is wrong with the other lines is added to it.
        fix: What the user can do about a line that is not an instruction row.

    Raises:
        StorageError: the file cannot be read, or there is no room for the rows.
    """

    def __init__(self, path: Path, spool: Spool, problems: list[Problem], fix: str = _FIX) -> None:
        self._rows = Groups(spool)
        for where, row in read_instructions(path, problems, fix=fix):
            self._rows.add(row.task, (where, *vars(row).values()))

    @property
    def tasks(self) -> Set[str]:
        """The tasks that there are rows of."""
        return self._rows.names()

    def of(self, task: str) -> Iterator[tuple[str, InstructionRow]]:
        """Yield (``file:line``, row) of a task, in the order of the file."""
        for where, *values in self._rows.rows(task):
            yield where, InstructionRow(*values)


def read_instructions(
    path: Path, problems: list[Problem], *, fix: str = _FIX, whole: bool = True
) -> Iterator[tuple[str, InstructionRow]]:
    """Yield (``file:line``, row) of each line whose shape is right.

    Args:
        path: An ``instructions.jsonl``.
        problems: What is wrong with the other lines is added to it.
        fix: What the user can do about a line that is not an instruction row.
        whole: Every field has to be there; else those that a set is built with.

    Raises:
        StorageError: the file cannot be read.
    """
    names = [field.name for field in fields(InstructionRow)]
    try:
        for number, body in read_jsonl(path, strict=True, on_problem=problems.append):
            where = f"{path}:{number}"
            if "reasons" in body:
                problems.append(Problem(where, "this rewrite was rejected", fix))
            elif wrong := _wrong(body, whole):
                what = f"this row is not an instruction: missing or wrong: {', '.join(wrong)}"
                problems.append(Problem(where, what, fix))
            else:
                known = {**_UNSTATED, **{name: body[name] for name in names if name in body}}
                if "id" not in known:
                    known["id"] = instruction_id(body["task"], body["instruction"])
                yield where, InstructionRow(**known)
    except InputError as error:
        problems.extend(error.problems)


def _wrong(body: Mapping[str, Any], whole: bool) -> list[str]:
    """Name the fields that are missing or of another type."""
    asked = _TYPES if whole else dict.fromkeys((*_NEEDED, *body))
    wrong = [n for n, kinds in _TYPES.items() if n in asked and type(body.get(n, ...)) not in kinds]
    if "source" not in wrong and body.get("source") not in (None, "original", "generated"):
        wrong.append("source")
    return wrong


@dataclass(frozen=True)
class Pool:
    """A task and its instructions."""

    task: Task
    generated: tuple[Template, ...] = ()
    """Accepted rewrites of its templates, no two alike."""
    chosen: tuple[Template, ...] | None = None
    """Those of its hand-written instructions that are used; None: all."""
    near_duplicates: int = 0
    """Rewrites that were left out as near to another instruction."""

    @property
    def originals(self) -> tuple[Template, ...]:
        """The hand-written instructions that are used."""
        return self.task.templates if self.chosen is None else self.chosen

    @property
    def instructions(self) -> tuple[Template, ...]:
        """All of them, hand-written ones first."""
        return (*self.originals, *self.generated)


def load_pools(tasks: Iterable[Task], path: Path | None) -> tuple[Pool, ...]:
    """Add the rewrites of an instructions.jsonl to the tasks they belong to.

    Hand-written instructions are the task files'; those in the file are passed over, and so are
    rewrites for tasks that are not among these.

    Args:
        tasks: The tasks.
        path: The file; None: no rewrites.

    Raises:
        InputError: every row that is not an instruction or does not fit its task, at once.
        StorageError: the file cannot be read.
    """
    tasks = tuple(tasks)
    rewrites: dict[str, dict[str, Template]] = {task.name: {} for task in tasks}
    fits = {task.name: {_spelled(t.text) for t in task.templates} for task in tasks}
    problems: list[Problem] = []
    for where, row in read_instructions(path, problems, whole=False) if path else ():
        if row.generated and row.task in rewrites:
            if what := _misfit(row.instruction, fits[row.task]):
                problems.append(Problem(where, what, _FIX))
            else:
                template = Template(row.task, row.instruction, row.origin)
                rewrites[row.task].setdefault(row.instruction, template)
    if problems:
        raise InputError(problems)
    return tuple([Pool(task, _distinct(task, rewrites[task.name])) for task in tasks])


def _spelled(template: str) -> tuple[str, ...]:
    return tuple(sorted([p.source for p in placeholders(template)]))


def _misfit(instruction: str, fits: Set[tuple[str, ...]]) -> str | None:
    """Return why an instruction belongs to no template of its task; None where it does."""
    try:
        if _spelled(instruction) in fits:
            return None
    except PlaceholderError as error:
        return error.problems[0].what
    return "the placeholders are those of no template of its task"


def _distinct(task: Task, generated: Mapping[str, Template]) -> tuple[Template, ...]:
    own = {t.text for t in task.templates}
    return tuple([t for text, t in generated.items() if text not in own])
