"""Rules say a sentence in another way, and leave alone what they are not sure of."""

from __future__ import annotations

import time
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.rewriting.grammar.inflection import with_articles
from instraug.rewriting.grammar.routes import routes
from instraug.rewriting.grammar.transfer import ways
from instraug.rewriting.grammar.wording import normal, worded
from instraug.rewriting.prompts.hold_back import hold_back
from instraug.tasks.placeholders import mask


@pytest.mark.parametrize(
    ("source", "rewrite"),
    [
        ("Is the dog in {A} black?", "Decide whether the dog in {A} is black."),
        ("Is the dog in {A}?", "Check whether the dog is in {A}."),
        ("Does the picture show {A}?", "Is {A} shown by the picture?"),
        ("Can the note support {A}?", "Tell me if {A} can be supported by the note."),
        ("Do {A} and {B} overlap?", "Is it true that {A} and {B} overlap?"),
        ("Decide if {A} overlaps with {B}.", "Does {A} overlap with {B}?"),
        ("Tell me if {A} is near {B}.", "Whether {A} is near {B} has to be determined."),
        ("Which box covers {A}?", "Select the box that covers {A}."),
        ("Which of these boxes covers {A}?", "From these boxes, choose the one that covers {A}."),
        ("Find the boxes that cover {A}.", "Which boxes cover {A}?"),
        ("Find the box that {A} describes.", "Which box does {A} describe?"),
        ("What is the sum of {A}?", "The sum of {A} should be identified."),
        ("Where is the sign in {A}?", "Tell me where the sign in {A} is."),
        ("What does the sign in {A} say?", "Find out what the sign in {A} says."),
        ("Tell me how the map was made.", "How the map was made has to be determined."),
        ("Choose a map from the options.", "From the options, choose a map."),
        ("Choose a map from the options.", "A map should be chosen from the options."),
        ("Use the note to check {A}.", "To check {A}, use the note."),
        ("Sort the boxes by counting the dots.", "By counting the dots, sort the boxes."),
        ("Read the note and judge {A}.", "After reading the note, judge {A}."),
        ("Read the note, then judge {A}.", "Once you have read the note, judge {A}."),
        ("Count the dogs before you answer.", "Before you answer, count the dogs."),
        ("Given the map {A}, find the town.", "You are given the map {A}. Find the town."),
        ("Given {A}, is the claim true?", "Given {A}, decide whether the claim is true."),
        ("Based on the map, find the town.", "Find the town, based on the map."),
        ("In this task, you need to sort the fruit.", "The fruit must be sorted."),
        ("In this task, you are given a map.", "This task gives you a map."),
        ("The boxes that hold {A} are", "Which boxes hold {A}?"),
        ("Describe the area {A}.", "Give a description of the area {A}."),
        ("Please name the bird.", "What you should name is the bird."),
        ("Name the birds.", "What you should name are the birds."),
        ("Explain whether {A} is near {B}.", "What you should explain is whether {A} is near {B}."),
        ("Transcribe the words in {A}.", "The words in {A} should be transcribed."),
        ("Tell me in a few words what {A} shows.", "In a few words, tell me what {A} shows."),
        ("Sort the cards {A} in rising order.", "The cards {A} must be sorted in rising order."),
        ("Describe the bird in {A} in detail.", "The bird in {A} should be described in detail."),
        ("Estimate the length of {A} in meters.", "The length of {A} must be estimated in meters."),
        ("List the cups in {A} from left to right.", "From left to right, list the cups in {A}."),
        ("Extract the pairs from {A} as JSON.", "The pairs from {A} must be extracted as JSON."),
        ("Add commas to the letter {A}.", "Commas should be added to the letter {A}."),
        ("Assign a score from 1 to 5 to {A}.", "A score from 1 to 5 should be assigned to {A}."),
        ("You are shown two maps {A} and {B}.", "What you are given is two maps {A} and {B}."),
        ("Which map best fits {A}?", "Select the map that best fits {A}."),
        ("Find a cat and a dog.", "A cat and a dog have to be found."),
    ],
)
def test_it_can_be_said_so(source: str, rewrite: str) -> None:
    """A question becomes an order and an order a question; parts and voices change places."""
    found = [w.text for w in ways(source)]
    assert rewrite in found or with_articles(rewrite) in found
    assert source not in found


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("Does it come before or after {A}?", "Is it true that it comes before or after {A}?"),
        ("Read the note and judge it.", "Judge it after reading the note."),
        ("Answer {A} with a number.", "{A} with a number should be answered."),
        ("Say where the two things are.", "Where are is the two things?"),
        ("Tell me how to sort the fruit.", "To sort the fruit, tell me how."),
        ("Explain whether {A} is near {B}.", "Is {A} near {B}?"),
        ("Discuss if {A} is near {B}.", "Tell me if {A} is near {B}."),
        ("As a judge, choose a map.", "As a judge, a map should be chosen."),
        ("Using the map, find the town.", "Using the map, the town should be found."),
        ("Find the town using the map.", "Using the map, the town should be found."),
        ("Does {A} hold {B} or touch it?", "Decide whether {A} holds {B} or touch it."),
        (
            "Sort them by first adding {A} and find {B}.",
            "After sorting them by first adding {A}, find {B}.",
        ),
        ("Find the bird in the wrong order.", "The bird must be found in the wrong order."),
        ("You are shown two maps {A} and {B}.", "Two maps {A} and {B} is given."),
        ("In this task, you will be given a map.", "In this task, this task gives you a map."),
        ("After reading {A}, find the town.", "After reading {A}, the town should be found."),
        ("Looking at {A}, name the bird.", "Looking at {A}, this task asks you to name the bird."),
        ("Given the following code, find the bug.", "Here is the following code. Find the bug."),
        ("Evaluate the change in tone in {A}.", "The change must be evaluated in tone in {A}."),
        ("Name the changes in the style of {A}.", "The changes must be named in the style of {A}."),
        ("Is the first one red?", "Decide whether the first is one red."),
        ("Tell me a story about {A}.", "A story about {A} should be given."),
        ("Correct any mistakes.", "Any mistakes are what you should correct."),
        (
            "Decide which map is right: {A} or {B}.",
            "Which map is right: {A} or {B} has to be determined.",
        ),
        (
            "Translate the note {A} into German and keep the commas.",
            "The note {A} must be translated into German and keep the commas.",
        ),
    ],
)
def test_it_is_not_said_so(source: str, wrong: str) -> None:
    """What would turn the meaning, or break the grammar, is no way to say it."""
    assert wrong not in [w.text for w in ways(source)]


