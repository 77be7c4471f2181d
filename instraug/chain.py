"""One run over an output folder: inputs, journal, model, the chain, and what it leaves behind.

expand(job)   tasks + model  -> instructions.jsonl, rejected.jsonl, replies.jsonl, manifest.json
refilter(...) a finished run -> the same files, judged again with other rules, no call made
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from typing import Any

from instraug.errors import InputError, Problem, UsageError
from instraug.files.manifest import read_manifest
from instraug.models.budget import Budget
from instraug.models.chat import Reply
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import recording
from instraug.models.journal.replay import Replay
from instraug.models.opening import offline, opened
from instraug.rewriting.config import Config, Rules, changes
from instraug.rewriting.generation import Generator
from instraug.rewriting.judging.meaning import gate_of, scorer_of
from instraug.rewriting.output import Kept, _Bought, read_kept, write_outputs
from instraug.rewriting.prompts import meta_prompts as metaprompts
from instraug.rewriting.prompts.plan import make_plan
from instraug.rewriting.rounds import Chain, Grown, expand, rejudge
from instraug.rewriting.run import Inputs, Loaded, Run
from instraug.rewriting.session import DRAIN, _recounting, _signals, locked
from instraug.tasks import load as tasks
from instraug.tasks.pool import REPLIES
from instraug.training_set.build import BuildJob, _accompany, _hashing, _manifest, _plan, _write
from instraug.training_set.destination import check_free, destination
from instraug.training_set.engines.local import local_engine
from instraug.training_set.formats import registry
from instraug.training_set.instances.multiinstruct import instance_files
from instraug.training_set.shards import split
from instraug.training_set.summary import Outcome


def build_set(job: BuildJob) -> Outcome:
    """Build a set.

    Returns:
        What became of it; the files are in place.

    Raises:
        UsageError: the destination exists, or does not fit the format.
        InputError: every row that cannot be used, unless they are to be skipped; a task folder,
            instructions or instance files with problems; no row at all.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    began = monotonic()
    target = registry.target(job.dest, job.config.format)
    check_free(job.dest, is_file=target.is_file, force=job.force)
    plan = _plan(job, target)
    files = instance_files(job.instances)
    shards = split(files)
    dest_path = job.dest.resolve()
    for file in map(Path.resolve, files):
        if dest_path in (file, *file.parents):
            raise UsageError(f"{job.dest}: the set is built from it; choose another destination")
    data = None if target.is_file else f"data{target.suffix}"
    with destination(job.dest, data) as dest:
        # The engine first, for it may fork; then hashing, which goes on beside the building.
        scratch = dest.data.parent
        with local_engine(plan, job.workers, scratch) as engine, _hashing(files) as hashes:
            outcome = Outcome(plan.pools, plan.making.epsilon)
            _write(plan, engine, shards, dest, outcome, job)
            inputs = {str(file): digest for file, digest in zip(files, hashes, strict=True)}
        if data is not None:
            _accompany(dest, plan, outcome, job)
        body = _manifest(job, plan, outcome, inputs)
        body["run"] = {"seconds": round(monotonic() - began, 3), "workers": job.workers}
        outcome.outputs = dest.finish(body)
    return outcome


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
