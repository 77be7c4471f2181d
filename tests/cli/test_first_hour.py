"""What a new user meets in the first hour: a start, words for each slip, and signs of life."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from instraug.cli.progress import Progress
from instraug.errors import Interrupted
from instraug.files.spool import Spool
from instraug.models.config import Prices
from instraug.models.prices import as_of, known_prices
from instraug.rewriting.config import Config
from instraug.rewriting.job import Inputs
from instraug.rewriting.prompts.meta_prompts import load_meta_prompts
from instraug.rewriting.prompts.plan import make_plan
from instraug.rewriting.run import Run
from tests.child import environment
from tests.commandline import EXAMPLES, failed, instraug, instraug_here
from tests.fakeserver import FakeServer, running

ROOT = EXAMPLES.parent
TASKS = EXAMPLES / "tasks"

GUIDELINES = (
    "Start the instruction with its verb.",
    "Use shorter and more common words.",
    "Turn statements into direct questions.",
    "Put the place before the object.",
    "Split a long sentence in two.",
    "Write as if to a child.",
    "Leave out what is said twice.",
    "Say first what the answer looks like.",
    "Join short sentences into one.",
    "Speak to the reader in the second person.",
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which ``instraug`` is this one."""
    command = tmp_path / "bin" / "instraug"
    command.parent.mkdir()
    command.write_text(f'#!/bin/bash\nexec {sys.executable} -m instraug "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def shell(code: str, folder: Path, path: str, **env: str) -> None:
    """Run the lines of a page as a user pastes them; the first that fails ends it."""
    python = {"PYTHONPATH": str(ROOT), "PATH": path}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env=environment(**python, **env),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


# ── a start ──────────────────────────────────────────────────────────────────────────────────


def test_what_init_writes_runs_in_its_own_workflow(tmp_path: Path, path: str) -> None:
    """Grown once, every step passes without a model; after an edit one fails."""
    folder = tmp_path / "mine"
    assert instraug("init", folder).returncode == 0
    workflow = yaml.safe_load((folder / ".github/workflows/instructions.yml").read_text())
    runs = [s["run"] for s in workflow["jobs"]["regenerate"]["steps"] if "run" in s]
    steps = [run for run in runs if not run.startswith("pip ")]
    assert len(steps) == len(runs) - 1 == 4
    (folder / "config.yaml").write_text(
        (folder / "config.yaml").read_text().replace("model: local", "model: m")
    )
    with running(FakeServer()) as server:
        grow = "instraug expand tasks -o instructions -c config.yaml"
        shell(grow, folder, path, OPENAI_BASE_URL=server.url)
    shell("\n".join(steps), folder, path, OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    task = folder / "tasks" / "color_question.yaml"
    task.write_text(task.read_text().replace("Look at", "Behold"))
    with pytest.raises(AssertionError, match="no reply for task color_question"):
        shell("rm -r again\n" + "\n".join(steps), folder, path)


def test_init_changes_no_file(tmp_path: Path) -> None:
    """A folder that holds one of its files is refused, and nothing is written."""
    (tmp_path / "config.yaml").write_text("mine")
    failed(instraug_here("init", tmp_path), 2, "config.yaml: exists already")
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


def test_the_ci_page_shows_the_workflow_whole() -> None:
    """docs/ci.md and what ``init`` writes are one text."""
    assert (ROOT / "configs/start/workflow.yml").read_text() in (ROOT / "docs/ci.md").read_text()


def guidelines(body: Any) -> tuple[int, Any] | None:
    """Answer the one request that asks for guidelines; any other gets the usual rewrite."""
    if "{A}" in body["messages"][-1]["content"] or "guideline" not in str(body["messages"]):
        return None
    said = "\n".join(f"{i}. {line}" for i, line in enumerate(GUIDELINES, 1))
    return 200, {"model": "m", "choices": [{"message": {"content": said}}]}


@pytest.mark.slow
def test_the_blocks_of_the_readme_run_as_they_stand(tmp_path: Path, path: str) -> None:
    """Both blocks of "Use", line by line; a loopback server stands in for the models' answers."""
    text = (ROOT / "README.md").read_text()
    use = text.split("## Use")[1]
    own, endpoint = re.findall(r"^```bash\n(.*?)^```", use, re.DOTALL | re.MULTILINE)
    lines = own.replace("--model local", "--model m").split("\n")
    assert lines.pop(0) == ". .venv/bin/activate"
    (tmp_path / "examples").symlink_to(EXAMPLES)
    with running(FakeServer(rule=guidelines)) as server:
        asked = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
        first = "instraug expand examples/tasks -o out --model m --rewrites 2"
        shell(first, tmp_path, path, **asked)
        seen = server.count
        shell("\n".join(lines), tmp_path, path, **asked)
        assert server.count == seen
        # The server is at no host with known prices.
        shell(endpoint.replace(" --max-cost 1", ""), tmp_path, path, **asked)
    assert (tmp_path / "grown" / "manifest.json").exists()


# ── a word for each slip ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("word", "meant"), [("expnd", "expand"), ("Filter", "filter")])
def test_an_unknown_command_gets_the_nearest(word: str, meant: str) -> None:
    """As unknown keys do."""
    failed(instraug_here(word), 2, f"No such command '{word}'", f"did you mean '{meant}'?")


@pytest.mark.parametrize(
    "command",
    [
        ("expand", TASKS, "-o", "o", "--dry-run"),
        ("build", TASKS, "--instances", "x", "-o", "o"),
        ("filter", "o"),
    ],
)
def test_two_configs_are_refused(command: tuple[object, ...], tmp_path: Path) -> None:
    """The last one would win in silence."""
    given = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    done = instraug_here(*command, "-c", given[0], "-c", given[1])
    failed(done, 2, "2 config files are given; give one")


def test_only_without_a_match_names_the_nearest_task(tmp_path: Path) -> None:
    """Also beside a name that is there."""
    given = ("-o", tmp_path / "out", "--model", "m", "--dry-run")
    done = instraug_here("expand", TASKS, *given, "--only", "claim_check", "color_questoin")
    failed(done, 1, "--only color_questoin", "did you mean 'color_question'?")


def test_stats_takes_the_folder_of_a_run(tmp_path: Path) -> None:
    """As build does."""
    with running(FakeServer()) as server:
        given = ("--model", "m", "--base-url", server.url, "-q", "--only", "color_question")
        instraug("expand", TASKS, "-o", tmp_path / "out", *given)
    rows = EXAMPLES / "instances" / "train.jsonl"
    pool = ("--instructions", tmp_path / "out")
    built = instraug_here("build", TASKS, "--instances", rows, *pool, "-o", tmp_path / "t.jsonl")
    assert built.returncode == 0, built.stderr
    figures = instraug_here("stats", tmp_path / "t.jsonl", "--tasks", TASKS, *pool, "--json")
    assert figures.returncode == 0, figures.stderr


# ── equal errors are one line ────────────────────────────────────────────────────────────────


def test_a_wrong_name_in_many_rows_is_one_line(tmp_path: Path) -> None:
    """With a count of them all and the first places."""
    row = {"unique_id": "1", "task_name": "colour", "target_txt": "t", "question": "q?"}
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(row)}\n" * 20_000)
    done = instraug_here("build", TASKS, "--instances", path, "-o", tmp_path / "out.jsonl")
    first, end = done.stderr.splitlines()
    assert first.startswith(f"{path}:1: no task is named 'colour'; ")
    assert f"(20000 times, also at {path}:2, {path}:3, {path}:4, ...)" in first
    assert end.startswith("build: 20000 rows cannot be used")


def test_a_wrong_key_in_many_files_is_one_line(tmp_path: Path) -> None:
    """Of ``check``, and of ``expand``, which lists the same; ``--json`` lists each."""
    for i in range(50):
        (tmp_path / f"{i:02}.yaml").write_text(f"name: t{i}\nctegory: VQA\ninstructions: [a b]\n")
    line = f"{tmp_path}/00.yaml:2: unknown key 'ctegory'; did you mean 'category'? (50 times"
    done = instraug_here("check", tmp_path)
    assert done.stdout.startswith(line)
    assert len(done.stdout.splitlines()) == 1
    failed(instraug_here("expand", tmp_path, "-o", tmp_path / "o", "--dry-run"), 1, line)
    problems = json.loads(instraug_here("check", tmp_path, "--json").stdout)["problems"]
    assert Counter(p["what"] for p in problems) == {"unknown key 'ctegory'": 50}


def test_a_dead_endpoint_is_reported_once(tmp_path: Path) -> None:
    """No table of zeros stands beside the reason; ``--json`` prints its object."""
    given = ("--model", "m", "--base-url", "http://127.0.0.1:9/v1", "-o", tmp_path / "out")
    failed(instraug("expand", TASKS, *given), 75, "was not reached")
    done = instraug("expand", TASKS, *given, "--json")
    assert json.loads(done.stdout)["answers"] == 0


# ── prices ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "model", "known"),
    [
        (None, "gpt-4o-mini", True),
        ("https://api.openai.com/v1", "gpt-4o-mini", True),
        ("https://openrouter.ai/api/v1", "openai/gpt-4o-mini", True),
        ("https://api.openai.com/v1", "no-such-model", False),
        ("http://localhost:8000/v1", "gpt-4o-mini", False),
        ("https://api.openai.com.example.org/v1", "gpt-4o-mini", False),
        ("https://[bad/v1", "gpt-4o-mini", False),
    ],
)
def test_a_price_is_known_at_the_host_that_asks_it(
    url: str | None, model: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of one's own may call its model whatever it likes."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert (model in known_prices(url, [model])) is known


def test_the_table_of_prices_is_dated_and_sound() -> None:
    """Every price is a number of dollars a million tokens."""
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", as_of())
    table = json.loads((ROOT / "instraug/models/prices.json").read_text())["hosts"]
    prices = [p for models in table.values() for p in models.values()]
    assert len(prices) > 1000
    assert all(0 <= n <= 2000 for low, high in prices for n in (low, high))


def test_a_dry_run_knows_the_price_or_says_that_it_does_not(tmp_path: Path) -> None:
    """Without a config; the config's own price goes before the table's."""
    given = ("expand", TASKS, "-o", tmp_path / "out", "--dry-run", "--json", "--model")
    known = instraug_here(*given, "gpt-4o-mini")
    cost = json.loads(known.stdout)["cost"]
    assert cost > 0
    assert f"as of {as_of()}" in known.stderr
    config = tmp_path / "c.yaml"
    config.write_text("prices:\n  gpt-4o-mini: {input: 1500, output: 6000}\n")
    own = instraug_here(*given, "gpt-4o-mini", "-c", config)
    assert json.loads(own.stdout)["cost"] == pytest.approx(cost * 10_000, rel=0.01)
    assert "of the config" in own.stderr
    unknown = instraug_here(*given, "nobody")
    assert json.loads(unknown.stdout)["cost"] is None
    assert "no price of nobody is known" in unknown.stderr


# ── signs of life ────────────────────────────────────────────────────────────────────────────


def lines(text: str) -> Iterator[str]:
    yield from (line for line in text.splitlines() if "accepted" in line)


def test_without_a_terminal_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Also while no reply comes; none where the run is quiet."""
    for quiet, price in ((False, Prices(1, 1)), (False, None), (True, None)):
        with Progress(10, price, quiet=quiet, verbose=False, every=0.02):
            time.sleep(0.1)
        seen = list(lines(capsys.readouterr().err))
        assert bool(seen) is not quiet
        assert all("0 of 10 rewrites accepted, 0 replies" in line for line in seen)
        assert all(line.endswith("$0.00" if price else "no price") for line in seen)


def test_a_signal_before_the_first_reply_says_so() -> None:
    """Nothing was bought, and the line says it."""
    plan = make_plan(Config(), "m", load_meta_prompts())
    with Spool() as spool:
        run = Run(Config(), Inputs((), ()), plan, None, spool, stopped=Interrupted(signal.SIGINT))
    with pytest.raises(Interrupted, match="no reply had come yet") as ended:
        run.raise_unless_done()
    assert ended.value.exit_code == 130
