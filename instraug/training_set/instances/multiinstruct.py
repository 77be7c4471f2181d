"""MultiInstruct's rows -> instances: task found, computed fields filled in, known faults handled.

The work per row is small on purpose: a set is built per hundred thousand rows a second and more,
so everything that depends on the task alone is settled once, in its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from instraug.errors import InputError, Problem
from instraug.files.compression import PACKED
from instraug.files.jsonl import read_jsonl
from instraug.tasks.importers.multiinstruct import catalog
from instraug.tasks.placeholders import placeholders
from instraug.tasks.records import Instance, Task
from instraug.training_set.instances.computed import COMPUTED, Row, region_texts

Kind = Literal["broken line", "unknown task", "missing field", "target in context"]
"""Why a row cannot be used; the last is a known fault of the release, no fault of the user's."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that becomes no instance."""

    kind: Kind
    problem: Problem


class BadRow(Exception):
    """A row cannot be used; its file and line are the caller's to add."""

    def __init__(self, kind: Kind, what: str, fix: str) -> None:
        super().__init__(what)
        self.kind, self.what, self.fix = kind, what, fix

    def at(self, where: str) -> Unusable:
        """Return the row's record, for ``file:line``."""
        return Unusable(self.kind, Problem(where, self.what, self.fix))


Step = Callable[[Row], None]
"""Something done to a row in place."""


def computed_fields(task: Task) -> tuple[str, ...]:
    """Return the computed fields that the task's templates show, sorted; no row stores them."""
    return tuple(sorted(_roots(task) & COMPUTED.keys()))


def _roots(task: Task) -> set[str]:
    return {p.root for t in task.templates for p in placeholders(t.text)} - set(task.constants)


class Adapter:
    """Makes raw rows of some tasks ready to render.

    Args:
        tasks: The tasks whose rows are wanted.
        as_released: Take rows as they are, known faults included.
        lenient: Take rows that lack a field which a template of their task shows.
    """

    def __init__(
        self, tasks: Iterable[Task], *, as_released: bool = False, lenient: bool = False
    ) -> None:
        self._plans = {task.name: _Plan(task, as_released, lenient) for task in tasks}
        self._histories = {
            name: halves
            for name, halves in catalog.HISTORY_TASKS.items()
            if not self._plans.keys().isdisjoint(halves)
        }
        self._halves = {half for halves in self._histories.values() for half in halves}
        for name in self._histories:
            self._plans.pop(name, None)

    def preparer(self, name: str) -> Callable[[Row], object] | None:
        """Return what does for rows that name this task what `adapt` does, where it has to.

        None says that rows are ready as they are; what they lack shows when they are rendered.
        """
        plan = self._plans.get(name)
        if plan is None or plan.complete or name in self._halves:
            return self.adapt
        return self._adapt_other_regions if "region" in plan.needs else None

    def name_of(self, row: Row) -> str:
        """Return the name of the task that a row belongs to; nothing else of it is looked at.

        Raises:
            BadRow: it belongs to none of the tasks.
        """
        return self._plan_of(row).name

    def _adapt_other_regions(self, row: Row) -> None:
        region = row.get("region")
        if type(region) is not list or not region or type(region[0]) is not str:
            self.adapt(row)

    def adapt(self, row: Row) -> str:
        """Fill in, in place, what the row's task shows, and return the task's name.

        Regions become text; computed fields, and defaults that the row lacks, are added; a target
        that is the row's regions is spelled out.

        Raises:
            BadRow: the row belongs to none of the tasks, or lacks what they need.
        """
        plan = self._plan_of(row)
        try:
            region = row.get("region")
            if region and (type(region) is str or type(region[0]) is not str):
                row["region"] = region_texts(region)
            if plan.complete:
                plan.complete(row)
        except (LookupError, TypeError, AttributeError) as error:
            known = isinstance(error, KeyError)
            detail = f"without {error.args[0]}" if known else f"of another shape: {error}"
            what = f"a row of task {plan.name} {detail}"
            raise BadRow("missing field", what, "fix the row, or leave it out") from error
        if not plan.needs <= row.keys():
            names = ", ".join(sorted(plan.needs - row.keys()))
            what = f"a row of task {plan.name} without {names}"
            raise BadRow("missing field", what, "add it, or leave the row out")
        if type(row["target_txt"]) is not str or type(row["unique_id"]) is not str:
            what = f"a row of task {plan.name} whose target_txt or unique_id is no text"
            raise BadRow("missing field", what, "write them as text, or leave the row out")
        return plan.name

    def _plan_of(self, row: Row) -> _Plan:
        try:
            return self._plans[row["task_name"]]
        except (KeyError, TypeError):
            return self._other(row.get("task_name"), row)

    def _other(self, name: Any, row: Row) -> _Plan:
        """Return the plan of a task that goes under another name."""
        halves = self._histories.get(name) if isinstance(name, str) else None
        if halves:
            meta = row.get("meta_data")
            history = meta.get("dialog_hist") if isinstance(meta, dict) else None
            name = halves[0] if history else halves[1]
            if plan := self._plans.get(name):
                return plan
        if name is None:
            raise BadRow("missing field", "a row without task_name", "add it, or leave it out")
        raise BadRow(
            "unknown task", f"no task is named {name!r:.100}", "add the task, or skip its rows"
        )


