"""One run over an output folder: inputs, journal, model, the chain, and what it leaves behind.

expand(job)   tasks + model  -> instructions.jsonl, rejected.jsonl, replies.jsonl, manifest.json
refilter(...) a finished run -> the same files, judged again with other rules, no call made
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from instraug import metaprompts, tasks
from instraug.config import Config
from instraug.configfile import changes
from instraug.errors import InputError, Interrupted, Problem
from instraug.expansion import make_plan
from instraug.generation import Complete, Generator, recording
from instraug.llm.budget import Budget
from instraug.model import gate_of, opened, scorer_of
from instraug.outputs import REPLIES, Inputs, Run, write_outputs
from instraug.pipeline import Chain, Grown, expand
from instraug.records import Chat, MetaPrompt, Reply, Task
from instraug.storage.disk import refusals
from instraug.storage.journal import Journal
from instraug.storage.lock import Lock
from instraug.storage.manifest import read_manifest
from instraug.storage.replay import Replay

DRAIN = 20.0
"""Seconds that calls in flight get to come home once a run has to stop."""


@dataclass(frozen=True)
class Watcher:
    """What the command line wants to hear while a run goes on."""

    reply: Callable[[Reply, bool], None] = lambda _reply, _bought: None
    round: Callable[[Grown], None] = lambda _grown: None
    notice: Callable[[str], None] = lambda _text: None


@dataclass(frozen=True)
class Job:
    """What to expand, where to, and how."""

    tasks: Path
    out: Path
    model: str
    """The model's name; see `model.chosen`."""
    config: Config
    journal: Path | None = None
    """A journal shared among output folders; None: replies.jsonl in the output folder."""
    frozen: bool = False
    api_key: str | None = None
    foreseen: Mapping[str, Any] | None = None
    """What `forecast.forecast` said, for the manifest to compare with."""
    watcher: Watcher = field(default_factory=Watcher)

    @property
    def replies(self) -> Path:
        """The journal's path."""
        return self.journal or self.out / REPLIES


@dataclass(frozen=True)
class Loaded:
    """A job's inputs, read and checked before anything is spent."""

    tasks: tuple[Task, ...]
    meta_prompts: tuple[MetaPrompt, ...]


def load(job: Job) -> Loaded:
    """Read the tasks and meta-prompts of a job.

    Raises:
        InputError: every problem of the task folder at once, or no task is left to expand.
    """
    found = tasks.load(job.tasks)
    only, config = job.config.only, job.config
    chosen = tuple(
        t
        for t in found
        if (not only or any(fnmatchcase(t.name, glob) for glob in only))
        and (t.split == "train" or config.include_eval)
    )
    if not chosen:
        mend = "name one of its train tasks with --only, or add --include-eval"
        raise InputError([Problem(str(job.tasks), "no task is left to expand", mend)])
    shipped = None if config.meta_prompts is None else Path(config.meta_prompts)
    return Loaded(chosen, metaprompts.load(shipped))


def expand_job(job: Job, loaded: Loaded) -> Run:
    """Run a job to its end, or to what stops it, and write its output folder.

    Returns:
        The run; `Run.raise_unless_done` tells whether it met its targets.

    Raises:
        UsageError, LockedError: before anything is sent.
        FrozenMiss, FatalEndpointError, StorageError: no outputs; what was paid for is journaled.
    """
    with locked(job.out), _ledger(job) as ledger:
        for notice in (*ledger.notices, *_since(job)):
            job.watcher.notice(notice)
        run = asyncio.run(_run(job, loaded, ledger))
        if run.unknown:
            told = f"{len(run.unknown)} calls of an earlier run had an unknown outcome"
            job.watcher.notice(f"{told}; counted against the budget and asked once more")
        if isinstance(ledger, Journal):
            ledger.sync()  # no manifest vouches for replies that a power cut could take
        write_outputs(job.out, run, job.replies)
    return run


def _since(job: Job) -> Iterator[str]:
    """Say what is different from the run before, by its manifest."""
    path = job.out / "manifest.json"
    manifest = read_manifest(path)
    if manifest.problem and path.exists():
        yield f"{manifest.problem.where}: {manifest.problem.what}; it is written anew"
    before = manifest.body.get("config")
    if isinstance(before, Mapping) and (changed := changes(before, job.config)):
        told = "replies to requests that stay the same are used again"
        yield f"changed since the last run: {', '.join(changed)}; {told}"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Make the output folder and hold it against other processes.

    Raises:
        LockedError: another process has it.
        StorageError: it cannot be made or written to.
    """
    with refusals(out, "make"):
        out.mkdir(parents=True, exist_ok=True)
    with Lock.folder(out):
        yield


def _ledger(job: Job) -> Journal | Replay:
    return Replay.read(job.replies) if job.frozen else Journal.open(job.replies)


async def _run(job: Job, loaded: Loaded, ledger: Journal | Replay) -> Run:
    config = job.config
    asked = [m for m in (job.model, config.embedding_model) if m]
    budget = Budget(config.budget, config.prices, asked)
    opening = opened(config, job.model, job.api_key, budget, job.watcher.notice, frozen=job.frozen)
    async with opening as model:
        plan = make_plan(config, model.name, loaded.meta_prompts, model.grammar)
        scorer = scorer_of(config, model, ledger)
        inputs = Inputs(loaded.tasks, loaded.meta_prompts, plan, scorer.id if scorer else None)
        run = Run(config, inputs)
        run.foreseen = job.foreseen

        def watch(reply: Reply, bought: bool) -> None:
            run.count(reply, bought)
            job.watcher.reply(reply, bought)

        complete = model.complete
        if complete is not None and isinstance(ledger, Journal):
            complete = _recounting(recording(complete, ledger), ledger.unknown, budget, run)
        generator = Generator(complete, ledger, model.concurrency, watch)
        gate = gate_of(config, scorer)
        chain = Chain(plan, config.rules, generator, gate, job.watcher.round)
        try:
            with _signals(generator):
                run.grown = await expand(loaded.tasks, chain)
        finally:
            await generator.drain(DRAIN)
        run.stopped, run.failed = generator.stopped, generator.failed
    return run


def _recounting(complete: Complete, unknown: Collection[str], budget: Budget, run: Run) -> Complete:
    """Charge the budget for a call of an earlier run when its key is asked once more."""

    async def call(chat: Chat) -> Reply:
        if chat.key in unknown:
            # Outside of the recording: where the budget refuses, the key stays unknown.
            await budget.charge(budget.worst(chat))
            run.unknown.append(chat.key)
        return await complete(chat)

    return call


@contextmanager
def _signals(generator: Generator) -> Iterator[None]:
    """Stop sending at the first SIGINT or SIGTERM, drain, and let a second one end at once."""
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)

    def stop(signum: int) -> None:
        generator.stop(Interrupted(signum))
        loop.call_later(DRAIN, generator.abandon)
        for name in names:
            loop.remove_signal_handler(name)
            signal.signal(name, signal.SIG_DFL)

    for name in names:
        loop.add_signal_handler(name, stop, name)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
