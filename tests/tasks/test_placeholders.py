"""Placeholders survive the round trip exactly, and nothing in a template is ever evaluated."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import BadRow, PlaceholderError
from instraug.tasks.placeholders import (
    Placeholder,
    escape,
    mask,
    multiset,
    own_words,
    parse,
    restore,
    unparse,
)
from instraug.tasks.records import Task
from instraug.tasks.rendering import prove, renderer

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True)
steps = st.one_of(names.map(lambda n: f".{n}"), st.integers(-99, 99).map(lambda i: f"[{i}]"))
paths = st.builds(lambda n, s: n + "".join(s), names, st.lists(steps, max_size=3))
literals = st.text(max_size=20)
segments = st.lists(st.one_of(literals.map(escape), paths.map(lambda p: f"{{{p}}}")), max_size=8)
templates = segments.map("".join)


@given(templates)
def test_unparse_is_the_inverse_of_parse(template: str) -> None:
    """Parsing and spelling again gives the very same template."""
    assert unparse(parse(template)) == template


@given(st.text(max_size=80))
def test_any_text_parses_or_is_a_placeholder_error(text: str) -> None:
    """No text makes the parser raise anything but PlaceholderError."""
    with suppress(PlaceholderError):
        assert unparse(parse(text)) == text


@given(st.text(max_size=80))
def test_escaped_text_holds_no_placeholder(text: str) -> None:
    """Escaped literal text renders as itself."""
    assert renderer(escape(text), Task("t", ()))({}) == text


@given(templates)
def test_masking_and_restoring_gives_the_template_back(template: str) -> None:
    """An answer that repeats the masked text restores to the template, for any template."""
    masked = mask(template)
    restored = restore(masked.text, masked)
    assert restored.instruction == template
    assert not restored.difference


@given(templates)
def test_masks_collide_with_nothing(template: str) -> None:
    """No token of the chosen family occurs in the template's own text."""
    masked = mask(template)
    literal = "\0".join(s for s in parse(template) if isinstance(s, str))
    assert not re.search(masked.pattern, literal)


@given(templates, st.data())
def test_any_edit_of_tokens_is_rejected(template: str, data: st.DataObject) -> None:
    """Dropping or doubling any one token is never restored."""
    masked = mask(template)
    found = list(re.finditer(masked.pattern, masked.text))
    if not found:
        return
    hit = data.draw(st.sampled_from(found))
    dropped = masked.text[: hit.start()] + masked.text[hit.end() :]
    doubled = masked.text[: hit.end()] + hit[0] + masked.text[hit.end() :]
    for answer in (dropped, doubled):
        restored = restore(answer, masked)
        assert restored.instruction is None
        assert hit[0] in restored.difference


@given(templates, st.text(max_size=60))
def test_whatever_restores_has_the_same_placeholders(template: str, noise: str) -> None:
    """However the model answers, an instruction that comes back has its origin's multiset."""
    masked = mask(template)
    restored = restore(masked.text + noise, masked)
    if restored.instruction is not None:
        assert multiset(restored.instruction) == multiset(template)
        assert prove(restored.instruction, template) is None


@pytest.mark.parametrize(
    "bad",
    [
        "{0}",
        "{text.__class__}",
        "{text!r}",
        "{text:>900000000}",
        "{ text }",
        "{text",
        "text}",
        "{}",
        "{text[a]}",
        "{text[}",
        "{text()}",
        "{x if y else z}",
        '{"json": 1}',
        "{text.}",
        "{1a}",
    ],
)
def test_a_malformed_placeholder_is_an_error_with_its_fix(bad: str) -> None:
    """A brace that is no placeholder names its column and says to double it."""
    with pytest.raises(PlaceholderError, match=r"column \d: .*double the brace"):
        parse(f"A {bad}")


def test_repeats_share_one_token_and_distinct_ones_do_not() -> None:
    """A placeholder that occurs twice gets the same token both times."""
    masked = mask("Is {text} the same as {text}, not {region}?")
    assert masked.text == "Is {A} the same as {A}, not {B}?"
    assert masked.tokens == {"{A}": "{text}", "{B}": "{region}"}


def test_the_options_tail_is_held_back_and_put_back() -> None:
    """A trailing block that opens with a constant never reaches the model."""
    template = 'Is "{text}" true?{options_token} {options}'
    masked = mask(template, ["options_token"])
    assert masked.text == 'Is "{A}" true?'
    restored = restore('Does "{A}" hold?', masked)
    assert restored.instruction == 'Does "{text}" hold?{options_token} {options}'


def test_a_template_that_is_only_a_tail_is_not_held_back() -> None:
    """Holding back never leaves the model with nothing to rewrite."""
    assert mask("{question}{options_token} {options}", ["options_token"]).suffix == ""


def test_adjacent_quoted_and_edge_placeholders_are_kept_exactly() -> None:
    """Placeholders side by side, in quotes, and at both ends come back as they were."""
    template = '{region}{text} is "{text}"? {region}'
    masked = mask(template)
    assert restore(masked.text, masked).instruction == template


def test_source_text_with_mask_like_tokens_gets_other_masks() -> None:
    """Literal {A} in a template stays literal, and the mask is another token."""
    masked = mask("{{A}} of {x}")
    assert masked.text == "{A} of {A0}"
    assert restore("of {A}: {A0}", masked).instruction == "of {{A}}: {x}"


