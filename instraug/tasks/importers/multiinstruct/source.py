"""The release's ``instruction_templates.py``, read as syntax: nothing of it is ever run.

Its shape: one function with a chain of ``if task == 'NAME':``, each branch computing a local or
two and then assigning a list of f-strings to ``instructs``.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from instraug.errors import InputError, Problem
from instraug.tasks.importers.multiinstruct import catalog
from instraug.tasks.importers.multiinstruct.elements import (
    MappedTemplate,
    left_out,
    map_template,
    shown,
)
from instraug.tasks.importers.multiinstruct.expressions import Scope, signature

LIST = "instructs"
"""The name that a branch assigns its templates to."""


def read(text: str, name: str) -> list[MappedTemplate | Problem]:
    """Return every template of the file in order, or why it is left out.

    Args:
        text: The file's text.
        name: The file, for messages.

    Raises:
        InputError: the text is not Python, or holds no branch of the known shape.
    """
    fix = "give the release's instruction_templates.py, its folder, or a table of templates"
    try:
        with warnings.catch_warnings():
            # The release's strings hold escapes that Python only warns of.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        strings = _string_starts(text)
        templates = list(_Reader(name, strings, _constants(tree)).branches(tree))
    except SyntaxError as error:
        what = f"not Python: {error.msg}"
        raise InputError([Problem(f"{name}:{error.lineno or 1}", what, fix)]) from error
    except (ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        what = "not Python that can be read: nested too deeply, or cut"
        raise InputError([Problem(name, what, fix)]) from error
    if not templates:
        raise InputError([Problem(name, "no branch of the form if task == 'NAME'", fix)])
    return templates


def _string_starts(text: str) -> list[tuple[int, int]]:
    """Return (line, byte column) of every string literal, those inside f-strings left out."""
    starts: list[tuple[int, int]] = []
    # f-strings are tokens of their own from Python 3.12 on.
    opening = getattr(tokenize, "FSTRING_START", None)
    closing = getattr(tokenize, "FSTRING_END", None)
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if depth == 0 and token.type in (tokenize.STRING, opening):
            line, column = token.start
            starts.append((line, len(token.line[:column].encode())))
        if token.type == opening:
            depth += 1
        elif token.type == closing:
            depth -= 1
    return starts


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the names that the module, or a function's own body, sets to one fixed string."""
    constants = dict(catalog.CONSTANTS)
    functions = [s for s in tree.body if isinstance(s, ast.FunctionDef)]
    statements = tree.body + [s for function in functions for s in function.body]
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                constants[name] = value
    return constants


@dataclass
class _Branch:
    """What one branch has computed so far."""

    task: str
    locals: dict[str, catalog.Local | None] = field(default_factory=dict)
    late: dict[str, catalog.Local | None] = field(default_factory=dict)
    """Locals that hold from template number `late_from` (counted from 0) on."""
    late_from: int = 0
    defaults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    templates: list[MappedTemplate | Problem] = field(default_factory=list)
    listed: bool = False
    """Whether the list of templates was met."""


