"""One template as a source holds it, and its mapping to a template of ours, or the reason why not.

A source (the Python file, a table) hands over literal text and expressions; this is where they
become a template, so that both are held to the same rules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from instraug.errors import PlaceholderError, Problem
from instraug.tasks.importers.multiinstruct.expressions import Scope, convert
from instraug.tasks.placeholders import escape, parse

LEFT_OUT = "left out"
"""The fix of every problem here: an import goes on without what it cannot map."""

# What a task file cannot hold: C0 and C1 controls but tab and line end, lone surrogates.
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class MappedTemplate:
    """A template in our spelling, with what its task must know to render it."""

    task: str
    where: str
    """``file:line``."""
    text: str
    separators: Mapping[str, str]
    constants: Mapping[str, str]
    """Every constant of the source; the task keeps those its templates name."""
    defaults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields that no row holds."""


def left_out(where: str, task: str, why: str) -> Problem:
    """Return the problem that something of a task was left out, and why."""
    return Problem(where, f"task {task}: {why}", LEFT_OUT)


def map_template(
    task: str, where: str, pieces: Iterable[str | ast.expr], scope: Scope
) -> MappedTemplate | Problem:
    """Turn literal text and expressions into a template.

    Args:
        task: The task's name.
        where: ``file:line`` of the template.
        pieces: Literal text (braces not doubled) and the syntax of each placeholder, in order.
        scope: What the names mean there.

    Returns:
        The template, or the first reason why it cannot be one.
    """
    text: list[str] = []
    separators: dict[str, str] = {}
    for piece in pieces:
        if isinstance(piece, str):
            text.append(escape(piece))
            continue
        mapped = convert(piece, scope)
        if mapped is None:
            return left_out(where, task, f"cannot map {shown(piece)}")
        text.append(mapped.text)
        for path, separator in mapped.separators:
            if separators.setdefault(path, separator) != separator:
                return left_out(where, task, f"joins {{{path}}} in two ways")
    template = "".join(text)
    if why := _unusable(template):
        return left_out(where, task, why)
    return MappedTemplate(task, where, template, separators, scope.constants)


def _unusable(template: str) -> str | None:
    if not template.strip():
        return "an empty template"
    if match := _UNPRINTABLE.search(template):
        return f"U+{ord(match[0]):04X} is not printable text"
    try:
        parse(template)
    except PlaceholderError as error:
        return error.problems[0].what
    return None


def shown(node: ast.AST) -> str:
    """Spell an expression for a message, 80 characters at most."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else text[:77] + "..."
