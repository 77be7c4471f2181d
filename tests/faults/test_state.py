"""Faults of state, through the real command line: what a run finds when it comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instraug.evaluation.verify import verify
from instraug.models.chat import Choice, Reply, Usage
from instraug.models.journal.journal import Journal
from instraug.models.journal.replay import Replay
from tests.child import environment
from tests.commandline import EXAMPLES, failed, instraug
from tests.fakeserver import FakeServer, running

TASKS = EXAMPLES / "tasks"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


def expand(server: FakeServer, out: Path, *more: object) -> subprocess.CompletedProcess[str]:
    given = ("--model", "m", "--base-url", server.url, "--only", "color*", "--rewrites", 2)
    return instraug("expand", TASKS, "-o", out, *given, *more)


def manifest(out: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    return body


def content(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in ("instructions.jsonl", "rejected.jsonl")]


def doubtful(out: Path, keep: int) -> int:
    """Leave a finished run's first replies, and only the intents of the rest; return how many."""
    path = out / "replies.jsonl"
    kept, replies = [], 0
    for line in path.read_text().splitlines(keepends=True):
        replies += '"reply":' in line
        if '"reply":' not in line or replies <= keep:
            kept.append(line)
    path.write_text("".join(kept))
    return replies - keep


@pytest.mark.fault(73)
def test_calls_of_unknown_outcome_are_told_counted_and_asked_once_more(
    server: FakeServer, tmp_path: Path
) -> None:
    """Such a key is named in the manifest, and the run ends as undisturbed."""
    out = tmp_path / "out"
    expand(server, out)
    before, calls = content(out), len(server.calls)
    lost = doubtful(out, keep=3)
    done = expand(server, out, "-q")
    assert done.returncode == 0, done.stderr
    assert f"{lost} calls of an earlier run had an unknown outcome" in done.stderr
    assert len(manifest(out)["run"]["unknown"]) == lost
    assert len(server.calls) == calls + lost
    assert content(out) == before
    again = expand(server, out, "-q")
    assert again.stderr == ""
    assert manifest(out)["run"]["unknown"] == []


@pytest.mark.fault(73, 78)
def test_a_call_of_unknown_outcome_is_charged_to_the_budget(
    server: FakeServer, tmp_path: Path
) -> None:
    """With 6 in doubt and 10 requests allowed, 5 are asked: each has its doubtful one beside it."""
    out = tmp_path / "out"
    expand(server, out)
    calls = len(server.calls)
    assert doubtful(out, keep=calls - 6) == 6
    assert expand(server, out, "--max-requests", 10, "-q").returncode == 4
    assert len(server.calls) - calls == 5
    with Replay.read(out / "replies.jsonl") as replay:
        assert len(replay.unknown) == 1  # the one that the budget refused
    assert expand(server, out, "-q").returncode == 0
    assert len(server.calls) - calls == 6


@pytest.mark.fault(74)
def test_a_record_stays_readable_when_damage_on_its_line_is_blanked(tmp_path: Path) -> None:
    """The newline behind a reply is lost and what follows is damaged: fixed twice, it is there."""
    path = tmp_path / "replies.jsonl"
    reply = Reply("aa", "m", (Choice("text"),), Usage(1, 2), "{}")
    with Journal.open(path) as journal:
        journal.record(reply)
    path.write_bytes(path.read_bytes()[:-1] + b'{"crc":"00000000","reply":"bb"}\n{"x"}\nx\n')
    for _ in range(2):
        with Journal.open(path) as journal:
            assert list(journal) == ["aa"]
            assert journal.get("aa") == reply
    with Replay.read(path) as replay:
        assert not replay.damage


@pytest.mark.fault(77)
def test_a_changed_config_is_told_and_buys_nothing_twice(
    server: FakeServer, tmp_path: Path
) -> None:
    """More rewrites wanted: the line names old and new, and the old replies are used."""
    out = tmp_path / "out"
    expand(server, out)
    calls = len(server.calls)
    done = expand(server, out, "--rewrites", 3, "-q")
    assert "changed since the last run: rewrites 2 -> 3; replies" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    run = manifest(out)["run"]
    assert run["reused"] == calls
    assert run["requests"] == len(server.calls) - calls
    bodies = [json.dumps(c.body, sort_keys=True) for c in server.calls]
    assert len(set(bodies)) == len(bodies)


@pytest.mark.parametrize("text", [None, "", '{"config":', "[]", "null", '{"config":5}', "\x00"])
@pytest.mark.fault(79)
def test_a_lost_or_corrupt_manifest_is_rebuilt_by_running_again(
    server: FakeServer, tmp_path: Path, text: str | None
) -> None:
    """No request is made, and but for its account of the run the manifest is what it was."""
    out = tmp_path / "out"
    expand(server, out)
    before, calls = manifest(out), len(server.calls)
    path = out / "manifest.json"
    path.unlink() if text is None else path.write_text(text)
    failed(instraug("filter", out, "-q"), 1, "manifest.json", "again")
    done = expand(server, out, "-q")
    assert done.returncode == 0, done.stderr
    unreadable = text not in (None, '{"config":5}')
    assert ("it is written anew" in done.stderr) == unreadable
    after = manifest(out)
    assert len(server.calls) == calls
    assert {**after, "run": None} == {**before, "run": None}


