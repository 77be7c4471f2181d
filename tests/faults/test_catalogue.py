"""Every fault of the catalogue has a test that carries its number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
NUMBERS = (
    *(*range(1, 38), *range(40, 49), *range(50, 66), *range(70, 81)),
    *(*range(90, 94), 99, 100, 101),
)
"""1-22 HTTP and transport, 23-37 replies, 40-48 placeholders, 50-65 input files, 70-80 disk,
process and state, 90-99 what providers and models really answer, 100 a journal's path, 101 outputs
over another's."""


def numbers(name: str) -> set[int]:
    """Read the numbers in a test's name: ``test_05_07_...``, or ``test_23_to_34_...``."""
    match = re.match(r"test_((?:\d{2,3}_)+)(?:to_(\d\d)_)?", name)
    if not match:
        return set()
    found = [int(n) for n in match[1].strip("_").split("_")]
    last = int(match[2]) if match[2] else found[-1]
    return {*found, *range(found[-1], last + 1)}


def table() -> dict[int, list[str]]:
    """Return fault number -> ``file::test`` of each test that carries it."""
    found: dict[int, list[str]] = {}
    for folder in ("faults", "soak"):
        for path in sorted((HERE / folder).glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    for number in numbers(node.name):
                        found.setdefault(number, []).append(f"{folder}/{path.name}::{node.name}")
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_each_fault_has_a_test(number: int) -> None:
    """A number of the catalogue without a test is a promise without a proof."""
    assert number in table()


def test_the_page_of_promises_names_existing_tests_for_every_fault() -> None:
    """docs/reliability.md lists each number once, each beside tests that exist."""
    page = (HERE.parent / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| `([^`|]+)` \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(NUMBERS)
    known = table()
    for number, test in rows:
        assert test in known[int(number)], f"{number}: {test}"
