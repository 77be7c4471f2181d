"""Answers as one table a task: a score for each instance under each instruction."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from instraug.errors import InputError, Problem
from instraug.evaluation.scores.answers import Answer, Problems
from instraug.evaluation.scores.naming import natural
from instraug.evaluation.scores.protocols import Judged, Protocol, UnusableTarget
from instraug.evaluation.scores.sensitivity import Floats, Ints


@dataclass(frozen=True, eq=False)
class Table:
    """One task's scores; only instances that every instruction answered."""

    task: str
    protocol: str
    instructions: tuple[str, ...]
    instances: tuple[str, ...]
    scores: Floats
    """Instances x instructions, 0 to 1."""
    answers: Ints
    """The same shape; equal numbers are equal answers, a negative one is unread and occurs once."""
    groups: tuple[str | None, ...]
    """What each instance shares with others, such as its picture; None: nothing."""
    incomplete: int = 0
    """Instances that some instruction did not answer."""
    unparsed: int = 0
    """Answers that could not be read, of all that were given."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """Instruction -> instances that it answered, complete or not."""

    def part(self, instructions: Sequence[str], instances: Sequence[str]) -> Table:
        """Return the table of some of its instructions and instances, in the order given."""
        columns = {name: at for at, name in enumerate(self.instructions)}
        rows = {name: at for at, name in enumerate(self.instances)}
        at, chosen = [rows[name] for name in instances], [columns[name] for name in instructions]
        cells = np.ix_(at, chosen)
        return replace(
            self,
            instructions=tuple(instructions),
            instances=tuple(instances),
            scores=self.scores[cells],
            answers=self.answers[cells],
            groups=tuple(self.groups[row] for row in at),
            unparsed=int((self.answers[cells] < 0).sum()),
        )


class _Numbers:
    """Names in order of appearance, as numbers from 0."""

    def __init__(self) -> None:
        self._of: dict[Hashable, int] = {}

    def __getitem__(self, name: Hashable) -> int:
        return self._of.setdefault(name, len(self._of))

    def names(self) -> list[Hashable]:
        return list(self._of)


class _Column:
    """A task's answers, one number a fact: a few dozen bytes an answer."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.instances, self.instructions, self.answers = _Numbers(), _Numbers(), _Numbers()
        self.instance, self.instruction = array("q"), array("q")
        self.score, self.answer = array("d"), array("q")
        self.file, self.line = array("q"), array("q")
        self.groups: dict[int, str] = {}
        self.contents: dict[int, int] = {}

    def add(self, answer: Answer, judged: Judged) -> bool:
        """Take an answer; False where its instance is another one than the id had before."""
        instance = self.instances[answer.id]
        if answer.content is not None:
            content = hash(answer.content)
            if self.contents.setdefault(instance, content) != content:
                return False
        if answer.group is not None:
            self.groups[instance] = answer.group
        self.instance.append(instance)
        self.instruction.append(self.instructions[answer.instruction])
        self.score.append(judged.score)
        read = judged.answer
        number = -1 - len(self.answer) if read is None else self.answers[_key(read)]
        self.answer.append(number)
        self.file.append(answer.where[0])
        self.line.append(answer.where[1])
        return True


def _key(answer: Hashable) -> Hashable:
    """Return a short answer as it is, the hash of a long one."""
    return hash(answer) if isinstance(answer, str) and len(answer) > 32 else answer


