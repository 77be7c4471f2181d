"""Options that are none reach no prompt in silence: they are a fault, or counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instraug.errors import InputError
from tests.sets import CAPTION, CHOICE, Row, built, choice_row, rows_of
from tests.training_set.test_own_rows import write_csv

BROKEN: dict[str, Any] = {
    "options are an empty list": [],
    "an option is empty": ["a", "b", " "],
    "an option is null, a list or a mapping": ["b", None],
    "options are text that begins like a list": "['a', 'b'",
}


@pytest.mark.parametrize("given", [{}, {"per_instance": "all"}, {"answers": ("letter",)}], ids=str)
@pytest.mark.parametrize(("said", "options"), BROKEN.items())
def test_broken_options_are_one_line_a_kind(
    tmp_path: Path, said: str, options: Any, given: dict[str, Any]
) -> None:
    """Whatever a row is built by; rows with sound options before it change nothing."""
    rows = [
        *map(choice_row, range(30)),
        choice_row(30, options=options),
        choice_row(31, options=options),
    ]
    with pytest.raises(InputError, match=rf"rows.jsonl:31: {said}.*\(2 times") as caught:
        built(tmp_path, rows, **given)
    assert len(str(caught.value).split("\n")) == 2


@pytest.mark.parametrize("options", [["b", ["c"]], [["a", "b"]], ["b", {"c": 1}]], ids=str)
def test_a_list_in_the_list_is_a_fault(tmp_path: Path, options: Any) -> None:
    """It would be shown as if it were options of its own."""
    with pytest.raises(InputError, match="an option is null, a list or a mapping"):
        built(tmp_path, [choice_row(1, options=options)])


def test_where_no_prompt_shows_them_options_may_be_anything(tmp_path: Path) -> None:
    """Tables give each row every column, and a caption no options."""
    rows: list[Row] = [
        {"task_name": "caption", "target_txt": "A.", "options": options}
        for options in (*BROKEN.values(), ["", "b", "a"])
    ]
    rows.append(choice_row(1, options=["b", "a", ""], target_txt="b"))
    with pytest.raises(InputError, match=r"rows.jsonl:6: an option is empty"):
        built(tmp_path, rows, tasks=[CAPTION, CHOICE])


def test_a_mark_at_the_end_of_a_cell_makes_no_option(tmp_path: Path) -> None:
    """One at the beginning, or two together, do."""
    base = {"task_name": "choice", "question": "Which?", "target_txt": "cat"}
    cells = ["cat||||dog||||", "cat | dog |"]
    rows = rows_of(tmp_path, write_csv(tmp_path / "t.csv", [base | {"options": c} for c in cells]))
    assert [sorted(row["options"]) for row in rows] == [["cat", "dog"]] * 2
    for cell in ("|cat|dog", "cat||||||||dog"):
        path = write_csv(tmp_path / "t.csv", [base | {"options": cell}])
        with pytest.raises(InputError, match="an option is empty"):
            built(tmp_path, path, force=True)


def test_a_target_loses_the_spaces_that_its_option_lost(tmp_path: Path) -> None:
    """A cell `cat | dog` has no spaces in its options."""
    row = {"task_name": "choice", "question": "?", "options": "cat | dog", "target_txt": " dog "}
    (found,) = rows_of(tmp_path, write_csv(tmp_path / "t.csv", [row]))
    assert (found["target"], found["target_txt"]) == ("dog", "dog")


@pytest.mark.parametrize(
    ("task", "given", "counted"),
    [
        ({}, {}, True),
        ({}, {"per_instance": "all"}, True),
        ({}, {"shuffle_options": False}, False),
        ({"labels": ["a", "b"]}, {"shuffle_options": False}, True),
        ({"fixed_options": True}, {}, False),
        ({"fixed_options": True}, {"answers": ("number",)}, True),
        ({"fixed_options": True}, {"options_style": ("lines",)}, False),
    ],
    ids=str,
)
def test_options_that_are_one_text_are_counted(
    tmp_path: Path, task: Row, given: dict[str, Any], counted: bool
) -> None:
    """Where they would be shuffled, are to be answered by a label, or have known ones."""
    rows = [choice_row(1), choice_row(2, options="a, b or c"), choice_row(3, options="[A] a [B] b")]
    summary = built(tmp_path, rows, tasks=[CHOICE | task], **given)
    assert summary.figures()["options"].get("text_options") == ({"choice": 2} if counted else None)
    said = [remark for remark in summary.remarks() if "one text" in remark]
    assert len(said) == counted
    assert all("rows.jsonl:2: 2 rows (choice 2)" in remark for remark in said)
