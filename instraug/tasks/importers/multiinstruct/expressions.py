"""A Python placeholder expression, as syntax only -> the placeholder path that means the same.

Only the shapes that the release's templates use are known; anything else has no path.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from instraug.tasks.importers.multiinstruct import catalog
from instraug.tasks.importers.multiinstruct.catalog import Local

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

MAX_EXPRESSION = 300
"""Characters of an expression in a table of templates; the release's longest has 30."""


@dataclass(frozen=True)
class Scope:
    """What the names of an expression stand for at its place in the source."""

    constants: Mapping[str, str] = field(default_factory=lambda: catalog.CONSTANTS)
    """Names that hold a fixed string."""
    locals: Mapping[str, Local | None] = field(default_factory=dict)
    """Names computed from the row; None where the way they are computed is not known."""


@dataclass(frozen=True, slots=True)
class MappedExpression:
    """An expression in our spelling."""

    text: str
    """Template text: one placeholder, or a constant and a placeholder."""
    separators: tuple[tuple[str, str], ...] = ()
    """(path, what joins its list)."""


def read(expression: str) -> ast.expr | None:
    """Parse one expression, as text, to syntax; None where it is none."""
    if len(expression) > MAX_EXPRESSION:
        return None
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def convert(node: ast.expr, scope: Scope) -> MappedExpression | None:
    """Return the placeholder that renders what the expression shows, or None: never a guess.

    Args:
        node: What stands between the braces of an f-string.
        scope: The names at that place.
    """
    if isinstance(node, ast.Name):
        return _name(node.id, scope)
    if isinstance(node, ast.Call):
        return _join(node, scope)
    path = _path(node, scope)
    return MappedExpression(f"{{{path}}}") if path else None


def _name(name: str, scope: Scope) -> MappedExpression | None:
    if name in scope.locals:
        local = scope.locals[name]
        return None if local is None or local.is_list else _shown(local.field)
    if name in scope.constants:
        return MappedExpression(f"{{{name}}}")
    if name == "options_str" and "options_token" in scope.constants:
        separator = scope.constants.get("split_token", catalog.CONSTANTS["split_token"])
        return MappedExpression("{options_token} {options}", (("options", separator),))
    # A list shown bare comes out as Python spells it; for regions the release means their text.
    return _shown(name) if name in catalog.FIELDS and name != "options" else None


def _shown(name: str) -> MappedExpression:
    separator = catalog.SEPARATORS.get(name)
    return MappedExpression(f"{{{name}}}", ((name, separator),) if separator is not None else ())


def _join(call: ast.Call, scope: Scope) -> MappedExpression | None:
    """Map ``SEPARATOR.join(LIST)``."""
    if call.keywords or len(call.args) != 1 or not isinstance(call.func, ast.Attribute):
        return None
    separator, joined = call.func.value, call.args[0]
    match separator:
        case ast.Name(id=constant):
            glue = scope.constants.get(constant)
        case ast.Constant(value=str(glue)):
            pass
        case _:
            return None
    name = _list(joined, scope)
    if call.func.attr != "join" or glue is None or name is None:
        return None
    return MappedExpression(f"{{{name}}}", ((name, glue),))


def _list(node: ast.expr, scope: Scope) -> str | None:
    """Return the field that holds the list a name stands for."""
    if not isinstance(node, ast.Name):
        return None
    if node.id in scope.locals:
        local = scope.locals[node.id]
        return local.field if local and local.is_list else None
    return node.id if node.id in catalog.LISTS else None


def _path(node: ast.expr, scope: Scope) -> str | None:
    """Map ``LIST[integer]`` and ``meta_data['name']['name']...``."""
    if not isinstance(node, ast.Subscript):
        return None
    step, inner = _step(node.slice), node.value
    if isinstance(step, int):
        name = _list(inner, scope)
        return f"{name}[{step}]" if name else None
    if step is None or not _NAME.fullmatch(step):
        return None
    if isinstance(inner, ast.Name):
        known = inner.id == "meta_data" and inner.id not in scope.locals
        return f"meta_data.{step}" if known else None
    outer = _path(inner, scope)
    return f"{outer}.{step}" if outer and outer.startswith("meta_data.") else None


def _step(node: ast.expr) -> str | int | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    value = node.value if isinstance(node, ast.Constant) else None
    if type(value) is int:
        return sign * value
    return value if isinstance(value, str) and sign > 0 else None


def signature(name: str, node: ast.AST) -> str:
    """Describe how a name is computed: names, attributes, operators and constants, in order.

    Two definitions with equal signatures read the same data the same way for all that the
    release does; `catalog.LOCALS` is keyed by it.
    """
    return f"{name}: {' '.join(_words(node))}"


def _words(node: ast.AST) -> list[str]:
    words: list[str] = []
    for child in ast.iter_child_nodes(node):
        words += _words(child)
    if isinstance(node, ast.Name):
        words.append(node.id)
    elif isinstance(node, ast.Attribute):
        words.append(node.attr)
    elif isinstance(node, ast.Constant):
        words.append(repr(node.value))
    elif isinstance(node, ast.operator | ast.unaryop | ast.boolop | ast.cmpop):
        words.append(type(node).__name__)
    return words
