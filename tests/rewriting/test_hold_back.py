"""What is held back from the model, and that it comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.rewriting.prompts.hold_back import hold_back
from instraug.tasks.placeholders import mask, restore

HELD = {
    "Name the bird you hear.{opts} {options}": ("", "Name the bird you hear.", "{opts} {options}"),
    "Name the bird you hear. Clip: {clip}": ("", "Name the bird you hear.", " Clip: {clip}"),
    "Name the bird you hear.\n\nClip: {clip}\n{opts} {options}": (
        "",
        "Name the bird you hear.",
        "\n\nClip: {clip}\n{opts} {options}",
    ),
    'Find the bird in the clip. The bird is "{bird}".': (
        "",
        "Find the bird in the clip.",
        ' The bird is "{bird}".',
    ),
    "Name the bird of the clip. Question:{q}{opts} {options}": (
        "",
        "Name the bird of the clip.",
        " Question:{q}{opts} {options}",
    ),
    "Clip: {clip}\n\nName the bird in the clip above.": (
        "Clip: {clip}\n\n",
        "Name the bird in the clip above.",
        "",
    ),
    "Which bird sings in {clip}?": ("", "Which bird sings in {A}?", ""),
    'Is "{bird}" the bird in {clip}?': ("", 'Is "{A}" the bird in {B}?', ""),
    "Name {bird}. {opts} {options}": ("", "Name {A}. {B} {C}", ""),
    "First voice: {a} Second voice: {b} and they": (
        "",
        "First voice: {A} Second voice: {B} and they",
        "",
    ),
    'Say "it is so. {a} {b}" aloud to me': ("", 'Say "it is so. {A} {B}" aloud to me', ""),
}


@pytest.mark.parametrize("template", HELD)
def test_labels_and_placeholders_at_the_ends_are_held_back(template: str) -> None:
    """Words that say what to do are asked for, what merely stands beside them is not."""
    found = hold_back(mask(template))
    assert (found.prefix, found.text, found.suffix) == HELD[template]


@given(
    st.lists(
        st.sampled_from(
            ["{a}", "{b.c}", "{d[0]}", "{{", "}}", "Find it.", "Text:", "\n", '"', "is", "The one"]
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["", " "]),
)
def test_restoring_the_text_gives_the_template_back(parts: list[str], space: str) -> None:
    """Nothing is lost, doubled or moved, braces included."""
    template = space.join(parts)
    found = hold_back(mask(template))
    assert restore(found.text, found).instruction == template
