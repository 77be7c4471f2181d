"""One process per folder: the kernel keeps the lock, and frees it however its holder ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from instraug.errors import LockedError, StorageError
from instraug.files.lock import Lock

HOLDER = """
import sys
from pathlib import Path
from instraug.errors import LockedError
from instraug.files.lock import Lock
sys.stdin.readline()
try:
    with Lock.folder(Path(sys.argv[1])):
        print("won", flush=True)
        sys.stdin.readline()
except LockedError as error:
    print(error, flush=True)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start a process that tries for the lock when told to."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def hear(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def end(*children: subprocess.Popen[str]) -> None:
    for child in children:
        child.kill()
        child.communicate()


def double_starts(folder: Path, repeats: int) -> None:
    for _ in range(repeats):
        pair = holder(folder), holder(folder)
        try:
            for child in pair:
                say(child)
            answers = [hear(child) for child in pair]
            assert answers.count("won") == 1, answers
            winner = pair[answers.index("won")]
            refusal = answers[1 - answers.index("won")]
            assert f"in use by process {winner.pid} on {socket.gethostname()}" in refusal
        finally:
            end(*pair)


def test_of_two_starts_exactly_one_wins_and_the_other_names_it(tmp_path: Path) -> None:
    """FAULTS 75, 20 times."""
    double_starts(tmp_path, 20)


@pytest.mark.slow
def test_of_a_hundred_double_starts_each_has_one_winner(tmp_path: Path) -> None:
    """FAULTS 75, 100 times."""
    double_starts(tmp_path, 100)


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    child = holder(tmp_path)
    try:
        (tmp_path / ".lock").write_text("x" * 500)
        say(child)
        assert hear(child) == "won"
        with pytest.raises(LockedError, match=f"process {child.pid} "):
            Lock.folder(tmp_path)
        child.send_signal(signal.SIGKILL)
        child.wait()
        with Lock.folder(tmp_path):
            name = f"process {os.getpid()} on {socket.gethostname()}"
            assert (tmp_path / ".lock").read_text() == name
    finally:
        end(child)


def test_a_child_process_does_not_keep_its_parents_lock(tmp_path: Path) -> None:
    with Lock.folder(tmp_path):
        child = subprocess.Popen(["sleep", "30"])
    try:
        with Lock.folder(tmp_path):
            assert child.poll() is None
            assert str(os.getpid()) in (tmp_path / ".lock").read_text()
    finally:
        child.kill()
        child.wait()


def test_a_released_lock_can_be_released_again_and_taken_again(tmp_path: Path) -> None:
    lock = Lock.folder(tmp_path)
    lock.release()
    with Lock.folder(tmp_path):
        lock.release()
        with pytest.raises(LockedError):
            Lock.folder(tmp_path)


def test_the_lock_of_a_file_is_a_hidden_sibling(tmp_path: Path) -> None:
    with Lock.file(tmp_path / "replies.jsonl"):
        assert [p.name for p in tmp_path.iterdir()] == [".replies.jsonl.lock"]


def test_a_hostile_lock_file_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with Lock.folder(tmp_path):
        (tmp_path / ".lock").write_bytes(b"\x1b[2J\xff" + b"x" * 10_000)
        with pytest.raises(LockedError) as caught:
            Lock.folder(tmp_path)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 800 + len(str(tmp_path))


def test_an_earlier_holder_that_has_ended_is_not_named(tmp_path: Path) -> None:
    with Lock.folder(tmp_path):
        gone = subprocess.Popen(["true"])
        gone.wait()
        (tmp_path / ".lock").write_text(f"process {gone.pid} on {socket.gethostname()}")
        with pytest.raises(LockedError, match="in use by another process"):
            Lock.folder(tmp_path)
        (tmp_path / ".lock").write_text(f"process {gone.pid} on elsewhere")
        with pytest.raises(LockedError, match=f"in use by process {gone.pid} on elsewhere"):
            Lock.folder(tmp_path)


def test_a_holder_of_another_user_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_ours(pid: int, signum: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", not_ours)
    with Lock.folder(tmp_path), pytest.raises(LockedError, match=f"process {os.getpid()} on"):
        Lock.folder(tmp_path)


def test_a_holder_that_has_not_yet_said_its_name_is_another_process(tmp_path: Path) -> None:
    with Lock.folder(tmp_path):
        os.truncate(tmp_path / ".lock", 0)
        with pytest.raises(LockedError, match="in use by another process"):
            Lock.folder(tmp_path)


def test_a_folder_that_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none/\.lock: cannot lock: No such file .*ENOENT"):
        Lock.folder(tmp_path / "none")
