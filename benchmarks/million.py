"""What a run costs as it grows: a journal of up to a million replies, read by each command.

    python -m benchmarks.million [REPLIES ...] [--keep FOLDER] [--per-task N]

For each number of replies, a task folder and its journal (intents and replies of about 1 KB) are
made without a model. Then each command runs over them in a process of its own: the journal alone
is opened, as by a run that goes on; `expand` takes every reply from it; `filter`, `verify` and
`diff` read what that left. Prints one JSON object: seconds of processor time and peak memory (MB)
of each, ``start`` being a Python that does nothing; ``python -m benchmarks million`` shows how they
grow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instraug.models.chat import Chat, Reply

REWRITES, SAMPLES = 40, 5
"""Wanted of each template, and samples of each of 11 meta-prompts: nearly all replies are used."""

_REFUSAL = "I'm sorry, but I can't help with that request."
_EVERY = 5
"""One answer in so many is a refusal."""

_PADDING = "0123456789abcdef" * 22


HERE = [sys.executable, "-m", "benchmarks.million"]


def make(folder: Path, replies: int, per_task: int) -> None:
    """Write ``tasks`` and ``replies.jsonl`` into a folder.

    Args:
        folder: An empty one.
        replies: At least so many.
        per_task: Templates of a task.
    """
    from benchmarks.expand import write_tasks
    from instraug.models.journal.journal import Journal
    from instraug.rewriting.config import Config
    from instraug.rewriting.prompts.meta_prompts import load_meta_prompts
    from instraug.rewriting.prompts.plan import make_plan
    from instraug.rewriting.prompts.requests import expand as planned
    from instraug.tasks.load import load_tasks

    plan = make_plan(Config(rewrites=REWRITES, samples=SAMPLES), "fake", load_meta_prompts())
    (folder / "tasks").mkdir()
    write_tasks(folder / "tasks", -(-replies // plan.whole), per_task)
    with Journal.open(folder / "replies.jsonl") as journal:
        for task in load_tasks(folder / "tasks"):
            for template in task.templates:
                for number, request in enumerate(planned(plan, task, template, template)):
                    journal.intend(request.chat.key)
                    journal.record(_reply(request.chat, number))


def _reply(chat: Chat, number: int) -> Reply:
    """Return a deterministic reply with a body of about a kilobyte."""
    import orjson

    from instraug.models.chat import Choice, Reply, Usage
    from tests.fakeserver.rewriter import rewrite

    text = rewrite(chat.messages[-1].content, chat.key) if number % _EVERY else _REFUSAL
    message: dict[str, object] = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": [],
    }
    body = {
        "id": f"chatcmpl-{chat.key[:29]}",
        "object": "chat.completion",
        "created": 1700000000 + number,
        "model": chat.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 350, "completion_tokens": 25, "total_tokens": 375},
        "system_fingerprint": _PADDING,
    }
    raw = orjson.dumps(body).decode()
    return Reply(
        chat.key, chat.model, (Choice(text, "stop"),), Usage(350, 25), raw, endpoint="made"
    )


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    cpu_s: float
    peak_mb: float


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the command line of each step, in their order."""
    out, instraug = str(folder / "out"), [sys.executable, "-m", "instraug"]
    yield "start", [*HERE, "--nothing"]
    yield "journal", [*HERE, "--journal", str(folder / "replies.jsonl")]
    settings = folder / "config.yaml"
    settings.write_text(f"rewrites: {REWRITES}\nsamples: {SAMPLES}\nmodel: fake\n")
    journal = ["--journal", str(folder / "replies.jsonl")]
    options = ["-c", str(settings), *journal, "--frozen", "-q"]
    yield "expand", [*instraug, "expand", str(folder / "tasks"), "-o", out, *options]
    yield "filter", [*instraug, "filter", out, "-o", str(folder / "again"), "-q"]
    yield "verify", [*instraug, "verify", out]
    yield "diff", [*instraug, "diff", out, str(folder / "again")]


def measured(command: Sequence[str], code: int = 0) -> Cost:
    """Run a command to its end; ``code`` is what it is to exit with.

    Raises:
        CalledProcessError: it failed.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / 1024, 1))


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("replies", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--per-task", type=int, default=10)
    parser.add_argument("--nothing", action="store_true")
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--make", type=Path)
    given = parser.parse_args()
    if given.nothing:
        return
    if given.journal:
        from instraug.models.journal.journal import Journal

        with Journal.open(given.journal):
            return
    if given.make:
        make(given.make, given.replies[0], given.per_task)
        return
    costs: dict[int, dict[str, Cost]] = {}
    for replies in given.replies:
        with tempfile.TemporaryDirectory() as scratch:
            folder = (given.keep or Path(scratch)) / str(replies)
            if not folder.exists():
                folder.mkdir(parents=True)
                of = ["--make", str(folder), str(replies), "--per-task", str(given.per_task)]
                print(replies, "make", measured([*HERE, *of]), file=sys.stderr)
            costs[replies] = {}
            for name, command in commands(folder):
                costs[replies][name] = measured(command)
                print(replies, name, costs[replies][name], file=sys.stderr)
    print(json.dumps({n: {k: vars(v) for k, v in cost.items()} for n, cost in costs.items()}))


if __name__ == "__main__":
    main()
