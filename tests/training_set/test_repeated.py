"""Ids: missing ones are made by content, repeated ones are counted, and content can draw."""

from __future__ import annotations

import json
import pickle
import random
from collections import Counter
from pathlib import Path

import pytest

from instraug.training_set import repeated
from instraug.training_set.repeated import Repeated
from tests.sets import CAPTION, Row, built, caption_row, choice_row, rows_of, write_rows

MANY = [caption_row(n, unique_id="same") for n in range(2000)]


def used(rows: list[Row]) -> Counter[str]:
    return Counter(row["instruction_id"] for row in rows)


@pytest.mark.parametrize("missing", ["", None, ...])
def test_rows_without_an_id_draw_by_their_content(tmp_path: Path, missing: object) -> None:
    """Absent, null or empty: rows get ids and instructions of their own, in any order."""
    rows = [caption_row(n) for n in range(300)]
    for row in rows:
        del row["unique_id"]
        if missing is not ...:
            row["unique_id"] = missing
    found = rows_of(tmp_path, rows, pool=4)
    assert len({row["unique_id"] for row in found}) == 300
    assert len(used(found)) == 7
    assert built(tmp_path, rows, "x.jsonl").remarks() == []
    again = rows_of(tmp_path, list(reversed(rows)), pool=4)
    assert sorted(map(json.dumps, again)) == sorted(map(json.dumps, found))
    assert len(rows_of(tmp_path, rows, per_task=100)) == 100


def test_numbers_are_ids_and_targets(tmp_path: Path) -> None:
    """They are written as text, and draw as the same text does."""
    numbers = [caption_row(n, unique_id=n, target_txt=n / 2 if n % 2 else n) for n in range(20)]
    texts = [
        r | {"unique_id": str(r["unique_id"]), "target_txt": str(r["target_txt"])} for r in numbers
    ]
    assert rows_of(tmp_path, numbers) == rows_of(tmp_path, texts)
    row = choice_row(1, options=[1, 2, 3], target_txt=2)
    (found,) = rows_of(tmp_path, [row])
    assert (found["target"], found["target_txt"]) == ("2", "2")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_repeated_id_is_counted_and_content_is_the_cure(tmp_path: Path, workers: int) -> None:
    """Rows of one id share one draw: a line says how many, and what draws for each of them."""
    summary = built(tmp_path, MANY, pool=4, workers=workers)
    assert summary.figures()["repeated_ids"] == 1999
    (remark,) = summary.remarks()
    assert remark.startswith(
        f"{tmp_path / 'rows.jsonl'}: 1999 rows have the unique_id of an earlier"
    )
    assert "--draw-by content" in remark
    assert len(used(rows_of(tmp_path, MANY, pool=4))) == 1
    cured = built(tmp_path, MANY, pool=4, draw_by="content", force=True)
    assert cured.remarks() == []
    share = cured.figures()["epsilon"]["realised"]
    assert 0.4 < share < 0.6
    found = rows_of(tmp_path, MANY, pool=4, draw_by="content")
    assert len(used(found)) == 7
    assert {row["unique_id"] for row in found} == {"same"}


def test_ids_of_other_tasks_are_others(tmp_path: Path) -> None:
    """An id counts within its task; a file that is repeated counts as a whole."""
    rows = [*[caption_row(n, unique_id=f"{n}") for n in range(9)], choice_row(1, unique_id="1")]
    assert built(tmp_path, rows).figures()["repeated_ids"] == 0
    rows += rows
    assert built(tmp_path, rows, force=True).figures()["repeated_ids"] == 10


def test_content_draws_options_and_caps_too(tmp_path: Path) -> None:
    """With every instruction of the pool, and under a cap, rows of one id are told apart."""
    rows = [choice_row(n, unique_id="same") for n in range(60)]
    found = rows_of(tmp_path, rows, draw_by="content", per_instance="all")
    assert len({tuple(row["options"]) for row in found}) > 10
    assert len(rows_of(tmp_path, rows, draw_by="content", per_task=7)) == 7


def test_counting_takes_bounded_memory_and_is_exact_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to the limit the count is exact, in parts too; beyond it is about right."""
    rng = random.Random(1)
    numbers = [rng.getrandbits(64) for _ in range(30_000)]
    whole, parts = Repeated(), Repeated()
    whole.add(numbers)
    for start in range(0, 30_000, 1000):
        part = Repeated()
        part.add([*numbers[start : start + 1000], numbers[0], numbers[start]])
        parts.merge(pickle.loads(pickle.dumps(part)))  # noqa: S301  of our own
    assert (whole.count, whole.exact) == (0, True)
    assert (parts.count, parts.exact) == (60, True)
    monkeypatch.setattr(repeated, "LIMIT", 1000)
    for sizes in ([30_000], [500] * 60, [17] * 1000, [29_000, 1000]):
        many = Repeated()
        for turn in range(2):
            start = 0
            for size in sizes:
                part = Repeated()
                part.add(numbers[start : start + size])
                many.merge(part)
                start += size
            assert many.count == (0 if turn == 0 else pytest.approx(min(start, 30_000), rel=0.2))
        assert len(many._seen) <= 1000
        assert not many.exact


def test_one_file_with_many_ids_is_counted_within_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says that it is an estimate."""
    monkeypatch.setattr(repeated, "LIMIT", 500)
    rows = [caption_row(n % 3000) for n in range(6000)]
    file = write_rows(tmp_path / "in.jsonl", rows)
    summary = built(tmp_path, file, tasks=[CAPTION])
    assert summary.figures()["repeated_ids"] == pytest.approx(3000, rel=0.3)
    assert " about " in summary.remarks()[0]
