"""An answer that is far too long is rejected for its length alone, before anything reads it."""

from __future__ import annotations

import signal

import pytest

from instraug.rewriting.config import Rules
from instraug.rewriting.judging.judge import candidates
from instraug.rewriting.judging.verdicts import State, judge
from tests.chain import broken, candidate, reply, request, task

OF = task("Say what the image shows in one sentence.")
"""Eight words: fewer than twelve pass, more than 120 are far too long."""


def test_far_too_many_words_are_length_alone() -> None:
    """Ten times the longest that could pass is judged by every rule, one word more is not."""
    at = " ".join(["\u0434\u0430"] * 120)
    assert {"length", "language"} <= set(broken(OF, at))
    assert broken(OF, f"{at} no") == ["length"]
    found = candidate(OF, f"{at} no")
    assert found.instruction is None
    assert [r.detail for r in found.reasons] == ["more than 120 words, the parent has 8"]


def test_the_limit_follows_the_settings() -> None:
    """It is ten times what may pass, whatever that is; with the rule off there is none."""
    long = "w, " * 130
    assert broken(OF, long) == ["length"]
    assert candidate(OF, long, max_length=2.0).instruction is not None
    assert "length" not in broken(OF, long, off=("length",))


def test_what_is_taken_off_does_not_count() -> None:
    """A long thought before a short answer is taken off first."""
    assert broken(OF, f"<think>{'so ' * 500}</think>Tell me what is in the image.") == []


@pytest.mark.parametrize("piece", ["word ", "w", "{", "{A} ", "1. a\n", "' ", "\u4e00", "<b>"])
def test_ten_megabytes_are_not_read_by_any_other_rule(piece: str) -> None:
    """Whatever it consists of, a huge answer has one reason; some rules would take hours."""
    asked = request(OF)
    huge = reply(asked, piece * (10_000_000 // len(piece.encode())))
    made = list(candidates(OF, asked, huge, Rules()))
    state, verdicts = judge(State(OF, Rules(), None), made, {})
    assert [r.rule for r in verdicts[0].reasons] == ["length"]
    assert state.accepted == {}


@pytest.mark.parametrize("gap", [" ", "\t", "\n", " \t", "\u00a0 ", ", ", ". ", "- ", "/ "])
def test_runs_of_white_space_and_signs_are_judged_in_no_time(gap: str) -> None:
    """Thousands in a row in an answer are read in steps, not in every combination of them."""
    signal.alarm(10)  # ends the whole process, as combinations would take hours
    try:
        for text in (f"Say{gap * 700},{gap * 700}}} what it shows", f"Show{gap * 3000}x}}"):
            assert candidate(OF, text).rewrite is not None
    finally:
        signal.alarm(0)
