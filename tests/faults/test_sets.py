"""Sets whose readers would take them for something else, and rows whose ids repeat."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sets import built, caption_row


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("form", "target", "note"),
    [
        ("alpaca", "2020-01-01", "date_targets"),
        ("tsv", "None", "missing_targets"),
        ("tsv", "007", "respelled_targets"),
        ("messages", "a <video>", "media_words"),
    ],
)
def test_what_a_reader_takes_for_something_else_is_reported(
    tmp_path: Path, form: str, target: str, note: str
) -> None:
    """Types by block, null words, numbers and words for media: built, counted, with a place."""
    dest = "set.tsv" if form == "tsv" else "set.json"
    summary = built(tmp_path, [caption_row(1, target_txt=target)], dest, format=form)
    assert summary.figures()["readers"] == {note: {"caption": 1}}
    assert summary.remarks()[0].startswith(f"{tmp_path / 'rows.jsonl'}:1: 1 rows (caption 1): ")


@pytest.mark.fault(106)
def test_ids_that_repeat_are_counted_and_the_cure_is_named(tmp_path: Path) -> None:
    """Rows of one id share one draw; --draw-by content draws for each."""
    rows = [caption_row(n, unique_id="same") for n in range(50)]
    (remark,) = built(tmp_path, rows, pool=3).remarks()
    assert "49 rows have the unique_id of an earlier row" in remark
    assert "--draw-by content" in remark
    assert built(tmp_path, rows, pool=3, draw_by="content", force=True).remarks() == []
