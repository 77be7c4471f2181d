"""Slips of the user: what was paid for is neither lost nor bought again without a word."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instraug.models.journal.journal import Journal
from instraug.models.journal.paths import POINTER
from instraug.models.journal.replay import Replay
from tests.child import Child
from tests.commandline import failed, instraug
from tests.fakeserver import FakeServer, running
from tests.faults.test_journal_path import RECORD, expand, tree

NAMES = ("color", "count")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Two tasks of two templates."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name in NAMES:
        write(folder, name)
    return folder


def write(folder: Path, name: str, *instructions: str) -> None:
    texts = instructions or (
        f"Look at the picture and name the {name} of the {{thing}} that is shown there.",
        f"What is the {name} of the {{thing}} in the middle of this large picture?",
    )
    listed = "".join(f"  - '{text}'\n" for text in texts)
    (folder / f"{name}.yaml").write_text(f"name: {name}\ninstructions:\n{listed}")


def rows(out: Path) -> bytes:
    return (out / "instructions.jsonl").read_bytes()


def manifest(out: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    return body


def names(out: Path) -> list[str]:
    return [task["name"] for task in manifest(out)["inputs"]["tasks"]]


class Still:
    """Holds a folder and a server's calls to what they were."""

    def __init__(self, folder: Path, server: FakeServer) -> None:
        self._folder, self._server = folder, server
        self._tree, self._calls = self._files(), len(server.calls)

    def _files(self) -> dict[str, bytes | None]:
        return {k: v for k, v in tree(self._folder).items() if not k.endswith(".lock")}

    def refused(self, done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
        """Assert one line and a code, no byte changed, no request sent."""
        failed(done, code, *said)
        assert self._files() == self._tree
        assert len(self._server.calls) == self._calls


# ── which journal ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["link", "hard link", "relative", "linked folder"])
@pytest.mark.fault(100)
def test_a_journal_in_use_is_refused_however_it_is_named(
    server: FakeServer, tasks: Path, tmp_path: Path, way: str
) -> None:
    """A run of another output folder ends at once, sends nothing, and names who has the journal."""
    journal, other = tmp_path / "j", tmp_path / "other"
    journal.touch()
    if way == "hard link":
        os.link(journal, other)
    elif way == "link":
        other.symlink_to("j")
    elif way == "linked folder":
        (tmp_path / "l").symlink_to(tmp_path)
        other = tmp_path / "l" / "j"
    else:
        other = Path(os.path.relpath(journal))
    who = "under another of its names" if way == "hard link" else f"process {os.getpid()}"
    with Journal.open(journal):
        failed(expand(server, tasks, tmp_path / "b", "--journal", other), 1, "in use by", who)
    assert server.calls == []
    assert expand(server, tasks, tmp_path / "b", "--journal", other).returncode == 0


@pytest.mark.fault(100)
def test_a_forgotten_journal_is_used_and_named(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """Run again without --journal: no request is sent, and one line says which journal it is."""
    out, journal = tmp_path / "out", tmp_path / "j"
    assert expand(server, tasks, out, "--journal", journal).returncode == 0
    calls, before = len(server.calls), rows(out)
    for more in ((), ("--frozen",)):
        done = expand(server, tasks, out, *more)
        assert done.returncode == 0, done.stderr
        assert "the journal is " in done.stderr
        assert len(server.calls) == calls
        assert rows(out) == before
    assert not (out / "replies.jsonl").exists()
    foreseen = json.loads(expand(server, tasks, out, "--dry-run", "--json").stdout)
    assert foreseen["requests"] == 0


@pytest.mark.fault(100)
def test_a_killed_run_leaves_word_of_its_journal(tasks: Path, tmp_path: Path) -> None:
    """Killed before there was a manifest, run again without --journal: nothing is bought twice, and
    one line says which journal it is; the manifest then says it alone."""
    out, journal = tmp_path / "out", tmp_path / "j"
    with running(FakeServer(delay=0.1)) as server:
        given = ("--model", "m", "--base-url", server.url, "--rewrites", 2, "--concurrency", 1)
        child = Child(tmp_path / "said", "expand", tasks, "-o", out, *given, "--journal", journal)
        while child.running and not (journal.exists() and b'"reply":' in journal.read_bytes()):
            time.sleep(0.002)
        assert child.kill(signal.SIGKILL)
        child.end()
        assert not (out / "manifest.json").exists()
        with Replay.read(journal) as replay:
            paid = set(replay)
        assert paid
        done = expand(server, tasks, out)
    assert done.returncode == 0, done.stderr
    assert "the journal is " in done.stderr
    assert not (out / "replies.jsonl").exists()
    with Replay.read(journal) as replay:
        records = map(json.loads, journal.read_text().splitlines())
        bought = [row["reply"] for row in records if "reply" in row]
        assert paid < set(replay)
        assert len(bought) == len(set(bought))
    assert not (out / POINTER).exists()
    assert (out / manifest(out)["journal"]).resolve() == journal.resolve()


def first_two(journal: bytes) -> bytes:
    """Return the records of a journal's first two replies."""
    lines = [(line, json.loads(line)) for line in journal.splitlines(keepends=True)]
    kept = [row["reply"] for _, row in lines if "reply" in row][:2]
    return b"".join(x for x, row in lines if "run" in row or {*kept} & {*map(str, row.values())})


@pytest.mark.parametrize("slip", ["gone", "moved", "emptied", "shortened", "another"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.fault(100)
def test_a_journal_that_lacks_what_the_rows_count_on_ends_expand(
    server: FakeServer, tasks: Path, tmp_path: Path, slip: str, shared: bool
) -> None:
    """Exit 1 with how many replies it lacks, nothing sent; --force buys them, or it is put back."""
    out = tmp_path / "out"
    named = ("--journal", tmp_path / "j") if shared else ()
    journal = tmp_path / "j" if shared else out / "replies.jsonl"
    assert expand(server, tasks, out, *named).returncode == 0
    calls, safe, before = len(server.calls), journal.read_bytes(), rows(out)
    other: tuple[object, ...] = ()
    if slip == "gone":
        journal.unlink()
    elif slip == "moved":
        journal.rename(tmp_path / "moved")
    elif slip == "emptied":
        journal.write_bytes(b"")
    elif slip == "shortened":
        journal.write_bytes(first_two(safe))
    else:
        (tmp_path / "new").write_bytes(RECORD)
        other = ("--journal", tmp_path / "new")
    still = Still(tmp_path, server)
    still.refused(expand(server, tasks, out, *other), 1, "lacks ", "replies that the rows", "force")
    if slip == "moved":
        done = expand(server, tasks, out, "--journal", tmp_path / "moved")
        assert (done.returncode, len(server.calls)) == (0, calls)
        return
    done = expand(server, tasks, out, *other, "--force")
    assert done.returncode == 0, done.stderr
    assert len(server.calls) == 2 * calls - (2 if slip == "shortened" else 0)
    assert rows(out) == before


@pytest.mark.fault(100)
def test_a_kill_and_damage_are_no_slip(server: FakeServer, tasks: Path, tmp_path: Path) -> None:
    """What was in flight, and what is damaged, is asked for again without --force."""
    out = tmp_path / "out"
    assert expand(server, tasks, out).returncode == 0
    path, before, calls = out / "replies.jsonl", rows(out), len(server.calls)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(x for x in lines if b'"reply":' not in x) + lines[-1][:50])
    done = expand(server, tasks, out)
    assert done.returncode == 0, done.stderr
    assert rows(out) == before
    assert len(server.calls) == 2 * calls


@pytest.mark.fault(100)
def test_the_manifest_finds_the_journal_from_where_the_folder_really_is(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """OUT is a link and --journal is relative: the folder's next run, by any name, buys nothing."""
    real, out = tmp_path / "deep" / "er" / "real", tmp_path / "out"
    real.mkdir(parents=True)
    out.symlink_to(real)
    journal = Path(os.path.relpath(tmp_path / "j"))
    assert expand(server, tasks, out, "--journal", journal).returncode == 0
    assert (real / manifest(out)["journal"]).resolve() == (tmp_path / "j").resolve()
    calls = len(server.calls)
    for name in (out, real):
        assert expand(server, tasks, name).returncode == 0
        assert instraug("filter", name, "-q").returncode == 0
        assert instraug("verify", name).returncode == 0
    assert len(server.calls) == calls


ODD = os.fsdecode(b"odd\xff")


@pytest.mark.parametrize("more", [("--journal", ODD), ("--model", ODD), ("--only", ODD, "color")])
@pytest.mark.fault(100)
def test_what_a_manifest_cannot_name_is_found_before_the_first_call(
    server: FakeServer, tasks: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """A byte that is not UTF-8, in a path or a setting: exit 2, nothing sent, nothing made."""
    value = tmp_path / ODD if more[0] == "--journal" else ODD
    still = Still(tmp_path, server)
    done = expand(server, tasks, tmp_path / "out", more[0], value, *more[2:])
    still.refused(done, 2, "0xff", "no UTF-8")


@pytest.mark.fault(100)
def test_a_number_that_a_manifest_cannot_hold_is_found_before_the_first_call(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """More than 64 bits, as an option or as a task's default: nothing sent, nothing made."""
    still = Still(tmp_path, server)
    for option in ("--max-tokens", "--max-requests", "--rpm", "--tpm"):
        done = expand(server, tasks, tmp_path / "out", option, 10**20)
        still.refused(done, 2, "give a number of at least 1")
    with (tasks / "color.yaml").open("a") as file:
        file.write("defaults: {thing: -9223372036854775809}\n")
    still = Still(tmp_path, server)
    still.refused(expand(server, tasks, tmp_path / "out"), 1, "color.yaml", "-9223372036854775809")


@pytest.mark.fault(100)
def test_an_output_folder_of_any_name_is_taken(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """OUT itself may be spelled in any bytes, as no manifest names it."""
    out = tmp_path / ODD
    assert expand(server, tasks, out).returncode == 0
    calls = len(server.calls)
    assert expand(server, tasks, out).returncode == 0
    assert instraug("verify", out).returncode == 0
    assert len(server.calls) == calls


# ── what stands in the output folder ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("lost", ["manifest.json", None])
@pytest.mark.fault(101)
def test_a_run_that_would_drop_tasks_ends_and_names_them(
    server: FakeServer, tasks: Path, tmp_path: Path, lost: str | None
) -> None:
    """--only another one, other tasks, a task file gone: exit 1, nothing sent; --force goes on."""
    out, other = tmp_path / "out", tmp_path / "other"
    other.mkdir()
    write(other, "shape")
    assert expand(server, tasks, out, "--only", "color").returncode == 0
    if lost:
        (out / lost).unlink()
    still = Still(tmp_path, server)
    for more in (("--only", "count"), ("--only", "count", "--dry-run")):
        still.refused(expand(server, tasks, out, *more), 1, "'color'", "--force")
    still.refused(expand(server, other, out), 1, "'color'", "--force")
    if lost:
        return
    assert expand(server, tasks, out).returncode == 0  # more tasks are no loss
    assert names(out) == ["color", "count"]
    (tasks / "color.yaml").unlink()
    Still(tmp_path, server).refused(expand(server, tasks, out), 1, "'color'")
    assert expand(server, tasks, out, "--force").returncode == 0
    assert names(out) == ["count"]


@pytest.mark.fault(101)
def test_an_edited_or_removed_template_is_no_lost_task(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """The run goes on, and asks for what is new alone."""
    out = tmp_path / "out"
    assert expand(server, tasks, out).returncode == 0
    calls = len(server.calls)
    write(tasks, "color", "Say which color the {thing} in the middle of this picture has.")
    assert expand(server, tasks, out).returncode == 0
    asked = [call.body["messages"][-1]["content"] for call in server.calls[calls:]]
    assert asked
    assert all(text.startswith("Say which color") for text in asked)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("instructions.jsonl", '{"instruction": "mine", "input": ""}\n'),
        ("rejected.jsonl", "a list of rejected things\n"),
        ("manifest.json", '{"name": "app", "icons": []}'),
        ("manifest.json", '{"kind": "build", "config": {}}'),
        ("instructions.jsonl", None),
        ("rejected.jsonl", "link"),
        ("manifest.json", "link"),
    ],
)
@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.fault(101)
def test_expand_and_filter_write_over_their_own_files_alone(
    server: FakeServer,
    tasks: Path,
    tmp_path: Path,
    name: str,
    content: str | None,
    force: tuple[str, ...],
) -> None:
    """Another program's file, a FIFO or a link of an output's name: exit 2, whatever is forced."""
    a, out = tmp_path / "a", tmp_path / "out"
    assert expand(server, tasks, a).returncode == 0
    out.mkdir()
    if content is None:
        os.mkfifo(out / name)
    elif content == "link":
        (out / name).symlink_to(a / name)
    else:
        (out / name).write_text(content)
    still = Still(tmp_path, server)
    still.refused(expand(server, tasks, out, *force), 2, name, "choose another")
    still.refused(instraug("filter", a, "-o", out, *force), 2, name, "choose another")


@pytest.mark.fault(101)
def test_filter_replaces_what_was_made_from_its_run_alone(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """A run of its own, or another's judgement: exit 1 unless forced; its own again: replaced."""
    a, b, c, d = (tmp_path / name for name in "abcd")
    for out, more in ((a, ()), (b, ("--seed", 1)), (c, ("--journal", a / "replies.jsonl"))):
        assert expand(server, tasks, out, *more).returncode == 0
    assert instraug("filter", a, "-o", d, "-q").returncode == 0
    still = Still(tmp_path, server)
    for dest in (b, c):
        still.refused(instraug("filter", a, "-o", dest, "-q"), 1, "not made from", "--force")
    still.refused(instraug("filter", b, "-o", d, "-q"), 1, "not made from", "--force")
    (tmp_path / "link").symlink_to(a)
    for run in (a, tmp_path / "link"):
        assert instraug("filter", run, "-o", d, "-q").returncode == 0
    assert instraug("filter", d, "-q").returncode == 0
    assert instraug("filter", a, "-o", b, "-q", "--force").returncode == 0
    assert rows(b) == rows(a)
    assert expand(server, tasks, d).returncode == 0  # made from a, by whose journal it goes on
    assert not (d / "replies.jsonl").exists()


@pytest.mark.fault(101)
def test_filter_drops_no_task_unasked(server: FakeServer, tasks: Path, tmp_path: Path) -> None:
    """The run has fewer tasks than when the judgement was made: exit 1, the task is named."""
    a, d = tmp_path / "a", tmp_path / "d"
    assert expand(server, tasks, a).returncode == 0
    assert instraug("filter", a, "-o", d, "-q").returncode == 0
    assert expand(server, tasks, a, "--only", "count", "--force").returncode == 0
    Still(tmp_path, server).refused(instraug("filter", a, "-o", d, "-q"), 1, "'color'")
    assert instraug("filter", a, "-o", d, "-q", "--force").returncode == 0
    assert names(d) == ["count"]


# ── who answered ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault(100)
def test_replies_of_another_endpoint_are_named(tasks: Path, tmp_path: Path) -> None:
    """The second run sends nothing, one line says who answered, and so do both manifests."""
    a, b, journal = tmp_path / "a", tmp_path / "b", tmp_path / "j"
    with running(FakeServer()) as first, running(FakeServer()) as second:
        assert expand(first, tasks, a, "--journal", journal).returncode == 0
        done = expand(second, tasks, b, "--journal", journal)
        assert done.returncode == 0, done.stderr
        assert second.calls == []
        assert f"replies that {first.url} gave are used again, not {second.url}'s" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert manifest(b)["endpoints"] == manifest(a)["endpoints"] == {first.url: len(first.calls)}
        assert expand(second, tasks, b, "--rewrites", 3).returncode == 0
        both = {first.url: len(first.calls), second.url: len(second.calls)}
        assert manifest(b)["endpoints"] == both
        assert instraug("filter", b, "-q").returncode == 0
        assert manifest(b)["endpoints"] == both
        assert expand(first, tasks, a, "--journal", journal).stderr == ""


@pytest.mark.fault(100)
def test_bootstrap_names_another_endpoint_too(tmp_path: Path) -> None:
    """Its replies are used again, and one line says who gave them."""
    body = json.dumps({"model": "m", "choices": [{"message": {"content": GUIDELINES}}]})
    with running(FakeServer(always=f"raw:{body}")) as first, running(FakeServer()) as second:
        for server in (first, second):
            command = ("meta-prompts", "bootstrap", "-o", tmp_path / "m.yaml", "--count", 2)
            more = ("--model", "m", "--base-url", server.url, "--force")
            done = instraug(*command, *more)
            assert done.returncode == 0, done.stderr
        assert f"replies that {first.url} gave are used again" in done.stderr
        assert second.calls == []


GUIDELINES = """1. Turn the whole instruction into one short question.
2. Use formal words in every sentence that you write."""


@pytest.mark.fault(100)
def test_an_older_journal_does_not_say_who_answered(tmp_path: Path) -> None:
    """Its replies are counted as unknown, and used as ever."""
    data = Path(__file__).parents[1] / "data" / "folder_of_0.1.0"
    out = Path(shutil.copytree(data / "out", tmp_path / "out"))
    assert instraug("filter", out, "-q").returncode == 0
    assert set(manifest(out)["endpoints"]) == {"unknown"}


@pytest.mark.parametrize("more", [("--frozen",), ("--dry-run",), ()])
@pytest.mark.fault(100)
def test_a_url_with_credentials_is_refused_and_not_shown(
    server: FakeServer, tasks: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """Also where nothing is asked, as the manifest keeps the URL."""
    out = tmp_path / "out"
    assert expand(server, tasks, out).returncode == 0
    given = ("--model", "m", "--base-url", "https://me:s3cret@host/v1", "--rewrites", 2)
    still = Still(tmp_path, server)
    done = instraug("expand", tasks, "-o", out, *given, *more, "-q")
    still.refused(done, 2, "credentials")
    assert "s3cret" not in done.stderr


# ── a frozen miss ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--seed", 7), "seed 0 -> 7"),
        (("--model", "n"), "model m -> n"),
        (("--temperature", 0.3), "temperatures null -> [0.3]"),
        (("--rewrites", 2), "no option differs"),
    ],
)
@pytest.mark.parametrize("place", ["same folder", "new folder", "journal alone"])
@pytest.mark.fault(100)
def test_a_frozen_miss_names_task_template_and_option(
    server: FakeServer,
    tasks: Path,
    tmp_path: Path,
    place: str,
    more: tuple[str, object],
    said: str,
) -> None:
    """Exit 5, by the folder's manifest, by that beside the journal, or by the journal itself."""
    out = tmp_path / "out"
    assert expand(server, tasks, out).returncode == 0
    journal = Path(shutil.copy(out / "replies.jsonl", tmp_path / "j"))
    if more[0] == "--rewrites":
        lines = journal.read_bytes().splitlines(keepends=True)
        kept = b"".join(x for i, x in enumerate(lines) if i < 2 or b'"run"' in x)
        journal.write_bytes(kept)
        (out / "replies.jsonl").write_bytes(kept)
    given: tuple[object, ...] = ()
    if place != "same folder":
        given = ("--journal", out / "replies.jsonl" if place == "new folder" else journal)
        out = tmp_path / "new"
    before = len(server.calls)
    done = expand(server, tasks, out, "--frozen", *given, *more)
    assert done.returncode == 5, done.stderr
    assert len(server.calls) == before
    last = done.stderr.splitlines()[-1]
    for text in ("task co", "template ", "of the {thing}", "temperature ", said):
        assert text in last


@pytest.mark.fault(100)
def test_a_frozen_miss_names_an_edited_template_and_other_models(
    server: FakeServer, tasks: Path, tmp_path: Path
) -> None:
    """What no option says: the template is another; an old journal's replies are of a model."""
    out = tmp_path / "out"
    assert expand(server, tasks, out).returncode == 0
    write(tasks, "color", "Say which color the {thing} in the middle of this picture has.")
    failed(expand(server, tasks, out, "--frozen"), 5, "task color", "this template")
    data = Path(__file__).parents[1] / "data" / "folder_of_0.1.0"
    shutil.copy(data / "out" / "replies.jsonl", tmp_path / "old")
    done = expand(server, tasks, tmp_path / "new", "--journal", tmp_path / "old", "--frozen")
    failed(done, 5, "task color", "-> m")
