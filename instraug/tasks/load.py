"""Task folder -> Tasks, every problem of every file at once; see docs/task-folder.md."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from instraug.errors import InputError, PlaceholderError, Problem
from instraug.files import strict_yaml
from instraug.files.decode import decode, suggest
from instraug.files.strict_yaml import REFUSED, Document, Where
from instraug.files.yaml_folder import files
from instraug.tasks.placeholders import Placeholder, doubled, is_name, path_of, placeholders, sound
from instraug.tasks.records import Task, TaskKeys, file_key

UNFINISHED = ".import-unfinished"
"""Stands in a task folder while an import writes into it."""


def load_tasks(folder: Path) -> tuple[Task, ...]:
    """Read every ``*.yaml`` and ``*.yml`` file of a folder, one task each, sorted by path.

    Raises:
        InputError: everything that is wrong in any of them; also a folder that is missing or
            has no task in it.
    """
    tasks, problems = read_tasks(folder)
    if problems:
        raise InputError(problems)
    return tasks


def read_tasks(folder: Path) -> tuple[tuple[Task, ...], tuple[Problem, ...]]:
    """Read a task folder as `load_tasks` does, but hand back the sound tasks and all problems."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        return (), (Problem(str(folder), what, "give the folder that holds the task files"),)
    paths, problems = files(folder)
    if (mark := folder / UNFINISHED).exists():
        fix = "import again with --force, or remove this file"
        problems.append(Problem(str(mark), "an import into this folder did not end", fix))
    if not paths and not problems:
        fix = "put one .yaml file a task into it"
        problems = [Problem(str(folder), "holds no task file", fix)]
    tasks: list[Task] = []
    first: dict[str, tuple[str, str]] = {}
    for path in paths:
        document = strict_yaml.read(path)
        draft, wrong = decode(document.data, TaskKeys, document.place)
        wrong = [*document.problems, *wrong]
        if draft is not None:
            wrong += _twins(draft, document, first)
            wrong += _Checker(draft, document).problems()
            if not wrong:
                tasks.append(Task(**draft.keys(), source=document.name))
        problems += sorted(wrong, key=strict_yaml.position)
    return tuple(tasks), tuple(problems)


def _twins(
    draft: TaskKeys, document: Document, first: dict[str, tuple[str, str]]
) -> Iterator[Problem]:
    if isinstance(draft.name, str):
        place = document.place(("name",))
        name, other = first.setdefault(file_key(draft.name), (draft.name, place))
        if other != place:
            what = f"the task name {draft.name!r} is taken by {other}"
            if name != draft.name:
                what = f"{what}, for {name!r} is the same file name on some systems"
            yield Problem(place, what, "give every task a name of its own")


def _roots(text: str) -> set[str]:
    try:
        return {p.root for p in placeholders(text)}
    except PlaceholderError:
        return set()


class _Checker:
    """Checks of one task file that type hints cannot make: placeholders, and tables by name."""

    def __init__(self, draft: TaskKeys, document: Document) -> None:
        self.draft, self.document = draft, document
        self.constants = self._table("constants")
        known: Any = draft.fields
        self.known: Collection[str] | None = None
        # Which names are missing cannot be said of fields or constants that cannot be read.
        if isinstance(known, tuple) and REFUSED not in known and self._has_constants():
            self.known = {k for k in known if isinstance(k, str)} | set(self.constants)

    def problems(self) -> Iterator[Problem]:
        instructions = self.draft.instructions
        for i, text in enumerate(instructions if isinstance(instructions, tuple) else ()):
            if isinstance(text, str):
                yield from self._instruction(text, ("instructions", i))
        yield from self._doubled()
        yield from self._keys("constants", is_name)
        yield from self._keys("separators", lambda key: path_of(key) is not None)
        yield from self._keys("defaults", is_name)
        for key, value in self._table("defaults").items():
            if value is None:
                fix = "give a value, or leave it out"
                yield self._problem(("defaults", key), f"the default of {key!r} is empty", fix)

    def _instruction(self, text: str, where: Where) -> Iterator[Problem]:
        try:
            used = placeholders(text)
        except PlaceholderError as error:
            for problem in error.problems:
                yield self._problem(where, f"{problem.what} at {problem.where}", problem.fix)
            used = sound(text)
        for source in dict.fromkeys(p.source for p in used):
            yield from self._reference(source, where)

    def _doubled(self) -> Iterator[Problem]:
        """Report ``{{name}}`` of a known field, which other engines fill in and this one does not.

        Where a task names no field at all, each of them is taken for one.
        """
        texts = self.draft.instructions
        texts = texts if isinstance(texts, tuple) else ()
        known = self._named(texts)
        for i, text in enumerate(texts):
            for slot in dict.fromkeys(doubled(text) if isinstance(text, str) else ()):
                if known is None or slot.root in known:
                    what = f"{{{{{slot.source}}}}} stands for literal text, not for a field"
                    fix = (
                        f"write {{{slot.source}}}; where the braces are meant, give the text in "
                        "constants and write that constant's name in braces"
                    )
                    yield self._problem(("instructions", i), what, fix)

    def _named(self, texts: Iterable[Any]) -> Collection[str] | None:
        """Return the fields that a task names anywhere; None where it names none."""
        if self.known is not None:
            return self.known
        used = {root for text in texts if isinstance(text, str) for root in _roots(text)}
        paths = [*self._table("separators"), *self._table("defaults")]
        used |= {path.root for key in paths if (path := path_of(key))} | set(self.constants)
        return used or None

    def _reference(self, source: str, where: Where) -> Iterator[Problem]:
        root = Placeholder(source).root
        if self.known is not None and root not in self.known:
            fix = f"list it in fields, or {suggest(root, self.known)}"
            yield self._problem(where, f"unknown field {{{source}}}", fix)
        elif root in self.constants and source != root:
            what = f"{{{source}}} asks for a part of the constant {root!r}"
            yield self._problem(where, what, f"write {{{root}}}")

    def _keys(self, table: str, fits: Callable[[str], bool]) -> Iterator[Problem]:
        for key in self._table(table):
            where = (table, key)
            if not fits(key):
                what = f"{table} names {key[:60]!r}, which no placeholder can"
                yield self._problem(where, what, "spell it as in the instructions, without braces")
            else:
                yield from self._reference(key, where)

    def _has_constants(self) -> bool:
        """Return whether the constants are known: not refused, nor under a misspelled key."""
        keys = self.document.data
        known = TaskKeys.__dataclass_fields__
        misspelled = any("'constants'" in suggest(k, known) for k in keys if k not in known)
        constants: Any = self.draft.constants
        return constants is not REFUSED and not misspelled

    def _table(self, name: str) -> Mapping[str, Any]:
        table = getattr(self.draft, name)
        return {} if table is REFUSED else table

    def _problem(self, where: Where, what: str, fix: str) -> Problem:
        return Problem(self.document.place(where), what, fix)
