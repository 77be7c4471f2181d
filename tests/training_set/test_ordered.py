"""Which lists of options keep their order: those in which it, or a place in it, carries meaning."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.training_set.ordered import is_step, keeps_order
from instraug.training_set.scales import has_degree

KEEP = (
    # an option that speaks of the others
    *("all of the above|cat|dog", "cat|dog|None of the above", "cat|dog|ALL THE ABOVE."),
    *("cat|dog|none of these", "cat|dog|Neither of the other two", "cat|dog|the options above"),
    *("cat|dog|No correct answer", "cat|dog|more than one of the above", "a|b|either of them"),
    # or of their places
    *("cat|dog|Both A and B", "A and C|cat|dog|cow", "cat|dog|neither A nor B", "cat|dog|only B"),
    *("cat|dog|B only", "cat|dog|A, B and C", "cat|dog|1 and 2", "cat|dog|both (a) and (b)"),
    *("cat|dog|A & B", "cat|dog|A and B are correct", "cat|dog|all but C", "cat|dog|A/B"),
    # a list that numbers itself
    *("A. cat|B. dog", "(1) cat|(2) dog", "B) dog|A) cat", "Option 1: cat|Option 2: dog"),
    *("i. cat|ii. dog|iii. cow", "a: cat|b: dog"),
    # numbers, ranges, amounts, times
    *("1|2|3|4", "4|3|2|1", "0-10|11-20|21-30", "under 10|10-20|over 20", "0|1|2|3 or more"),
    *("one|two|three", "none|one|two|many", "1 star|2 stars|3 stars", "$5|$10|$20"),
    *("10%|20%|30%", "1,000|2,000|3,000", "10:00|10:30|11:00", "1990s|2000s|2010s"),
    *("less than 1 hour|1-2 hours|more than 2 hours", "0.5|1|1.5", "once|twice|three times"),
    # ordinals and dates
    *("first|second|third", "1st|2nd|3rd", "the first|the second|the last"),
    *("Monday|Tuesday|Friday", "March|June|December", "morning|noon|evening"),
    # ratings and degrees
    *("very bad|bad|neutral|good|very good", "poor|fair|good|excellent", "high|medium|low"),
    *("strongly disagree|disagree|neutral|agree|strongly agree", "never|sometimes|always"),
    *("not at all important|slightly important|important|very important", "S|M|L|XL"),
    *("none|mild|moderate|severe", "severe damage|mild damage|little or none damage"),
    *("very unlikely|unlikely|neutral|likely|very likely", "small|medium|large"),
    *("important|very important|extremely important", "very striped|striped|not striped"),
    *("cat|dog|the first two", "cat|dog|first and second", "cat|dog|the former", "cat|dog|Not A"),
    *("cat|dog|same as above", "cat|dog|None of the listed", "cat|dog|i, ii and iii"),
    *("-10|0|10", "-5°C|0°C|5°C", "9:00 AM|11:00 AM|1:00 PM", "<1|1-5|>5", "1e3|1e4|1e5"),
    *("1k|10k|1M", "100 m|1 km|10 km", "1 minute|1 hour|1 day", "twenty|thirty|forty"),
    *("2020-01-05|2020-02-01|2021-01-01", "Jan 5|Feb 3|Mar 1", "Sunday|Monday|Tuesday"),
    *("Grade 1|Grade 2|Grade 3", "I|II|III|IV", "not at all|a little|a lot"),
    *("hardly ever|sometimes|very often", "less|same|more", "young|middle-aged|old"),
    *("not crowded|slightly crowded|very crowded", "cold|warm|hot", "beginner|intermediate|expert"),
)
MOVE = (
    *("cat|dog|cow", "yes|no", "no|not sure|yes", "cell phone|cup|None", "2|3", "good|bad"),
    *("one|zero|seven|five", "3|1|2", "medium|small|large", "third|first|second"),
    *("18 129 61 168|450 142 498 222|500 1 155 176", "A|B|D|C", "next|previous", "left|right"),
    *(
        "above|below|left of",
        "the cat is above the table|the dog is below it",
        "red and white|blue",
    ),
    *("black and white|red, green|blue", "a man and a woman|two dogs", "tan|large|yellow|green"),
    *("eating|sitting|standing", "Yes, two objects are the same|No, two objects are different"),
    *("no flaws|blur|rotation|too bright|too dark|other|obscured|bad framing", "yes|no|other"),
    *("supported|refuted|not enough information", "earthquake|fire|other disaster|not disaster"),
    *("the region has the object|the region does not have the object", "vitamin A|vitamin B"),
    *("next to each other|apart", "one above the other|side by side", "some other color|red"),
    *("two other people|nobody", "the one below the shelf|the red one", "more than one|one"),
    *("an option|stock|bond", "R&B|pop|rock", "Q and A|talk|panel", "right answer|wrong turn"),
    *("a cat and a dog", "A cat|A dog", "I am here.|I am there.", "St. Paul|Mt. Fuji", "x", ""),
)


@pytest.mark.parametrize("options", KEEP)
def test_a_list_whose_order_carries_meaning_keeps_it(options: str) -> None:
    """It speaks of itself, numbers itself, or goes up or down one scale."""
    assert keeps_order(options.split("|"))


@pytest.mark.parametrize("options", MOVE)
def test_other_lists_may_be_shuffled(options: str) -> None:
    """Words that only resemble such lists, numbers in no order, and every list of two steps."""
    assert not keeps_order(options.split("|"))


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=8, unique=True), st.randoms())
def test_numbers_keep_their_order_where_they_have_one(
    numbers: list[int], rng: random.Random
) -> None:
    """Sorted either way they keep it, and in any other order they do not."""
    up = sorted(numbers)
    rng.shuffle(numbers)
    for row in (up, up[::-1], numbers):
        kept = keeps_order([str(n) for n in row])
        assert kept == (row in (up, up[::-1]))


@given(st.lists(st.text(max_size=30), max_size=8))
def test_no_text_breaks_the_rule(options: list[str]) -> None:
    """Any texts have a verdict, and of fewer than two options no order is kept."""
    assert keeps_order(options) in (len(options) > 1, False)


WORDS = [w for options in KEEP + MOVE if "168" not in options for w in options.split("|")]


@given(st.data())
def test_options_once_seen_need_no_second_look(data: st.DataObject) -> None:
    """Options of lists that were shuffled, one of them no step, make no list keep its order."""
    silent = [w for w in WORDS if not keeps_order([w, "cat"]) and not has_degree(w)]
    look_again(data.draw(st.lists(st.sampled_from(silent), max_size=8)))


@pytest.mark.parametrize("options", KEEP)
def test_options_once_seen_hide_no_order(options: str) -> None:
    """A list that keeps its order has an option that is never remembered, or none that is plain."""
    look_again(options.split("|"))


def look_again(options: list[str]) -> None:
    silent = all(not keeps_order([w, "cat"]) and not has_degree(w) for w in options)
    if silent and not all(map(is_step, options)):
        assert not keeps_order(options)


def test_long_options_take_no_long_time() -> None:
    """A hundred thousand characters of what every rule begins with are read in one pass."""
    for piece in ("A, ", "A and ", "not ", "1-", "the option ", "very ", "(", "1 ", "i", " ", "1a"):
        for long in (piece * 30_000, "1" + piece * 30_000 + "!!!", "A" + piece * 30_000 + "B"):
            assert keeps_order([long, "cat", "dog"]) in (True, False)
            assert not is_step(long)
