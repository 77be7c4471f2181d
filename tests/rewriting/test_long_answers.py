"""An answer that is far too long is rejected for its length alone, before anything reads it."""

from __future__ import annotations

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
