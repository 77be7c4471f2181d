"""1,000 attack templates and 1,000 attack answers: no canary is read, imported, called or told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from instraug.tasks.placeholders import multiset
from tests.child import environment
from tests.fakeserver import FakeServer, running
from tests.soak.attacks import documents, texts
from tests.soak.guard import CAUGHT
from tests.soak.scale import times

pytestmark = pytest.mark.slow

TOLD = "told-canary-5521"
"""What the canary file holds."""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that nobody may open, beside a module that nobody may import."""
    (tmp_path / "canary_module.py").write_text("import os\nos._exit(99)\n")
    path = tmp_path / "canary.txt"
    path.write_text(TOLD)
    return path


def guarded(canary: Path, port: int, *args: object) -> subprocess.CompletedProcess[bytes]:
    """Run under the guard, the canary's folder on the module path, a secret in the environment."""
    command = [sys.executable, "-m", "tests.soak.guard", str(canary), str(port), *map(str, args)]
    here = Path(__file__).resolve().parents[2]
    env = environment(PYTHONPATH=f"{here}:{canary.parent}", CANARY=TOLD, OPENAI_API_KEY=TOLD)
    return subprocess.run(command, capture_output=True, env=env, timeout=600, cwd=canary.parent)


def clean(output: bytes) -> bool:
    """Whether a terminal can be shown this, and the secret is not in it."""
    return not [b for b in output if b < 32 and b != 10] and TOLD.encode() not in output


def test_the_guard_bites(canary: Path) -> None:
    """A connection to anywhere else ends the process: the guard is no dead letter."""
    url = "http://127.0.0.1:9/v1"
    (canary.parent / "tasks").mkdir()
    (canary.parent / "tasks" / "t.yaml").write_text("name: t\ninstructions: [Is it so there?]\n")
    given = ("expand", canary.parent / "tasks", "-o", canary.parent / "out", "--model", "m")
    assert guarded(canary, 1, *given, "--base-url", url).returncode == CAUGHT


@pytest.mark.fault(44, 62)
def test_attack_templates_reach_nothing(canary: Path, tmp_path: Path) -> None:
    """Format strings, attribute paths, template engines, shell, YAML tags, escapes, in every key:
    an input error in one printable line, or plain text."""
    folder = tmp_path / "tasks"
    for number, text in enumerate(documents(times(1000), str(canary))):
        (folder / f"{number:04}").mkdir(parents=True)
        (folder / f"{number:04}" / "t.yaml").write_text(text, newline="")
    done = guarded(canary, 1, "check", folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert clean(done.stdout + done.stderr)
    counts = [tuple(map(int, line.split())) for line in done.stdout.decode().splitlines()]
    assert len(counts) == times(1000)
    assert all(bool(found) != bool(problems) for found, problems in counts)
    assert sum(bool(problems) for _, problems in counts) > times(1000) / 4
    whole = guarded(canary, 1, "expand", folder, "-o", tmp_path / "out", "--model", "m")
    assert whole.returncode == 1
    assert clean(whole.stdout + whole.stderr)


@pytest.mark.fault(34, 43)
def test_attack_answers_reach_nothing(canary: Path, tmp_path: Path) -> None:
    """As answers, as error messages and as model names: journaled as they came, judged as text;
    what is accepted has its origin's placeholders, and no terminal escape gets out."""
    said = texts(times(1000), str(canary))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    instructions = [f"Is the object {{text}} number {n} in {{region}}?" for n in range(20)]
    (tasks / "t.yaml").write_text(json.dumps({"name": "t", "instructions": instructions}))
    answers = {}
    for number, text in enumerate(said):
        choice = {"message": {"content": f"{text} {{A}} {{B}}"}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "model": text})
        answers[number] = f"raw:{body}"
    config = tmp_path / "c.yaml"
    config.write_text(f"samples: {len(said) // 20 + 1}\nrewrites: 1000\n")
    with running(FakeServer(faults=answers)) as server:
        given = ("--model", "m", "--base-url", server.url, "-c", config, "-v")
        port = int(server.url.split(":")[2].split("/")[0])
        done = guarded(canary, port, "expand", tasks, "-o", tmp_path / "out", *given)
        assert server.count >= len(said), done.stderr[-2000:]
    assert done.returncode == 0, done.stderr[-2000:]
    assert clean(done.stdout + done.stderr)
    assert len((tmp_path / "out" / "replies.jsonl").read_bytes().splitlines()) >= 2 * len(said)
    rows = (tmp_path / "out" / "instructions.jsonl").read_text().splitlines()
    for row in map(json.loads, rows):
        assert multiset(row["instruction"]) == {"text": 1, "region": 1}
