"""Every call of a whole run that changes the disk is made to fail: no false success, ever."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from instraug.chain.expand import expand
from instraug.errors import InstraugError
from instraug.evaluation.verify import verify
from instraug.models.chat import Chat, Reply
from instraug.models.endpoint.wire import read_reply
from instraug.models.journal.replay import Replay
from instraug.models.opening import Model
from instraug.rewriting.config import Config
from instraug.rewriting.job import ExpandJob, load
from instraug.rewriting.run import Run
from tests.fakeserver import answers
from tests.faults.test_disk import Disk, faults
from tests.soak.scale import SCALE, times
from tests.soak.scratch import scratch
from tests.soak.watching import content

pytestmark = pytest.mark.slow

TASK = 'name: t\ninstructions: ["Is {text} somewhere in {region}?", "Say what the image shows."]\n'


class WholeDisk(Disk):
    """`Disk`, and also folders, removals and the writes of Python's own files."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mkdir", "unlink"):
            self.patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
        disk, real = self, Path.open

        def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
            if mode != "wb":
                return real(path, mode, *rest, **more)
            return io.BufferedWriter(_Raw(disk, path))

        self.patch.setattr(Path, "open", opened)


class _Raw(io.FileIO):
    """A file whose writes the disk may refuse, or take half of."""

    def __init__(self, disk: WholeDisk, path: Path) -> None:
        super().__init__(path, "w")
        self._refuse = disk._wrapped("write", self._really)

    def _really(self, _fd: int, data: Any) -> int:
        if not len(data):  # half of one byte; a kernel that has no room at all says so
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data) or 0

    def write(self, data: Any) -> int:
        written: int = self._refuse(self.fileno(), data)
        return written


class Endpoint:
    """Answers in process; keeps what it was asked and what came home."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def complete(self, chat: Chat) -> Reply:
        self.asked.append(chat.key)
        messages = [{"role": m.role, "content": m.content} for m in chat.messages]
        body = {"model": "m", "messages": messages, "seed": chat.seed}
        return read_reply(chat, json.dumps(answers.chat(body)))

    @asynccontextmanager
    async def opened(self, *_args: Any, **_more: Any) -> AsyncIterator[Model]:
        yield Model("m", self.complete, 2)


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as made:
        (made / "tasks").mkdir()
        (made / "tasks" / "t.yaml").write_text(TASK)
        yield made


def run(folder: Path, out: str, rewrites: int, endpoint: Endpoint) -> Run:
    job = ExpandJob(folder / "tasks", folder / out, "m", Config(rewrites=rewrites, model="m"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("instraug.chain.expand.opened", endpoint.opened)
        return expand(job, load(job))


def sound(out: Path, *, torn: bool = False) -> bool:
    """Whether a manifest stands there and tells the truth; ``torn``: the journal may have a tail
    that could not be taken off, which the next run does."""
    checks = [c for c in verify(out) if not (torn and c.name == "journal")]
    return not [p for c in checks for p in c.problems]


@pytest.mark.parametrize("again", [False, True], ids=["first run", "a run before"])
@pytest.mark.fault(70)
def test_no_failing_call_of_a_run_passes_for_success(folder: Path, again: bool) -> None:
    """EIO, ENOSPC and short writes, once or from then on: an error in one line, or a folder that
    verifies; what was recorded is not asked for again, and a well disk ends the job."""
    run(folder, "undisturbed", 2, Endpoint())
    with pytest.MonkeyPatch.context() as patch:
        counting = WholeDisk(patch)
        run(folder, "counted", 2, Endpoint())
    assert {"mkdir", "open", "write", "fsync", "fdatasync", "rename"} <= set(counting.calls)
    every = list(faults(len(counting.calls)))
    tried = every[:: max(1, round(1 / SCALE))]
    told = 0
    for case, (number, fault, for_good) in enumerate(tried):
        name, first, then = f"{case}", Endpoint(), Endpoint()
        out = folder / name
        if again:
            run(folder, name, 1, Endpoint())
        error = None
        with pytest.MonkeyPatch.context() as patch:
            disk = WholeDisk(patch, number, fault, for_good)
            try:
                done = run(folder, name, 2, first)
            except InstraugError as caught:
                error = caught
        if error is None:
            assert done.stopped is None
            assert not done.failed
            assert content(out) == content(folder / "undisturbed"), (disk.failed, number)
            assert sound(out), (disk.failed, number)
        else:
            told += 1
            assert disk.failed
            assert "\n" not in str(error)
            there = (out / "manifest.json").exists()
            assert not there or sound(out, torn=True), (disk.failed, number)
        recorded: set[str] = set()
        if (out / "replies.jsonl").exists():
            with Replay.read(out / "replies.jsonl") as replay:
                recorded = set(replay)
                assert set(first.asked) <= recorded | replay.unknown | _torn(replay)
        assert run(folder, name, 2, then).stopped is None
        assert not recorded & set(then.asked)
        assert content(out) == content(folder / "undisturbed")
        assert sound(out)
    assert told >= len(tried) * 0.8


def _torn(replay: Replay) -> set[str]:
    """Keys in what a short write left of a record."""
    return {d.data.split(b'"')[7].decode() for d in replay.damage if d.data.count(b'"') > 7}


@pytest.mark.fault(70)
def test_the_kernel_itself_refuses(folder: Path) -> None:
    """A limit on file size at every few bytes, which fails writes of any kind for real."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    run(folder, "undisturbed", 2, Endpoint())
    whole = max(p.stat().st_size for p in (folder / "undisturbed").iterdir())
    for size in range(0, whole, max(1, whole // times(300))):
        out = folder / f"{size}"
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            with pytest.raises(InstraugError) as caught:
                run(folder, out.name, 2, Endpoint())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert errno.errorcode[errno.EFBIG] in str(caught.value) or "short" in str(caught.value)
        assert not (out / "manifest.json").exists()
        assert run(folder, out.name, 2, Endpoint()).stopped is None
        assert sound(out)
