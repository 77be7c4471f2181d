"""Every fault of the catalogue has a test that is marked with its number."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
NUMBERS = (
    *range(1, 38),
    *range(40, 49),
    *range(50, 66),
    *range(70, 81),
    *range(90, 94),
    *range(99, 102),
    *range(105, 107),
)
"""1-22 HTTP and transport, 23-37 replies, 40-48 placeholders, 50-65 input files, 70-80 disk,
process and state, 90-99 what providers and models really answer, 100-101 slips of the user."""


@cache
def table() -> dict[int, list[str]]:
    """Return fault number -> ``file::test`` of each test that is marked with it."""
    marked: dict[int, list[str]] = {}
    for folder in ("faults", "soak"):
        for path in sorted((HERE / folder).glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    for number in numbers(node):
                        marked.setdefault(number, []).append(f"{folder}/{path.name}::{node.name}")
    return marked


def numbers(test: ast.FunctionDef) -> Iterator[int]:
    """Yield the numbers of ``@pytest.mark.fault(43, *range(50, 66))``."""
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            for arg in mark.args:
                if isinstance(arg, ast.Starred) and isinstance(arg.value, ast.Call):
                    yield from range(*map(ast.literal_eval, arg.value.args))
                else:
                    yield ast.literal_eval(arg)


def test_each_fault_has_a_test() -> None:
    """A number of the catalogue without a test is a promise without a proof."""
    assert sorted(table()) == list(NUMBERS)


def test_the_page_of_promises_names_existing_tests_for_every_fault() -> None:
    """docs/reliability.md lists each number once, each beside a test that is marked with it."""
    page = (HERE.parent / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| `([^`|]+)` \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(NUMBERS)
    wrong = [(number, test) for number, test in rows if test not in table()[int(number)]]
    assert wrong == []
