"""``instraug expand`` and ``filter`` against a real server on loopback, as a user runs them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.child import environment
from tests.commandline import EXAMPLES, failed, instraug, instraug_here
from tests.fakeserver import FakeServer, running

TASKS = EXAMPLES / "tasks"
FILES = ("instructions.jsonl", "rejected.jsonl")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


def expand(server: FakeServer, out: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return instraug("expand", TASKS, "-o", out, "--model", "m", "--base-url", server.url, *more)


def rows(out: Path, name: str = "instructions.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def content(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in FILES]


def test_every_template_grows(server: FakeServer, tmp_path: Path) -> None:
    """All train templates get their rewrites, originals are kept, evaluation tasks stay out."""
    done = expand(server, tmp_path / "out", "--rewrites", 2, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    made = Counter((r["task"], r["origin"]) for r in rows(tmp_path / "out") if r["reply"])
    assert min(made.values()) >= 2
    assert len(made) == summary["templates"] - summary["skipped"]
    assert summary["complete"] is True
    assert summary["run"]["requests"] == len(server.calls)
    names = {r["task"] for r in rows(tmp_path / "out")}
    assert names
    evaluation = {p.stem for p in TASKS.rglob("*.yaml") if "split: eval" in p.read_text()}
    assert evaluation
    assert not names & evaluation
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name[0] != ".") == [
        "README.md",
        "instructions.jsonl",
        "lengths.svg",
        "manifest.json",
        "rejected.jsonl",
        "replies.jsonl",
    ]


def test_tasks_and_instructions_that_are_not_sent_are_named(
    server: FakeServer, tmp_path: Path
) -> None:
    """Evaluation tasks are counted in a line, and in the summary; -v names what is not sent."""
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    for number in range(7):
        text = f"name: e{number}\nsplit: eval\ninstructions: ['Look at {{text}} closely.']\n"
        (tasks / f"e{number}.yaml").write_text(text)
    sent = "Name the large animal that is in this picture."
    (tasks / "a.yaml").write_text(f"name: a\ninstructions: ['{sent}', '{{text}}', '{sent}']\n")
    told = "left out: 7 tasks have split: eval (e0, e1, e2, e3, e4, ...); --include-eval expands"
    run = ["expand", tasks, "-o", tmp_path / "out", "--model", "m", "--base-url", server.url]
    assert told in instraug_here(*run, "--dry-run").stderr
    done = instraug_here(*run, "--rewrites", 1, "--json", "-v")
    assert told in done.stderr
    assert "a: instruction 1 is not sent: placeholders only" in done.stderr
    assert "a: instruction 2 is not sent: repeats an earlier instruction" in done.stderr
    assert json.loads(done.stdout)["run"]["left_out"] == 7
    assert "left out:" not in instraug_here(*run, "--rewrites", 1, "--include-eval").stderr


def test_rows_have_exactly_the_keys_of_the_format(server: FakeServer, tmp_path: Path) -> None:
    """instructions.jsonl and rejected.jsonl hold what the format promises, ids stable."""
    expand(server, tmp_path / "out", "--rewrites", 1, "--only", "c*")
    keys = ["id", "task", "instruction", "source", "origin", "parent", "meta_prompt"]
    keys += ["temperature", "iteration", "model", "reply", "choice"]
    found = rows(tmp_path / "out")
    assert {tuple(r) for r in found} == {tuple(keys)}
    assert len({r["id"] for r in found}) == len(found)
    originals = {r["id"] for r in found if r["source"] == "original"}
    assert {r["parent"] for r in found if r["source"] == "generated"} <= originals
    for row in rows(tmp_path / "out", "rejected.jsonl"):
        assert list(row) == [*keys, "text", "reasons"]


def test_placeholder_integrity(server: FakeServer, tmp_path: Path) -> None:
    """Every accepted rewrite has its origin's placeholders, as often, and renders with values."""
    expand(server, tmp_path / "out", "--rewrites", 4, "--include-eval")
    found = rows(tmp_path / "out")
    origins = {
        (r["task"], r["origin"]): r["instruction"] for r in found if r["source"] == "original"
    }
    checked = 0
    for row in found:
        mine, theirs = (
            Counter(re.findall(r"(?<!\{)\{([^{}]+)\}", t))
            for t in (row["instruction"], origins[row["task"], row["origin"]])
        )
        assert mine == theirs, row
        text = row["instruction"]
        for i, name in enumerate(theirs):
            text = text.replace(f"{{{name}}}", f"\N{SNOWMAN}{i}")
        assert not re.search(r"(?<!\{)\{(?!\{)", text), row
        checked += row["source"] == "generated"
    assert checked > 200


