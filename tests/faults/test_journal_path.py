"""A journal's path that is another file's: refused at once, by every command that has one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.models.journal.framing import frame
from instraug.models.journal.replay import Replay, content
from tests.commandline import EXAMPLES, failed, instraug
from tests.fakeserver import FakeServer, running

OUTPUTS = ("instructions.jsonl", "rejected.jsonl", "manifest.json", ".lock")
RECORD = frame({"reply": "aa", "model": "m", "choices": [["x", "stop"]], "usage": [1, 2, False]})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    shutil.copy(next((EXAMPLES / "tasks").rglob("color*.yaml")), folder / "color.yaml")
    return folder


def expand(
    server: FakeServer, tasks: Path, out: Path, *more: object
) -> subprocess.CompletedProcess[str]:
    given = ("--model", "m", "--base-url", server.url, "--rewrites", 2, "-q")
    return instraug("expand", tasks, "-o", out, *given, *more)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder, and its bytes."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
    }


def refused(server: FakeServer, tasks: Path, out: Path, journal: Path, *more: object) -> str:
    """Assert exit 2 in one line, no call, and no byte below the test's folder changed."""
    before, calls = tree(tasks.parent), len(server.calls)
    done = expand(server, tasks, out, "--journal", journal, *more)
    failed(done, 2, str(journal), "choose another")
    assert tree(tasks.parent) == before
    assert len(server.calls) == calls
    return done.stderr


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("state", ["new", "finished"])
@pytest.mark.fault(100)
def test_a_journal_named_over_an_output_is_refused(
    server: FakeServer, tasks: Path, tmp_path: Path, name: str, state: str
) -> None:
    """Any output's path, spelled in any way, before the folder is there and after."""
    out = tmp_path / "out"
    if state == "finished":
        assert expand(server, tasks, out).returncode == 0
    refused(server, tasks, out, out / name)
    refused(server, tasks, out, tasks / ".." / "out" / name, "--frozen")
    refused(server, tasks, out, out / name, "--dry-run")
    (tmp_path / "link").symlink_to(out / name)
    refused(server, tasks, out, tmp_path / "link")
    (tmp_path / "folder").symlink_to(out, target_is_directory=True)
    refused(server, tasks, out, tmp_path / "folder" / name.upper())
    if state == "finished":
        (out / name).write_bytes(b"")
        os.link(out / name, tmp_path / "hard")
        refused(server, tasks, out, tmp_path / "hard")


