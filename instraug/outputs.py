"""What a run leaves in its output folder: the two row files, then the manifest, last."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from time import monotonic
from typing import Any

import instraug
from instraug.config import Config, Prices
from instraug.configfile import as_plain, from_plain
from instraug.errors import (
    EndpointUnavailable,
    InputError,
    InstraugError,
    NothingAccepted,
    Problem,
)
from instraug.expansion import Plan
from instraug.export import counts, instruction_rows, rejected_rows, short
from instraug.pipeline import Grown
from instraug.records import MetaPrompt, Output, Reply, Split, Task, Template
from instraug.schema import decode
from instraug.storage.disk import refusals
from instraug.storage.jsonl import write_jsonl
from instraug.storage.manifest import read_manifest, sha256, write_manifest

INSTRUCTIONS, REJECTED, REPLIES = "instructions.jsonl", "rejected.jsonl", "replies.jsonl"


@dataclass(frozen=True)
class Inputs:
    """Everything that a run's rows follow from, the replies aside."""

    tasks: tuple[Task, ...]
    meta_prompts: tuple[MetaPrompt, ...]
    plan: Plan
    scorer: str | None
    """Id of the semantic scorer; None where the gate is off."""


@dataclass
class Run:
    """What a run did."""

    config: Config
    inputs: Inputs
    grown: list[Grown] = field(default_factory=list)
    stopped: InstraugError | None = None
    """Why the run ended before its targets; None where it did not."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Keys that got no reply, and why."""
    bought: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Of every reply that was judged, bought in this run or before."""
    unknown: list[str] = field(default_factory=list)
    """Keys that an earlier run asked for without recording an outcome; asked once more."""
    foreseen: Mapping[str, Any] | None = None
    """What `forecast.forecast` said of the run."""
    began: float = field(default_factory=monotonic)

    def count(self, reply: Reply, bought: bool) -> None:
        """Add a reply to the run's figures."""
        self.bought += bought
        self.reused += not bought
        self.prompt_tokens += reply.usage.prompt_tokens
        self.completion_tokens += reply.usage.completion_tokens

    @property
    def counts(self) -> dict[str, Any]:
        """Templates, answers, accepted, rejections by rule; see `export.counts`."""
        return counts(self.grown, self.config.rewrites)

    @property
    def short(self) -> list[tuple[Template, int]]:
        """Templates with fewer rewrites than wanted, and how many they have."""
        return short(self.grown, self.config.rewrites)

    @property
    def cost(self) -> float | None:
        """US dollars for the replies judged, by the config's prices; None where there are none."""
        price: Prices | None = self.config.prices.get(self.config.model or "")
        if price is None:
            return None
        return round(price.of(self.prompt_tokens, self.completion_tokens), 6)

    def raise_unless_done(self) -> None:
        """Raise what says that the run is not complete; its outputs are written by then.

        Raises:
            BudgetReached, EndpointUnavailable, Interrupted: run again to resume.
            NothingAccepted: every answer was rejected.
        """
        if self.stopped is not None:
            raise self.stopped
        if self.failed and self.short:
            first = next(iter(self.failed.values()))
            what = f"{len(self.failed)} requests got no reply (the first: {first})"
            raise EndpointUnavailable(f"{what}; run again to ask for them once more")
        if not self.counts["accepted"]:
            raise NothingAccepted("no rewrite was accepted; rejected.jsonl has the reasons")

    def summary(self) -> dict[str, Any]:
        """Return the run in one JSON object, as ``--json`` prints it (docs/json-summary.md)."""
        return {
            "model": self.inputs.plan.model,
            **self.counts,
            "usage": {"prompt": self.prompt_tokens, "completion": self.completion_tokens},
            "cost": self.cost,
            "complete": self.stopped is None and not self.failed,
            "run": {
                "requests": self.bought,
                "reused": self.reused,
                "failed": dict(self.failed),
                "unknown": self.unknown,
                "foreseen": self._foreseen(),
                "stopped": None if self.stopped is None else str(self.stopped),
                "seconds": round(monotonic() - self.began, 3),
            },
        }

    def _foreseen(self) -> dict[str, Any] | None:
        """What was foreseen, and by which share of it the truth was above (below: negative)."""
        if self.foreseen is None:
            return None
        tokens = self.foreseen["usage"]["prompt"] + self.foreseen["usage"]["completion"]
        taken = self.prompt_tokens + self.completion_tokens
        requests = self.foreseen["requests"]
        return {
            "requests": requests,
            "tokens": tokens,
            "requests_off": round((self.bought + self.reused) / max(1, requests) - 1, 3),
            "tokens_off": round(taken / max(1, tokens) - 1, 3),
        }


