"""Tasks -> a task folder: the writing side of `load_tasks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
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
    """Write one file a task, named after it: all of them, or none; see `write_made`."""
    write_made(lambda _: tasks, folder, force=force)


def write_made(
    make: Callable[[Path], Iterable[Task]], folder: Path, *, force: bool = False
) -> None:
    """Write one file a task, and what belongs to them: all of it, or nothing.

    A new folder appears whole. In one that is there, a mark stands while files get their names, so
    that no folder that was written in part passes for a sound one.

    Args:
        make: Returns the tasks, whose names must be fit for file names; what it writes into the
            folder that it is given, in folders of that, goes along.
        folder: Made if missing, with its parents.
        force: Write into a folder that holds something; files of other names stay.

    Raises:
        InputError: the folder is a file, or holds something and ``force`` is not set; or two tasks
            would have one file on some systems.
        StorageError: the disk refused.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError([Problem(str(folder), "is not a folder", "give another path")])
    with refusals(folder, "write"), parents_of(folder):
        there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if there and not force:
            fix = "choose another folder, or pass --force to overwrite files of the same names"
            raise InputError([Problem(str(folder), "is not empty", fix)])
        is_new = not folder.is_dir()
        with hidden_folder(folder if is_new else folder / "import") as made:
            try:
                tasks = tuple(make(made))
                _check_names(folder, there, [_file_name(task) for task in tasks])
                _write_each(tasks, made)
            except StorageError as error:
                raise StorageError(str(error).replace(str(made), str(folder))) from error
            if is_new:
                put_folder(made, folder)
            else:
                _move_into(made, folder)


@contextmanager
def parents_of(folder: Path) -> Iterator[None]:
    """Make a folder's parents; those that were missing go again where the block fails."""
    missing = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for parent in missing:
                parent.rmdir()
        raise


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


def _move_into(made: Path, folder: Path) -> None:
    """Give files their names in a folder that is there; the mark stands while that lasts."""
    with atomic_writer(folder / UNFINISHED):
        pass
    for path in sorted(made.rglob("*")):
        place = folder / path.relative_to(made)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            path.rename(place)
    for path in (folder, *(p for p in made.rglob("*") if p.is_dir())):
        sync_folder(folder if path is folder else folder / path.relative_to(made))
    (folder / UNFINISHED).unlink()
    sync_folder(folder)


def _write_each(tasks: Iterable[Task], folder: Path) -> None:
    for task in tasks:
        with atomic_writer(folder / _file_name(task)) as file:
            file.write(spell(task).encode())
