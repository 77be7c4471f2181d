"""Figures of whole pools and built sets are what docs/statistics.md says."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from instraug.errors import InputError
from instraug.evaluation.stats.built import SAMPLE, built_figures, known
from instraug.evaluation.stats.overlap import Overlap
from instraug.evaluation.stats.pool import pool_figures
from instraug.tasks.records import Task, instruction_id
from instraug.tasks.words import words

# ── a pool ───────────────────────────────────────────────────────────────────────────────────


def instruction(task: str, text: str, source: str, origin: int = 0) -> dict[str, Any]:
    own = instruction_id(task, text)
    return {"id": own, "task": task, "instruction": text, "source": source, "origin": origin}


POOL = [
    instruction("a", "Look at {text} now", "original"),
    instruction("a", "Look at {text} please", "generated"),
    instruction("a", "Count {text}", "original", 1),
    instruction("b", "look  at {text} NOW", "original"),
]


def test_a_pool_is_counted_before_and_after_by_task() -> None:
    figures = pool_figures(POOL)
    a, b = figures["tasks"]
    assert (a["task"], a["before"], a["after"], a["factor"]) == ("a", 2, 3, 1.5)
    assert (b["task"], b["before"], b["after"], b["factor"]) == ("b", 1, 1, 1.0)
    total = figures["total"]
    assert (total["tasks"], total["before"], total["after"]) == (2, 3, 4)
    assert total["factor"] == 4 / 3


def test_a_rewrite_is_compared_with_its_own_original() -> None:
    figures = pool_figures(POOL)
    assert figures["tasks"][0]["origin_rouge_l"] == 2 * 3 / (4 + 4)
    assert figures["tasks"][1]["origin_rouge_l"] is None


def test_the_self_rouge_l_of_a_pool_is_the_mean_over_its_tasks() -> None:
    figures = pool_figures([*POOL, instruction("b", "look at it", "original", 1)])
    a, b = (task["self_rouge_l"] for task in figures["tasks"])
    assert figures["total"]["self_rouge_l"] == pytest.approx((a + b) / 2)
    assert b == 2 * 2 / (4 + 3)


def test_texts_that_tasks_share_are_found_whatever_their_case_and_spacing() -> None:
    across = pool_figures(POOL)["across_tasks"]
    assert (across["texts"], across["instructions"]) == (1, 2)
    assert across["examples"] == [{"text": "look at {text} now", "tasks": ["a", "b"]}]


def test_a_pool_without_originals_or_rewrites_has_no_figure_of_them() -> None:
    empty = pool_figures([])
    assert empty["total"]["factor"] is None
    assert empty["lengths"] == {"original": None, "generated": None}
    orphan = pool_figures([instruction("a", "Look", "generated")])
    assert orphan["total"]["factor"] is None
    assert orphan["total"]["origin_rouge_l"] is None


# ── a built set ──────────────────────────────────────────────────────────────────────────────

TASK = Task("a", ("Look at {text}{end}",), constants={"end": " [End]"})


def built(task: str, prompt: str, own: str | None = None, image: str = "1.png") -> dict[str, Any]:
    return {"task_name": task, "prompt": prompt, "instruction_id": own, "image_path": image}


def test_the_share_of_instance_text_is_taken_over_rows_of_known_instructions() -> None:
    knowledge = known([TASK], [instruction("a", "See {text}", "generated")])
    generated = instruction_id("a", "See {text}")
    rows = [
        built("a", "Look at the red cat [End]", TASK.templates[0].id),  # 3 of 6
        built("a", "See x", generated),  # 1 of 2
        built("a", "something else", "ffff"),
    ]
    [figures] = built_figures(rows, knowledge)["tasks"]
    assert figures["instance_text_proportion"] == 4 / 8
    assert figures["original_share"] == 1 / 3
    assert (figures["rows"], figures["known_rows"], figures["instructions"]) == (3, 2, 3)


def test_without_knowledge_a_built_set_has_no_share_of_instance_text() -> None:
    figures = built_figures([built("a", "Look at it")])
    assert figures["total"]["instance_text_proportion"] is None
    assert figures["overlap"] is None


def test_the_total_adds_up_its_tasks() -> None:
    task = Task("b", ("{text}",))
    rows = [
        built("a", "Look at it [End]", TASK.templates[0].id),
        built("b", "one two three", task.templates[0].id),
        built("b", "one two", None),
    ]
    figures = built_figures(rows, known([TASK, task]))
    total = figures["total"]
    assert (total["tasks"], total["rows"], total["instructions"]) == (2, 3, 2)
    assert total["instance_text_proportion"] == (1 + 3) / (4 + 3)
    assert figures["lengths"]["prompt"]["texts"] == 3
    assert figures["lengths"]["prompt"]["max"] == 4


def test_a_pool_of_other_tasks_is_not_known_and_a_broken_one_is_named() -> None:
    assert known([], POOL) == {}
    broken = instruction("a", "Look {", "generated")
    with pytest.raises(InputError, match=f"instruction {broken['id']} of a: malformed"):
        known([TASK], [broken])


def test_same_picture_and_prompt_counts_as_duplicate_and_other_pictures_do_not() -> None:
    rows = [*[built("a", "Look")] * 2, built("b", "Look"), built("b", "Look", image="2.png")]
    found = built_figures(rows)["duplicates"]
    assert found == {"across": 1, "rows": 3, "repeated": 1}


def test_a_built_set_is_compared_with_evaluation_rows_on_the_way() -> None:
    overlap = Overlap([built("z", "Look", image="2.png")])
    found = built_figures([built("a", "Look"), built("a", "See")], None, overlap)["overlap"]
    assert (found["prompt"], found["image"], found["any"]) == (1, 0, 1)


def test_figures_of_a_built_set_do_not_depend_on_the_order_of_its_rows() -> None:
    same = [built("a", "Look at it", image=str(n)) for n in range(SAMPLE)]
    rows = [*same, *(built("ab"[n % 2], f"See {n}") for n in range(SAMPLE))]
    assert built_figures(rows) == built_figures(rows[::-1])


def test_memory_does_not_grow_with_the_rows() -> None:
    def stream(rows: int) -> Iterator[dict[str, Any]]:
        return (built("a", f"Look at number {n} and say it", image=str(n)) for n in range(rows))

    def peak(rows: int) -> int:
        words.cache_clear()
        tracemalloc.start()
        built_figures(stream(rows))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1_000)
    assert peak(20_000) < 1.2 * peak(2_000)