def test_a_finished_job_makes_no_request(server: FakeServer, tmp_path: Path) -> None:
    """Running again, also frozen, asks nothing and writes the same bytes."""
    expand(server, tmp_path / "out")
    before, calls = content(tmp_path / "out"), len(server.calls)
    assert expand(server, tmp_path / "out").returncode == 0
    assert expand(server, tmp_path / "out", "--frozen").returncode == 0
    assert content(tmp_path / "out") == before
    assert len(server.calls) == calls > 0


def test_a_shared_journal_serves_several_folders(server: FakeServer, tmp_path: Path) -> None:
    """--journal: a second output folder buys nothing."""
    journal = tmp_path / "replies.jsonl"
    expand(server, tmp_path / "a", "--journal", journal)
    calls = len(server.calls)
    assert expand(server, tmp_path / "b", "--journal", journal, "--frozen").returncode == 0
    assert len(server.calls) == calls
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_results_do_not_depend_on_the_order_of_replies(tmp_path: Path) -> None:
    """One call at a time or sixteen at random speeds: the same bytes."""
    with running(FakeServer(rate=0.2, kinds=["drip:0.001"], seed=1)) as slow:
        expand(slow, tmp_path / "a", "--concurrency", 16)
    with running(FakeServer()) as plain:
        expand(plain, tmp_path / "b", "--concurrency", 1)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_frozen_and_a_missing_reply_is_exit_5(server: FakeServer, tmp_path: Path) -> None:
    """A frozen run never opens a socket; what the journal lacks ends it, nothing written."""
    done = expand(server, tmp_path / "out", "--frozen")
    failed(done, 5, "run without --frozen")
    assert server.calls == []
    assert not (tmp_path / "out" / "instructions.jsonl").exists()


def test_a_dry_run_asks_nothing_and_writes_nothing(server: FakeServer, tmp_path: Path) -> None:
    """--dry-run names requests, tokens and cost, and leaves no folder."""
    prices = tmp_path / "c.yaml"
    prices.write_text("prices:\n  m: {input: 1.0, output: 2.0}\n")
    done = expand(server, tmp_path / "out", "--dry-run", "--json", "-c", prices)
    foreseen = json.loads(done.stdout)
    assert foreseen["wanted"] == 5 * foreseen["templates"] <= foreseen["requests"]
    assert foreseen["cost"] > 0
    assert server.calls == []
    assert not (tmp_path / "out").exists()


def test_a_cost_limit_wants_the_price_of_every_model(server: FakeServer, tmp_path: Path) -> None:
    """The embedding model's too, before anything is sent."""
    settings = tmp_path / "c.yaml"
    settings.write_text("prices:\n  m: {input: 1.0, output: 2.0}\nembedding_model: e\n")
    done = expand(server, tmp_path / "out", "-c", settings, "--max-cost", 1)
    failed(done, 2, "needs a price for e")
    assert server.calls == []