@pytest.mark.parametrize("kept", [[{"name": 5, "templates": [{}, []]}, {"name": "t"}], [[]], 5, {}])
@pytest.mark.fault(79)
def test_verify_says_what_a_manifest_of_another_shape_lacks(kept: Any, tmp_path: Path) -> None:
    """Whatever stands where the tasks were: problems, and no traceback."""
    (tmp_path / "instructions.jsonl").write_text("")
    (tmp_path / "manifest.json").write_text(json.dumps({"inputs": {"tasks": kept}}))
    checks = verify(tmp_path)
    assert [c.name for c in checks if c.problems][:2] == ["manifest", "journal"]


@pytest.mark.fault(79)
def test_a_manifest_that_cannot_be_replaced_is_one_line(server: FakeServer, tmp_path: Path) -> None:
    """A folder of that name: no traceback, and no success."""
    (tmp_path / "out" / "manifest.json").mkdir(parents=True)
    done = expand(server, tmp_path / "out", "-q")
    failed(done, 2, "manifest.json: is a folder")
    assert not server.calls


def test_a_forecast_is_compared_with_what_came(server: FakeServer, tmp_path: Path) -> None:
    """The manifest's run section holds what ``--dry-run`` says, and how far off it was."""
    told = json.loads(expand(server, tmp_path / "out", "--dry-run", "--json").stdout)
    expand(server, tmp_path / "out")
    body = manifest(tmp_path / "out")
    foreseen = body["run"]["foreseen"]
    assert foreseen["requests"] == told["requests"]
    assert foreseen["tokens"] == sum(told["usage"].values())
    assert foreseen["requests_off"] == round(len(server.calls) / told["requests"] - 1, 3)
    taken = sum(body["usage"].values())
    assert foreseen["tokens_off"] == round(taken / sum(told["usage"].values()) - 1, 3)


@pytest.mark.fault(80)
def test_a_reader_that_goes_away_is_no_error_message(server: FakeServer, tmp_path: Path) -> None:
    """stdout closed early: nothing on stderr, and the outputs are complete."""
    given = ["--model", "m", "--base-url", server.url, "--only", "color*", "--rewrites", "2"]
    command = [sys.executable, "-m", "instraug", "expand", str(TASKS), "-o", str(tmp_path / "out")]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*command, *given, "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1
    assert manifest(tmp_path / "out")["complete"] is True


@pytest.mark.fault(72)
def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """The first one waits for answers that do not come; nothing recorded is lost either way."""
    out = tmp_path / "out"
    with running(FakeServer(faults={0: "good", 1: "good"}, always="hang:60")) as server:
        given = ["--model", "m", "--base-url", server.url, "-q"]
        command = [sys.executable, "-m", "instraug", "expand", str(TASKS), "-o", str(out), *given]
        child = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        while server.in_flight < 10:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert child.poll() is None
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=10)
        assert time.monotonic() - began < 5
    assert child.returncode in (130, -signal.SIGINT)
    with Replay.read(out / "replies.jsonl") as replay:
        assert len(replay) == 2
        assert replay.unknown


@pytest.mark.fault(72)
def test_a_signal_that_is_passed_on_twice_is_one(tmp_path: Path) -> None:
    """A shell and what runs the command both send it: the run still writes what came so far."""
    out = tmp_path / "out"
    with running(FakeServer(faults={0: "good", 1: "good"}, always="hang:2")) as server:
        given = ["--model", "m", "--base-url", server.url, "-q"]
        command = [sys.executable, "-m", "instraug", "expand", str(TASKS), "-o", str(out), *given]
        child = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        while server.in_flight < 10:
            time.sleep(0.02)
        for _ in range(2):
            child.send_signal(signal.SIGINT)
            time.sleep(0.03)
        _, told = child.communicate(timeout=30)
    assert (child.returncode, told) == (130, "interrupted; run again to resume\n")
    assert manifest(out)["complete"] is False


@pytest.mark.parametrize("jump", [-86_400, 86_400])
@pytest.mark.fault(76)
def test_a_clock_that_jumps_changes_no_wait(jump: int, tmp_path: Path) -> None:
    """The wall clock leaps a day at each look: the run ends as usual, as waits go by another."""
    code = (
        "import itertools, sys, time\n"
        f"steps, real = itertools.count(), time.time\n"
        f"time.time = lambda: real() + {jump} * next(steps)\n"
        "from instraug.cli import main\nmain()\n"
    )
    with running(FakeServer(faults={1: "limited:0.2", 3: "500"})) as server:
        given = ["-o", str(tmp_path / "out"), "--model", "m", "--base-url", server.url]
        command = [sys.executable, "-c", code, "expand", str(TASKS), "--only", "color*", *given]
        began = time.monotonic()
        done = subprocess.run(command, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began < 30
    body = manifest(tmp_path / "out")
    assert body["complete"] is True
    assert 0 <= body["run"]["seconds"] < 30
