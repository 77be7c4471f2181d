"""MultiInstruct's rows -> instances: task named, computed fields filled in, known faults handled.

The work per row is small on purpose: a set is built per hundred thousand rows a second and more,
so everything that depends only on the task is settled once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.errors import BadRow, InputError, Problem
from instraug.files.compression import PACKED
from instraug.files.decode import shown
from instraug.tasks.importers.multiinstruct import catalog
from instraug.tasks.placeholders import placeholders
from instraug.tasks.records import Task
from instraug.training_set import shards
from instraug.training_set.fixes import task_fix
from instraug.training_set.instances import columns, reading
from instraug.training_set.instances.base import Prepare, Rename, Row
from instraug.training_set.instances.columns import Columns
from instraug.training_set.instances.computed import COMPUTED, region_texts
from instraug.training_set.instances.saved_datasets import is_held_out, saved


@dataclass(frozen=True)
class MultiInstruct:
    """Instances as MultiInstruct has them, and your own rows of that shape."""

    as_released: bool = False
    """Keep the known faults of the release's rows."""
    columns: Columns = ()

    def files(self, paths: Iterable[Path]) -> list[Path]:
        """Return files as they are, and a folder's that stand in the release's layout.

        Of a task folder that was imported with its rows, these are returned.

        The folder may be the layout's root, one of its two folders, or a data set's in one of
        these. A file that is named twice, by whatever path, is read once.

        Raises:
            InputError: every folder that holds no such file.
        """
        files: list[Path] = []
        problems: list[Problem] = []
        for path in paths:
            rows = (saved(path) or _in_layout(path)) if path.is_dir() else [path]
            files += rows
            if not rows:
                fix = (
                    f"give a folder with {_LAYOUT[0]} or {_LAYOUT[1]}, a dataset that was saved to "
                    "disk, or the files themselves"
                )
                problems.append(Problem(str(path), "holds no rows", fix))
        if problems:
            raise InputError(problems)
        return _once(files)

    def split(self, files: Iterable[Path]) -> list[shards.Shard]:
        """Cut files into shards.

        Raises:
            InputError: also where none of the files, all of them tables, has one of the columns.
        """
        files = list(files)
        cut = reading.split(files)
        if self.columns and (known := reading.names(files)) is not None:
            columns.check(self.columns, known)
        return cut

    def opened(
        self, shard: shards.Shard, batch: int
    ) -> AbstractContextManager[Iterator[list[bytes]]]:
        """Open a shard's lines, in batches of so many bytes."""
        return reading.opened(shard, batch, columns.structured(self.columns))

    def renamer(self) -> Rename | None:
        """Return what moves columns to the fields that they are; None where there are none."""
        return columns.renamer(self.columns) if self.columns else None

    def is_testing(self, file: Path) -> bool:
        """Return whether a file is for testing, by its path.

        It stands in the release's ``testing_data/``, or in a split of a saved dataset that is not
        for training.
        """
        return _is_testing(file) or is_held_out(file)

    def adapter(self, tasks: Iterable[Task]) -> MultiInstructAdapter:
        """Return what makes rows of these tasks ready."""
        return MultiInstructAdapter(tasks, as_released=self.as_released)


_TRAINING, _TESTING = "training_data", "testing_data"

_LAYOUT = (f"{_TRAINING}/*/train.jsonl", f"{_TESTING}/*/test.jsonl")


_HOPS = 40
"""Links that one path may lead through, as in Linux."""


def _is_testing(file: Path) -> bool:
    return any(map(_under_testing, _ways(file)))


def _under_testing(way: Path) -> bool:
    """Return whether the nearest of the layout's two folders around a file is for testing."""
    return next((p.name for p in way.parents if p.name in (_TRAINING, _TESTING)), "") == _TESTING


def _ways(file: Path) -> Iterator[Path]:
    """Yield a file's path as it is spelled, and again after each link that it leads through."""
    # The shell's idea of where it stands may lead through links, too.
    shell = Path(os.environ.get("PWD", ""))
    if not file.is_absolute() and shell.is_absolute() and shell.is_dir() and shell.samefile("."):
        yield Path(os.path.normpath(shell / file))
    way: Path | None = file.absolute()
    for _ in range(_HOPS):
        if way is None:
            return
        yield Path(os.path.normpath(way))
        way = _past_link(way)


def _past_link(way: Path) -> Path | None:
    """Return a path with its first link replaced by what that names; None where it has none."""
    passed = Path(way.anchor)
    for at, step in enumerate(way.parts[1:], 2):
        passed = passed.parent if step == ".." else passed / step
        if passed.is_symlink():
            return passed.parent.joinpath(passed.readlink(), *way.parts[at:])
    return None


def _once(files: Iterable[Path]) -> list[Path]:
    """Return each file at its first place; by a path in ``testing_data/`` where it has one."""
    found: dict[Path, Path] = {}
    for file in files:
        real = Path(os.path.realpath(file))
        if real not in found or (_is_testing(file) and not _is_testing(found[real])):
            found[real] = file
    return list(found.values())


def _in_layout(folder: Path) -> list[Path]:
    name = "test.jsonl" if _is_testing(folder / "train.jsonl") else "train.jsonl"
    return _in(folder, _LAYOUT) or _in(folder, (f"*/{name}", name)) or _imported(folder)


def _imported(folder: Path) -> list[Path]:
    """Return the rows that an import of Natural Instructions left beside its tasks."""
    return _in(folder, ("instances/*.jsonl", "instances/testing_data/*.jsonl"))


