"""A file appears complete under its name, or the old one stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from instraug.errors import StorageError
from instraug.files.atomic import atomic_writer


def test_the_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old")
    with atomic_writer(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_on_an_error_the_old_file_stays_and_nothing_is_left_behind(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old")

    def half() -> None:
        with atomic_writer(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_data_then_name_then_folder_are_synced_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, os.rename

    def watched_fsync(fd: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"
        calls.append(f"fsync {kind}, {os.fstat(fd).st_size if kind == 'file' else ''}")
        fsync(fd)

    def watched_rename(old: Path, new: Path) -> None:
        calls.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "rename", watched_rename)
    with atomic_writer(tmp_path / "out") as file:
        file.write(b"12345")
    assert calls == ["fsync file, 5", "rename", "fsync folder, "]


def test_a_new_file_has_the_users_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with atomic_writer(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_missing_folder_is_one_line_with_the_path_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "none" / "out"
    with pytest.raises(StorageError) as caught, atomic_writer(path):
        pass
    said = f"{path}: cannot write: No such file or directory (ENOENT); check the path"
    assert str(caught.value) == said


def test_a_folder_in_the_files_place_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(StorageError, match=r"EISDIR.*; give a file, not a folder"),
        atomic_writer(tmp_path / "out"),
    ):
        pass
    assert (tmp_path / "out").is_dir()
