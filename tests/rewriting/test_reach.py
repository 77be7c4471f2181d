"""What README and docs say of a run is what its rows say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """Load a script of the benchmarks, which are in no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def row(task: str, origin: int, instruction: str, source: str = "generated") -> dict[str, Any]:
    return {"task": task, "origin": origin, "instruction": instruction, "source": source}


ROWS = [
    row("a", 0, "Name {x}.", "original"),
    row("a", 1, "What is {x}?", "original"),
    row("a", 1, "Tell me what {x} is."),
    row("a", 1, "Say what {x} is."),
    row("b", 0, "Count {x} | {y}.", "original"),
]


def test_the_first_accepted_rewrite_of_each_task_is_shown_whatever_it_is() -> None:
    """Also where a template before it has none, and where a task has none at all."""
    first_ten = script("first_ten")
    assert first_ten.first_rewrites(ROWS) == [
        ("a", "What is {x}?", "Tell me what {x} is."),
        ("b", "", "none"),
    ]
    many = [row(str(n), 0, f"Name {n}.", "original") for n in range(20)]
    assert len(first_ten.first_rewrites(many)) == first_ten.TASKS
    assert "| {x} \\| {y} |" in first_ten.table([*ROWS[4:], row("b", 0, "{x} | {y}")])


def test_the_readme_shows_the_ten_rewrites_of_the_shipped_run() -> None:
    """Picked by the rule alone; run benchmarks/first_ten.py for the table."""
    first_ten = script("first_ten")
    assert (
        first_ten.table(first_ten.read_rows(first_ten.SHIPPED)) in (ROOT / "README.md").read_text()
    )


def test_templates_are_counted_at_each_number_of_rewrites() -> None:
    """A template with 5 has reached 5; one without any is among the templates, too."""
    reach = script("reach")
    lines = reach.report([("Name {x}.", ["Tell me {x}."] * 4 + ["Say {x}."]), ("Count {x}.", [])])
    assert lines[:2] == ["2 templates, 5 rewrites", "5 or more: 1 templates (50%)"]
    assert lines[2] == "10 or more: 0 templates (0%)"
    assert lines[4] == "opens with 'tell me': 4 (80.0%)"


def test_distinct_pairs_are_compared_between_sets_of_one_size() -> None:
    """Two equal rewrites have the pairs of one; a template without any is left out."""
    reach = script("reach")
    lines = reach.report([("a b c", ["x y z"] * 9), ("d e f", ["x y z"]), ("x y z", [])])
    assert lines[-1] == "distinct-2: originals 1.000, rewrites 0.500"


@pytest.mark.parametrize(("text", "expected"), [("Tell ME what", "tell me"), ("Sort", "sort")])
def test_an_opening_is_the_first_two_words(text: str, expected: str) -> None:
    """Case does not matter."""
    assert script("reach").opening(text) == expected
