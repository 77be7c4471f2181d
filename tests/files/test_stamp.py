"""Files that may be edited by hand: one that was is never replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from instraug.files.stamp import may_write, write_stamped


@pytest.mark.fault(101)
def test_only_what_bears_its_stamp_is_written_over(tmp_path: Path) -> None:
    """A link, a FIFO, a folder, a changed byte: left alone, and not waited for."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "new")
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "link", "fifo"):
        assert not write_stamped(tmp_path / name, "x")
    path = tmp_path / "card"
    assert write_stamped(path, "one <!-- a --> two \ud800\n")
    assert write_stamped(path, "other\n")
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + b"?" + content[at + 1 :])
        assert not may_write(path)
    path.write_bytes(content + b"more")
    assert not may_write(path)