def test_twenty_six_placeholders_are_not_the_limit() -> None:
    """The 27th placeholder is {AA}."""
    template = " ".join(f"{{f{i}}}" for i in range(28))
    assert list(mask(template).tokens)[-3:] == ["{Z}", "{AA}", "{AB}"]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ("Is it?", "{text} ({A}) wanted 1 times, found 0"),
        ("Is {A} {A}?", "{text} ({A}) wanted 1 times, found 2"),
        ("Is {B}?", "invented {B}"),
        ("Is { A }?", "invented { A }"),
        ("Is {a}?", "invented {a}"),
        ("Is {{A}}?", "invented {"),
        ("Is {\u0410}?", "invented {\u0410}"),
        ("Is {A\u200b}?", "invented {A\u200b}"),
        ("Is {A} or {TEXT}?", "invented {TEXT}"),
        ("Is {A} or {text}?", "invented {text}"),
    ],
)
def test_wrong_tokens_are_rejected_with_the_exact_difference(answer: str, detail: str) -> None:
    """Dropped, doubled, renamed, spaced, nested and confusable tokens are never repaired."""
    restored = restore(answer, mask("Is {text} here?"))
    assert restored.instruction is None
    assert detail in restored.difference


def test_reordered_tokens_are_accepted() -> None:
    """Order is free."""
    restored = restore("{B} then {A}", mask("{x} then {y}"))
    assert restored.instruction == "{y} then {x}"


def test_stray_braces_in_an_answer_are_literal_text() -> None:
    """JSON in an answer comes back escaped, and renders as it was."""
    restored = restore('Fill {"k": {A}} {', mask("Fill {x}"))
    assert restored.instruction == 'Fill {{"k": {x}}} {{'
    assert renderer(restored.instruction or "", Task("t", ()))({"x": 1}) == 'Fill {"k": 1} {'


# ── rendering ────────────────────────────────────────────────────────────────────────────────


def render(template: str, fields: dict[str, Any], **task: Any) -> str:
    return renderer(template, Task("t", (), **task))(fields)


def test_rendering_is_one_pass() -> None:
    """A value that holds a placeholder keeps it."""
    assert render("{text} {options}", {"text": "{options}", "options": "b"}) == "{options} b"


def test_lists_are_joined_by_their_separator() -> None:
    """A list joins by the separator of its path; an element stands alone."""
    fields = {"region": ["1 2 3 4", "5 6 7 8"], "meta": {"tags": ["a", "b"]}}
    assert render("{region}", fields, separators={"region": "||||"}) == "1 2 3 4||||5 6 7 8"
    assert render("{region[0]} {region[-1]}", fields) == "1 2 3 4 5 6 7 8"
    assert render("{meta.tags}", fields, separators={"meta.tags": "/"}) == "a/b"


def test_constants_defaults_and_null() -> None:
    """Constants are folded in; an absent or null field takes the task's default."""
    task: dict[str, Any] = {
        "constants": {"token": "\n\n[Options]:"},
        "defaults": {"options": ["a"]},
    }
    assert render("x{token} {options}", {"options": None}, **task) == "x\n\n[Options]: a"


@pytest.mark.parametrize(
    "path", ["{nope}", "{text.deep}", "{text[0]}", "{items[9]}", "{meta}", "{items.name}"]
)
def test_a_path_that_resolves_to_nothing_is_a_missing_field(path: str) -> None:
    """No default is guessed, a mapping is no text, and a letter of a text no field."""
    with pytest.raises(BadRow) as error:
        render(path, {"text": "a", "items": ["b"], "meta": {"a": "b"}})
    assert error.value.kind == "missing field"
    assert error.value.what == f"the row has nothing for {path}"


def test_attributes_are_not_reachable() -> None:
    """A path only ever indexes: no attribute of any value can be read."""
    with pytest.raises(BadRow):
        render("{text.format}", {"text": "a"})


def test_a_huge_index_allocates_nothing() -> None:
    """An absurd index is a missing field, and proving it is instant."""
    template = "{items[900000000]} is"
    assert prove(template, template) is None
    with pytest.raises(BadRow):
        render(template, {"items": []})


@pytest.mark.parametrize(
    "wrong", ["{a} {b}", "{a} {b} {b[0]}", "{a} {a} {b[0]}", "{a} {a} {b} {b[0]} {b[0]}"]
)
def test_the_proof_finds_any_missing_or_extra_value(wrong: str) -> None:
    """A template whose rendered values differ in number from its origin's is not proved."""
    assert prove(wrong, "{a} {a} {b} {b[0]}") is not None


def test_proof_survives_a_field_and_its_elements_together() -> None:
    """{region} beside {region[0]} is proved, in any order."""
    assert prove("{region[0]} in {region}", "{region} has {region[0]}") is None


def test_own_words_leave_placeholders_and_punctuation_out() -> None:
    """Only words with a letter or digit outside placeholders count."""
    assert own_words("{question}? {options_token} {options}") == []
    assert own_words("Is {text} - here?") == ["Is", "here?"]


def test_paths_split_into_steps() -> None:
    """Names and indices, negative too, become steps."""
    assert Placeholder("meta.items[-1].name").path == ("meta", "items", -1, "name")
    assert multiset("{a} {a} {b[0]}") == Counter({"a": 2, "b[0]": 1})