class _Plan:
    """What a row of one task needs."""

    __slots__ = ("complete", "name", "needs")

    def __init__(self, task: Task, as_released: bool, lenient: bool) -> None:
        self.name = task.name
        shown = () if lenient else _roots(task)
        self.needs = frozenset({"unique_id", "target_txt", *shown})
        steps = list(_steps(task, as_released))
        self.complete = _in_turn(steps) if len(steps) > 1 else next(iter(steps), None)
        """What there is to do for a row beyond spelling its regions."""


def _in_turn(steps: list[Step]) -> Step:
    def complete(row: Row) -> None:
        for step in steps:
            step(row)

    return complete


def _steps(task: Task, as_released: bool) -> Iterator[Step]:
    if task.output == "region":
        yield _spell_answer
    if not as_released and task.name in _FIXES:
        yield _FIXES[task.name]
    for name, value in task.defaults.items():
        yield _default(name, value)
    for name in computed_fields(task):
        yield _computed(name)


def _spell_answer(row: Row) -> None:
    """Spell options that are regions, and the target, which is the row's regions."""
    options = row.get("options")
    if options and type(options[0]) is not str:
        row["options"] = region_texts(options)
    if "target_txt" not in row:
        row["target_txt"] = " ".join(row["region"])


def _default(name: str, value: Any) -> Step:
    def step(row: Row) -> None:
        if row.get(name) is None:
            row[name] = list(value) if isinstance(value, list | tuple) else value

    return step


def _computed(name: str) -> Step:
    function = COMPUTED[name]

    def step(row: Row) -> None:
        row[name] = function(row)

    return step


# ── known faults of the release ──────────────────────────────────────────────────────────────


def own_options(row: Row) -> None:
    """Give a medic row its own task's options: the release lists those of all three tasks."""
    row["options"] = list(row["meta_data"]["options"])


def refuse_told_target(row: Row) -> None:
    """Refuse a next-step row whose earlier steps already hold the step it asks for.

    Raises:
        BadRow: they do.
    """
    if row["target_txt"] in row["context"]:
        what = "a wikihow_next_step row whose context holds its target"
        raise BadRow("target in context", what, "--as-released takes it")


_FIXES: Mapping[str, Step] = {
    "medic_damage_severity": own_options,
    "medic_informative": own_options,
    "medic_disaster_types": own_options,
    "wikihow_next_step": refuse_told_target,
}

# ── files ────────────────────────────────────────────────────────────────────────────────────

_TRAINING, _TESTING = "training_data", "testing_data"

_LAYOUT = (f"{_TRAINING}/*/train.jsonl", f"{_TESTING}/*/test.jsonl")


def is_testing(file: Path) -> bool:
    """Return whether a row file stands in the release's ``testing_data/``, by its path."""
    spelled = file.absolute()
    ways = [file.resolve(), *([] if ".." in spelled.parts else [spelled])]
    return any(_TESTING in (way.parent.name, way.parent.parent.name) for way in ways)


def instance_files(paths: Iterable[Path]) -> list[Path]:
    """Return the row files that paths stand for: a file itself, a folder's in the release's layout.

    The folder may be the layout's root, one of its two folders, or a data set's in one of these.

    Raises:
        InputError: every path that does not exist or holds no such file.
    """
    files: list[Path] = []
    problems: list[Problem] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inner = "test.jsonl" if is_testing(path / "train.jsonl") else "train.jsonl"
        found = _in(path, _LAYOUT) or _in(path, (f"*/{inner}", inner))
        files += found
        if not found:
            fix = f"give a folder with {_LAYOUT[0]} or {_LAYOUT[1]}, or the files themselves"
            problems.append(Problem(str(path), "holds no rows", fix))
    if problems:
        raise InputError(problems)
    return files


def _in(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted(
        f for pattern in patterns for end in ("", *PACKED) for f in folder.glob(pattern + end)
    )


def read_instances(
    paths: Iterable[Path],
    tasks: Iterable[Task],
    on_unusable: Callable[[Unusable], None],
    *,
    as_released: bool = False,
) -> Iterator[Instance]:
    """Stream instances from row files, one line at a time.

    A root that the templates show is there in every instance; whether a path below it resolves
    shows when it is rendered.

    Args:
        paths: As `instance_files` takes them.
        tasks: The tasks whose rows are wanted.
        on_unusable: Told of every row that becomes no instance, in order.
        as_released: Take rows as they are, known faults included.

    Raises:
        InputError: a folder without rows, or a compressed file that is damaged.
        StorageError: a file that cannot be read.
    """
    adapter = Adapter(tasks, as_released=as_released)

    def broken(problem: Problem) -> None:
        on_unusable(Unusable("broken line", problem))

    for file in instance_files(paths):
        name = str(file)
        for number, row in read_jsonl(file, on_problem=broken):
            where = f"{name}:{number}"
            try:
                task = adapter.adapt(row)
            except BadRow as bad:
                on_unusable(bad.at(where))
            else:
                yield Instance(task, row["unique_id"], row, where)
