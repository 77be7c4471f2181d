"""What the embedded model yields, against the paper's plain prompts on the same model.

    python benchmarks/embedded_yield.py TASKS OUT [--rewrites N] [--only GLOB]

Writes OUT/ours (a run of `instraug expand --model local`) and OUT/plain: the same templates with
INSTRAUG's own prompts (a rephrase request, then the masked template; no examples, no grammar,
nothing held back, no semantic gate), asked until N are accepted or eight answers are spent. Then
judge both by benchmarks/minilm_judge.py OUT/ours OUT/plain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from time import perf_counter
from typing import Any

from instraug.models.chat import Chat, Message
from instraug.models.embedded.model import LocalModel
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.judge import candidates, judge_all
from instraug.rewriting.prompts.plan import skipped
from instraug.rewriting.prompts.requests import seed_of
from instraug.rewriting.records import Candidate, Request
from instraug.tasks.load import load_tasks
from instraug.tasks.placeholders import mask
from instraug.tasks.records import Task, Template

PLAIN = (
    "Rephrase the input text.",
    "Use synonyms for the input text.",
    "Rearrange phrases for the input text.",
    "Simplify language for the input text.",
    "Use active voice for the input text.",
)
"""INSTRAUG's kind of prompt: a request or a guideline's title, and nothing else."""
ANSWERS = 8
"""Answers a template gets at most from the plain prompts."""


@dataclass
class Plain:
    """A run of the plain prompts."""

    rewrites: int
    model: LocalModel
    tokens: int = 0
    accepted: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    async def expand(self, task: Task) -> None:
        """Ask for a task's templates in rounds, one answer each, as long as they lack rewrites."""
        judged: list[Candidate] = []
        left_out = skipped(task)
        lacking = [t for t in task.templates if t.origin not in left_out]
        for sample in range(ANSWERS):
            judged += await asyncio.gather(*(self._ask(task, t, sample) for t in lacking))
            judged.sort(key=lambda c: c.request.order)
            verdicts = judge_all(task, judged, Rules(), None, {})
            passed = [v.candidate.request.origin.origin for v in verdicts if v.accepted]
            lacking = [t for t in lacking if passed.count(t.origin) < self.rewrites]
        verdicts = judge_all(task, judged, Rules(), None, {})
        self.accepted += [row(t, t.text, "original") for t in task.templates]
        for verdict in verdicts:
            found = row(
                verdict.candidate.request.origin, verdict.candidate.instruction, "generated"
            )
            found["reasons"] = [{"rule": r.rule, "detail": r.detail} for r in verdict.reasons]
            (self.accepted if verdict.accepted else self.rejected).append(found)

    async def _ask(self, task: Task, template: Template, sample: int) -> Candidate:
        masked = mask(template.text)
        chat = Chat(
            model=self.model.name,
            messages=(Message("system", PLAIN[sample % len(PLAIN)]), Message("user", masked.text)),
            temperature=0.6,
            top_p=0.9,
            max_tokens=len(masked.text) // 2 + 24,
            seed=seed_of(0, sample),
            sample=sample,
        )
        request = Request(template, template, masked, "plain", 0.6, sample, chat)
        reply = await self.model.complete(chat)
        self.tokens += reply.usage.completion_tokens
        (candidate,) = candidates(task, request, reply, Rules())
        return candidate

    def write(self, out: Path) -> None:
        """Leave what the judge reads."""
        out.mkdir(parents=True, exist_ok=True)
        files = {"instructions.jsonl": self.accepted, "rejected.jsonl": self.rejected}
        for name, found in files.items():
            (out / name).write_text("".join(json.dumps(r) + "\n" for r in found))
        manifest = {"usage": {"completion": self.tokens}}
        (out / "manifest.json").write_text(json.dumps(manifest))


def row(template: Template, instruction: str | None, source: str) -> dict[str, Any]:
    """Return what the judge wants to know of an instruction."""
    return {
        "task": template.task,
        "origin": template.origin,
        "instruction": instruction,
        "source": source,
    }


async def plain(found: Sequence[Task], rewrites: int, out: Path) -> None:
    """Run the peer."""
    async with LocalModel() as model:
        peer = Plain(rewrites, model)
        await asyncio.gather(*(peer.expand(task) for task in found))
    peer.write(out)


def main() -> None:
    """Run both and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rewrites", type=int, default=3)
    parser.add_argument("--only", default="*", metavar="GLOB")
    given = parser.parse_args()
    start = perf_counter()
    command = [sys.executable, "-m", "instraug", "expand", str(given.tasks), "--model", "local"]
    command += ["-o", str(given.out / "ours"), "--rewrites", str(given.rewrites)]
    done = subprocess.run([*command, "--only", given.only, "--quiet"], check=False)
    print(f"ours: exit {done.returncode}, {perf_counter() - start:.0f} s")
    start = perf_counter()
    found = [
        t for t in load_tasks(given.tasks) if t.split == "train" and fnmatchcase(t.name, given.only)
    ]
    asyncio.run(plain(found, given.rewrites, given.out / "plain"))
    print(f"plain: {perf_counter() - start:.0f} s")
    print(f"now: python benchmarks/minilm_judge.py {given.out / 'ours'} {given.out / 'plain'}")


if __name__ == "__main__":
    main()
