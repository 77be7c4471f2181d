"""What counts as an answer, and what it scores."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.evaluation.scores import boxes, labels, words
from instraug.evaluation.scores.answers import Answer, Options
from instraug.evaluation.scores.choosing import Survey
from instraug.evaluation.scores.protocols import (
    GIVEN,
    LIKELIHOOD,
    PROTOCOLS,
    UNICODE_ROUGE,
    Judged,
    Protocol,
    UnusableTarget,
)

ANIMALS = ("cat", "dog", "a big dog")


def judged(
    protocol: str | Protocol, text: str, *targets: str, options: Options | None = None
) -> Judged:
    """Score one answer."""
    if isinstance(protocol, str):
        protocol = PROTOCOLS[protocol]
    return protocol.judge(Answer((0, 1), "t", "i", "1", text, targets, options))


@pytest.mark.parametrize(
    ("text", "target", "score", "answer"),
    [
        (" red ", "red", 1, "red"),
        ("Red", "red", 0, "Red"),
        ("red.", "red", 0, "red."),
        ("  ", "red", 0, None),
    ],
)
def test_exact_compares_all_but_white_space_at_the_ends(
    text: str, target: str, score: float, answer: str | None
) -> None:
    """Case and marks count; an empty answer is unparsed."""
    assert judged("exact", text, target) == Judged(score, answer)


@pytest.mark.parametrize(
    ("text", "options", "score", "answer"),
    [
        ("Flood damage", None, 1, "flood"),
        ("flooding", None, 0, "flooding"),
        ('"Flood"', ("flood", "fire"), 1, "flood"),
        ("fire and flood", ("flood", "fire"), 0, "fire"),
        ("none", ("flood", "no", "none"), 0, "none"),
        ("a flood", ("flood", "fire"), 0, None),
    ],
)
def test_prefix_goes_by_whole_folded_words_at_the_start(
    text: str, options: Options | None, score: float, answer: str | None
) -> None:
    """With options the one that the answer starts with, else whether it starts with the target."""
    assert judged("prefix", text, "flood", options=options) == Judged(score, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It is a CAT.", "cat"),
        ("cats", None),
        ("a cat or a dog", None),
        ("cat, a cat", "cat"),
        ("I see a big dog", "a big dog"),
        ("", None),
    ],
)
def test_option_is_the_one_that_the_answer_contains(text: str, answer: str | None) -> None:
    """Whole words, case folded, the longest of two that overlap; none and several are unparsed."""
    assert judged("option", text, "cat", options=ANIMALS) == Judged(float(answer == "cat"), answer)


def test_option_finds_words_where_a_script_has_no_spaces() -> None:
    """A Chinese option stands amid letters, and an accent is the same letter composed or not."""
    assert judged("option", "答案是猫。", "猫", options=("猫", "狗")).score == 1
    assert judged("option", "un cafe\u0301", "café", options=("café", "thé")).score == 1


LETTERS = {
    "A": "A",
    "(b)": "B",
    "B. a pot": "B",
    "**B**": "B",
    "B) a pot": "B",
    "B because it is red": "B",
    "2": "B",
    "The answer is (C).": "C",
    "The correct answer is option 'C'.": "C",
    "the answer is not A. The answer is B.": "B",
    "Final answer: C. Question: what? Answer: A": "C",
    "Answer: **D**": "D",
    "\\boxed{B}": "B",
    "It is red, so (B)": "B",
    "A cat sits there": None,
    "answer is A dog": None,
    "2 cats": None,
    "A. red, B. blue, C. green": None,
    "A, B": None,
    "(A) or (B)": None,
    "N/A": None,
    "I think so": None,
    "": None,
}


@pytest.mark.parametrize(("text", "letter"), LETTERS.items())
def test_letter_reads_the_label_and_nothing_that_only_looks_like_one(
    text: str, letter: str | None
) -> None:
    """Alone, at the start with a mark, after a cue, or the only one marked."""
    assert labels.label(text) == letter


def test_letter_compares_labels_and_options_alike() -> None:
    """Target and answer may be the letter, its number or the option; alike is the option's text."""
    for target in ("B", "(b)", "2", "dog"):
        for text in ("B", "2.", "it is a dog"):
            found = judged("letter", text, target, options=("cat", "dog"))
            assert found == Judged(1.0, "dog"), (target, text)
    assert judged("letter", "D", "A", options=("cat", "dog")) == Judged(0.0)
    one = judged("letter", "A", "A", options=("cat", "dog"))
    other = judged("letter", "B", "B", options=("dog", "cat"))
    assert one.answer == other.answer == "cat"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes, there is no doubt", "yes"),
        ("**No**", "no"),
        ("True", "yes"),
        ("The answer is false.", "no"),
        ("I know", None),
        ("nope", None),
        ("either yes or no", None),
    ],
)
def test_yes_no_is_the_first_word_or_the_only_one(text: str, answer: str | None) -> None:
    """Whole words; true and false count."""
    assert judged("yes-no", text, "yes") == Judged(float(answer == "yes"), answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("12 apples", "12"),
        ("3 + 4 = 7", "7"),
        ("It is 9. #### 1,234.50", "1234.5"),
        ("The answer is $5, not 6", "5"),
        ("-3", "-3"),
        ("1e3", "1000"),
        ("007", "7"),
        ("0.0", "0"),
        ("none", None),
    ],
)
def test_number_is_the_one_after_a_cue_or_the_last(text: str, answer: str | None) -> None:
    """Separators and trailing zeros do not count."""
    assert labels.number(text) == answer


