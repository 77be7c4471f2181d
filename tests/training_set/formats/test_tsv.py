"""The TSV of INSTRAUG's loaders is read back by `csv` and pandas, columns by number and by name."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from instraug.training_set.formats.base import Options
from instraug.training_set.formats.tsv import COLUMNS, make
from tests.sets import NASTY, built, caption_row, choice_row, nasty_row, rows_of

ROWS = [nasty_row(), choice_row(1), caption_row(2)]


def test_csv_reads_back_every_field(tmp_path: Path) -> None:
    """Columns 0, 3, 5 and 6 are id, image, prompt and target, whatever is in them."""
    wanted = rows_of(tmp_path, ROWS)
    built(tmp_path, ROWS, "out.tsv")
    with (tmp_path / "out.tsv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t", strict=True)
    assert head[:7] == [
        *("unique_id", "image_source", "task_name", "image_path"),
        *("target_txt", "prompt", "target"),
    ]
    keys = ("unique_id", "image_path", "prompt", "target", "instruction_id")
    found = [(r[0], r[3], r[5], r[6], r[7]) for r in rows]
    assert found == [tuple(row[key] for key in keys) for row in wanted]
    assert rows[0][1] == NASTY


def test_pandas_reads_back_every_field(tmp_path: Path) -> None:
    """As INSTRAUG's own loaders do."""
    wanted = rows_of(tmp_path, ROWS)
    built(tmp_path, ROWS, "out.tsv")
    with (tmp_path / "out.tsv").open(encoding="utf-8", newline="") as file:
        table = pd.read_csv(file, sep="\t", keep_default_na=False)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["prompt"]) == [row["prompt"] for row in wanted]
    assert list(table["target"]) == [row["target"] for row in wanted]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXT, TEXT, TEXT)
def test_any_text_comes_back(unique_id: str, prompt: str, target: str) -> None:
    """Quotes, tabs and line ends of any kind, alone or together."""
    fields = {"unique_id": unique_id, "task_name": "t", "target_txt": target}
    built = {"prompt": prompt, "target": target, "instruction_id": "id"}
    line = make(Options(".tsv")).encode(fields | built)
    text = io.StringIO(line.decode(), newline="")
    (row,) = csv.reader(text, delimiter="\t", strict=True)
    assert row == [unique_id, "", "t", "", target, prompt, target, "id"]
