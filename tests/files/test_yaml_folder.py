"""Folders of YAML files: found in order, and nothing outside them is looked at."""

from __future__ import annotations

import os
from pathlib import Path

from instraug.files.yaml_folder import files


def test_files_of_a_folder_are_sorted_and_stay_inside(tmp_path: Path) -> None:
    """Subfolders are walked, hidden names and other suffixes skipped, nothing is followed."""
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    for name in ("b/z.yaml", "b/c/y.yml", "a.yaml", "x.YAML", "note.txt", ".hidden/q.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a: 1")
    outside.mkdir()
    (outside / "o.yaml").write_text("a: 1")
    (folder / "d").symlink_to(outside)
    (folder / "l.yaml").symlink_to(outside / "o.yaml")
    (folder / "gone.yml").symlink_to(outside / "nothing")
    (folder / "b/loop").symlink_to(folder)
    (folder / "image.png").symlink_to(outside / "o.yaml")
    os.mkfifo(folder / "pipe.yaml")
    found, wrong = files(folder)
    names = [str(p.relative_to(folder)) for p in found]
    assert names == ["a.yaml", "b/c/y.yml", "b/z.yaml", "x.YAML"]
    told = [(str(Path(p.where).relative_to(folder)), p.what) for p in wrong]
    link = "is a symbolic link"
    assert told == [
        *[("b/loop", link), ("d", link), ("gone.yml", link), ("l.yaml", link)],
        ("pipe.yaml", "is not a regular file"),
    ]


def test_an_unreadable_folder_is_a_problem(tmp_path: Path) -> None:
    """A folder that cannot be listed is told, not taken for an empty one."""
    found, (problem,) = files(tmp_path / "none")
    assert (found, problem.what) == ([], "cannot be read: No such file or directory")
