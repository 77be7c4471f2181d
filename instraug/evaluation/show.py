"""Each hand-written instruction of a run with what became of it, read as it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import groupby

from instraug.errors import InputError, Problem
from instraug.evaluation.run_folder import Rejected, RunFolder
from instraug.tasks.pool import InstructionRow


@dataclass
class Wordings:
    """A hand-written instruction, its accepted rewrites, and the answers that were rejected."""

    task: str
    origin: int
    original: str = ""
    """Its text; "" where no row holds it."""
    rewrites: list[InstructionRow] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """Answers that were judged."""
        return len(self.rewrites) + len(self.rejected)

    @property
    def broken(self) -> Counter[str]:
        """Answers by each rule that they break."""
        return Counter(rule for row in self.rejected for rule in dict(row.reasons))


def wordings(run: RunFolder, task: str | None = None, *, rejected: bool) -> Iterator[Wordings]:
    """Yield each hand-written instruction with its rewrites, in the order of the file.

    No more is read than what is taken: a task at a time.

    Args:
        run: The folder.
        task: Only tasks whose name is this or fits it as a pattern; None: all.
        rejected: Also read the rejected answers.

    Raises:
        InputError: a row is damaged, or no task has that name.
    """
    answers = _Answers(run) if rejected else None
    seen = dict[str, None]()
    shown = False
    for name, rows in groupby(run.instructions(), key=lambda row: row.task):
        seen[name] = None
        if task is None or name == task or fnmatchcase(name, task):
            shown = True
            yield from _of_task(name, list(rows), answers.of(name) if answers else [])
    if task is not None and not shown:
        near = get_close_matches(task, seen) or list(seen)[:3]
        fix = f"give one of its tasks, such as {', '.join(near)}" if near else "the run has no task"
        raise InputError([Problem(str(run.path), f"has no task {task!r}", fix)])


def worst(run: RunFolder, count: int, task: str | None = None) -> list[Wordings]:
    """Return the instructions of which the smallest share of answers was accepted, worst first.

    Those without any answer are left out. Reads the whole folder.
    """
    asked = [one for one in wordings(run, task, rejected=True) if one.answers]
    asked.sort(key=lambda one: (len(one.rewrites) / one.answers, -one.answers))
    return asked[:count]


def _of_task(name: str, rows: list[InstructionRow], rejected: list[Rejected]) -> Iterator[Wordings]:
    by_origin = dict[int, Wordings]()
    for row in rows:
        one = by_origin.setdefault(row.origin, Wordings(name, row.origin))
        if row.generated:
            one.rewrites.append(row)
        else:
            one.original = row.instruction
    for answer in rejected:
        by_origin.setdefault(answer.origin, Wordings(name, answer.origin)).rejected.append(answer)
    yield from by_origin.values()


class _Answers:
    """Rejected answers by task; both files hold the tasks in one order."""

    def __init__(self, run: RunFolder) -> None:
        self._groups = groupby(run.rejected(), key=lambda row: row.task)
        self._waiting: dict[str, list[Rejected]] = {}

    def of(self, task: str) -> list[Rejected]:
        """Return a task's, reading on until they are there."""
        while task not in self._waiting:
            name, rows = next(self._groups, (None, None))
            if name is None or rows is None:
                return []
            self._waiting.setdefault(name, []).extend(rows)
        return self._waiting.pop(task)
