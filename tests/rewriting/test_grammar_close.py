"""What follows its source keeps all of it, and says it in another way."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.rewriting.grammar.close import follow
from instraug.rewriting.judging.signals import signals
from tests.gbnf import Grammar

ROOM = 60


def grammar(text: str, route: int = 0) -> Grammar:
    written = follow(text, route, ROOM)
    assert written is not None
    return Grammar(written)


def samples(text: str) -> set[str]:
    rng = random.Random(text)
    return {grammar(text, route).sample(rng) for route in range(8) for _ in range(8)}


@pytest.mark.parametrize(
    ("source", "rewrite"),
    [
        ("Is the dog in {A} black?", "Check whether the dog in {A} is black."),
        ('Does the picture show "{A}"?', 'Tell me if the picture depicts "{A}".'),
        ("Can you see {A} in the image?", "Decide whether you can see {A} in the photo."),
        ("Where is {A}?", "State where {A} is."),
        ("Which of the boxes holds {A}?", "Say which of the boxes holds {A}."),
        ("What does the sign in {A} say?", "Find out what the sign in {A} says."),
        ("Choose the image that shows {A}.", "You need to select the photo that depicts {A}."),
        ("Tell me whether {A} is near {B}.", "Determine if {A} is near {B}."),
        ("Tell me the age of {A}.", "Identify the age of {A}."),
        ("Tell me in a word what {A} is.", "State in a word what {A} is."),
        ("Look at the map in {A}.", "You must look at the map in {A}."),
        ("Does this come after {A}?", "Find out whether this comes after {A}."),
        ("Please describe the area {A}.", "Explain the region {A}."),
        ("In this task, you need to sort the fruit.", "Your job is to sort the fruit."),
        ("You see a map. Is {A} on it?", "You see a map. Judge if {A} is on it."),
        ("Given {A}, is the claim true?", "Given {A}, say whether the statement is true."),
    ],
)
def test_it_can_be_said_so(source: str, rewrite: str) -> None:
    """A question becomes an order, an order another one; the verb finds its place."""
    assert any(grammar(source, route).allows(f"{rewrite}\n") for route in range(10))
    assert not any(grammar(source, route).allows(f"{source}\n") for route in range(10))


@pytest.mark.parametrize(
    "text",
    [
        "The stops between {A} and {B} are",
        "Who did it?",
        "Sort it.",
        "What did the painter of {A} want?",
        "",
    ],
)
def test_a_shape_that_is_not_known_is_left_to_the_freer_grammar(text: str) -> None:
    """Nothing is guessed."""
    assert follow(text, 0, ROOM) is None


@pytest.mark.parametrize(
    "source",
    [
        'Is the word "{A}" on the large page {B}?',
        "Choose the image that shows {A}, then compare it with the picture {A}.",
        "You see a map, a table and a note. Which of them is about {A}?",
    ],
)
def test_everything_is_kept(source: str) -> None:
    """Each content word, or a near-synonym; each mask as often, in the same order."""
    for text in samples(source):
        assert signals(source, text).coverage == 1, text
        assert re.findall(r"\{.\}", text) == re.findall(r"\{.\}", source)


def test_the_verb_of_the_source_does_not_come_again() -> None:
    """An "if" for a "whether" alone is no rewrite."""
    assert not [t for t in samples("Tell me whether {A} is near {B}.") if t.startswith("Tell")]
    assert not [t for t in samples("Look at the map in {A}.") if " at " not in t]


def test_routes_bring_variety() -> None:
    """Openings and forced synonyms differ from route to route."""
    assert len(samples("Choose the image that shows the correct region.")) > 20


def test_an_opening_that_makes_it_too_long_is_left_out() -> None:
    """The length rule would reject the answer."""
    assert follow("Find the image of {A}.", 0, 3) is None
    written = follow("Find the image of {A}.", 0, 5)
    assert written is not None
    assert "Your" not in written


@given(st.text(st.sampled_from('ab {A}.,?!"\n-AIs Find the image whether'), max_size=60))
def test_any_text_gives_a_grammar_that_ends_or_none(text: str) -> None:
    """No source breaks it."""
    line = " ".join(text.split())
    written = follow(line, 1, ROOM) if line else None
    if written is not None:
        assert Grammar(written).sample(random.Random(0)).endswith("\n")
