"""The house keeps its order: imports point one way, and each dependency lives in one room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "instraug"
FILES = sorted(ROOT.rglob("*.py"))

ROOMS = {
    "click": ("instraug.cli",),
    "tqdm": ("instraug.cli",),
    "openai": ("instraug.models",),
    "tenacity": ("instraug.models",),
    "aiohttp": ("instraug.models",),
    "xllamacpp": ("instraug.models",),
    "yaml": ("instraug.files.strict_yaml",),
    "jsonlines": ("instraug.files",),
}
"""Dependency -> where it may be imported."""

MAY_IMPORT = {
    "instraug.errors": (),
    "instraug.tasks.records": (),
    "instraug.rewriting.config": (),
    "instraug.tasks.placeholders": ("errors", "records"),
    "instraug.tasks.rendering": ("errors", "records", "placeholders"),
    "instraug.rewriting.grammar": ("records", "similarity", "steering"),
    "instraug.models": ("errors", "records", "config", "llm"),
    "instraug.files": ("errors", "records", "storage"),
    "instraug.training_set.formats": (
        "errors",
        "records",
        "config",
        "placeholders",
        "storage",
        "formats",
        "strictyaml",
    ),
    "instraug.rewriting.generation": ("errors", "records"),
}
"""Room -> the rooms of instraug it may import; one that is not listed may import any below it."""


def module(path: Path) -> str:
    parts = ["instraug", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported(path: Path) -> frozenset[str]:
    return frozenset(_imported(ast.parse(path.read_text())))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ids(path: Path) -> str:
    return module(path)


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_each_dependency_is_imported_in_its_room_alone(path: Path) -> None:
    """click only in cli, openai only in llm, yaml in one loader, jsonlines in storage."""
    for name in imported(path):
        rooms = ROOMS.get(name.split(".")[0])
        assert rooms is None or module(path).startswith(rooms), f"{name} in {module(path)}"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_imports_point_one_way(path: Path) -> None:
    """A room imports only what stands below it."""
    for room, allowed in MAY_IMPORT.items():
        if module(path) == room or module(path).startswith(f"{room}."):
            for name in imported(path):
                parts = name.split(".")
                if parts[0] == "instraug" and len(parts) > 1:
                    assert parts[1] in allowed, f"{module(path)} imports {name}"


def test_nobody_but_the_cli_imports_the_cli() -> None:
    """The command shell is thin, and nothing hangs on it."""
    users = {
        module(p) for p in FILES if any(name.startswith("instraug.cli") for name in imported(p))
    }
    assert all(u.startswith("instraug.cli") or u == "instraug.__main__" for u in users)


def test_there_is_no_import_cycle() -> None:
    """No module reaches itself through imports."""
    modules = {module(p) for p in FILES}
    graph = {module(p): imported(p) & modules - {module(p)} for p in FILES}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for below in graph[name]:
                visit(below, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_room_outgrows_the_house(path: Path) -> None:
    """No file over 350 lines, no function over 60, no broad except but to clean up, no eval."""
    text = path.read_text()
    assert text.count("\n") <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
        if isinstance(node, ast.ExceptHandler):
            assert _is_narrow(node) or isinstance(node.body[-1], ast.Raise), node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}


def _is_narrow(handler: ast.ExceptHandler) -> bool:
    broad = isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    return handler.type is not None and not broad


def test_help_imports_neither_openai_nor_any_extra() -> None:
    """``instraug --help`` costs click and little else."""
    code = "import sys; sys.argv = ['instraug', '--help']\nfrom instraug.cli import cli\n"
    code += "try: cli()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Grow" in done.stdout
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    heavy = {"openai", "xllamacpp", "yaml", "tqdm", "tenacity", "orjson", "rapidfuzz", "pyarrow"}
    assert not loaded & heavy