class Collector:
    """Scores answers as they come, and makes tables of them."""

    def __init__(self, kinds: Problems, place: Callable[[tuple[int, int]], str]) -> None:
        """Start empty.

        Args:
            kinds: Counts answers that cannot be used.
            place: Spells where an answer stands.
        """
        self._kinds = kinds
        self._place = place
        self._columns: dict[str, _Column] = {}
        self.lossy: Counter[str] = Counter()
        """Task -> targets that its protocol drops letters of."""

    def add(self, answer: Answer, protocol: Protocol) -> None:
        """Score one answer; one whose target the protocol cannot read is counted."""
        try:
            judged = protocol.judge(answer)
        except UnusableTarget as error:
            what = f"the target {error}, so {protocol.name} cannot score it"
            fix = "choose another --protocol, or fix the target"
            self._kinds.add(self._place(answer.where), what, fix)
            return
        self.lossy[answer.task] += any(map(protocol.lossy, answer.targets))
        column = self._columns.get(answer.task)
        if column is None:
            column = self._columns[answer.task] = _Column(protocol)
        if not column.add(answer, judged):
            what = "the id stood for another instance under another instruction"
            fix = "name the instance's id with --columns unique_id=COLUMN"
            self._kinds.add(self._place(answer.where), what, fix)

    def tables(self) -> list[Table]:
        """Return a table a task, by name; of repeated answers the first counts."""
        return [self._table(name) for name in sorted(self._columns)]

    def _table(self, task: str) -> Table:
        column = self._columns[task]
        names, order = _sorted(column.instructions.names())
        instance, instruction = np.array(column.instance), order[np.array(column.instruction)]
        keep = self._first(column, instance * len(names) + instruction)
        instance, instruction = instance[keep], instruction[keep]
        ids = column.instances.names()
        cells = np.full((len(ids), len(names)), -1, dtype=np.int64)
        cells[instance, instruction] = np.flatnonzero(keep)
        there = cells >= 0
        rows = np.array(sorted(np.flatnonzero(there.all(axis=1)), key=lambda row: str(ids[row])))
        rows = rows.astype(np.int64)
        answers = np.array(column.answer)
        return Table(
            task=task,
            protocol=column.protocol.name,
            instructions=tuple(names),
            instances=tuple(str(ids[row]) for row in rows),
            scores=np.array(column.score)[cells[rows]],
            answers=answers[cells[rows]],
            groups=tuple(column.groups.get(int(row)) for row in rows),
            incomplete=len(ids) - len(rows),
            unparsed=int((answers[keep] < 0).sum()),
            answered=dict(zip(names, map(int, there.sum(axis=0)), strict=True)),
        )

    def _first(self, column: _Column, keys: Ints) -> NDArray[np.bool_]:
        """Return which answers are the first of their instance and instruction."""
        _, first = np.unique(keys, return_index=True)
        keep = np.zeros(len(keys), dtype=bool)
        keep[first] = True
        for at in np.flatnonzero(~keep):
            place = self._place((column.file[at], column.line[at]))
            what = "the instance was answered before under the same instruction"
            self._kinds.add(place, what, "keep one answer of each, or the files of one run")
        return keep


def _sorted(names: Sequence[Hashable]) -> tuple[list[str], Ints]:
    """Return names in natural order, and where each one of before stands now."""
    known = [str(name) for name in names]
    ordered = sorted(known, key=natural)
    where = {name: at for at, name in enumerate(ordered)}
    return ordered, np.array([where[name] for name in known], dtype=np.int64)


def shared(a: Sequence[Table], b: Sequence[Table]) -> Iterator[tuple[Table, Table]]:
    """Yield what two sets of tables have in common: tasks, instructions, instances.

    Raises:
        InputError: a task is scored by other protocols; nothing is in common.
    """
    others, some = {table.task: table for table in b}, False
    for one in a:
        other = others.get(one.task)
        if other is None:
            continue
        if one.protocol != other.protocol:
            what = f"scored as {one.protocol} in one set and as {other.protocol} in the other"
            raise InputError([Problem(one.task, what, "name one with --protocol")])
        there = set(other.instructions), set(other.instances)
        instructions = [name for name in one.instructions if name in there[0]]
        instances = [name for name in one.instances if name in there[1]]
        if instructions and instances:
            some = True
            yield one.part(instructions, instances), other.part(instructions, instances)
    if not some:
        what = "the two sets share no task, instruction and instance"
        raise InputError([Problem("B", what, "compare answers to the same test rows")])
