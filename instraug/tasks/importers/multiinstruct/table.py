"""A table of templates: ``task_name<TAB>instructions``, CSV quoting, one template a row."""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from instraug.errors import InputError, Problem
from instraug.tasks.importers.multiinstruct import catalog, expressions
from instraug.tasks.importers.multiinstruct.elements import MappedTemplate, left_out, map_template
from instraug.tasks.importers.multiinstruct.expressions import Scope

HEADER = ["task_name", "instructions"]

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def read(text: str, name: str) -> Iterator[MappedTemplate | Problem]:
    """Yield each row's template, or why it is left out.

    Args:
        text: The table.
        name: The file, for messages.

    Raises:
        InputError: the text is not such a table: another header, or broken quoting.
    """
    seen: Counter[str] = Counter()
    for where, row in _rows(text, name):
        if len(row) != 2:
            yield left_out(where, row[0], f"{len(row)} columns instead of 2")
            continue
        task, template = row
        yield _map(where, task, template, seen[task])
        seen[task] += 1


def _rows(text: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (``file:line`` of the row's first line, the row), blank lines skipped."""
    reader = csv.reader(_lines(text), delimiter="\t", strict=True)
    line = 1
    try:
        if next(reader, None) != HEADER:
            what, fix = "not a table of templates", "begin it with task_name<TAB>instructions"
            raise InputError([Problem(f"{name}:1", what, fix)])
        line = reader.line_num + 1
        for row in reader:
            if row:
                yield f"{name}:{line}", row
            line = reader.line_num + 1
    except csv.Error as error:
        what, fix = f"broken table: {error}", 'close the quotes, and double (") those inside'
        raise InputError([Problem(f"{name}:{line}", what, fix)]) from error


def _lines(text: str) -> Iterator[str]:
    """Split on line feeds only: other separators are text."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _map(where: str, task: str, template: str, position: int) -> MappedTemplate | Problem:
    scope = Scope(locals=_locals(task, position))
    ending, released = catalog.TABLE_ERRATA.get(task, ("", ""))
    if ending and template.endswith(ending):
        template = template.removesuffix(ending) + released
    pieces: list[str | ast.expr] = []
    at = 0
    for match in _PIECE.finditer(template):
        pieces.append(template[at : match.start()])
        at = match.end()
        if match[1] is None:
            if len(match[0]) == 1:
                return left_out(where, task, f"a stray {match[0]}")
            pieces.append(match[0][0])
            continue
        expression = expressions.read(match[1])
        if expression is None:
            return left_out(where, task, f"cannot map {match[1][:80]}")
        pieces.append(expression)
    mapped = map_template(task, where, [*pieces, template[at:]], scope)
    if isinstance(mapped, Problem):
        return mapped
    return replace(mapped, defaults=catalog.TABLE_DEFAULTS.get(task, {}))


def _locals(task: str, position: int) -> dict[str, catalog.Local | None]:
    names = {**catalog.TABLE_LOCALS[""], **catalog.TABLE_LOCALS.get(task, {})}
    if task == catalog.REGION_QUESTION[0] and position >= catalog.REGION_QUESTION[1]:
        names["question"] = catalog.Local("question_with_regions")
    return dict(names)
