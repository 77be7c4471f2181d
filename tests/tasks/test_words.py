"""ROUGE-L with a cutoff: what scores exactly the cutoff is at it, at every cutoff."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instraug.rewriting.config import Rules
from instraug.rewriting.judging.judge import judge_all
from instraug.rewriting.judging.rules import length
from instraug.tasks.words import rouge_l
from tests.chain import candidate, task

TEXTS = st.lists(st.sampled_from("abc"), max_size=24)
HUNDREDTHS = [n / 100 for n in range(101)]


def common(one: list[str], other: list[str]) -> int:
    """The length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(other) + 1)
    for a in one:
        above = row
        row = [0]
        for j, b in enumerate(other):
            row.append(above[j] + 1 if a == b else max(above[j + 1], row[j]))
    return row[-1]


@given(TEXTS, TEXTS, st.floats(0, 1) | st.sampled_from(HUNDREDTHS))
@example(list("aaaab"), list("aaaac"), 0.8)
def test_the_cutoff_changes_nothing_but_what_is_below_it(
    one: list[str], other: list[str], cutoff: float
) -> None:
    """At or above the cutoff comes the score itself; below it, 0."""
    size = len(one) + len(other)
    score = 2 * common(one, other) / size if size else 1.0
    assert rouge_l(one, other, cutoff) == (score if score >= cutoff else 0.0)


def test_a_score_of_exactly_the_cutoff_passes_at_every_hundredth() -> None:
    """All pairs of up to 60 words a side whose score is a number of two digits."""
    missed = []
    for size in range(2, 121):
        for twice in range(0, size + 1, 2):
            if 100 * twice % size == 0:
                half = size // 2
                one = ["w"] * (twice // 2) + ["a"] * (half - twice // 2)
                other = ["w"] * (twice // 2) + ["b"] * (size - half - twice // 2)
                if rouge_l(one, other, (100 * twice // size) / 100) != twice / size:
                    missed.append((twice, size))
    assert missed == []


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.85, 0.9, 0.95])
def test_a_rewrite_at_the_threshold_is_a_near_duplicate(threshold: float) -> None:
    """Of 20 words the rewrite keeps just that share: rejected at it, accepted above it."""
    words = [f"w{chr(97 + i)}" for i in range(20)]
    kept = round(threshold * 20)
    of = task(" ".join(words))
    said = " ".join([*words[:kept], *(f"n{w}" for w in words[kept:])])
    rules = [Rules(near_duplicate=t) for t in (threshold, threshold + 1e-9)]
    found = [judge_all(of, [candidate(of, said)], r, None, {})[0].reasons for r in rules]
    assert [[r.rule for r in reasons] for reasons in found] == [["near_duplicate"], []]


def test_a_length_of_exactly_the_bound_is_rejected() -> None:
    """28 words of 25 are not fewer than 1.12 times them, whatever 1.12 * 25 is in binary."""
    of = task(" ".join(["word"] * 25))
    for n in range(1, 76):
        found = candidate(of, " ".join(["new"] * n))
        assert length(found, of, Rules(min_length=0, max_length=n / 25)), n
        assert length(found, of, Rules(min_length=n / 25, max_length=99)), n
