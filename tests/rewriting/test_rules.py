"""Each postprocessing rule rejects what it names, says why, and lets good rewrites pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instraug.models.chat import Reply, Usage
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.judge import candidates, judge_all
from instraug.tasks.placeholders import multiset
from instraug.tasks.records import Task
from tests.chain import broken, candidate, reply, request, task

YES_NO = task(
    'In this image, is the object "{text}" inside {region}?{options_token} {options}',
    constants={"options_token": "\n\n[Options]:"},
    labels=("inside the box", "elsewhere"),
)


@pytest.mark.parametrize(
    "said",
    [
        'Look at the picture: does {B} hold the object "{A}"?',
        'Can the object "{A}" be found within {B} in this image?',
        'Sure! Here is one:\n\nIs the object "{A}" within {B} in this image?',
        'I can see {B}; is the object "{A}" in it?',
    ],
)
def test_a_good_rewrite_breaks_no_rule(said: str) -> None:
    """A plain rewrite passes, wrapped or not."""
    assert broken(YES_NO, said) == []


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (None, "empty"),
        ("   \n", "empty"),
        ("<think>hm</think>", "empty"),
        ('I\'m sorry, but I cannot tell if "{A}" is inside {B}.', "refusal"),
        ('As an AI language model I cannot see "{A}" in {B}.', "refusal"),
        ("I can\u2019t help with {A} and {B} in this image.", "refusal"),
        ('Here is my rewrite of it. Is the object "{A}" in {B}?', "preamble"),
        ('Is the object "{A}" in {B} here? Note: I kept both.', "preamble"),
        ('1. Is the object "{A}" in {B}?', "markup"),
        ('**Is** the object "{A}" inside {B} here?', "markup"),
        ('Is the object "{A}" in {B}?\nDoes {B} hold it?', "markup"),
        ('<p>Is the object "{A}" in {B}?', "markup"),
        ('Is the object "{A}" inside <|im_end|>{B} here?', "placeholders"),
        ('Is the object "{A}" inside {B} here?\x1b[31m', "markup"),
        ('Is the object "{A}" in the\u202e region {B}?', "markup"),
        ('In {B}: "{A}"?', "length"),
        ('Where you\'d see {B}, is the object "{A}" there?', "contraction"),
        ('Where you\u2019ll see {B}, is the object "{A}" there?', "contraction"),
        ('In this  image, IS the object "{A}" inside {B}?', "copy"),
        ("Is the object \u5728\u56fe\u50cf {A} inside {B} or not?", "language"),
        ('Est-ce que {B} est dans les "{A}" avec une image?', "language"),
        ('Is the object "{A}" in {B} or elsewhere in the image?', "leak"),
        ("Is the object in {B} in this image?", "placeholders"),
        ('Is the object "{A}" {A} in {B} in this image?', "placeholders"),
        ('Is the object "{text}" in {B} in this image?', "placeholders"),
    ],
)
def test_each_rule_rejects_what_it_names(said: str | None, rule: str) -> None:
    """The broken rule, and only that one or its kin, is among the reasons."""
    assert rule in broken(YES_NO, said)


@pytest.mark.parametrize(
    ("finish", "rule"), [("length", "truncated"), ("content_filter", "filtered")]
)
def test_the_finish_reason_is_a_rule(finish: str, rule: str) -> None:
    """An answer cut by the token limit or by a filter is rejected however good it looks."""
    said = 'Can the object "{A}" be found within {B} in this image?'
    assert broken(YES_NO, said, finish=finish) == [rule]


def test_length_bounds_are_strict() -> None:
    """With 10 words in the parent, 5 and 15 are out, 6 and 14 are in."""
    ten = task("one two three four five six seven eight nine ten")
    words = [f"w{i}" for i in range(15)]
    verdicts = {n: "length" in broken(ten, " ".join(words[:n])) for n in (5, 6, 14, 15)}
    assert verdicts == {5: True, 6: False, 14: False, 15: True}


def test_contractions_need_a_word_before_them() -> None:
    """A quoted word that starts with d or ll is no contraction."""
    assert "contraction" not in broken(YES_NO, "Is the object 'd {A}' in {B} in this image?")


def test_a_label_of_the_origin_is_no_leak() -> None:
    """A label that the origin names may be named by its rewrite."""
    asks = task("Answer yes if {text} is true of the image.", labels=("yes", "no"))
    assert broken(asks, "Say yes when {A} is true for this image.") == []
    assert broken(asks, "Say yes or no when {A} fits this image.") == ["leak"]


def test_a_multi_line_template_may_be_answered_in_as_many_lines() -> None:
    """The 49 templates with newlines are not rejected for having lines."""
    lines = task("Read {context} with care.\nThen say what {text} means to you.")
    assert broken(lines, "Carefully read {A} first.\nAfter that, explain what {B} means.") == []
    assert "markup" in broken(lines, "Read {A} first.\nAfter that,\nexplain what {B} means.")


def test_every_broken_rule_is_listed_with_its_detail() -> None:
    """A rejection is data: all reasons, each with its detail."""
    found = candidate(YES_NO, "I'm sorry.")
    assert [r.rule for r in found.reasons] == ["placeholders", "refusal"]
    assert found.reasons[0].detail.startswith("{text} ({A}) wanted 1 times, found 0")


def test_a_rule_can_be_turned_off_but_not_what_keeps_a_template_renderable() -> None:
    """``off`` silences a rule, never placeholders, proof or empty."""
    said = "Sorry, I'd say {A} {A}."
    assert broken(YES_NO, said) == ["placeholders", "refusal", "preamble", "contraction"]
    off = ("refusal", "preamble", "contraction", "placeholders", "proof", "empty")
    assert broken(YES_NO, said, off=off) == ["placeholders"]


# ── against the pool ─────────────────────────────────────────────────────────────────────────


def verdicts(of: Task, *said: str, near_duplicate: float = 0.95) -> list[list[str]]:
    judged = [candidate(of, s, position=i) for i, s in enumerate(said)]
    rules = Rules(near_duplicate=near_duplicate)
    return [[r.rule for r in v.reasons] for v in judge_all(of, judged, rules, None, {})]


TWO = task("Say what the image shows in one sentence.", "Describe the picture in a few words.")


def test_exact_duplicates_and_copies_are_told_apart() -> None:
    """A copy of the origin is a copy; another original or an earlier rewrite is a duplicate."""
    told = verdicts(
        TWO,
        "Say what the image shows in one sentence.",
        "describe THE picture in a few words.",
        "Tell in one sentence what is in the image.",
        "Tell in one  sentence what is in the image.",
    )
    assert told == [["copy"], ["duplicate"], [], ["duplicate"]]


def test_near_duplicates_are_found_against_origin_and_accepted() -> None:
    """Punctuation alone is a near-duplicate; the threshold is a setting."""
    told = verdicts(
        TWO,
        "Say what the image shows, in one sentence!",
        "Tell me what is here.",
        "Tell me: what is here",
    )
    assert told == [["near_duplicate"], [], ["near_duplicate"]]
    assert verdicts(TWO, "Say what this image shows in one sentence.", near_duplicate=0.8) == [
        ["near_duplicate"]
    ]


def test_a_rejected_rewrite_blocks_no_later_one() -> None:
    """Only accepted rewrites count as duplicates."""
    told = verdicts(TWO, "Sorry, what does the image show?", "Please say what the image shows us.")
    assert told[1] == []


def test_the_semantic_gate_rejects_below_its_threshold() -> None:
    """A score below the threshold is a reason with both numbers; at it, the rewrite passes."""
    judged = [
        candidate(TWO, s, position=i)
        for i, s in enumerate(("Tell me of it all.", "Name what you see here."))
    ]
    scores = {(c.reply, 0): score for c, score in zip(judged, (0.2, 0.5), strict=True)}
    found = judge_all(TWO, judged, Rules(), 0.5, scores)
    assert [r.detail for r in found[0].reasons] == ["score 0.200, wanted 0.500"]
    assert found[1].accepted


def test_a_reply_without_choices_is_one_empty_candidate() -> None:
    """Null and empty choices are judged, never lost."""
    asked = request(TWO)
    found = list(candidates(TWO, asked, Reply(asked.chat.key, "m", (), Usage(), "{}"), Rules()))
    assert [r.rule for r in found[0].reasons] == ["empty"]


def test_every_choice_is_a_candidate() -> None:
    """Three choices give three candidates, numbered."""
    asked = request(TWO)
    found = list(candidates(TWO, asked, reply(asked, "a", "b", None), Rules()))
    assert [(c.choice, c.rewrite) for c in found] == [(0, "a"), (1, "b"), (2, "")]


@settings(max_examples=300)
@given(st.text(max_size=120))
def test_no_answer_breaks_the_judge(said: str) -> None:
    """Any text is judged without an error, and what is accepted keeps its placeholders."""
    found = judge_all(YES_NO, [candidate(YES_NO, said)], Rules(), None, {})[0]
    if found.accepted:
        assert multiset(found.candidate.instruction or "") == multiset(YES_NO.templates[0].text)


@pytest.mark.parametrize(
    "other", ["Or", "Alternatively", "Another option", "Version 2", "Second rewrite", "**Or**"]
)
@pytest.mark.parametrize(
    ("origin", "one", "two"),
    [
        (
            "Is the object {text} inside {region}?",
            "Does {B} hold the object {A}?",
            "Can the object {A} be found in {B}?",
        ),
        (
            "Describe the picture in one sentence.",
            "Write one sentence about the picture.",
            "Tell what this picture shows in a sentence.",
        ),
    ],
)
def test_of_two_rewrites_none_is_picked(origin: str, one: str, two: str, other: str) -> None:
    """A second one under a label is no last word on the first; a draft and its end are."""
    assert "markup" in broken(task(origin), f"{one}\n{other}: {two}")
    assert "markup" in broken(task(origin), f"Rewrite: {one}\n\n{other}: {two}")
    assert broken(task(origin), f"{one}\n\nFinal: {two}") == []


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "Translate the word \u56fe\u7247 for {text} into English.",
            "\u628a\u56fe\u7247 {A} \u8bd1\u51fa",
        ),
        (
            "Is \u56fe\u7247 the right word for {text}, or not?",
            "\u56fe \u7247 {A} \u7247\u56fe \u56fe\u56fe",
        ),
        ("\u628a\u95ee\u9898 {text} \u7ffb\u8bd1", "\u7ffb\u8bd1 {A} \u628a\u95ee\u9898 \u7ffb"),
    ],
)
def test_an_answer_in_chinese_is_no_english_whatever_the_template_holds(
    template: str, said: str
) -> None:
    """Also where every character of it stands in the template."""
    assert "language" in broken(task(template), said)
