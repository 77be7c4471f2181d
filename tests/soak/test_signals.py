"""Killed, interrupted and started twice at random moments: nothing paid for is lost."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.child import Child
from tests.fakeserver import FakeServer, running
from tests.soak.scale import times
from tests.soak.watching import TASKS, WIDTH, Watched, content, expand, settled

pytestmark = pytest.mark.slow


@contextmanager
def serving(folder: Path, delay: float = 0.01) -> Iterator[tuple[FakeServer, list[bytes]]]:
    """A server, and what an undisturbed run brings."""
    with running(FakeServer(delay=delay)) as server:
        calm = expand(server, folder / "undisturbed")
        assert calm.end() == 0, calm.stderr
        yield server, content(folder / "undisturbed")


def moment(child: Child, server: FakeServer, out: Path, chance: random.Random) -> None:
    """Wait for a random moment of a run: while it starts, asks, or writes its outputs."""
    kind, start = chance.random(), server.count
    if kind < 0.1:
        time.sleep(chance.uniform(0, 0.2))
        return
    if kind < 0.2:
        while child.running and not any(out.glob(".*.tmp")):
            time.sleep(0.0005)
        return
    more = chance.randint(1, 60)
    while child.running and server.count < start + more:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.02))


@pytest.mark.fault(73)
def test_no_kill_loses_a_recorded_reply_or_buys_it_again(tmp_path: Path) -> None:
    """SIGKILL at random moments, resumed each time: recorded replies stay, none is asked for
    again, no more than the concurrency is unrecorded, and the outputs are the undisturbed ones."""
    chance, kills, jobs = random.Random(73), 0, 0
    with serving(tmp_path) as (server, undisturbed):
        while kills < times(200):
            jobs += 1
            out = tmp_path / f"job{jobs}"
            watched = Watched(server, out)
            while True:
                child = expand(server, out)
                if kills < times(200):
                    moment(child, server, out, chance)
                    kills += child.kill(signal.SIGKILL)
                code = child.end()
                assert len(watched.check()) <= WIDTH
                if code == 0:
                    break
                assert code == -signal.SIGKILL, child.stderr
            assert content(out) == undisturbed
            assert not [p for p in out.iterdir() if "damaged" in p.name and not p.stat().st_size]
    print(f"{kills} kills, {jobs} jobs")  # noqa: T201 - shown with -s


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.fault(72)
def test_a_signal_loses_no_reply_inside_the_drain(tmp_path: Path, name: str) -> None:
    """Whatever the server was asked for is in the journal when the process has ended."""
    chance, signum, sent, jobs = random.Random(72), getattr(signal, name), 0, 0
    with serving(tmp_path) as (server, undisturbed):
        while sent < times(50):
            jobs += 1
            out = tmp_path / f"job{jobs}"
            watched = Watched(server, out)
            while True:
                start = server.count
                child = expand(server, out)
                if sent < times(50):
                    more = chance.randint(1, 60)
                    while child.running and server.count < start + more:
                        time.sleep(0.002)
                    time.sleep(chance.uniform(0, 0.02))
                    sent += child.kill(signum)
                # Once the asking is over the signal may meet its default, as ever for files that
                # appear whole or not at all.
                code = child.end()
                assert code in (0, 128 + signum, -signum), child.stderr
                assert "Traceback" not in child.stderr
                assert not watched.check()
                if code == 0:
                    break
            assert content(out) == undisturbed


@pytest.mark.parametrize("shared", [False, True], ids=["folder", "journal"])
@pytest.mark.fault(75)
def test_of_two_starts_exactly_one_wins(tmp_path: Path, shared: bool) -> None:
    """On one folder, or on one journal with two folders: the second ends at once, names the
    first, and the first goes on. A killed holder's lock is free for the next."""
    with running(FakeServer(delay=0.2)) as server:
        for number in range(times(50)):
            outs = [tmp_path / f"out{i if shared else 0}" for i in range(2)]
            both = []
            for i, out in enumerate(outs):
                given = ("-o", out, "--journal", tmp_path / "j.jsonl") if shared else ("-o", out)
                args = ("expand", TASKS, "--model", "m", "--base-url", server.url)
                both.append(Child(tmp_path / f"std{i}", *args, "-q", "--seed", number, *given))
            ended = Child.first(both)
            assert len(ended) == 1, [c.stderr for c in both]
            loser, (winner,) = ended[0], [c for c in both if c is not ended[0]]
            assert loser.end() == 1, loser.stderr
            assert f"in use by process {winner.pid} on" in loser.stderr
            assert "Traceback" not in loser.stderr
            assert winner.running
            winner.kill(signal.SIGKILL)
            winner.end()
            settled(server)