@pytest.mark.fault(100)
def test_a_journal_named_over_an_input_or_any_other_file_is_refused(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """A task, the config, meta-prompts, a note, by its name, a link, or a hard link."""
    out, meta, config = tmp_path / "out", tmp_path / "meta", tmp_path / "c.yaml"
    meta.mkdir()
    (meta / "m.yaml").write_text("id: m\ntitle: M\nkind: direct\ntext: Reword the instruction.\n")
    config.write_text("samples: 2\n")
    (tmp_path / "notes.txt").write_text("one\n\ntwo\n")
    (tmp_path / "rows.jsonl").write_text('{"crc": "x"}\n')
    more = ("-c", config, "--meta-prompts", meta)
    files = [tasks / "color.yaml", meta / "m.yaml", config]
    files += [tmp_path / "notes.txt", tmp_path / "rows.jsonl"]
    for i, path in enumerate(files):
        assert "is not a journal of replies" in refused(server, tasks, out, path, *more)
        (tmp_path / f"soft{i}").symlink_to(path)
        refused(server, tasks, out, tmp_path / f"soft{i}", *more)
        os.link(path, tmp_path / f"hard{i}")
        refused(server, tasks, out, tmp_path / f"hard{i}", *more)
    for folder in (tasks, meta):  # the next run would read it
        assert "would be read" in refused(server, tasks, out, folder / "new.yml", *more)
    (out).mkdir()
    (out / "replies.jsonl").write_text("mine\n")
    before = tree(tmp_path)
    failed(expand(server, tasks, out), 2, "replies.jsonl", "not a journal of replies")
    assert tree(tmp_path) == before
    assert server.calls == []


@pytest.mark.fault(100)
def test_a_journal_that_is_no_file_is_refused(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """A folder, a FIFO, a device, the output folder itself or one above it."""
    out = tmp_path / "new" / "out"
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "fifo"):
        assert "is " in refused(server, tasks, out, tmp_path / name)
    for path in (Path("/dev/null"), out, tmp_path / "new"):
        refused(server, tasks, out, path)


@pytest.mark.fault(100)
def test_an_output_is_never_written_over_a_journal(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """expand, filter, verify --junit and bootstrap --force spare another run's journal."""
    a, b, journal = tmp_path / "a", tmp_path / "b", tmp_path / "b" / "instructions.jsonl"
    b.mkdir()
    assert expand(server, tasks, a, "--journal", journal).returncode == 0
    before, calls = tree(tmp_path), len(server.calls)
    endpoint = ("--model", "m", "--base-url", server.url)
    for command in (
        ("expand", tasks, "-o", b, *endpoint),
        ("filter", a, "-o", b),
        ("verify", a, "--junit", journal),
        ("meta-prompts", "bootstrap", "-o", journal, "--force", *endpoint),
    ):
        done = instraug(*command)
        assert done.returncode == 2, done.stderr
        assert "b/instructions.jsonl: " in done.stderr
        assert "choose another" in done.stderr
        assert tree(tmp_path) == before
    assert len(server.calls) == calls


@pytest.mark.fault(100)
def test_bootstrap_takes_no_other_file_for_its_journal(server: FakeServer, tmp_path: Path) -> None:
    """FILE.replies.jsonl with something else in it, and a FILE that is none, are refused."""
    (tmp_path / "m.yaml.replies.jsonl").write_text("mine\n")
    os.mkfifo(tmp_path / "fifo")
    before = tree(tmp_path)
    for name, said in (("m.yaml", "not a journal of replies"), ("fifo", "not a regular file")):
        command = ("meta-prompts", "bootstrap", "-o", tmp_path / name, "--force")
        failed(instraug(*command, "--model", "m", "--base-url", server.url), 2, said)
    assert tree(tmp_path) == before
    assert server.calls == []


@pytest.mark.parametrize("start", [b"", b"\n \n", b"\0" * 4096, RECORD[:20], b"\n    \n" + RECORD])
@pytest.mark.fault(100)
def test_an_empty_a_blank_and_a_damaged_journal_are_taken(
    server: FakeServer, tasks: Path, tmp_path: Path, start: bytes
) -> None:
    """What a crash or a repair leaves of a journal's start is still one; the run ends well."""
    journal = tmp_path / "journal"
    journal.write_bytes(start)
    assert expand(server, tasks, tmp_path / "out", "--journal", journal).returncode == 0
    with Replay.read(journal) as replay:
        assert len(replay) >= len(server.calls) > 0


@pytest.mark.fault(100)
def test_a_journal_whose_first_record_is_damaged_is_taken(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """Its first bytes are hit: the record is set aside and asked for again, as anywhere else."""
    out = tmp_path / "out"
    assert expand(server, tasks, out).returncode == 0
    path, before = out / "replies.jsonl", (out / "instructions.jsonl").read_bytes()
    path.write_bytes(b"####" + path.read_bytes()[4:])
    assert "set aside" in expand(server, tasks, out).stderr
    assert (out / "instructions.jsonl").read_bytes() == before


@given(st.binary(max_size=80))
@pytest.mark.fault(100)
def test_no_bytes_pass_for_a_journal_that_do_not_begin_like_one(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Random bytes are none, unless they are blank; behind an intact record they are damage."""
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    blank = not data.strip(b"\0 \t\r\n")
    torn = data.lstrip(b"\0 \t\r\n") in {RECORD[:n] for n in range(1, 9)}
    assert content(path) == (
        "nothing" if blank else "the start of a journal" if torn else "not a journal of replies"
    )
    path.write_bytes(data + b"\n" + RECORD)
    assert content(path) == "a journal"


@pytest.mark.fault(100)
def test_a_shared_journal_still_serves(server: FakeServer, tasks: Path, tmp_path: Path) -> None:
    """A new journal inside the output folder or the task folder, or behind a link, is taken."""
    (tmp_path / "link").symlink_to(tmp_path / "behind")
    for i, journal in enumerate([tmp_path / "o0" / "j", tasks / "j.jsonl", tmp_path / "link"]):
        out = tmp_path / f"o{i}"
        assert expand(server, tasks, out, "--journal", journal).returncode == 0
        manifest = json.loads((out / "manifest.json").read_text())
        assert (out / manifest["journal"]).resolve() == journal.resolve()
