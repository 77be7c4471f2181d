"""Options in any style, answers as text, letter or number: the answer names the target's option."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import UsageError
from instraug.files.jsonl import read_jsonl
from instraug.training_set.config import BuildConfig, with_options
from instraug.training_set.option_styles import STYLES, with_lines
from tests.sets import CHOICE, FIND, Row, built, caption_row, choice_row, find_row, rows_of

SHOWN = {
    "released": "cat||||dog||||cow",
    "lines": "cat\ndog\ncow",
    "1.": "1. cat\n2. dog\n3. cow",
    "(1)": "(1) cat\n(2) dog\n(3) cow",
    "(a)": "(a) cat\n(b) dog\n(c) cow",
    "(A)": "(A) cat\n(B) dog\n(C) cow",
    "A.": "A. cat\nB. dog\nC. cow",
    "Option 1:": "Option 1: cat\nOption 2: dog\nOption 3: cow",
}

LETTERS, NUMBERS = ("(a)", "(A)", "A."), ("1.", "(1)", "Option 1:")


def one(folder: Path, task: Row | None = None, **given: Any) -> Row:
    """One row of three animals, built as asked for, its options in their order."""
    row = choice_row(1, options=["cat", "dog", "cow"], target_txt="dog")
    row |= {name: given.pop(name) for name in ("options", "target_txt") if name in given}
    tasks = [CHOICE | {"instructions": ["{question} {options}"]} | (task or {})]
    (found,) = rows_of(folder, [row], tasks=tasks, shuffle_options=False, **given)
    return found


@pytest.mark.parametrize("style", STYLES)
def test_options_are_shown_in_a_style(tmp_path: Path, style: str) -> None:
    """Labelled, a line each; the row's own options stay bare, and the target stays text."""
    found = one(tmp_path, options_style=(style,))
    joint = " " if style == "released" else "\n"
    assert found["prompt"] == f"Which is 1?{joint}{SHOWN[style]}"
    assert found["options"] == ["cat", "dog", "cow"]
    assert (found["target"], found["protocol"]) == ("dog", "option")


@pytest.mark.parametrize(
    ("kind", "style", "target"),
    [
        *[("letter", style, "b" if style == "(a)" else "B") for style in LETTERS],
        *[("number", style, "2") for style in NUMBERS],
        *[("text", style, "dog") for style in STYLES],
    ],
)
@pytest.mark.parametrize(
    ("task", "raw"),
    [
        ({}, "dog"),
        ({}, "Dog."),
        ({}, "B"),
        ({"answers": "letter"}, "(b)"),
        ({"answers": "index0"}, "1"),
        ({"answers": "index1"}, "2"),
    ],
    ids=str,
)
def test_answers_are_given_as_asked_for(
    tmp_path: Path, kind: str, style: str, target: str, task: Row, raw: str
) -> None:
    """Whatever the rows hold: text, a letter, a number from 0 or from 1."""
    given = {"options_style": (style,), "answers": (kind,), "target_txt": raw}
    found = one(tmp_path, task, **given)
    assert found["target"] == ("Dog." if (kind, raw) == ("text", "Dog.") else target)
    assert found["protocol"] == {"text": "option"}.get(kind, kind)


@pytest.mark.parametrize(("style", "target"), [("1.", "2"), ("(a)", "b"), ("lines", "B")])
def test_a_target_that_is_a_letter_goes_by_the_labels_that_are_shown(
    tmp_path: Path, style: str, target: str
) -> None:
    """Where no kind of answer is asked for; without labels it stays."""
    found = one(tmp_path, options_style=(style,), target_txt="B")
    assert found["target"] == target
    assert found["protocol"] == ("number" if target == "2" else "letter")


def test_a_target_of_several_options_names_each(tmp_path: Path) -> None:
    """Joined by commas; no protocol reads it."""
    found = one(tmp_path, answers=("letter",), target_txt="cat, cow")
    assert found["target"] == "A, C"
    assert "protocol" not in found