def _in(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted(
        f for pattern in patterns for end in ("", *PACKED) for f in folder.glob(pattern + end)
    )


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


class MultiInstructAdapter:
    """Makes raw rows of some tasks ready to render.

    What a row lacks shows when its prompt is rendered.

    Args:
        tasks: The tasks whose rows are wanted.
        as_released: Take rows as they are, known faults included.
    """

    def __init__(self, tasks: Iterable[Task], *, as_released: bool = False) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._names = frozenset(self._tasks)
        self._as_released = as_released
        self._histories = {
            name: halves
            for name, halves in catalog.HISTORY_TASKS.items()
            if not self._tasks.keys().isdisjoint(halves)
        }

    def task_of(self, row: Any) -> str:
        """Return the name of the task that a row belongs to; no other field is checked.

        A dialogue's row goes to the task of its history, where there is such a task.

        Raises:
            BadRow: it belongs to none of the tasks.
        """
        if type(row) is not dict:
            fix = "write one row a line, {...}, without a list around them"
            raise BadRow("broken line", f"not a JSON object but {shown(row)}", fix)
        name = row.get("task_name")
        if name is None:
            if len(self._tasks) > 1:
                raise BadRow("missing field", "a row without task_name", "add it, or leave it out")
            row["task_name"] = name = next(iter(self._tasks), None)
        if isinstance(name, str) and (halves := self._histories.get(name)):
            meta = row.get("meta_data")
            history = meta.get("dialog_hist") if isinstance(meta, dict) else None
            name = halves[0] if history else halves[1]
        if isinstance(name, str) and name in self._tasks:
            return name
        what = f"no task is named {name!r:.100}"
        raise BadRow("unknown task", what, task_fix(str(name)[:100], self._names))

    def preparer(self, task: str) -> Prepare | None:
        """Return what makes a task's rows ready; None where they are ready as they are.

        Regions become text; computed fields, and defaults that the row lacks, are added; a target
        that is the row's regions is spelled out.
        """
        own = self._tasks[task]
        steps = tuple(_steps(own, self._as_released))
        prepare = _prepared(task, steps)
        if steps or any(task in halves for halves in self._histories.values()):
            return prepare
        return _of_numbers(prepare) if "region" in _roots(own) else None

    def hidden(self, task: str) -> tuple[str, ...]:
        """Return the computed fields that the task's templates show, sorted."""
        return _computed_fields(self._tasks[task])


def _prepared(name: str, steps: tuple[Prepare, ...]) -> Prepare:
    def prepare(row: Row) -> None:
        try:
            region = row.get("region")
            if region and (type(region) is str or type(region[0]) is not str):
                row["region"] = region_texts(region)
            for step in steps:
                step(row)
        except (LookupError, TypeError, AttributeError) as error:
            known = isinstance(error, KeyError)
            detail = f"without {error.args[0]}" if known else f"of another shape: {error}"
            what = f"a row of task {name} {detail}"
            raise BadRow("missing field", what, "fix the row, or leave it out") from error

    return prepare


def _of_numbers(prepare: Prepare) -> Prepare:
    """Return what prepares only raw rows, whose regions are numbers; most rows' are text."""

    def prepare_raw(row: Row) -> None:
        region = row.get("region")
        if type(region) is list and region and type(region[0]) is not str:
            prepare(row)

    return prepare_raw


def _roots(task: Task) -> set[str]:
    return {p.root for t in task.templates for p in placeholders(t.text)} - set(task.constants)


def _computed_fields(task: Task) -> tuple[str, ...]:
    return tuple(sorted(_roots(task) & COMPUTED.keys()))


def _steps(task: Task, as_released: bool) -> Iterator[Prepare]:
    if task.output == "region":
        yield _spell_answer
    if task.answers in ("index0", "index1"):
        yield _spell_number
    if not as_released and task.name in _FIXES:
        yield _FIXES[task.name]
    for name, value in task.defaults.items():
        yield _default(name, value)
    for name in _computed_fields(task):
        yield _computed(name)


def _spell_answer(row: Row) -> None:
    """Spell options that are regions, and the target, which is the row's regions."""
    options = row.get("options")
    if options and type(options[0]) is not str:
        row["options"] = region_texts(options)
    if "target_txt" not in row:
        row["target_txt"] = " ".join(row["region"])


def _spell_number(row: Row) -> None:
    """Write a target that is a whole number as text, where the task says that it counts options."""
    if type(row.get("target_txt")) is int:
        row["target_txt"] = str(row["target_txt"])


def _default(name: str, value: Any) -> Prepare:
    def step(row: Row) -> None:
        if row.get(name) is None:
            row[name] = list(value) if isinstance(value, list | tuple) else value

    return step


def _computed(name: str) -> Prepare:
    function = COMPUTED[name]

    def step(row: Row) -> None:
        row[name] = function(row)

    return step


# ── known faults of the release ──────────────────────────────────────────────────────────────


def own_options(row: Row) -> None:
    """Give a medic row its own task's options: the release lists those of all three tasks."""
    row["options"] = list(row["meta_data"]["options"])


def refuse_given_target(row: Row) -> None:
    """Refuse a next-step row whose earlier steps already hold the step it asks for.

    Raises:
        BadRow: they do.
    """
    if row["target_txt"] in row["context"]:
        what = "a wikihow_next_step row whose context holds its target"
        raise BadRow("target in context", what, "--as-released takes it")


_FIXES: Mapping[str, Prepare] = {
    "medic_damage_severity": own_options,
    "medic_informative": own_options,
    "medic_disaster_types": own_options,
    "wikihow_next_step": refuse_given_target,
}
