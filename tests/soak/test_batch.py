"""Killed at random moments of a run by batch: no id is lost, and no key is bought twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.child import Child
from tests.evaluation.predict.asking import made_set
from tests.fakeserver import FakeServer, running
from tests.soak.scale import times
from tests.soak.watching import content, expand

pytestmark = pytest.mark.slow

PLANS = ("good", "partial:7", "expire:60", "good", "short:2")


def moment(child: Child, server: FakeServer, chance: random.Random) -> str:
    """Wait for a random moment of a run by batch; return what the server was asked last."""
    seen = server.batches.requests
    start, more = len(seen), chance.randint(0, 9)
    while child.running and len(seen) < start + more:
        time.sleep(0.001)
    time.sleep(chance.choice([0, 0.002, chance.uniform(0, 0.03)]))
    method, _, path = (seen[-1] if len(seen) > start else "GET /start").partition(" ")
    return f"{method} {path.split('/')[2] if path.count('/') > 1 else path}"


@pytest.mark.fault(73)
def test_no_kill_buys_a_key_twice(tmp_path: Path) -> None:
    """SIGKILL while it uploads, creates, polls and fetches, resumed each time: every request is run
    once, and the outputs are those of an undisturbed run online."""
    chance, kills, jobs, where = random.Random(19), 0, 0, Counter[str]()
    config = tmp_path / "c.yaml"
    config.write_text("batch: {requests: 100, rounds: 9}\n")
    with running(FakeServer(delay=0.004)) as server:
        calm = expand(server, tmp_path / "undisturbed", "-c", config)
        assert calm.end() == 0, calm.stderr
        undisturbed = content(tmp_path / "undisturbed")
        api = server.batches
        while kills < times(200):
            jobs += 1
            out = tmp_path / f"job{jobs}"
            api.batches.clear()
            api.bought.clear()
            api.plans, api.polls = chance.sample(PLANS, len(PLANS)), chance.randint(0, 3)
            for _ in range(100):
                given = ("--batch", "--poll", "0.01", "-c", config)
                child = expand(server, out, *given, *["--no-wait"] * chance.randint(0, 1))
                if kills < times(200):
                    last = moment(child, server, chance)
                    if child.kill(signal.SIGKILL):
                        kills += 1
                        where[last] += 1
                code = child.end()
                assert code in (0, 75, -signal.SIGKILL), child.stderr
                if code == 0:
                    break
            assert code == 0, child.stderr
            assert content(out) == undisturbed
            assert set(api.bought.values()) == {1}
    print(f"{kills} kills, {jobs} jobs, after {dict(where)}")  # noqa: T201 - shown with -s


@pytest.mark.fault(73)
def test_no_kill_of_predict_buys_a_row_twice(tmp_path: Path) -> None:
    """SIGKILL of ``predict --batch`` at random moments: every row is asked once, and the
    predictions are those of an undisturbed run online."""
    chance, kills, jobs = random.Random(7), 0, 0
    rows = made_set(tmp_path, 12)
    config = tmp_path / "c.yaml"
    config.write_text("batch_requests: 25\n")
    with running(FakeServer(delay=0.004)) as server:

        def start(out: Path, *more: object) -> Child:
            given = ("--model", "m", "--base-url", server.url, "--images", tmp_path, "-c", config)
            std = out.with_name(f"{out.name}.std")
            return Child(std, "predict", rows, "-o", out, *given, "-q", *more)

        calm = start(tmp_path / "undisturbed")
        assert calm.end() == 0, calm.stderr
        undisturbed = (tmp_path / "undisturbed" / "predictions.jsonl").read_bytes()
        api = server.batches
        while kills < times(100):
            jobs += 1
            out = tmp_path / f"job{jobs}"
            api.batches.clear()
            api.bought.clear()
            api.plans, api.polls = chance.sample(PLANS, len(PLANS)), chance.randint(0, 3)
            for _ in range(100):
                how = ("--batch", "--poll", "0.01", *["--no-wait"] * chance.randint(0, 1))
                child = start(out, *how)
                if kills < times(100):
                    moment(child, server, chance)
                    kills += child.kill(signal.SIGKILL)
                code = child.end()
                assert code in (0, 75, -signal.SIGKILL), child.stderr
                if code == 0:
                    break
            assert code == 0, child.stderr
            assert (out / "predictions.jsonl").read_bytes() == undisturbed
            assert set(api.bought.values()) == {1}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.fault(72)
def test_a_signal_ends_the_waiting_at_once(tmp_path: Path, name: str) -> None:
    """While it polls, a signal ends the run with its own exit and one line; the next goes on."""
    signum = getattr(signal, name)
    with running(FakeServer()) as server:
        server.batches.polls = 3
        out = tmp_path / "out"
        child = expand(server, out, "--batch", "--poll", "60")
        while child.running and not server.batches.batches:
            time.sleep(0.005)
        time.sleep(0.2)
        began = time.monotonic()
        child.kill(signum)
        assert child.end() == 128 + signum, child.stderr
        assert time.monotonic() - began < 15
        assert child.stderr.splitlines() == ["interrupted; run again to resume"]
        again = expand(server, out, "--batch", "--poll", "0.01")
        assert again.end() == 0, again.stderr
        assert set(server.batches.bought.values()) == {1}
