"""The model chooses among finished rewrites: each has all masks, and none copies its source."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from instraug.models.gbnf import texts_of
from instraug.rewriting.grammar.routes import routes
from instraug.rewriting.grammar.wording import labels, normal, spots, worded
from instraug.rewriting.judging.signals import signals
from instraug.rewriting.prompts.hold_back import hold_back
from instraug.tasks.load import load_tasks
from instraug.tasks.placeholders import mask, restore

EXAMPLES = Path(__file__).parents[2] / "examples" / "tasks"
TEMPLATES = [
    (task, template.text)
    for task in load_tasks(EXAMPLES)
    if task.split == "train"
    for template in task.templates
]


def choices(text: str, most: int = 12) -> list[list[str]]:
    return [texts_of(g) or [] for g in islice(routes(hold_back(mask(text))), most)]


@pytest.mark.parametrize(("task", "text"), TEMPLATES[::3])
def test_every_choice_is_a_template_that_keeps_what_its_origin_says(
    task: object, text: str
) -> None:
    """So that whatever the model chooses can be used."""
    masked = hold_back(mask(text, task.constants))  # type: ignore[attr-defined]
    found = [t for g in islice(routes(masked), 12) for t in texts_of(g) or []]
    assert found
    for choice in found:
        assert choice.endswith("\n")
        instruction = restore(choice.strip(), masked).instruction
        assert instruction is not None, choice
        assert signals(text, instruction).kept >= 0.6, choice
        assert choice.strip() != masked.text


def test_routes_begin_in_different_ways() -> None:
    """The same opening comes again only when the others have had their turn."""
    heads = [
        " ".join(c[0].split()[:2])
        for c in choices("Tell me if the object in {A} shows the picture.")
    ]
    assert Counter(heads).most_common(1)[0][1] <= 4
    assert len(set(heads)) > 6


def test_the_same_template_has_the_same_routes() -> None:
    """Requests and their keys come out the same whenever a journal is judged again."""
    text = "Which of the pictures {A} shows the object {B} best?"
    assert choices(text) == choices(text)


def test_a_rewrite_is_more_than_another_opening() -> None:
    """First come other structures; one word in another place is not enough."""
    for several in choices("Find the picture that shows the object {A}.", 6):
        for text in several:
            assert "picture that shows the object {A}." not in text.split(" ", 2)[-1]


def test_what_is_labelled_keeps_its_name() -> None:
    """A "region" that a label names stays one."""
    assert labels("What is it? Region: {A} Text 2: {B}") == {"region", "text"}
    found = choices("Describe what the region shows in the picture. Region: {A}")
    assert found
    assert not any("area" in text for several in found for text in several)


def test_a_word_is_replaced_by_the_same_word_everywhere() -> None:
    """One thing has one name, and no other thing's."""
    every = list(worded("Find the image, then rate the image.", frozenset(), 1, 9, ""))
    assert "Find the photo, then rate the photo." in every
    assert not any("photo" in t and "picture" in t for t in every)


def test_quoted_words_are_left_alone() -> None:
    """What stands in quotes may be an answer."""
    assert not [s for s in spots('Say "image" or "region".') if s.wordings]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Find the part of image.", "Find the part of the image."),
        (
            "Answer above question by select a word.",
            "Answer the above question by selecting a word.",
        ),
        ("Is the the text clear ?", "Is the text clear?"),
    ],
)
def test_what_is_often_wrong_is_put_right(text: str, right: str) -> None:
    """A rewrite need not keep a missing article."""
    assert normal(text) == right


def test_what_no_rule_can_rewrite_has_no_route() -> None:
    """The template is then named as short, and no answer is bought."""
    assert choices("Quelle est la couleur de {A}?") == []
