"""The gate's score moves the right way with each of its signals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.rewriting.judging.signals import THRESHOLD, score, signals

ORIGIN = "Decide if the region {a} of the image contains {b}. {options_token} {options}"
GOOD = "Is it true that the region {a} of the image contains {b}? {options_token} {options}"
SURE = [-9.0, -9.0] + [-0.3] * 12
FORCED = [-9.0, -9.0] + [-3.0] * 12


def test_a_good_rewrite_passes_and_the_same_words_under_force_do_not() -> None:
    """The model's own surprise shows a sentence that reads badly."""
    assert score(ORIGIN, GOOD, SURE) > THRESHOLD > score(ORIGIN, GOOD, FORCED)


def test_what_the_opening_costs_does_not_count() -> None:
    """The grammar chose the first tokens, the model did not."""
    one, other = ([first] * 2 + [-0.2] * 8 for first in (-0.1, -12.0))
    assert score(ORIGIN, ORIGIN, one) == score(ORIGIN, ORIGIN, other)


@pytest.mark.parametrize(
    "worse",
    [
        "Check whether {a} is near {b}. {options_token} {options}",
        "Check whether the region {a} of the image does not contain {b}. {options_token} {options}",
    ],
    ids=["dropped words", "a negation"],
)
def test_each_fault_rejects(worse: str) -> None:
    """However likely the model finds the text."""
    assert score(ORIGIN, worse, [-0.01] * 12) < THRESHOLD


def test_words_that_only_ask_may_come_and_go() -> None:
    """An order becomes a question, and "decide" and "true" are not what it is about."""
    assert signals(ORIGIN, GOOD).kept == 1


def test_placeholders_make_up_for_nothing() -> None:
    """They are in every rewrite, and so tell nothing of what it leaves out."""
    origin = "Claim: {a}\nSay how surely the small picture backs the claim.\nNote: {b} {c} {d}"
    assert signals(origin, "Claim: {a}\nName the picture.\nNote: {b} {c} {d}").kept < 0.6


def test_a_near_synonym_and_another_form_count_as_kept() -> None:
    """That is what a rewrite is for."""
    told = "The area {a} of the picture, containing {b}. {options_token} {options}"
    assert signals(ORIGIN, told).kept == 1


def test_a_copy_keeps_everything() -> None:
    """That it is a copy is another rule's matter."""
    found = signals(ORIGIN, ORIGIN)
    assert (found.kept, found.turned) == (1, False)


def test_without_log_probabilities_the_texts_alone_decide() -> None:
    """Endpoints that give none are judged by what was said."""
    assert score(ORIGIN, GOOD) > THRESHOLD > score(ORIGIN, "Which of {a}, {b} is it?")


def test_a_negation_that_both_have_is_no_fault() -> None:
    """Only a meaning turned round is."""
    origin = "Select the tools that are not used in {a}."
    assert not signals(origin, "Choose the tools that are never used in {a}.").turned


def test_an_answer_of_few_tokens_is_measured_whole() -> None:
    """There is no body behind its opening."""
    assert signals("Say it.", "Tell it.", [-1.0, -3.0]).fluency == -2.0


@given(
    st.text(st.sampled_from("ab {}.?\n not"), max_size=40),
    st.text(st.sampled_from("ab {}.?\n not"), max_size=40),
    st.lists(st.floats(-50, 0), max_size=8),
)
def test_a_score_is_a_number_between_zero_and_one(one: str, other: str, told: list[float]) -> None:
    """Whatever the texts, and twice the same."""
    found = score(one, other, told)
    assert 0 <= found <= 1
    assert not math.isnan(found)
    assert found == score(one, other, told)
