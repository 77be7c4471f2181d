"""The worked examples of a chat are those that look most like its template."""

from __future__ import annotations

from instraug.rewriting.prompts.examples import Nearest
from instraug.rewriting.prompts.meta_prompts import Example, MetaPrompt


def meta(name: str, *sources: str) -> MetaPrompt:
    return MetaPrompt(
        name, name, "guided", name, tuple(Example(s, f"{name}: {s}") for s in sources)
    )


A = meta("a", "Name the bird in {A}.", "Is {A} a bird?", "Add {A} to {B}.", "Sort the list.")
B = meta("b", "Name the song in {A}.", "Is {A} a song?", "Add {A} to {B}.", "Sort the words.")


def test_half_of_them_are_the_meta_prompt_s_own() -> None:
    """Its flavour shows in examples, and the others fill up with what fits the template."""
    found = Nearest([A, B], count=4)("Name the town in {A}.")(A)
    assert [e.rewrite[0] for e in found].count("a") == 2
    assert {e.source for e in found} >= {"Name the bird in {A}.", "Name the song in {A}."}


def test_the_nearest_stands_last() -> None:
    """What stands next to the question weighs most."""
    assert (
        Nearest([A, B], count=4)("Name the bird of {A}.")(A)[-1].source == "Name the bird in {A}."
    )


def test_no_source_comes_twice() -> None:
    """The same question with two answers would teach nothing."""
    found = Nearest([A, B], count=8)("Add {A} to {B} and {C}.")(B)
    assert len({e.source for e in found}) == len(found)
    assert next(e for e in found if e.source == "Add {A} to {B}.").rewrite.startswith("b:")


def test_fewer_examples_than_wanted_are_all_taken() -> None:
    """A user's own meta-prompts may have none at all."""
    assert Nearest([meta("c")])("Sort it.")(meta("c")) == ()
    assert len(Nearest([A], count=9)("Sort it.")(A)) == 4


def test_the_choice_does_not_depend_on_other_texts() -> None:
    """The same chat is made in every run."""
    chooser = Nearest([A, B])
    first = chooser("Is {A} a song?")(A)
    chooser("Sort the list of {A}.")(B)
    assert chooser("Is {A} a song?")(A) == first


def test_a_meta_prompt_from_elsewhere_is_served_too() -> None:
    """Its examples need not be among those that the chooser was made with."""
    assert Nearest([A], count=2)("Count {A}.")(meta("d", "Count {A}."))[-1].source == "Count {A}."