@pytest.mark.parametrize(
    ("text", "score", "chosen"),
    [
        ("0 0 10 10", 1, (0, 0, 10, 10)),
        ("The region is [1, 1, 9, 9].", 1, (0, 0, 10, 10)),
        ("<bin_21> <bin_21> <bin_39> <bin_39>", 0, (20, 20, 40, 40)),
        ("100 100 110 110", 0, "no option"),
        ("5 5 5 5", 0, "no option"),
        ("9 9 1 1", 0, None),
        ("1 2 3", 0, None),
        ("1 2 3 4 or 5 6 7 8", 0, None),
    ],
)
def test_iou_takes_the_option_of_the_highest_overlap(
    text: str, score: float, chosen: object
) -> None:
    """A box that overlaps no option is wrong, not the first option; no one box is unparsed."""
    found = judged("iou", text, "0 0 10 10", options=("20 20 40 40", "0 0 10 10"))
    assert found == Judged(score, chosen)


def test_iou_without_options_asks_for_half_an_overlap() -> None:
    """By hand: 5 of 10 in width is an IoU of 0.5, 4 is less."""
    assert judged("iou", "0 0 5 10", "0 0 10 10").score == 1
    assert judged("iou", "0 0 4 10", "0 0 10 10").score == 0
    assert boxes.iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)


def test_rouge_l_is_that_of_rouge_score_on_10_000_pairs() -> None:
    """Equal to the last bit, over words, marks, digits and other scripts."""
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    rng = random.Random(5)
    some = re.split(" ", "a the cat Dog's x-ray 42 café 猫 ... und, Straße İ ﬁ re-do 3.5 été _x_")
    for _ in range(10_000):
        answer, target = (" ".join(rng.choices(some, k=rng.randint(1, 12))) for _ in range(2))
        expected = scorer.score(target, answer)["rougeL"].fmeasure
        assert judged("rouge-l", answer, target).score == expected, (answer, target)


def test_rouge_l_says_where_it_drops_letters_and_the_unicode_words_do_not() -> None:
    """A Chinese target is 0 with a-z words; by characters it is what one would count."""
    plain = PROTOCOLS["rouge-l"]
    assert judged(plain, "红色的猫", "红色的猫").score == 0
    assert plain.lossy("红色的猫")
    assert plain.lossy("café")
    assert not plain.lossy("“cafe” – 1")
    assert judged(UNICODE_ROUGE, "红的猫", "红色的猫").score == pytest.approx(2 * 3 / 7)
    assert judged(UNICODE_ROUGE, "un café", "un cafe").score == 0.5
    assert judged(UNICODE_ROUGE, "cafe\u0301", "CAFÉ").score == 1
    assert words.unicode_words("हिन्दी भाषा") == ("हिन्दी", "भाषा")
    assert not UNICODE_ROUGE.lossy("红色的猫")


@given(st.text(max_size=60), st.text(min_size=1, max_size=30))
def test_every_protocol_reads_every_answer(text: str, other: str) -> None:
    """Whatever is in an answer, the score is from 0 to 1, and unparsed answers score 0."""
    fit = {"letter": "B", "yes-no": "no", "number": "3", "iou": "1 2 3 4", "option": "cat"}
    for name, protocol in PROTOCOLS.items():
        target = fit.get(name, "x" + other)
        found = judged(protocol, text, target, options=ANIMALS if name == "option" else None)
        assert 0 <= found.score <= 1
        assert found.answer is not None or found.score == 0


@pytest.mark.parametrize(
    ("protocol", "target", "options"),
    [
        ("option", "cow", ANIMALS),
        ("option", "cat", None),
        ("prefix", "cow", ANIMALS),
        ("letter", "cat", None),
        ("yes-no", "maybe", None),
        ("number", "many", None),
        ("iou", "left", None),
        ("iou", "1 2 3 4", ("5 6 7 8",)),
        ("rouge-l", " ", None),
    ],
)
def test_a_target_that_no_answer_could_meet_is_refused(
    protocol: str, target: str, options: Options | None
) -> None:
    """It is never scored as 0 in silence."""
    with pytest.raises(UnusableTarget):
        judged(protocol, "cat", target, options=options)


def test_the_best_of_several_targets_counts() -> None:
    """As references of one answer do."""
    assert judged("exact", "NYC", "New York", "NYC").score == 1


def test_a_given_score_is_taken_as_it_is() -> None:
    """The text is the answer; without a score the row is refused."""
    answer = Answer((0, 1), "t", "i", "1", "red", (), score=0.25)
    assert GIVEN.judge(answer) == Judged(0.25, "red")
    answer.score = None
    with pytest.raises(UnusableTarget):
        LIKELIHOOD.judge(answer)


@pytest.mark.parametrize(
    ("output", "rows", "protocol"),
    [
        ("label", [("cat", ANIMALS)], "option"),
        ("label", [("red", None)], "exact"),
        ("label", [("B", ANIMALS)], "letter"),
        ("label", [("2", ANIMALS)], "number"),
        ("text", [("yes", None)], "rouge-l"),
        ("region", [("1 2 3 4", None)], "iou"),
        (None, [("cat", ANIMALS), ("dog", ANIMALS)], "option"),
        (None, [("A", None), ("2", None)], "letter"),
        (None, [("yes", None), ("No", None)], "yes-no"),
        (None, [("12", None), ("so #### 3", None)], "number"),
        (None, [("12", None), ("about 3", None)], "exact"),
        ("likelihood", [("cat", ANIMALS)], "likelihood"),
    ],
)
def test_the_protocol_goes_by_output_kind_and_by_what_all_targets_are(
    output: str | None, rows: list[tuple[str, Options | None]], protocol: str
) -> None:
    """Label with options: option; label: exact; text: rouge-l; region: iou; else by targets."""
    survey = Survey()
    for target, options in rows:
        survey.see((target,), options, output)
    assert survey.protocol() == protocol
