"""The one command of all benchmarks: its tables, and the exponents in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS
from benchmarks.growth import exponent, flat, table

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_the_exponent_is_that_of_the_growth(power: float) -> None:
    """Figures that grow by a power of the size have it as their exponent."""
    assert exponent({n: 3 * n**power for n in (10, 100, 1000)}) == pytest.approx(power)


def test_no_line_is_laid_through_nothing() -> None:
    """One size, or a figure of zero, has no exponent."""
    assert exponent({10: 1.0}) is None
    assert exponent({10: 0.0, 100: 1.0}) is None


def test_a_table_has_a_column_a_size() -> None:
    """Numbers at any depth are figures; texts and flags are none."""
    found = flat({"a": {"s": 2, "name": "x", "ok": True}, "of": [0.3, 0.1, 0.2], "p": [{"q": 1}]})
    assert found == {"a.s": 2, "of": 0.2, "p.0.q": 1}
    shown = table({10: {"a": 1.0, "b": 5}, 1000: {"a": 100.0}}, "rows").splitlines()
    assert shown[0] == "|  | 10 rows | 1,000 rows | exponent |"
    assert shown[2:] == ["| a | 1 | 100 | 1.00 |", "| b | 5 |  |  |"]


def test_each_part_is_a_benchmark_at_three_sizes() -> None:
    """Every name is a module there, and both lists of sizes grow."""
    for name, part in PARTS.items():
        assert (ROOT / "benchmarks" / f"{name}.py").is_file()
        for sizes in (part.usual, part.full):
            assert len(sizes) == 3
            assert list(sizes) == sorted(set(sizes))


def test_an_unknown_name_is_refused() -> None:
    """Exit 2 with the name, before anything runs."""
    command = [sys.executable, "-m", "benchmarks", "nonsense"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert not done.stdout
