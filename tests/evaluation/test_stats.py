"""Lengths, diversity, proportion, overlap and duplicates, each held against other arithmetic."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import StorageError
from instraug.evaluation.stats.diversity import distinct, self_rouge_l
from instraug.evaluation.stats.duplicates import repeats
from instraug.evaluation.stats.overlap import SHOWN, Overlap, digest, keys
from instraug.evaluation.stats.proportion import instance_words, template_words
from instraug.tasks.lengths import BINS, lengths
from instraug.tasks.records import Task
from instraug.tasks.rendering import renderer

# ── lengths ──────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.integers(0, 3000), min_size=1))
def test_quartiles_are_the_nearest_ranks_and_the_mean_is_the_mean(values: list[int]) -> None:
    found, ordered = lengths(Counter(values)), sorted(values)
    assert found is not None
    ranks = [ordered[math.ceil(len(values) * q / 4) - 1] for q in (1, 2, 3)]
    assert [found.q1, found.median, found.q3] == ranks
    assert (found.texts, found.min, found.max) == (len(values), ordered[0], ordered[-1])
    assert found.mean == pytest.approx(sum(values) / len(values))


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_every_text_is_in_exactly_one_of_at_most_ten_bins_of_one_width(values: list[int]) -> None:
    found = lengths(Counter(values))
    assert found is not None
    bins = found.histogram
    assert len(bins) <= BINS
    assert all(n == sum(first <= v <= last for v in values) for first, last, n in bins)
    assert sum(n for _, _, n in bins) == len(values)
    assert len({last - first for first, last, _ in bins}) == 1
    assert all(a[1] + 1 == b[0] for a, b in pairwise(bins))


def test_no_text_has_no_lengths() -> None:
    assert lengths({}) is None
    assert lengths({3: 0}) is None


# ── diversity ────────────────────────────────────────────────────────────────────────────────


def test_distinct_n_counts_within_texts_and_over_all_of_them() -> None:
    texts = [["look", "at", "the", "cat"], ["look", "at", "it"]]
    assert distinct(texts, 1) == 5 / 7
    assert distinct(texts, 2) == 4 / 5  # "cat look" would cross from one text into the next
    assert distinct(texts, 3) == 3 / 3
    assert distinct(texts, 5) is None


def longest_common_subsequence(one: list[str], other: list[str]) -> int:
    row = [0] * (len(other) + 1)
    for a in one:
        before = row
        row = [0]
        for j, b in enumerate(other, 1):
            row.append(before[j - 1] + 1 if a == b else max(before[j], row[j - 1]))
    return row[-1]


words_of_few = st.lists(st.sampled_from("abcd"), min_size=1, max_size=8)


@given(st.lists(words_of_few, min_size=2, max_size=6))
def test_self_rouge_l_is_the_mean_f1_of_common_subsequences_of_all_pairs(
    texts: list[list[str]],
) -> None:
    scores = [
        2 * longest_common_subsequence(a, b) / (len(a) + len(b)) for a, b in combinations(texts, 2)
    ]
    assert self_rouge_l(texts) == pytest.approx(sum(scores) / len(scores))


def test_one_text_has_no_self_rouge_l() -> None:
    assert self_rouge_l([["a"]]) is None


def test_a_sample_of_pairs_is_the_same_every_time_and_close_to_all_pairs() -> None:
    texts = [[str(i % 7), str(i % 5), str(i % 3), "same"] for i in range(120)]
    sampled, exact = self_rouge_l(texts, 500), self_rouge_l(texts, 10_000)
    assert sampled == self_rouge_l(texts, 500) != exact
    assert sampled == pytest.approx(exact, abs=0.02)


def test_a_sample_never_pairs_a_text_with_itself() -> None:
    texts = [[str(i)] for i in range(200)]
    assert self_rouge_l(texts, 1999) == 0


# ── instance text proportion ─────────────────────────────────────────────────────────────────

MARK = "\ue000"
literal = st.text("ab \n\"'.", max_size=12)
value = st.text("xy z", min_size=1, max_size=8).filter(lambda text: text == text.strip())


@given(st.lists(st.tuples(literal, st.sampled_from(["{text}", "{options}", "{end}"]))), literal)
def test_words_that_hold_part_of_a_value_are_the_instances(
    parts: list[tuple[str, str]], tail: str
) -> None:
    template = "".join(map("".join, parts)) + tail
    task = Task("t", (), constants={"end": "\n\n[End]:"}, separators={"options": "||||"})
    marked = {"text": f"{MARK} {MARK}", "options": [MARK, f"{MARK}{MARK}"]}
    prompt = renderer(template, task)(marked).split()
    counted = instance_words(len(prompt), template_words(template, task.constants))
    assert counted == sum(MARK in word for word in prompt)


@pytest.mark.parametrize(
    ("template", "own"),
    [
        ("Is {text} here?{options_token} {options}", 3),  # Is, here?, [Options]:
        ('Say "{text}" twice.', 2),
        ("{question}", 0),
        ("Two {{literal}} braces.", 3),
    ],
)
def test_the_words_of_a_template_are_those_no_field_touches(template: str, own: int) -> None:
    assert template_words(template, {"options_token": "\n\n[Options]:"}) == own


def test_the_instance_never_has_fewer_words_than_none() -> None:
    assert instance_words(3, 5) == 0


# ── overlap and duplicates ───────────────────────────────────────────────────────────────────


def test_rows_share_pictures_questions_of_one_task_and_prompts() -> None:
    evaluation = [
        {"task_name": "vqa", "image_path": "./a/1.png", "question": "Why?"},
        {"task_name": "vqa", "image_path": "a/2.png", "prompt": "Look."},
    ]
    overlap = Overlap(evaluation)
    rows: list[dict[str, Any]] = [
        {"unique_id": "1", "task_name": "vqa", "image_path": "a/1.png", "question": "Why?"},
        {"unique_id": "2", "task_name": "other", "image_path": "b.png", "question": "Why?"},
        {"unique_id": "3", "task_name": "vqa", "image_path": "a/x/../2.png", "question": "Who?"},
        {"unique_id": "4", "task_name": "other", "image_path": "c.png", "prompt": "Look."},
        {"unique_id": "5", "task_name": "vqa"},
    ]
    for row in rows:
        overlap.check(row)
    assert overlap.figures() == {
        "evaluation_rows": 2,
        "image": 2,
        "text": 1,
        "prompt": 1,
        "any": 3,
        "examples": [
            {"task_name": "vqa", "unique_id": "1", "shared": ["image", "text"]},
            {"task_name": "vqa", "unique_id": "3", "shared": ["image"]},
            {"task_name": "other", "unique_id": "4", "shared": ["prompt"]},
        ],
    }


def test_rows_without_text_question_picture_or_prompt_share_nothing() -> None:
    assert keys({"task_name": "t", "text": "", "question": None, "image_path": ""}) == {}


def test_a_text_is_no_question() -> None:
    told, asked = ({"task_name": "t", name: "Why?"} for name in ("text", "question"))
    assert keys(told)["text"] != keys(asked)["text"]


def test_only_the_first_few_overlaps_are_shown() -> None:
    overlap = Overlap([{"image_path": "a"}])
    for n in range(SHOWN + 3):
        overlap.check({"unique_id": str(n), "image_path": "a"})
    assert [e["unique_id"] for e in overlap.examples] == [str(n) for n in range(SHOWN)]
    assert overlap.counts["any"] == SHOWN + 3


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc"))))
def test_repeats_are_what_counting_in_memory_finds(keyed: list[tuple[int, str]]) -> None:
    found = repeats(iter(keyed))
    tasks = {key: {t for k, t in keyed if k == key} for key, _ in keyed}
    shared = {key for key, holders in tasks.items() if len(holders) > 1}
    assert found.across == len(shared)
    assert found.rows == sum(key in shared for key, _ in keyed)
    assert found.repeated == len(keyed) - len(set(keyed))


def test_a_refusal_of_the_disk_is_a_storage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    base = sqlite3.connect("")
    base.execute("PRAGMA max_page_count = 1")
    monkeypatch.setattr(sqlite3, "connect", lambda _: base)
    with pytest.raises(StorageError, match="TMPDIR"):
        repeats([(1, "a")])


def test_digests_fit_sqlite_and_tell_the_boundary_between_texts() -> None:
    assert digest("a", "b") != digest("ab") != digest("a\0b")
    assert digest(None) != digest("None")
    assert 0 <= min(map(digest, range(1000))) <= max(map(digest, range(1000))) < 2**63
