"""Parquet has one schema for rows of any keys, and is read back by pyarrow and `datasets`."""

from __future__ import annotations

import gc
import gzip
import json
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from instraug.errors import InputError, UsageError
from instraug.training_set.formats import parquet
from tests.sets import (
    CAPTION,
    NASTY,
    Row,
    built,
    caption_row,
    choice_row,
    find_row,
    nasty_row,
    rows_of,
    write_rows,
)

ROWS = [nasty_row(), choice_row(1), caption_row(2), find_row(3, image_path=None)]


def whole(row: Row) -> Row:
    """A row of the table with everything put back where it was."""
    found = {k: v for k, v in row.items() if v is not None}
    if "meta_data" in found:
        found["meta_data"] = json.loads(found["meta_data"])
    extra = json.loads(found.pop("extra", "{}"))
    return {**found, **extra}


def test_every_row_comes_back_whole(tmp_path: Path) -> None:
    """Keys that differ by row, nested metadata, nulls: what went in comes out."""
    odd = caption_row(4, context=["a", "b"], width=5, options=[1, 2], note=NASTY, text=None)
    rows = [*ROWS, odd]
    wanted = rows_of(tmp_path, rows, shuffle_options=False)
    built(tmp_path, rows, "out.parquet", shuffle_options=False)
    table = pq.read_table(tmp_path / "out.parquet")
    found = [whole(row) for row in table.to_pylist()]
    assert found == [{k: v for k, v in row.items() if v is not None} for row in wanted]


def test_the_schema_is_the_same_whatever_the_rows(tmp_path: Path) -> None:
    """A set of captions and a set of everything can be read as one."""
    built(tmp_path, ROWS, "a.parquet")
    built(tmp_path, [caption_row(1)], "b.parquet")
    assert pq.read_schema(tmp_path / "a.parquet") == pq.read_schema(tmp_path / "b.parquet")
    built(tmp_path, ROWS, "set", format="parquet")
    found = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert found["train"][0]["question"] == NASTY
    assert len(found["train"]) == 4


def test_rows_stand_in_groups_that_do_not_depend_on_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many rows make several row groups; two processes leave the same bytes."""
    monkeypatch.setattr(parquet, "GROUP", 3000)
    rows = [caption_row(i) for i in range(8000)]
    built(tmp_path, rows, "one.parquet", tasks=[CAPTION])
    built(tmp_path, rows, "two.parquet", tasks=[CAPTION], workers=2)
    metadata = pq.read_metadata(tmp_path / "one.parquet")
    assert (metadata.num_rows, metadata.num_row_groups) == (8000, 2)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


@pytest.mark.parametrize("cut", [False, True])
def test_a_failed_build_says_nothing_but_its_problems(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], cut: bool
) -> None:
    """A writer that never gets to its footer goes quietly, and leaves no file."""
    path = write_rows(tmp_path / "rows.jsonl", [*ROWS, {"a": 1}])
    if cut:
        path = tmp_path / "rows.jsonl.gz"
        path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-9])
    with pytest.raises(InputError):
        built(tmp_path, path, "out.parquet")
    gc.collect()
    assert not list(tmp_path.glob("*.parquet*"))
    assert capfd.readouterr() == ("", "")


def test_parquet_is_compressed_inside(tmp_path: Path) -> None:
    """A .parquet.gz, which no reader opens, is refused."""
    with pytest.raises(UsageError, match=r"written as \.parquet"):
        built(tmp_path, ROWS, "out.parquet.gz")


def test_a_list_of_one_picture_is_that_picture(tmp_path: Path) -> None:
    """The column is text: one picture in a list stands in it, and none is null."""
    rows = [caption_row(1, image_path=["a.jpg"]), caption_row(2, image_path=[]), caption_row(3)]
    built(tmp_path, rows, "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["image_path"].to_pylist() == ["a.jpg", None, "images/3.jpg"]
    assert table["extra"].to_pylist() == [None] * 3


def test_several_pictures_are_a_fault(tmp_path: Path) -> None:
    """There is no room for them; the line names the formats that have."""
    rows = [caption_row(1, image_path=["a.jpg", "b.jpg"])]
    with pytest.raises(InputError, match=r"2 images.*room for one.*prompt-completion.*ms-swift"):
        built(tmp_path, rows, "out.parquet")
