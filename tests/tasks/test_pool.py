"""Pools join a task's own instructions and a run's rewrites, each of which must fit its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instraug.errors import InputError
from instraug.tasks.pool import Pool, load_pools
from instraug.tasks.records import Task, instruction_id
from tests.sets import write_rows

TASK = Task("t", ("Say {text}.", "{text} and {text}"))


def line(instruction: str, **fields: Any) -> dict[str, Any]:
    row = {"task": "t", "instruction": instruction, "source": "generated", "origin": 0}
    return {**row, **fields}


def load(folder: Path, *rows: dict[str, Any]) -> Pool:
    (pool,) = load_pools([TASK], write_rows(folder / "instructions.jsonl", rows))
    return pool


def test_without_a_file_a_pool_is_the_tasks_own() -> None:
    """No file, no rewrites."""
    (pool,) = load_pools([TASK], None)
    assert pool.instructions == TASK.templates
    assert pool.generated == ()


def test_rewrites_follow_the_originals_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Positions in the pool are stable: hand-written first, then rewrites as they come."""
    pool = load(tmp_path, line("Tell {text}!"), line("Utter {text}."))
    texts = [t.text for t in pool.instructions]
    assert texts == ["Say {text}.", "{text} and {text}", "Tell {text}!", "Utter {text}."]
    assert pool.generated[0].id == instruction_id("t", "Tell {text}!")


def test_hand_written_rows_other_tasks_and_repeats_are_passed_over(tmp_path: Path) -> None:
    """What expand wrote down besides new rewrites of these tasks changes nothing."""
    pool = load(
        tmp_path,
        line("Gone from the task file. {text}", source="original"),
        line("Elsewhere. {other}", task="another"),
        line("Tell {text}!"),
        line("Tell {text}!"),
        line("Say {text}."),
    )
    assert [t.text for t in pool.generated] == ["Tell {text}!"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (line("Say it."), "placeholders are those of no template"),
        (line("Say {text} {text} {text}"), "placeholders are those of no template"),
        (line("Say {texts}"), "placeholders are those of no template"),
        (line("Say {text!r}"), "malformed placeholder"),
        (line("Say {text}", source="other"), "not an instruction"),
        ({"task": "t"}, "not an instruction"),
        (line("Say {text}", origin="0"), "not an instruction"),
    ],
)
def test_a_row_that_does_not_fit_is_named_with_its_line(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    """A pool never holds what cannot be rendered, and every misfit is reported at once."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, line("Fine {text}"), row, line("Fine too {text}"), row)
    problems = caught.value.problems
    assert [p.where.rpartition(":")[2] for p in problems] == ["2", "4"]
    assert all(said in p.what for p in problems)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    """A file that is no JSONL is a problem, not a smaller pool."""
    path = tmp_path / "instructions.jsonl"
    path.write_text('{"task"\n')
    with pytest.raises(InputError, match=r"instructions\.jsonl:1: invalid JSON"):
        load_pools([TASK], path)
