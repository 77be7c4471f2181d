"""The disk refuses: every call that can fail is made to fail in turn; nothing lies about it."""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import StorageError
from instraug.files.jsonl import write_jsonl
from instraug.files.lock import Lock
from instraug.files.manifest import write_manifest
from instraug.models.chat import Choice, Reply, Usage
from instraug.models.journal.journal import Journal
from instraug.models.journal.replay import Replay

CALLS = ("open", "write", "pwrite", "ftruncate", "fsync", "fdatasync", "rename")
FAULTS = (errno.EIO, errno.ENOSPC, "short")


@dataclass
class Disk:
    """Counts the calls that change files; one of them, or all from it on, fail."""

    patch: pytest.MonkeyPatch
    fails: int = -1
    """The call (from 0) that fails; -1 for none."""
    fault: int | str = errno.EIO
    for_good: bool = False
    calls: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in CALLS:
            self.patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            if number != self.fails and not (self.for_good and 0 <= self.fails <= number):
                return real(*args)
            self.failed.append(name)
            if self.fault == "short" and name in ("write", "pwrite"):
                return real(args[0], args[1][: len(args[1]) // 2], *args[2:])
            number = self.fault if isinstance(self.fault, int) else errno.ENOSPC
            raise OSError(number, os.strerror(number))

        return call


REPLIES = [Reply(f"{n:02x}", "m", (Choice(f"text {n}"),), Usage(1, 2), "{}") for n in range(4)]


def use(path: Path, recorded: list[str]) -> None:
    """A run's use of the journal; ``recorded`` learns of each reply that is safe."""
    with Journal.open(path) as journal:
        for reply in REPLIES[1:]:
            journal.intend(reply.key)
            journal.record(reply)
            recorded.append(reply.key)
        journal.record_score("s", "k", 0.5)
        journal.sync()


def faults(calls: int) -> Iterator[tuple[int, int | str, bool]]:
    return (
        (number, fault, for_good)
        for number in range(calls)
        for fault in FAULTS
        for for_good in (False, True)
    )


HEAD, TAIL = b'glued{"crc":"0', b'{"crc":"12'
DAMAGE = b"glued\n" + HEAD[5:] + b"\n" + TAIL + b"\n"


def journal_of(path: Path, damaged: bool) -> None:
    """One reply, and around it what a crash leaves."""
    with Journal.open(path) as journal:
        journal.record(REPLIES[0])
    if damaged:
        path.write_bytes(HEAD + path.read_bytes() + TAIL)


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.fault(70)
def test_no_failing_call_loses_a_recorded_reply_or_passes_for_success(
    tmp_path: Path, damaged: bool
) -> None:
    """Every open, write, sync, truncation of a journal, also while it is being repaired."""
    with pytest.MonkeyPatch.context() as patch:
        journal_of(tmp_path / "counted", damaged)
        counting = Disk(patch)
        use(tmp_path / "counted", [])
    for case, (number, fault, for_good) in enumerate(faults(len(counting.calls))):
        path, recorded = tmp_path / f"{case}", [REPLIES[0].key]
        journal_of(path, damaged)
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, number, fault, for_good)
            try:
                use(path, recorded)
            except StorageError as error:
                told = str(error)
            else:
                told = ""
        assert bool(told) == bool(disk.failed), (disk.calls, disk.failed, told)
        assert not told or (str(path) in told or str(tmp_path) in told)
        with Replay.read(path) as replay:
            assert set(recorded) <= set(replay), (disk.failed, told)
        aside = {file.read_bytes() for file in tmp_path.glob(f"{case}.damaged-*")}
        assert aside <= {DAMAGE}, (disk.failed, told)
        with Journal.open(path) as journal:  # the disk is well again
            for reply in REPLIES:
                journal.record(reply)
            assert [journal.get(r.key) for r in REPLIES] == REPLIES
        with Replay.read(path) as replay:
            assert not replay.damage


OLD, NEW = [{"old": 1}], [{"n": n, "text": "x" * 50} for n in range(40)]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
@pytest.mark.fault(70)
def test_an_output_is_whole_whichever_call_fails(tmp_path: Path, suffix: str) -> None:
    """Either the old file or the new one stands there, and no temporary file is left."""
    old, new, path = (tmp_path / f"{name}{suffix}" for name in ("old", "new", "out"))
    write_jsonl(old, OLD)
    with pytest.MonkeyPatch.context() as patch:
        counting = Disk(patch)
        write_jsonl(new, NEW)
    for number, fault, for_good in faults(len(counting.calls)):
        path.write_bytes(old.read_bytes())
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, number, fault, for_good)
            with pytest.raises(StorageError):
                write_jsonl(path, NEW)
        assert disk.failed
        renamed = "rename" in disk.calls and "rename" not in disk.failed
        assert path.read_bytes() == (new if renamed else old).read_bytes()
        assert sorted(tmp_path.iterdir()) == sorted([old, new, path])


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel end every file at this many bytes: short writes, then EFBIG, for real."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.fault(70)
def test_a_journal_that_the_kernel_cuts_short_stays_readable(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    use(whole, [])
    for size in range(30, whole.stat().st_size, 7):
        path, recorded = tmp_path / f"{size}", list[str]()
        with file_size_limit(size), pytest.raises(StorageError, match=r"short write|cannot write"):
            use(path, recorded)
        with Replay.read(path) as replay:
            assert list(replay) == recorded
            assert not replay.damage  # the half-written record was taken off again
        use(path, recorded)
        with Replay.read(path) as replay:
            assert len(replay) == 3


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
@pytest.mark.fault(70)
def test_an_output_that_the_kernel_cuts_short_is_not_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write_jsonl(path, NEW)
    whole = path.stat().st_size
    path.unlink()
    for size in range(0, whole, max(1, whole // 30)):
        with file_size_limit(size), pytest.raises(StorageError, match="cannot write: File too"):
            write_jsonl(path, NEW)
        assert list(tmp_path.iterdir()) == []
    with file_size_limit(whole):
        write_jsonl(path, NEW)


@pytest.mark.fault(70)
def test_after_a_failed_sync_nothing_more_is_called_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel reports a lost page once; the next sync would lie."""
    journal = Journal.open(tmp_path / "j")
    journal.record(REPLIES[0])
    with pytest.MonkeyPatch.context() as patch:
        Disk(patch, 0, errno.EIO)
        with pytest.raises(StorageError, match="cannot sync: Input/output error"):
            journal.sync()
    with pytest.raises(StorageError, match="cannot sync: Input/output error"):
        journal.record(REPLIES[1])
    for attempt in (journal.sync, journal.close):
        with pytest.raises(StorageError, match="cannot sync: Input/output error"):
            attempt()
    with Journal.open(tmp_path / "j") as again:  # and the lock is free
        assert again.get(REPLIES[0].key) == REPLIES[0]


@pytest.mark.fault(70)
def test_a_sync_that_fails_in_the_background_stops_the_next_record(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j")
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch, 1, errno.EIO)  # 0 is the write, 1 the sync that follows by itself
        journal.record(REPLIES[0])
        while not disk.failed:
            time.sleep(0.01)
        time.sleep(0.1)
    with pytest.raises(StorageError, match="cannot sync"):
        journal.record(REPLIES[1])
    with pytest.raises(StorageError, match="cannot sync"):
        journal.close()


def unwritable(tmp_path: Path) -> Path:
    """A folder that even root cannot write to."""
    if os.geteuid() == 0:
        return Path("/sys/kernel")
    tmp_path.chmod(0o500)
    return tmp_path


@pytest.mark.parametrize(
    "use_it",
    [
        Lock.folder,
        lambda folder: Journal.open(folder / "replies.jsonl"),
        lambda folder: write_jsonl(folder / "f.jsonl", []),
        lambda folder: write_manifest(folder / "manifest.json", {}),
    ],
)
@pytest.mark.fault(71)
def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, use_it: Callable[[Path], object]
) -> None:
    folder = unwritable(tmp_path)
    with pytest.raises(StorageError) as caught:
        use_it(folder)
    tmp_path.chmod(0o700)
    assert str(caught.value).startswith(f"{folder}/")
    assert "check its permissions, or choose another path" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.fault(70)
def test_reading_a_journal_that_vanished_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "j"
    use(path, [])
    with Replay.read(path) as replay:
        os.truncate(path, 10)
        with pytest.raises(StorageError, match=r"holds no reply .*; run `instraug verify`"):
            replay.get(REPLIES[2].key)


@pytest.mark.fault(70)
def test_a_read_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    use(tmp_path / "j", [])
    with Replay.read(tmp_path / "j") as replay:
        monkeypatch.setattr(os, "pread", broken)
        with pytest.raises(StorageError, match=r"j: cannot read: Input/output error \(EIO\); "):
            replay.get(REPLIES[2].key)


@pytest.mark.parametrize("opener", [Journal.open, Replay.read])
@pytest.mark.fault(61)
def test_a_fifo_folder_or_device_is_no_journal_and_is_not_waited_for(
    tmp_path: Path, opener: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("fifo", "folder", "device"):
        with pytest.raises(StorageError, match=r"not a regular file|EISDIR"):
            opener(tmp_path / name)
