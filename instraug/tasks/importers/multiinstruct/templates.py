"""The release's instruction templates -> tasks, and a list of everything that was left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from instraug.errors import InputError, Problem
from instraug.files.disk import refusals
from instraug.tasks.importers.multiinstruct import catalog, source, table
from instraug.tasks.importers.multiinstruct.elements import MappedTemplate, left_out
from instraug.tasks.placeholders import placeholders
from instraug.tasks.records import Task

SOURCE_FILE = "instruction_templates.py"

MAX_BYTES = 16 << 20
"""The release's file has 60 KB."""

_TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Imported:
    """What an import gives."""

    tasks: tuple[Task, ...]
    """In the order of the source."""
    left_out: tuple[Problem, ...]
    """One line for everything that could not be mapped."""


def read_templates(path: Path) -> Imported:
    """Read the release's templates; nothing of it is run.

    Args:
        path: A checkout of the release, its ``instruction_templates.py``, or a table
            ``task_name<TAB>instructions`` with CSV quoting.

    Raises:
        InputError: there is no such file, or it is neither; nothing could be mapped at all.
        StorageError: the file cannot be read.
    """
    with refusals(path, "read"):
        file = path / SOURCE_FILE if path.is_dir() else path
        content = _content(file)
    reader = source.read if file.suffix == ".py" else table.read
    imported = _assemble(reader(_decoded(content, file), str(file)))
    if not imported.tasks:
        nothing = Problem(str(file), "no template could be mapped", "see the reasons above")
        raise InputError([*imported.left_out, nothing])
    return imported


def _content(file: Path) -> bytes:
    fix = f"give a folder with {SOURCE_FILE}, that file, or a table of templates"
    if not file.is_file():
        what = "is not a regular file" if file.exists() else "does not exist"
        raise InputError([Problem(str(file), what, fix)])
    with file.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError([Problem(str(file), f"holds more than {MAX_BYTES:,} bytes", fix)])
    return content


def _decoded(content: bytes, file: Path) -> str:
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        place = f"{file}:{content.count(10, 0, error.start) + 1}"
        what = f"byte {error.start} is not UTF-8"
        raise InputError([Problem(place, what, "save the file as UTF-8")]) from error
    # Windows line ends do not belong to a template; a NUL is not text.
    text = text.replace("\r\n", "\n")
    if (at := text.find("\0")) >= 0:
        place = f"{file}:{text.count(chr(10), 0, at) + 1}"
        raise InputError([Problem(place, "a NUL character", "remove it")])
    return text


def _assemble(templates: Iterable[MappedTemplate | Problem]) -> Imported:
    """Group templates by task, in order of first appearance."""
    problems: list[Problem] = []
    groups: dict[str, list[MappedTemplate]] = {}
    separators: dict[str, dict[str, str]] = {}
    for mapped in templates:
        if isinstance(mapped, Problem):
            problems.append(mapped)
        elif not _TASK_NAME.fullmatch(mapped.task):
            problems.append(left_out(mapped.where, repr(mapped.task), "no name for a file"))
        elif path := _clash(joined := separators.setdefault(mapped.task, {}), mapped):
            why = f"joins {{{path}}} otherwise than the templates before it"
            problems.append(left_out(mapped.where, mapped.task, why))
        else:
            joined.update(mapped.separators)
            groups.setdefault(mapped.task, []).append(mapped)
    tasks = (_task(name, templates, separators[name]) for name, templates in groups.items())
    return Imported(tuple(tasks), tuple(problems))


def _clash(joined: dict[str, str], mapped: MappedTemplate) -> str | None:
    """Return a list that a template joins otherwise than its task's earlier templates."""
    ways = mapped.separators.items()
    return next((path for path, way in ways if joined.get(path, way) != way), None)


def _task(name: str, templates: list[MappedTemplate], separators: dict[str, str]) -> Task:
    facts = catalog.FACTS.get(name, catalog.Facts())
    used = dict.fromkeys(p.root for m in templates for p in placeholders(m.text))
    constants = {k: v for k, v in templates[0].constants.items() if k in used}
    return Task(
        name=name,
        instructions=tuple(m.text for m in templates),
        category=facts.category,
        split=facts.split,
        output=facts.output,
        constants=constants,
        separators=separators,
        defaults={k: list(v) for m in templates for k, v in m.defaults.items()},
        fields=tuple(sorted(used.keys() - constants.keys())),
        labels=catalog.LABELS.get(name, ()),
        source=templates[0].where,
    )
