"""Openings say the same as the sentence they stand for, in another form."""

from __future__ import annotations

import pytest

from instraug.rewriting.grammar.openings import MASK, later_openings, openings

EXPECTED = {
    f"Does {MASK} show a bird?": {"Decide whether", "Tell me if"},
    f"Decide if {MASK} are of one age.": {"Are", "Tell me if", "You have to decide whether"},
    "What is the name of the song?": {"Tell me", "Identify", "Which"},
    "Tell me which song it is.": {"Which", "Identify"},
    "Choose the song that fits.": {"Select", "Pick", "Which"},
    "In this task, you choose a song from the options.": {
        "You will",
        "From the options,",
        "Select",
    },
    f"Read it and decide if {MASK} is true.": {"Your task is to read", "Decide whether", "Is"},
    f"Draw a bird based on {MASK}.": {"Based on"},
    f"The songs that mention {MASK} are": {"What"},
}


@pytest.mark.parametrize("text", EXPECTED)
def test_the_openings_fit_what_the_text_does(text: str) -> None:
    """A question can be ordered, an order can be asked."""
    assert EXPECTED[text] <= set(openings(text))


@pytest.mark.parametrize("text", [*EXPECTED, "Birds.", MASK, "From the options, pick one.", "?"])
def test_no_opening_is_the_text_s_own(text: str) -> None:
    """A rewrite that opens as its source does ends as its source does."""
    found = openings(text)
    assert found
    assert not any(text.lower().startswith(o.lower() + " ") for o in found)
    assert all(o[0].isupper() and 1 <= len(o.split()) <= 6 for o in found)


def test_later_sentences_open_as_those_of_the_text() -> None:
    """A small model asked for a second sentence says the first one again otherwise."""
    assert later_openings("Look at it. The bird is small. Find it.")[:1] == ["Look"]
    assert {"The", "Find", "Locate"} <= set(
        later_openings("Look at it. The bird is small. Find it.")
    )
    assert later_openings("Look at it.") == []


def test_a_sentence_that_only_prepares_leaves_the_opening_to_the_next() -> None:
    """Its order or question may come first in the rewrite."""
    assert "Tell me" in openings("You are in a wood. Which bird sings?")
