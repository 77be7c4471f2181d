"""Shards cut files at line ends, lose nothing, and say what cannot be read."""

from __future__ import annotations

import gzip
import os
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from unittest import mock

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import InputError, StorageError
from instraug.training_set import shards
from instraug.training_set.shards import Shard, opened, split

BOM = b"\xef\xbb\xbf"


def read(shard: Shard) -> list[bytes]:
    with opened(shard, 8) as batches:
        return list(chain.from_iterable(batches))


@given(st.lists(st.binary(max_size=9), max_size=12), st.integers(1, 20), st.booleans())
def test_shards_of_any_size_hold_every_line_once(
    pieces: list[bytes], size: int, at_once: bool
) -> None:
    """Lines end at \\n and nowhere else; a line belongs to the shard that it starts in."""
    content = b"\n".join(pieces).replace(BOM, b"")
    usual = shards.SHARD if at_once else 0
    with NamedTemporaryFile() as file, mock.patch.object(shards, "SHARD", usual):
        Path(file.name).write_bytes(content)
        found = [line for shard in split([Path(file.name)], size) for line in read(shard)]
    assert found == [line + b"\n" for line in content.split(b"\n")[:-1]] + [
        line for line in content.split(b"\n")[-1:] if line
    ]


def test_a_line_longer_than_a_shard_is_whole(tmp_path: Path) -> None:
    """Shards within one line are empty, and the line is read once."""
    path = tmp_path / "rows"
    path.write_bytes(b"x" * 1000 + b"\nshort\n")
    found = [read(shard) for shard in split([path], 100)]
    assert len(found) == 11
    assert [line for lines in found for line in lines] == [b"x" * 1000 + b"\n", b"short\n"]


@pytest.mark.parametrize("size", [3, 1000])
def test_a_byte_order_mark_is_dropped_at_the_start_of_a_file_only(
    tmp_path: Path, size: int
) -> None:
    """The mark of the first line goes, one within the file stays."""
    path = tmp_path / "rows"
    path.write_bytes(BOM + b"a\n" + BOM + b"b\n")
    assert [line for s in split([path], size) for line in read(s)] == [b"a\n", BOM + b"b\n"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_file_is_one_shard(tmp_path: Path, suffix: str) -> None:
    """It has no way in but its start."""
    path = tmp_path / f"rows.jsonl{suffix}"
    pack = gzip.compress if suffix == ".gz" else zstandard.compress
    path.write_bytes(pack(BOM + b"a\n" * 5000 + BOM))
    (shard,) = split([path], 10)
    assert read(shard) == [b"a\n"] * 5000 + [BOM]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_file_that_is_cut_short_is_an_error(tmp_path: Path, suffix: str) -> None:
    """Whatever was read of it before the cut must not be used."""
    path = tmp_path / f"rows.jsonl{suffix}"
    pack = gzip.compress if suffix == ".gz" else zstandard.compress
    content = b"".join(str(n**5).encode() + b"\n" for n in range(30_000))
    path.write_bytes(pack(content)[:-200])
    with pytest.raises(InputError, match="cut short"):
        read(*split([path]))


@pytest.mark.parametrize("size", [100, 1 << 20])
@pytest.mark.parametrize("long", [b" " * 10 + b"\n", b"1" * 200_000])
def test_a_line_over_the_cap_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bytes, size: int
) -> None:
    """It never fills the memory, and is named by its number in the file, whatever is in it."""
    monkeypatch.setattr(shards, "LINE_CAP", 10)
    path = tmp_path / "rows"
    fits = b"x" * 9 + b"\n"
    path.write_bytes(fits * 50 + long)
    with pytest.raises(InputError, match="rows:51: the line is longer than 10 bytes"):
        [read(shard) for shard in split([path], size)]


def test_the_longest_line_that_fits_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newline counts; the last line may have none."""
    monkeypatch.setattr(shards, "LINE_CAP", 10)
    path = tmp_path / "rows"
    lines = [b"x" * 9 + b"\n", b"y" * 10]
    path.write_bytes(b"".join(lines))
    assert read(*split([path])) == lines


def test_every_path_that_is_no_file_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and a FIFO are three problems, all reported at once."""
    os.mkfifo(tmp_path / "fifo")
    paths = [tmp_path / "missing", tmp_path, tmp_path / "fifo"]
    with pytest.raises(InputError) as caught:
        split(paths)
    assert [p.where for p in caught.value.problems] == [str(p) for p in paths]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A file that goes between splitting and reading is one line for the user."""
    with pytest.raises(StorageError, match="cannot read"):
        read(Shard(tmp_path / "gone", 0, None))