def test_a_budget_ends_the_run_resumably(server: FakeServer, tmp_path: Path) -> None:
    """Exit 4 at the limit, never above it; run again with more, it ends as if undisturbed."""
    done = expand(server, tmp_path / "out", "--max-requests", 20, "-q")
    failed(done, 4, "20")
    assert len(server.calls) == 20
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["complete"] is False
    assert expand(server, tmp_path / "out").returncode == 0
    expand(server, tmp_path / "undisturbed")
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_drains_and_resumes(tmp_path: Path, name: str, code: int) -> None:
    """What was in flight comes home, the exit code is the signal's, and a re-run ends the job."""
    out = tmp_path / "out"
    with running(FakeServer(delay=0.15)) as server:
        command = [sys.executable, "-m", "instraug", "expand", str(TASKS), "-o", str(out), "-q"]
        command += ["--model", "m", "--base-url", server.url, "--concurrency", "4"]
        child = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        while len(server.calls) < 10:
            time.sleep(0.02)
        child.send_signal(getattr(signal, name))
        _, said = child.communicate(timeout=30)
        assert child.returncode == code, said
        assert said.splitlines() == ["interrupted; run again to resume"]
        asked = len(server.calls)
        replies = [json.loads(line) for line in (out / "replies.jsonl").read_text().splitlines()]
        assert sum("reply" in r for r in replies) == asked
        with running(FakeServer()) as quicker:
            assert expand(quicker, out).returncode == 0
            calls = [*server.calls, *quicker.calls]
        assert max(Counter(json.dumps(c.body, sort_keys=True) for c in calls).values()) == 1


def test_filter_with_the_same_rules_changes_nothing(server: FakeServer, tmp_path: Path) -> None:
    """Judged again by its own rules, a run comes out byte for byte; no call is made."""
    out = tmp_path / "out"
    expand(server, out, "--variant", "iterative", "--rewrites", 4)
    before, calls = content(out), len(server.calls)
    assert instraug("filter", out).returncode == 0
    assert instraug("filter", out, "-o", tmp_path / "other").returncode == 0
    assert content(out) == before == content(tmp_path / "other")
    assert len(server.calls) == calls


def test_filter_with_stricter_rules_moves_rows(server: FakeServer, tmp_path: Path) -> None:
    """A stricter rule rejects more, loses no answer, and a looser one takes them back."""
    out, strict, loose = tmp_path / "out", tmp_path / "strict", tmp_path / "loose"
    expand(server, out)
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: {near_duplicate: 0.6}\n")
    assert instraug("filter", out, "-o", strict, "-c", rules).returncode == 0
    rules.write_text("rewrites: 3\nrules: {near_duplicate: 0.95}\nmodel: other\n")
    done = instraug_here("filter", strict, "-o", loose, "-c", rules, "-q")
    assert done.returncode == 0
    assert done.stderr == f"{rules}: filter reads rules alone; ignored: rewrites, model\n"
    kept = [len(rows(o)) for o in (out, strict, loose)]
    assert kept[0] == kept[2] > kept[1]
    assert sum(len(rows(strict, f)) for f in FILES) == sum(len(rows(out, f)) for f in FILES)
    assert content(loose) == content(out)


@pytest.mark.slow
def test_thirty_rewrites_of_every_template(server: FakeServer, tmp_path: Path) -> None:
    """multi-temp on a server that can: at least 30 distinct rewrites of every worded template."""
    done = expand(server, tmp_path / "out", "--variant", "multi-temp", "--rewrites", 30, "--json")
    assert done.returncode == 0, done.stderr
    found = [r for r in rows(tmp_path / "out") if r["source"] == "generated"]
    assert len({(r["task"], r["instruction"]) for r in found}) == len(found)
    made = Counter((r["task"], r["origin"]) for r in found)
    assert min(made.values()) >= 30
    assert len({r["temperature"] for r in found}) == 11


# ── what goes wrong, in one line ─────────────────────────────────────────────────────────────


def one_task(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "t.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: t\ninstructions: ['Is {text.__class__} here?']\n", "t.yaml:2"),
        ("name: t\ninstructions: ['Is {0} here?']\n", "double the brace"),
        ("a: &a [x]\nb: &b [*a, *a]\nname: t\ninstructions: *b\n", "t.yaml:1"),
        ("name: t\ninstruction: ['Is it?']\n", "instructions"),
    ],
)
def test_a_bad_task_file_is_one_clear_line_a_problem(tmp_path: Path, text: str, said: str) -> None:
    """Attack templates, alias bombs and wrong keys: file, line, fix; exit 1; nothing written."""
    done = instraug("expand", one_task(tmp_path / "tasks", text), "-o", tmp_path / "out")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert all("t.yaml" in line for line in done.stderr.splitlines())
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    """An empty task folder says what to put into it."""
    (tmp_path / "tasks").mkdir()
    failed(instraug("expand", tmp_path / "tasks", "-o", tmp_path / "out"), 1, "no task file")


