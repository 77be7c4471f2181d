"""What the grammar lets through is a rewrite that the rules can take."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.rewriting.grammar.free import build
from instraug.rewriting.grammar.gbnf import alternatives, literal
from instraug.rewriting.prompts.hold_back import hold_back
from instraug.tasks.placeholders import Masked, mask, restore
from tests.gbnf import Grammar

TEMPLATES = [
    "Name the bird in {sound}.",
    'Is the word "{word}" on {page}?',
    "In this task, you listen to a clip and choose its mood from the options.",
    "Given {a}, {b} and {c}, decide which of them is the oldest.",
    'Pick the tool that fits {a}. Pick "None" if there is no such tool.',
    "The stops between {start} and {end} are",
    "{person} and {person} meet. Who speaks first?",
    "Add {a} to {b}, then {c} to {d}, and say what {e} is.",
    "Sort it.",
]


def masked(template: str) -> Masked:
    return hold_back(mask(template))


def samples(template: str, count: int = 30) -> list[str]:
    rng = random.Random(template)
    found = []
    for route in range(3):
        grammar = Grammar(build(masked(template), route))
        found += [grammar.sample(rng) for _ in range(count // 3)]
    return found


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mask_appears_exactly_as_often_as_in_the_template(template: str) -> None:
    """Whatever the model says, `restore` takes it."""
    for text in samples(template):
        restored = restore(text.strip(), masked(template))
        assert restored.instruction is not None, (text, restored.difference)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sample_is_one_finished_line(template: str) -> None:
    """The line break that ends an answer is its only one."""
    for text in samples(template):
        assert text.endswith("\n")
        assert "\n" not in text[:-1]
        assert text == re.sub(r"  +", " ", text)
        assert text[0] != " "


@pytest.mark.parametrize("template", [t for t in TEMPLATES if len(t.split()) > 3])
def test_every_sample_has_a_length_that_the_length_rule_takes(template: str) -> None:
    """Strictly between half and one and a half times the template, held-back ends included."""
    whole = len(template.split())
    for text in samples(template):
        instruction = restore(text.strip(), masked(template)).instruction or ""
        assert 0.5 * whole < len(instruction.split()) < 1.5 * whole, text


def test_masks_may_change_places() -> None:
    """With few masks any order is allowed."""
    found = {
        tuple(re.findall(r"\{\w\}", t)) for t in samples('Is the word "{word}" on {page}?', 90)
    }
    assert found == {("{A}", "{B}"), ("{B}", "{A}")}


def test_many_masks_keep_their_order() -> None:
    """A state for each set of masks would be too many."""
    for text in samples("Add {a} to {b}, then {c} to {d}, and say what {e} is."):
        assert re.findall(r"\{(\w)\}", text) == list("ABCDE")


def test_a_quoted_mask_keeps_its_quotes() -> None:
    """Quotes tell a rendered value from the instruction around it."""
    for text in samples('Is the word "{word}" on {page}?'):
        assert text.count('"{A}"') == 1
        assert text.count('"') == 2


def test_a_quoted_word_stays_as_it_is() -> None:
    """An answer that the template dictates is dictated by the rewrite."""
    template = 'Pick the tool that fits {a}. Pick "None" if there is no such tool.'
    assert all(text.count('"None"') == 1 for text in samples(template))


def test_a_sentence_never_ends_in_an_article_or_a_preposition() -> None:
    """A mask that is forced into the answer leaves such ends behind otherwise."""
    for text in samples("In this task, you listen to a clip and choose its mood from the options."):
        assert re.search(r"\b(?:the|a|of|in|to|and|from)[.?]", text) is None


def test_a_question_ends_in_its_mark_and_an_order_in_a_stop() -> None:
    """The opening decides."""
    for text in samples("Name the bird in {sound}.", 90):
        asks = text.split()[0] in {"What", "Which"}
        assert text.strip().endswith("?" if asks else "."), text


def test_a_template_without_a_last_mark_need_not_get_one() -> None:
    """It is completed by its answer."""
    found = {
        text.strip()[-1] in ".?" for text in samples("The stops between {start} and {end} are", 90)
    }
    assert found == {True, False}


def test_no_rewrite_opens_as_its_template_does() -> None:
    """The openings are what makes a rewrite differ."""
    for text in samples("Name the bird in {sound}.", 90):
        assert not text.startswith("Name ")


def test_the_words_are_those_of_the_template_or_near_them() -> None:
    """A word of another subject cannot slip in from the worked examples."""
    grammar = Grammar(build(masked("Describe the picture of the region in {a}.")))
    assert grammar.allows("You need to describe the photo of the area in {A}.\n") or any(
        Grammar(build(masked("Describe the picture of the region in {a}."), r)).allows(
            "You need to describe the photo of the area in {A}.\n"
        )
        for r in range(6)
    )
    assert not grammar.allows("You need to describe the melody of the area in {A}.\n")


def test_a_negation_is_allowed_only_where_the_template_has_one() -> None:
    """A "not" turns the meaning round."""
    plain, negated = (
        " ".join(samples(t, 300)).split()
        for t in (
            "Choose the tool that fits {a} best of all.",
            "Choose the tool that does not fit {a}.",
        )
    )
    assert "not" not in plain
    assert "not" in negated


def test_routes_differ_and_a_route_is_always_the_same() -> None:
    """Variety comes from the route, not from a random choice."""
    one = masked("Choose the region of the image that matches {a}.")
    assert build(one, 2) == build(one, 2)
    assert len({build(one, r) for r in range(4)}) == 4


def test_a_later_route_replaces_words_by_near_synonyms() -> None:
    """On some route "image" is not to be said, and "picture" is."""
    one = masked("Choose the region of the image that matches {a}.")
    grammars = [build(one, r) for r in range(3)]
    words = [set(re.findall(r'"(\w+)"', g)) for g in grammars]
    assert any(
        "mage" not in w and g.count('"image"') == 0 for w, g in zip(words, grammars, strict=True)
    )


def test_masks_of_another_family_are_forced_as_well() -> None:
    """A template that shows {A} itself gets other masks, and they are as safe."""
    template = "Write {{A}} behind the name in {name} now."
    found = Grammar(build(masked(template))).sample(random.Random(1))
    assert found.count("{A0}") == 1


def test_a_colon_stands_only_before_a_mask_and_only_where_the_template_has_one() -> None:
    """A label keeps its shape."""
    found = " ".join(samples('Is the title: "{title}" the name of {song}?', 90))
    assert set(re.findall(r": (\S)", found)) == {'"', "{"}
    assert ":" not in " ".join(samples('Is the title "{title}" the name of {song}?', 90))


def test_with_an_odd_quote_only_masks_are_kept() -> None:
    """Nobody can tell then what is quoted."""
    for text in samples('Say "it is {a} in your own words now.'):
        assert text.count("{A}") == 1
        assert '"' not in text


@given(
    words=st.lists(
        st.sampled_from(["find", "the", "image", "{a}", '"{b}"', "of", "is,", "{c}."]),
        min_size=3,
        max_size=14,
    ),
    route=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_template_gets_a_grammar_that_ends(words: list[str], route: int) -> None:
    """No template leads to a rule without an end, and every sample restores."""
    template = " ".join(["Say", *words])
    one = masked(template)
    grammar = Grammar(build(one, route))
    text = grammar.sample(random.Random(0))
    wanted = Counter(re.findall(one.pattern, one.text))
    assert Counter(re.findall(one.pattern, text)) == wanted


@pytest.mark.parametrize("text", ['a"b', "back\\slash", "caf\u00e9", "{A}"])
def test_a_literal_is_escaped(text: str) -> None:
    """Quotes and backslashes of a template cannot break out."""
    assert Grammar(f"root ::= {literal(text)}").allows(text)


def test_alternatives_are_exactly_the_words() -> None:
    """Common beginnings are written once, and nothing is lost or gained."""
    words = ["a", "an", "and", "any", "bird", "birds"]
    grammar = Grammar(f"root ::= {alternatives(words)}")
    assert all(grammar.allows(w) for w in words)
    assert not any(grammar.allows(w) for w in ("", "b", "ands", "bi"))
