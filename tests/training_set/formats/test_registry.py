"""A destination's name says file or folder, format and compression."""

from __future__ import annotations

from pathlib import Path

import pytest

from instraug.errors import StorageError, UsageError
from instraug.training_set.formats import registry
from instraug.training_set.formats.base import Options
from instraug.training_set.formats.registry import FORMATS, DataFile, data_file


@pytest.mark.parametrize(
    ("dest", "name", "expected"),
    [
        ("set", None, DataFile("multiinstruct", ".jsonl")),
        ("set", "llava", DataFile("llava", ".json")),
        ("set.v2", "tsv", DataFile("tsv", ".tsv")),
        ("a.jsonl", None, DataFile("multiinstruct", ".jsonl", "", True)),
        ("a.json", None, DataFile("multiinstruct", ".json", "", True)),
        ("a.tsv", None, DataFile("tsv", ".tsv", "", True)),
        ("a.tsv", "ofa-vqa", DataFile("ofa-vqa", ".tsv", "", True)),
        ("a.parquet", None, DataFile("parquet", ".parquet", "", True)),
        ("a.jsonl.gz", None, DataFile("multiinstruct", ".jsonl", ".gz", True)),
        ("a.b.jsonl.zst", "alpaca", DataFile("alpaca", ".jsonl", ".zst", True)),
    ],
)
def test_what_a_destination_means(dest: str, name: str | None, expected: DataFile) -> None:
    """Known suffixes make a file and its usual format; anything else is a folder."""
    assert data_file(Path(dest), name) == expected


@pytest.mark.parametrize(
    ("dest", "name"),
    [("a.tsv", "llava"), ("a.jsonl", "parquet"), ("a.parquet", "tsv"), ("a.json", "tsv")],
)
def test_a_format_is_not_written_under_a_suffix_that_is_not_its_own(dest: str, name: str) -> None:
    """The fix names the suffixes that are."""
    with pytest.raises(UsageError, match="written as"):
        data_file(Path(dest), name)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_loads_for_each_of_its_suffixes(name: str) -> None:
    """The table names modules and kinds that are there."""
    for suffix in FORMATS[name].suffixes:
        assert registry.load(name, Options(suffix)).block_rows > 0


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the user is told what to install."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(StorageError, match=r"pip install '\.\[parquet\]'"):
        registry.load("parquet", Options(".parquet"))
