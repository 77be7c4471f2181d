"""The lexicon is consistent with itself."""

from __future__ import annotations

import pytest

from instraug.rewriting.grammar.lexicon import (
    FUNCTION,
    NEAR,
    NEGATIONS,
    SWAPS,
    alike,
    negated,
    stem,
)


def test_near_words_are_near_each_other() -> None:
    """What can stand for a word can be replaced by it."""
    assert all(word in NEAR[other] for word, near in NEAR.items() for other in near)


def test_every_swap_is_a_near_word_or_a_spelling() -> None:
    """A swap that the gate does not know would be punished for what the grammar forced."""
    spellings = {"photograph"}
    odd = {(w, o) for w, others in SWAPS.items() for o in others if not alike(w, o)}
    assert {w for w, _ in odd} <= spellings


def test_no_group_turns_a_meaning_round() -> None:
    """A negation has no near-synonyms, and is none."""
    assert not NEGATIONS & (NEAR.keys() | SWAPS.keys() | FUNCTION)


@pytest.mark.parametrize(
    ("one", "other"), [("generate", "generating"), ("match", "matches"), ("decide", "decided")]
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    """The gate compares stems."""
    assert stem(one) == stem(other)


@pytest.mark.parametrize("word", ["not", "don't", "can\u2019t", "non-overlapping"])
def test_negations_are_found(word: str) -> None:
    """Contracted and prefixed ones as well."""
    assert negated(["it", word])
    assert not negated(["it", "is"])