def write_outputs(out: Path, run: Run, journal: Path) -> None:
    """Write instructions.jsonl and rejected.jsonl, then manifest.json.

    The manifest of an earlier run goes first: whatever happens in between, no manifest vouches
    for files it does not describe.

    Args:
        out: The folder.
        run: What happened.
        journal: Where the replies are; the manifest names it relative to ``out``.

    Raises:
        StorageError: a file could not be written; none is left half-written.
    """
    manifest = out / "manifest.json"
    with refusals(manifest, "remove"):
        manifest.unlink(missing_ok=True)
    files = {
        INSTRUCTIONS: instruction_rows(run.grown),
        REJECTED: rejected_rows(run.grown),
    }
    for name, rows in files.items():
        write_jsonl(out / name, rows)
    inputs = run.inputs
    write_manifest(
        manifest,
        {
            "instraug": instraug.__version__,
            "python": platform.python_version(),
            "config": as_plain(run.config),
            "model": inputs.plan.model,
            "scorer": inputs.scorer,
            "journal": os.path.relpath(journal, out),
            "inputs": {
                "tasks": [_task(t) for t in inputs.tasks],
                "meta_prompts": [asdict(m) for m in inputs.meta_prompts],
            },
            "outputs": {name: sha256(out / name) for name in files},
            **{k: v for k, v in run.summary().items() if k != "model"},
        },
    )


@dataclass(frozen=True)
class Kept:
    """What a manifest keeps of a run, enough to judge it again."""

    config: Config
    tasks: tuple[Task, ...]
    meta_prompts: tuple[MetaPrompt, ...]
    model: str
    scorer: str | None
    journal: str
    """The journal's path, relative to the folder."""


def read_kept(path: Path) -> Kept:
    """Read a run's manifest.

    Raises:
        InputError: it is missing, damaged, or of another shape than `write_outputs` gives it.
        StorageError: it cannot be read.
    """
    manifest = read_manifest(path)
    if manifest.problem:
        raise InputError([manifest.problem])
    known = {field.name: manifest.body.get(field.name) for field in fields(_Kept)}
    kept, problems = decode(known, _Kept, lambda _: str(path))
    if problems or kept is None:
        mend = "run the same `instraug expand` again to write it anew"
        raise InputError(
            [Problem(str(path), f"the manifest is damaged ({problems[0].what})", mend)]
        )
    return Kept(
        config=from_plain(kept.config, str(path)),
        tasks=tuple(map(_as_task, kept.inputs.tasks)),
        meta_prompts=kept.inputs.meta_prompts,
        model=kept.model,
        scorer=kept.scorer,
        journal=kept.journal,
    )


@dataclass(frozen=True)
class _KeptTask:
    """A task as `_task` spells it."""

    name: str
    templates: tuple[str, ...]
    category: str
    split: Split
    output: Output
    constants: Mapping[str, str]
    separators: Mapping[str, str]
    defaults: Mapping[str, Any]
    fields: tuple[str, ...] | None
    labels: tuple[str, ...]


@dataclass(frozen=True)
class _KeptInputs:
    tasks: tuple[_KeptTask, ...]
    meta_prompts: tuple[MetaPrompt, ...]


@dataclass(frozen=True)
class _Kept:
    """The part of a manifest that is read again, as JSON has it."""

    config: Mapping[str, Any]
    inputs: _KeptInputs
    model: str
    scorer: str | None
    journal: str


def _as_task(kept: _KeptTask) -> Task:
    data = {field.name: getattr(kept, field.name) for field in fields(kept)}
    data["templates"] = tuple(Template(kept.name, t, i) for i, t in enumerate(kept.templates))
    data["fields"] = None if kept.fields is None else frozenset(kept.fields)
    return Task(**data)


def _task(task: Task) -> dict[str, Any]:
    """A task as the manifest keeps it: all that a later judgement needs."""
    data = asdict(task)
    data["templates"] = [t.text for t in task.templates]
    data["fields"] = None if task.fields is None else sorted(task.fields)
    data.pop("source")
    return data