def test_a_key_without_a_model_asks_for_one(tmp_path: Path) -> None:
    """With a key in the environment but no --model, nothing is spent: exit 2."""
    done = instraug("expand", TASKS, "-o", tmp_path / "out", OPENAI_API_KEY="sk-canary-12345678")
    failed(done, 2, "--model")
    assert "canary" not in done.stderr


def test_a_missing_gguf_file_is_one_line(tmp_path: Path) -> None:
    """--model local:PATH with no such file."""
    done = instraug("expand", TASKS, "-o", tmp_path / "out", "--model", "local:/no/such.gguf")
    failed(done, 2, "/no/such.gguf")


def test_a_refused_connection_is_exit_75(tmp_path: Path) -> None:
    """Nobody listens: a resumable end, one line."""
    config = tmp_path / "c.yaml"
    config.write_text("endpoint: {max_attempts: 1}\n")
    url = "http://127.0.0.1:9/v1"
    done = instraug(
        "expand",
        TASKS,
        "-o",
        tmp_path / "out",
        "--model",
        "m",
        "--base-url",
        url,
        "-q",
        "-c",
        config,
    )
    failed(done, 75, "run again")


def test_an_unknown_model_ends_before_it_spends(tmp_path: Path) -> None:
    """A 404 is fatal at once: exit 1, no outputs."""
    with running(FakeServer(always="status:404")) as server:
        done = expand(server, tmp_path / "out", "-q")
        failed(done, 1, "m")
        assert len(server.calls) <= 16
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_nothing_accepted_is_exit_3(tmp_path: Path) -> None:
    """Every answer empty: exit 3, the rejections written with their reasons."""
    body = '{"choices":[{"message":{"content":""}}],"model":"m"}'
    with running(FakeServer(always=f"raw:{body}")) as server:
        done = expand(server, tmp_path / "out", "-q", "--only", "c*", "-c", small(tmp_path))
    failed(done, 3, "rejected.jsonl")
    assert {r["reasons"][0]["rule"] for r in rows(tmp_path / "out", "rejected.jsonl")} == {"empty"}


def small(folder: Path) -> Path:
    config = folder / "small.yaml"
    config.write_text("samples: 1\n")
    return config


def test_a_read_only_folder_fails_before_the_first_call(server: FakeServer, tmp_path: Path) -> None:
    """An output path that cannot be made is found before anything is spent."""
    (tmp_path / "file").write_text("")
    done = expand(server, tmp_path / "file" / "out")
    failed(done, 1, "file")
    assert server.calls == []


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    """The second exits at once and names the first."""
    out = tmp_path / "out"
    with running(FakeServer(delay=0.3)) as server:
        command = [sys.executable, "-m", "instraug", "expand", str(TASKS), "-o", str(out), "-q"]
        command += ["--model", "m", "--base-url", server.url]
        first = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
        while not server.calls:
            time.sleep(0.02)
        failed(expand(server, out, "-q"), 1, f"process {first.pid}")
        first.terminate()
        assert first.wait(timeout=30) == 143


def test_help_names_every_command() -> None:
    """--help lists each command with its help."""
    done = instraug("--help")
    assert done.returncode == 0
    for name in ("expand", "filter", "build", "import", "check", "meta-prompts", "stats", "verify"):
        assert name in done.stdout


def test_a_closed_pipe_is_quiet() -> None:
    """``instraug ... | head -0`` prints no traceback."""
    bash = shutil.which("bash") or "bash"
    line = f"{sys.executable} -m instraug meta-prompts list | head -0"
    done = subprocess.run([bash, "-c", line], capture_output=True, text=True, env=environment())
    assert done.stderr == ""
