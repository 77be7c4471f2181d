"""The rewrite is taken out of what a model says around it, and nothing inside it is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.rewriting.judging.extraction import extract

ORIGIN = 'Is the object "{A}" in {B}?'
REWRITE = 'Does {B} hold the object "{A}"?'


@pytest.mark.parametrize(
    "said",
    [
        REWRITE,
        f"  {REWRITE}\n",
        f'"{REWRITE}"',
        f"\u201c{REWRITE}\u201d",
        f"'{REWRITE}'",
        f"`{REWRITE}`",
        f"```\n{REWRITE}\n```",
        f"```text\n{REWRITE}\n```",
        f"Sure! Here is a rephrased version of the instruction:\n\n{REWRITE}",
        f"Certainly, here you go:\n{REWRITE}",
        f"Here's the rewritten text:\n\n{REWRITE}",
        f"Rewritten instruction: {REWRITE}",
        f"The rephrased question: {REWRITE}",
        f"Paraphrase: {REWRITE}",
        f"<think>The user wants a rewrite.\n\nI will do it.</think>\n\n{REWRITE}",
        f'Sure:\n\n"{REWRITE}"',
        f"{REWRITE}\r\n",
    ],
)
def test_known_wrappings_come_off(said: str) -> None:
    """Preamble lines, labels, one outer pair of quotes, fences and think blocks are taken off."""
    assert extract(said, ORIGIN) == REWRITE


@pytest.mark.parametrize(
    "rewrite",
    [
        '"{A}" is in "{B}"',
        '"{A}" or "{B}"',
        'Is "{A}"',
        "Sure enough, is {A} in {B}?",
        "Here is {A}; is it in {B}?",
        "Question {A}: is it in {B}?",
        "Say what {B} shows: {A}",
    ],
)
def test_what_belongs_to_the_rewrite_stays(rewrite: str) -> None:
    """Quotes at both ends that are two pairs, and openings that only look like chatter, stay."""
    assert extract(rewrite, ORIGIN) == rewrite


def test_what_the_origin_has_is_not_taken_off() -> None:
    """An origin in quotes, or with a label, keeps them in its rewrite."""
    assert extract('"Is {A} so?"', '"Can {A} be so?"') == '"Is {A} so?"'
    assert extract("Question: is {A} so?", "Question: can {A} be?") == "Question: is {A} so?"


def test_closing_quotes_of_a_template_survive() -> None:
    """A rewrite that ends in a quoted placeholder keeps its closing quote and bracket."""
    assert extract('Name the object ("{A}")', ORIGIN) == 'Name the object ("{A}")'


def test_an_unclosed_think_block_leaves_nothing() -> None:
    """Reasoning that was cut off is no rewrite."""
    assert extract("<think>The user wants", ORIGIN) == ""


@given(st.text(max_size=200), st.text(max_size=60))
def test_extraction_takes_any_text(said: str, origin: str) -> None:
    """Any answer gives a piece of itself, and taking it again changes no plain answer."""
    rewrite = extract(said, origin)
    assert rewrite in said.replace("\r\n", "\n")
