"""Tasks -> a task folder: the writing side of `load_tasks`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from instraug.errors import InputError, Problem
from instraug.files import strict_yaml
from instraug.files.atomic import atomic_writer
from instraug.files.disk import refusals
from instraug.tasks.records import Task


def spell(task: Task) -> str:
    """Spell a task as its YAML file; equal tasks make equal text, and `load_tasks` gives it back.

    Keys without a value, or with their default of nothing, are left out.
    """
    return strict_yaml.dump({key: value for key, value in task.keys().items() if value})


def write(tasks: Iterable[Task], folder: Path, *, force: bool = False) -> None:
    """Write one file a task, named after it; each appears complete or not at all.

    Args:
        tasks: Their names must be fit for file names.
        folder: Made if missing.
        force: Write into a folder that holds something; files of other names stay.

    Raises:
        InputError: the folder is a file, or holds something and ``force`` is not set.
        StorageError: the disk refused.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError([Problem(str(folder), "is not a folder", "give another path")])
    with refusals(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
        if not force and any(folder.iterdir()):
            fix = "choose another folder, or pass --force to overwrite files of the same names"
            raise InputError([Problem(str(folder), "is not empty", fix)])
    for task in tasks:
        with atomic_writer(folder / f"{task.name}.yaml") as file:
            file.write(spell(task).encode())