def test_a_part_that_is_moved_behind_takes_its_comma_along_or_none() -> None:
    """A place needs none, and no two marks meet where a part was taken out."""
    found = {w.text for w in ways("In the chart, find the bar.")}
    assert "Find the bar in the chart." in found
    chosen = ways("Look at the animal, and choose its color, from the choices.")
    assert chosen
    assert not [w.text for w in chosen if ",." in w.text]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Fill the gap in the given image.", "Fill the gap in the given image."),
        ("You are given image {A}.", "You are given the image {A}."),
        ("Given picture {A}, name it.", "Given the picture {A}, name it."),
    ],
)
def test_missing_articles_are_put_in_and_no_second_one(text: str, right: str) -> None:
    """What is right already stays."""
    assert normal(text) == right


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Find the map that best fits {A}: then stop.", "that fits {A}: then stop best"),
        ("The map that best fits {A} must be found.", "that fits {A} must be found best"),
        ("Choose the correct answer from the options below.", "that is right below"),
        ("Say if it is a photograph or a painting.", "picture"),
        ("Write a title for the video {A}.", "headline"),
        ("Summarize it, or summarize {A}.", "condense"),
    ],
)
def test_words_are_not_swapped_where_they_mean_more(text: str, wrong: str) -> None:
    """A part moves to the end of its own clause, and a contrast stays one."""
    found = list(worded(text, frozenset(), 0, 99, ""))
    assert found
    assert not [t for t in found if wrong in t]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Find the box" + ", the cat" * 3000 + ".",
        "Read the note " + "and read the note " * 1000 + ".",
        "Given " + "the map, " * 1500 + "find the box.",
        "Find the " + "a" * 30_000 + ".",
        "Is the dog" + " \n" * 9000 + "red?",
        "Find the \ud800 in the box.",
    ],
)
def test_no_text_takes_long_or_is_an_error(text: str) -> None:
    """Rules that take the square of a length are not tried on a long sentence."""
    began = time.monotonic()
    ways(text)
    list(islice(routes(hold_back(mask(text))), 5))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("text", ["{A}", "Quel est le sens de la phrase {A}?", "Text: {A}.", "So?"])
def test_what_no_rule_knows_has_no_other_way(text: str) -> None:
    """Other languages, labels and fragments."""
    assert ways(text) == []


@given(
    st.sampled_from(["Find", "Is", "Which", "Given", "Tell me if", "In this task, you"]),
    st.lists(
        st.sampled_from(
            ["the", "box", "{A}", "that", "holds", "is", "and", '"', "x,", "from", "to"]
        )
    ),
)
def test_any_text_is_taken(head: str, words: list[str]) -> None:
    """No text is an error, and no way is given twice."""
    found = [w.text for w in ways(" ".join([head, *words]) + ".")]
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Find a area.", "Find an area."),
        ("It is an picture of a hour.", "It is a picture of an hour."),
        ('an useful unit, a {A}, a "b"', 'a useful unit, a {A}, a "b"'),
    ],
)
def test_articles_fit_the_word_behind_them(text: str, right: str) -> None:
    """A swapped word may begin with another sound."""
    assert with_articles(text) == right
