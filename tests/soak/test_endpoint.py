"""A failing endpoint: the job ends complete, budgets hold, no key leaks."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest

from tests.child import Child
from tests.fakeserver import Call, FakeServer, answers, running
from tests.faults.test_secrets import FAULTS, spelled
from tests.soak.scale import SCALE, times
from tests.soak.watching import TASKS, content, expand, settled

pytestmark = pytest.mark.slow

RETRYABLE = (
    "429", "limited:0.05", "limited_ms:50", "408", "409", "500", "502", "503", "504", "529",
    "loading", "reset", "reset_early", "truncated", "empty", "html", "cut_json", "error_object",
)  # fmt: skip
UNPAID = ("429", "limited", "limited_ms", "408", "409", "5", "loading")
"""Beginnings of the faults that surely cost no tokens; of the others each may."""
KEY = "sk-canary-0123456789abcdef"


@pytest.mark.parametrize("seed", range(times(10)))
@pytest.mark.fault(5)
def test_three_failures_in_ten_end_complete_within_the_retry_budget(
    seed: int, tmp_path: Path
) -> None:
    """Every retryable kind mixed: exit 0, the undisturbed outputs, and at most one and a half
    times the replies and 50 more calls on the server's side."""
    with running(FakeServer()) as server:
        assert expand(server, tmp_path / "undisturbed", "--rewrites", 2).end() == 0
    with running(FakeServer(rate=0.3, kinds=RETRYABLE, seed=seed)) as server:
        child = expand(server, tmp_path / "out", "--concurrency", 32, "--rewrites", 2)
        assert child.end(240) == 0, child.stderr
        replies = sum(c.fault is None for c in server.calls)
        assert server.count > 1.2 * replies
        assert server.count <= 1.5 * replies + 50
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")
    body = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert body["complete"] is True
    assert body["run"]["failed"] == {}


def tokens(calls: list[Call]) -> int:
    """What the server could bill: the answer's tokens wherever one was begun."""
    paid = [c for c in calls if c.fault is None or not c.fault.startswith(UNPAID)]
    return sum(answers.chat(c.body)["usage"]["total_tokens"] for c in paid)


@pytest.mark.parametrize("kind", ["--max-requests", "--max-tokens", "--max-cost"])
@pytest.mark.fault(78)
def test_no_budget_is_exceeded(kind: str, tmp_path: Path) -> None:
    """Many calls at once, one in five failing, and a kill in between: never above the limit, a
    killed run's calls in doubt included, on the server's own count."""
    config = tmp_path / "c.yaml"
    config.write_text("prices:\n  m: {input: 1.0, output: 1.0}\n")
    chance = random.Random(kind)
    for number in range(times(10)):
        limit = {
            "--max-requests": chance.randint(1, 250),
            "--max-tokens": chance.randint(2_000, 30_000),
            "--max-cost": chance.randint(2_000, 30_000) / 1e6,
        }[kind]
        out = tmp_path / f"out{number}"
        kinds = [k for k in RETRYABLE if "limited" not in k and k != "429"]
        with running(FakeServer(delay=0.02, rate=0.2, kinds=kinds, seed=number)) as server:
            child = expand(server, out, "--concurrency", 32, "-c", config)
            while child.running and server.count < 60:
                time.sleep(0.005)
            child.kill(signal.SIGKILL)
            child.end()
            start = settled(server)
            child = expand(server, out, "--concurrency", 32, "-c", config, kind, limit)
            assert child.end(240) in (0, 3, 4), child.stderr
            doubtful = len(json.loads((out / "manifest.json").read_text())["run"]["unknown"])
            calls = server.calls[start:]
            if kind == "--max-requests":
                assert len(calls) + doubtful <= limit
            else:
                assert tokens(calls) <= (limit if kind == "--max-tokens" else limit * 1e6)


@pytest.mark.parametrize("fault", random.Random(8).sample(FAULTS, max(3, int(len(FAULTS) * SCALE))))
def test_the_key_is_in_no_output_no_file_and_no_traceback(fault: str, tmp_path: Path) -> None:
    """A whole run against each fault of the catalogue, which likes to repeat the key."""
    config = tmp_path / "c.yaml"
    config.write_text("endpoint: {max_attempts: 2, timeout: 0.5, watchdog: 2.0}\nsamples: 1\n")
    out = tmp_path / "out"
    with running(FakeServer(always=spelled(fault))) as server:
        given = ("--model", "m", "--base-url", server.url, "-c", config, "--only", "color*", "-v")
        child = Child(tmp_path / "std", "expand", TASKS, "-o", out, *given, OPENAI_API_KEY=KEY)
        assert child.end() in (0, 1, 3, 75), child.stderr
        assert {c.headers["Authorization"] for c in server.calls} == {f"Bearer {KEY}"}
    assert "Traceback" not in child.stderr
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) >= 3
    assert not [p for p in files if b"canary" in p.read_bytes()]


def test_long_tasks_do_not_starve_their_own_calls(tmp_path: Path) -> None:
    """Two tasks of 30 templates and 70 rewrites each, 100 calls in flight that may take 5 s: no
    call times out for want of a turn, each is paid for once, and the run completes."""
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    for name in ("one", "two"):
        rows = "".join(
            f"  - 'In picture {name} {i} look at the region {{region}} and describe the object "
            f"that is shown there, given the caption {{text}}.'\n"
            for i in range(30)
        )
        (tasks / f"{name}.yaml").write_text(f"name: {name}\ninstructions:\n{rows}")
    config = tmp_path / "c.yaml"
    config.write_text("endpoint: {timeout: 5, concurrency: 100}\n")
    with running(FakeServer(delay=0.2, log=False)) as server:
        child = Child(
            tmp_path / "std",
            *("expand", tasks, "-o", tmp_path / "out", "-c", config, "--rewrites", 70),
            *("--model", "m", "--base-url", server.url, "-q"),
        )
        assert child.end(300) == 0, child.stderr
        body = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert body["complete"] is True
        assert body["short"] == 0
        assert body["run"]["failed"] == {}
        assert body["run"]["unknown"] == []
        assert server.count == body["run"]["requests"] >= 2 * 30 * 70
