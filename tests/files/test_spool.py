"""What is put by comes back as it was, from memory or from the disk, and leaves no file."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import StorageError
from instraug.files import spool
from instraug.files.spool import Groups, Spool

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.lists(st.one_of(st.text(st.characters(codec="utf-8")), st.integers(-9, 9), st.none())),
    ),
    max_size=40,
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that goes to the disk at once, and is read a few bytes at a time."""
    monkeypatch.setattr(spool, "IN_MEMORY", 1)
    monkeypatch.setattr(spool, "_BLOCK", 7)


def grouped(rows: list[tuple[str, list[Any]]], one: Spool) -> dict[str, list[Any]]:
    groups = Groups(one)
    for name, row in rows:
        groups.add(name, row)
    return {name: list(groups.rows(name)) for name in groups.names()}


@given(ROWS)
def test_rows_come_back_by_their_name(rows: list[tuple[str, list[Any]]]) -> None:
    """Whatever order they came in, each name has its own, in the order in which they came."""
    wanted: dict[str, list[Any]] = {}
    for name, row in rows:
        wanted.setdefault(name, []).append(row)
    with Spool() as one:
        found = grouped(rows, one)
    assert found == wanted
    assert list(found) == list(wanted)


@pytest.mark.usefixtures("small")
def test_the_disk_changes_nothing(tmp_path: Path) -> None:
    """On the disk, read in pieces and written again in between, rows are what they were."""
    rows = [("a", ["one\u2028\ntwo", n]) if n % 3 else ("b", [n]) for n in range(50)]
    with Spool(tmp_path) as one:
        assert not list(tmp_path.iterdir())
        found = grouped(rows, one)
        stretch = one.put([{"n": n} for n in range(5)])
        assert grouped(rows, one) == found
        copied = io.BytesIO()
        one.copy([stretch, stretch], copied)
        lines = [orjson.loads(line) for line in copied.getvalue().splitlines()]
        assert lines == [{"n": n} for n in range(5)] * 2
        assert not list(tmp_path.iterdir())
    assert found == {name: [r for n, r in rows if n == name] for name in ("b", "a")}


@pytest.mark.usefixtures("small")
def test_a_disk_that_is_full_is_one_line(tmp_path: Path) -> None:
    """Where nothing more can be written, the error names the folder and the reason."""
    with (
        pytest.raises(StorageError, match=r"cannot write: .*EFBIG") as raised,
        Spool(tmp_path) as one,
        no_file_over(1 << 16),
    ):
        one.put(["x" * 1000] * 200)
    assert str(tmp_path) in str(raised.value)


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