@pytest.mark.parametrize(
    ("kinds", "styles"),
    [(("letter",), ("A.",)), (("number",), ("1.",)), (("text",), ("released",))],
)
def test_a_kind_of_answer_has_a_usual_style(
    tmp_path: Path, kinds: tuple[str, ...], styles: tuple[str, ...]
) -> None:
    """Where no style is named."""
    found = one(tmp_path, answers=kinds)
    joint = " " if styles == ("released",) else "\n"
    assert found["prompt"] == f"Which is 1?{joint}{SHOWN[styles[0]]}"


@pytest.mark.parametrize(
    ("styles", "kinds"), [(("lines",), ("letter",)), (("A.", "lines"), ("letter", "number"))]
)
def test_answers_that_no_option_shows_are_refused(
    tmp_path: Path, styles: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    """Before anything is read; the fix names the styles."""
    with pytest.raises(UsageError, match=r"needs options that show a .*; add --options-style"):
        built(tmp_path, [choice_row(1)], options_style=styles, answers=kinds)


def test_an_unknown_style_or_kind_is_named(tmp_path: Path) -> None:
    """With those there are."""
    with pytest.raises(UsageError, match="use one of"):
        with_options(BuildConfig(), {"options_style": ["x"]})
    with pytest.raises(UsageError, match="did you mean 'letter'"):
        with_options(BuildConfig(), {"answers": ["letters"]})


def label_at(row: Row) -> int:
    """The position of the option that a row's answer names, read from its prompt alone."""
    shown = row["prompt"].split("\n")[-4:]
    if row["protocol"] == "option":
        (at,) = [n for n, line in enumerate(shown) if line.endswith(row["target"])]
        return at
    (at,) = [
        n for n, line in enumerate(shown) if re.match(rf"\W*(?:Option )?{row['target']}\W", line)
    ]
    return at


def test_styles_and_answers_are_drawn_for_each_row(tmp_path: Path) -> None:
    """From the seeded hash: alike for any workers and order, evenly, and stated in the manifest."""
    styles = tuple(name for name in STYLES if name != "released")
    rows = [choice_row(n) for n in range(4000)]
    given = {"options_style": styles, "answers": ("text", "letter", "number")}
    tasks = [CHOICE | {"instructions": ["{question} {options}"]}]
    found = rows_of(tmp_path, rows, tasks=tasks, **given)
    by_id = {row["unique_id"]: row for row in found}
    for row in found:
        assert row["options"][label_at(row)] == "b"
    assert 1200 < Counter(row["protocol"] for row in found)["letter"] < 1470
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert set(manifest["options_style"]) == set(styles)
    assert manifest["answers"]["letter"]["rows"] == sum(
        row["protocol"] == "letter" for row in found
    )
    assert sum(part["share"] for part in manifest["answers"].values()) == pytest.approx(1)
    again = rows_of(tmp_path, rows[::-1], tasks=tasks, workers=2, **given)
    assert {row["unique_id"]: row for row in again} == by_id
    other = rows_of(tmp_path, rows, tasks=tasks, seed=1, **given)
    assert [row["target"] for row in other] != [row["target"] for row in found]


def test_every_prompt_of_a_row_shows_one_style(tmp_path: Path) -> None:
    """With --per-instance all, as options stand in one order in them."""
    given = {"options_style": ("(1)", "(a)", "lines"), "per_instance": "all", "pool": 3}
    found = rows_of(tmp_path, [choice_row(n) for n in range(50)], **given)
    ends: dict[str, set[str]] = {}
    for row in found:
        ends.setdefault(row["unique_id"], set()).add("\n".join(row["prompt"].split("\n")[-4:]))
    assert len(found) > 200
    assert {len(shown) for shown in ends.values()} == {1}


KEPT = [
    (["A. cat", "B. dog"], "B", "A. cat\nB. dog"),
    (["cat", "dog", "only A"], "only A", "cat\ndog\nonly A"),
    (["cat", "dog"], "sheep", "A. cat\nB. dog"),
    ([f"o{n}" for n in range(27)], "o3", "\n".join(f"o{n}" for n in range(27))),
]


@pytest.mark.parametrize(("options", "target", "shown"), KEPT, ids=["own", "refers", "none", "27"])
def test_an_answer_that_cannot_be_a_letter_stays(
    tmp_path: Path, options: list[str], target: str, shown: str
) -> None:
    """Options with labels of their own, a target that is none, too many; each is counted."""
    found = one(tmp_path, options=options, target_txt=target, answers=("letter",))
    assert (found["target"], "protocol" in found) == (target, False)
    assert found["prompt"] == f"Which is 1?\n{shown}"
    row = choice_row(1, options=options, target_txt=target)
    summary = built(tmp_path, [row], force=True, answers=("letter",))
    assert summary.figures()["options"]["kept_answers"] == {"choice": 1}
    assert any("their answer stays as it is" in remark for remark in summary.remarks())


def test_numbers_label_any_number_of_options(tmp_path: Path) -> None:
    """There is no end to them."""
    options = [f"o{n}" for n in range(40)]
    assert one(tmp_path, options=options, target_txt="o39", answers=("number",))["target"] == "40"


def test_options_that_are_regions_have_letters_too(tmp_path: Path) -> None:
    """Spelled as the family wants them; a region as text is not read as an option's text."""
    row = find_row(1, width=640, height=480)
    given = {"boxes": "qwen2-vl", "options_style": ("A.",), "shuffle_options": False}
    tasks = [FIND | {"instructions": ["{text} {options}"]}]
    (found,) = rows_of(tmp_path, [row], tasks=tasks, answers=("letter",), **given)
    assert found["prompt"].endswith("\nB. <|box_start|>(2,21),(313,625)<|box_end|>")
    assert (found["target"], found["protocol"]) == ("B", "letter")
    (found,) = rows_of(tmp_path, [row], tasks=tasks, answers=("text",), **given)
    assert found["target"] == "<|box_start|>(2,21),(313,625)<|box_end|>"
    assert "protocol" not in found


def test_rows_without_options_stay_as_they_are(tmp_path: Path) -> None:
    """A style changes nothing in them, and they are not counted."""
    plain = rows_of(tmp_path, [caption_row(n) for n in range(5)])
    styled = rows_of(tmp_path, [caption_row(n) for n in range(5)], options_style=("A.",))
    assert plain == styled
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert manifest["options_style"] == manifest["answers"] == {}


def test_released_with_text_is_what_a_plain_build_writes(tmp_path: Path) -> None:
    """Instruction, order and target are drawn as ever; only the protocol is added."""
    rows = [choice_row(n, target_txt="b") for n in range(200)]
    plain = rows_of(tmp_path, rows, pool=3)
    styled = rows_of(tmp_path, rows, pool=3, options_style=("released",), answers=("text",))
    assert [{k: v for k, v in row.items() if k != "protocol"} for row in styled] == plain


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{q}{options_token} {options}", "{q}{options_token}\n{options}"),
        ("{q}\n{options}", "{q}\n{options}"),
        ("Of {options}, which?", "Of\n{options}, which?"),
        ("Of {options} which?", "Of\n{options}\nwhich?"),
        ("{options}{q}", "{options}\n{q}"),
        ("{{options}} {options[0]} {options}?", "{{options}} {options[0]}\n{options}?"),
    ],
)
def test_options_on_lines_begin_and_end_a_line(template: str, found: str) -> None:
    """Blanks around them go; a literal brace and a single option stay."""
    assert with_lines(template) == found


def test_profiles_set_the_style(tmp_path: Path) -> None:
    """Unless it is given, or answers are asked for that it does not show."""
    rows = [choice_row(1)]
    for given, said in (
        ({"profile": "llava"}, "A. "),
        ({"profile": "instructblip", "format": "llava"}, "(a) "),
        ({"profile": "llava", "options_style": ("1.",)}, "1. "),
        ({"profile": "paligemma", "format": "llava", "answers": ("number",)}, "1. "),
    ):
        built(tmp_path, rows, "out.jsonl", force=True, **given)
        ((_, row),) = read_jsonl(tmp_path / "out.jsonl")
        assert f"\n{said}" in row["conversations"][0]["value"]