class _Reader:
    """Walks the chain of branches of one file."""

    def __init__(
        self, name: str, strings: list[tuple[int, int]], constants: Mapping[str, str]
    ) -> None:
        self.name, self.strings, self.constants = name, strings, constants
        self.seen: set[str] = set()

    def branches(self, tree: ast.Module) -> Iterator[MappedTemplate | Problem]:
        for function in tree.body:
            if isinstance(function, ast.FunctionDef):
                for statement in function.body:
                    yield from self.chain(statement)

    def chain(self, statement: ast.stmt) -> Iterator[MappedTemplate | Problem]:
        """Follow one if/elif chain."""
        while isinstance(statement, ast.If):
            match statement.test:
                case ast.Compare(
                    left=ast.Name(id="task"),
                    ops=[ast.Eq()],
                    comparators=[ast.Constant(value=str(task))],
                ):
                    yield from self.branch(task, statement)
                case test if any(LIST in _names(s) for s in statement.body):
                    where, why = self.where(test), f"cannot read the condition {shown(test)}"
                    yield left_out(where, "of that branch", why)
            if len(statement.orelse) != 1:
                return
            statement = statement.orelse[0]

    def where(self, node: ast.expr | ast.stmt) -> str:
        return f"{self.name}:{node.lineno}"

    def branch(self, task: str, statement: ast.If) -> list[MappedTemplate | Problem]:
        if task in self.seen:
            return [left_out(self.where(statement), task, "a second branch of that name")]
        self.seen.add(task)
        branch = _Branch(task)
        for inner in statement.body:
            self.statement(inner, branch)
        if not branch.templates:
            raises = any(isinstance(inner, ast.Raise) for inner in statement.body)
            why = "an error is raised" if raises else "no list of templates"
            return [left_out(self.where(statement), task, f"{why} in its branch")]
        return branch.templates

    def statement(self, statement: ast.stmt, branch: _Branch) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == LIST:
                self.templates(value, branch)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.local(name, value, branch)
            case ast.If() if LIST in _names(statement):
                self.by_history(statement, branch)
            case ast.If():
                _late(statement, branch)
            case ast.Expr(value=call) if signature("", call) == ": random shuffle options":
                pass
            case _:
                # Whatever it does to a name, the name no longer means what it did.
                names = _names(statement)
                branch.locals.update(dict.fromkeys(names))
                if LIST in names:
                    self.leave_out(statement, branch, "the list of templates is changed later")

    def local(self, name: str, value: ast.expr, branch: _Branch) -> None:
        match value:
            case ast.List(elts=elements) if name in catalog.LISTS and (fixed := _texts(elements)):
                branch.defaults[name] = fixed
                branch.locals[name] = catalog.Local(name, is_list=True)
            case _:
                branch.locals[name] = catalog.LOCALS.get(signature(name, value))

    def by_history(self, statement: ast.If, branch: _Branch) -> None:
        """Read a branch whose templates differ by whether there is a dialogue history."""
        names = catalog.HISTORY_TASKS.get(branch.task)
        if names is None or signature("", statement.test) != ": len dial_history Gt 0":
            self.leave_out(statement, branch, f"cannot read the condition {shown(statement.test)}")
            return
        for task, body in zip(names, (statement.body, statement.orelse), strict=True):
            half = replace(branch, task=task, locals=dict(branch.locals), listed=False)
            for inner in body:
                self.statement(inner, half)

    def templates(self, value: ast.expr, branch: _Branch) -> None:
        if branch.listed or not isinstance(value, ast.List):
            why = "a second list of templates" if branch.listed else "not a list of templates"
            self.leave_out(value, branch, why)
            return
        branch.listed = True
        for position, element in enumerate(value.elts):
            late = branch.late if position >= branch.late_from else {}
            scope = Scope(self.constants, {**branch.locals, **late})
            template = self.element(branch.task, element, scope)
            if isinstance(template, MappedTemplate):
                template = replace(template, defaults=branch.defaults)
            branch.templates.append(template)

    def leave_out(self, node: ast.expr | ast.stmt, branch: _Branch, why: str) -> None:
        branch.templates.append(left_out(self.where(node), branch.task, why))

    def element(self, task: str, element: ast.expr, scope: Scope) -> MappedTemplate | Problem:
        where = self.where(element)
        if (count := self.literals(element)) > 1:
            return left_out(where, task, f"{count} texts in one: a comma is missing between them")
        match element:
            case ast.Constant(value=str(text)):
                return map_template(task, where, [text], scope)
            case ast.JoinedStr(values=values):
                pieces = [_piece(v) for v in values]
                if None in pieces:
                    why = "cannot map a placeholder with a conversion or a format"
                    return left_out(where, task, why)
                return map_template(task, where, [p for p in pieces if p is not None], scope)
        return left_out(where, task, f"cannot map {shown(element)}")

    def literals(self, node: ast.expr) -> int:
        """Count the string literals of a list element; several stand side by side as one."""
        first = bisect_left(self.strings, (node.lineno, node.col_offset))
        end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return bisect_left(self.strings, end) - first


def _piece(value: ast.expr) -> str | ast.expr | None:
    match value:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=expression, conversion=-1, format_spec=None):
            return expression
    return None


def _texts(elements: list[ast.expr]) -> tuple[str, ...] | None:
    texts = [e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return tuple(texts) if len(texts) == len(elements) else None


def _late(statement: ast.If, branch: _Branch) -> None:
    """Take in ``if instruction_id >= N:`` around one known definition; else forget its names."""
    names = _names(statement, ast.Store)
    match statement:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="instruction_id"),
                ops=[ast.GtE()],
                comparators=[ast.Constant(value=int(first))],
            ),
            body=[definition],
            orelse=[],
        ) if not branch.late:
            keys = {name: signature(name, definition) for name in sorted(names)}
            known = {n: catalog.LOCALS[key] for n, key in keys.items() if key in catalog.LOCALS}
            branch.late, branch.late_from = {**known}, first
            names -= set(known)
    branch.locals.update(dict.fromkeys(names))


def _names(statement: ast.AST, context: type[ast.expr_context] = ast.expr_context) -> set[str]:
    """Return every name a statement holds, or those it may set."""
    nodes = ast.walk(statement)
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, context)}
