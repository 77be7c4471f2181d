"""Judge a finished run again by other rules, from its own folder and journal; nothing is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from instraug.config import Rules
from instraug.errors import InputError, Problem
from instraug.expansion import make_plan
from instraug.job import locked
from instraug.model import gate_of, offline, scorer_of
from instraug.outputs import (
    INSTRUCTIONS,
    REJECTED,
    Inputs,
    Kept,
    Run,
    read_kept,
    write_outputs,
)
from instraug.pipeline import rejudge
from instraug.records import Reply
from instraug.storage.jsonl import read_jsonl
from instraug.storage.replay import Replay


class _Bought:
    """The replies that a run judged."""

    def __init__(self, out: Path, replay: Replay) -> None:
        self._replay = replay
        asked = set(_asked(out / INSTRUCTIONS)) | set(_asked(out / REJECTED))
        self._keys = {reply for reply, _ in asked}
        self.parents = Counter(parent for _, parent in asked)

    def get(self, key: str) -> Reply | None:
        return self._replay.get(key) if key in self._keys else None


def _asked(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (reply, parent) of each generated row."""
    for number, row in read_jsonl(path):
        if row.get("source") == "original":
            continue
        reply, parent = row.get("reply"), row.get("parent")
        if not isinstance(reply, str) or not isinstance(parent, str):
            mend = "run the same `instraug expand` again to write the file anew"
            raise InputError([Problem(f"{path}:{number}", "no row of a run", mend)])
        yield reply, parent


def refilter(out: Path, rules: Rules | None, dest: Path) -> Run:
    """Judge a run's journal again and write its row files and manifest anew.

    Args:
        out: The output folder of a run.
        rules: What to judge by; None: the run's own rules.
        dest: Where to write; may be ``out``.

    Raises:
        InputError: ``out`` has no sound manifest.
        FrozenMiss: the semantic gate is on and the journal lacks a score.
    """
    kept = read_kept(out / "manifest.json")
    journal = out / kept.journal
    with locked(dest), Replay.read(journal) as replay:
        run = asyncio.run(_rejudged(kept, rules, _Bought(out, replay), replay))
        write_outputs(dest, run, journal)
    return run


async def _rejudged(kept: Kept, rules: Rules | None, bought: _Bought, replay: Replay) -> Run:
    config = replace(kept.config, rules=rules or kept.config.rules)
    backend = offline(kept.model)
    plan = make_plan(config, kept.model, kept.meta_prompts, backend.grammar)
    scorer = scorer_of(config, backend, replay)
    inputs = Inputs(kept.tasks, kept.meta_prompts, plan, scorer.id if scorer else None)
    run, gate = Run(config, inputs), gate_of(config, scorer)
    run.grown = await rejudge(kept.tasks, plan, config.rules, gate, bought)
    for key in dict.fromkeys(v.candidate.reply for g in run.grown for v in g.verdicts):
        if reply := bought.get(key):
            run.count(reply, False)
    return run
