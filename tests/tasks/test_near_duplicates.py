"""Near-duplicates of a pool: no pair is missed, none is invented, and which ones go."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from instraug.tasks.near_duplicates import NearPair, left_out, near_pairs
from instraug.tasks.neighbours import Alphabet, Neighbours
from instraug.tasks.words import rouge_l, words

THRESHOLDS = (0.6, 0.8, 0.9, 0.95, 1.0)


class OurWords(Tokenizer):  # type: ignore[misc]
    """Splits as `words` does."""

    def tokenize(self, text: str) -> list[str]:
        return list(words(text))


def texts_of(seed: int, count: int = 120) -> list[str]:
    """Texts of few words, many of which are made from an earlier one by a few changes."""
    chance, made = random.Random(seed), list[str]()
    for _ in range(count):
        if made and chance.random() < 0.6:
            split = chance.choice(made).split()
            for _ in range(chance.randint(0, 2)):
                at = chance.randrange(len(split) + 1)
                split[at : at + chance.randint(0, 1)] = chance.choices(
                    "abcd", k=chance.randint(0, 1)
                )
        else:
            split = chance.choices("abcdefghijklmnop", k=chance.randint(1, 45))
        made.append(" ".join(split) or "a")
    return made


def every_pair(texts: list[str], threshold: float) -> list[NearPair]:
    """What `near_pairs` states, by a look at every pair."""
    first: dict[tuple[str, ...], int] = {}
    for number, text in enumerate(texts):
        first.setdefault(words(text), number)
    found = []
    for one, other in combinations(range(len(texts)), 2):
        score = rouge_l(words(texts[one]), words(texts[other]), threshold)
        firsts = first[words(texts[one])], first[words(texts[other])]
        if score and (firsts == (one, other) or firsts == (one, one)):
            found.append(NearPair(one, other, score))
    return found


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_every_near_pair_is_found_and_no_other(threshold: float) -> None:
    """Its pairs and scores are those of a look at every pair."""
    pairs = 0
    for seed in range(4):
        texts = texts_of(seed)
        found = near_pairs(texts, threshold)
        assert found == every_pair(texts, threshold)
        pairs += len(found)
    assert pairs


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_an_index_for_many_texts_finds_the_same(threshold: float) -> None:
    """It is cut into other pieces, which changes the time alone."""
    for seed in range(3):
        alphabet = Alphabet()
        spelled = [alphabet.learn(text) for text in texts_of(seed)]
        few, many = Neighbours[int](threshold), Neighbours[int](threshold, many=True)
        for number, text in enumerate(spelled):
            assert few.search(text) == many.search(text)
            few.add(number, text)
            many.add(number, text)


def test_lengths_that_are_too_short_are_forgotten() -> None:
    """What is near stays to be found, down to the shortest length that can be."""
    index = Neighbours[int](0.8)
    for length in range(1, 11):
        index.add(length, "a" * length)
    index.forget_far(10)
    assert index.search("a" * 10) == {7, 8, 9, 10}
    assert index.search("a" * 6) == {7, 8, 9}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), max_size=12),
    st.sampled_from(THRESHOLDS),
)
def test_short_texts_and_empty_ones_too(texts: list[str], threshold: float) -> None:
    """Whatever the lengths: texts without a word are equal to each other and near to no other."""
    assert near_pairs(texts, threshold) == every_pair(texts, threshold)


def test_the_verdicts_are_those_of_rouge_score() -> None:
    """The package of the field, given our words, finds the same pairs near."""
    texts = list(dict.fromkeys(texts_of(9, 60)))
    scorer = RougeScorer(["rougeL"], tokenizer=OurWords())
    near = {
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if scorer.score(texts[i], texts[j])["rougeL"].fmeasure >= 0.8 - 1e-9
    }
    assert near == {(one, other) for one, other, _ in near_pairs(texts, 0.8)}


@pytest.mark.parametrize("stays", [lambda _: False, lambda number: number < 40])
def test_no_two_near_texts_stay_and_each_that_goes_is_near_to_one_that_does(
    stays: Callable[[int], bool],
) -> None:
    """But for those that stay in any case."""
    for seed in range(4):
        texts = texts_of(seed)
        pairs = near_pairs(texts, 0.8)
        gone = left_out(pairs, stays)
        assert gone
        assert not any(stays(number) for number in gone)
        for number, near in gone.items():
            assert near not in gone
            assert near < number
            assert rouge_l(words(texts[number]), words(texts[near]), 0.8)
        for one, other, _ in pairs:
            assert one in gone or other in gone or stays(other)


def test_the_earliest_of_a_cluster_stays() -> None:
    """And what is near only to one that went stays, as each is judged against those that stay."""
    chain = ["a b c d e f g h i j", "a b c d e f g h y z", "a b c d e f w x y z"]
    assert left_out(near_pairs(chain, 0.8), lambda _: False) == {1: 0}
    assert left_out(near_pairs([*chain, "A b c d e f g h y, z!"], 0.8), lambda _: False) == {
        1: 0,
        3: 0,
    }
