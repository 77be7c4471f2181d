"""Tasks -> a task folder: the writing side of `load_tasks`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from instraug.errors import InputError, Problem, StorageError
from instraug.files import strict_yaml
from instraug.files.atomic import atomic_writer, hidden_folder, put_folder
from instraug.files.disk import refusals, sync_folder
from instraug.tasks.load import UNFINISHED
from instraug.tasks.records import Task, file_key


def spell(task: Task) -> str:
    """Spell a task as its YAML file; equal tasks make equal text, and `load_tasks` gives it back.

    Keys without a value, or with their default of nothing, are left out.
    """
    return strict_yaml.dump({key: value for key, value in task.keys().items() if value})


def write(tasks: Iterable[Task], folder: Path, *, force: bool = False) -> None:
    """Write one file a task, named after it: all of them, or none.

    A new folder appears whole. In one that is there, a mark stands while files get their names, so
    that no folder that was written in part passes for a sound one.

    Args:
        tasks: Their names must be fit for file names.
        folder: Made if missing, with its parents.
        force: Write into a folder that holds something; files of other names stay.

    Raises:
        InputError: the folder is a file, or holds something and ``force`` is not set; or two tasks
            would have one file on some systems.
        StorageError: the disk refused.
    """
    tasks = tuple(tasks)
    if folder.exists() and not folder.is_dir():
        raise InputError([Problem(str(folder), "is not a folder", "give another path")])
    with refusals(folder, "write"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if there and not force:
            fix = "choose another folder, or pass --force to overwrite files of the same names"
            raise InputError([Problem(str(folder), "is not empty", fix)])
        _check_names(folder, there, [_file_name(task) for task in tasks])
        if folder.is_dir():
            _write_into(tasks, folder)
            return
        with hidden_folder(folder) as made:
            try:
                _write_each(tasks, made)
            except StorageError as error:
                raise StorageError(str(error).replace(str(made), str(folder))) from error
            put_folder(made, folder)


def _file_name(task: Task) -> str:
    return f"{task.name}.yaml"


def _check_names(folder: Path, there: Iterable[str], names: Iterable[str]) -> None:
    """Refuse names that are one file on some systems, naming both."""
    first: dict[str, str] = {}
    problems = []
    for name in (*there, *names):
        if (other := first.setdefault(file_key(name), name)) != name:
            what = f"{other!r} and {name!r} are the same file name on some systems"
            problems.append(Problem(str(folder), what, "give the tasks other names"))
    if problems:
        raise InputError(problems)


def _write_into(tasks: Iterable[Task], folder: Path) -> None:
    """Write into a folder that is there; only the files' renaming is left when the mark is set."""
    with hidden_folder(folder / "import") as made:
        try:
            _write_each(tasks, made)
        except StorageError as error:
            raise StorageError(str(error).replace(str(made), str(folder))) from error
        with atomic_writer(folder / UNFINISHED):
            pass
        for path in sorted(made.iterdir()):
            path.rename(folder / path.name)
        sync_folder(folder)
        (folder / UNFINISHED).unlink()
    sync_folder(folder)


def _write_each(tasks: Iterable[Task], folder: Path) -> None:
    for task in tasks:
        with atomic_writer(folder / _file_name(task)) as file:
            file.write(spell(task).encode())
