"""The house keeps its order: every import points down, and each dependency lives in one room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "instraug"
FILES = sorted(ROOT.rglob("*.py"))

FLOORS = (
    {"errors"},
    {"files"},
    {"models", "tasks"},
    {"rewriting", "training_set", "evaluation"},
    {"chain"},
    {"cli"},
)
"""Rooms of the house from the ground up; the launchers `__init__` and `__main__` stand aside."""

HOMES = {
    "click": "instraug.cli",
    "tqdm": "instraug.cli",
    "openai": "instraug.models",
    "tenacity": "instraug.models",
    "aiohttp": "instraug.models",
    "xllamacpp": "instraug.models.embedded",
    "yaml": "instraug.files.strict_yaml",
    "jsonlines": "instraug.files",
    "jinja2": "instraug.evaluation.report",
    "matplotlib": "instraug.evaluation.report",
    "ray": "instraug.training_set.engines.ray",
}
"""Dependency -> the one room that may import it."""


def module(path: Path) -> str:
    parts = ["instraug", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


@cache
def imported(name: str) -> frozenset[str]:
    """Everything that a module imports, at its top or inside a function, as dotted names."""
    return frozenset(_imported(ast.parse(MODULES[name].read_text())))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows() -> Iterator[tuple[str, str]]:
    """Yield (importer, imported) for every import among the package's modules."""
    for name in MODULES:
        for other in imported(name) & MODULES.keys() - {name, "instraug"}:
            yield name, other


def room(name: str) -> str | None:
    """The room that a module stands in; None for the launchers."""
    parts = name.split(".")
    return None if len(parts) == 1 or parts[1] == "__main__" else parts[1]


def floor(name: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms)


def test_every_room_stands_on_a_floor() -> None:
    """A new room at the root is a decision: it is put on a floor here."""
    rooms = {room(name) for name in MODULES} - {None}
    assert rooms == set().union(*FLOORS)


def test_every_import_points_down() -> None:
    """A room imports itself and rooms of lower floors, so that the house has six floors."""
    wrong = [
        f"{name} imports {other}"
        for name, other in arrows()
        for ours, theirs in [(room(name), room(other))]
        if ours and theirs and ours != theirs and floor(ours) <= floor(theirs)
    ]
    assert wrong == []


def test_there_is_no_import_cycle() -> None:
    """No module reaches itself through imports."""
    graph: dict[str, set[str]] = {}
    for name, other in arrows():
        graph.setdefault(name, set()).add(other)
    assert set(TopologicalSorter(graph).static_order()) <= MODULES.keys()


def test_each_dependency_is_imported_in_its_room_alone() -> None:
    """click only in cli, openai only in models, yaml in one loader, jsonlines in files."""
    wrong = [
        f"{name} imports {other}"
        for name in MODULES
        for other in imported(name)
        for home in [HOMES.get(other.split(".")[0])]
        if home and name != home and not name.startswith(f"{home}.")
    ]
    assert wrong == []


def test_kinds_of_instances_stay_behind_their_seam() -> None:
    """The rest of the house knows `instances.base`; `build` alone knows a kind: it chooses it."""
    seam = "instraug.training_set.instances"
    users = {
        (name, other)
        for name, other in arrows()
        if other.startswith(f"{seam}.") and not name.startswith(f"{seam}.")
    }
    kinds = {(name, other) for name, other in users if other != f"{seam}.base"}
    assert kinds == {("instraug.training_set.build", f"{seam}.multiinstruct")}
    importers = "instraug.tasks.importers"
    assert not [
        name
        for name, other in arrows()
        if other.startswith(importers) and room(name) == "training_set"
        if not name.startswith(f"{seam}.")
    ]


def test_no_room_outgrows_the_house() -> None:
    """No file over 350 lines, no function over 60, no broad except but to clean up, no eval."""
    wrong = []
    for name, path in MODULES.items():
        text = path.read_text()
        if text.count("\n") > 350:
            wrong.append(name)
        wrong += [f"{name}:{line}" for line in _outgrown(ast.parse(text))]
    assert wrong == []


def _outgrown(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if (node.end_lineno or 0) - node.lineno >= 60:
                yield node.lineno
        elif isinstance(node, ast.ExceptHandler):
            if not (_is_narrow(node) or isinstance(node.body[-1], ast.Raise)):
                yield node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "eval",
            "exec",
            "__import__",
        }:
            yield node.lineno


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
