"""The chain: load, expand, generate, judge, export; then build, mix and predict.

expand    tasks + model       -> instructions.jsonl, rejected.jsonl, replies.jsonl, manifest.json
refilter  a finished run      -> the same files, judged again by other rules, no call made
build     instances + a pool  -> the rows of a training set (MIns+), in any format
mix       several sets        -> sets of exact shares, nested, without an evaluation's rows
predict   built rows + model  -> predictions.jsonl, replies.jsonl, manifest.json
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from instraug.models.batch.book import Book
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Reply
from instraug.models.generation import Generator, HasChat
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import other_endpoints
from instraug.models.journal.paths import keep_apart
from instraug.models.journal.replay import Replay
from instraug.models.opening import offline, opened
from instraug.models.session import (
    draining,
    finish,
    open_journal,
    recorded,
    reserved,
    session,
)
from instraug.rewriting.beginning import begun, counted
from instraug.rewriting.config import Rules
from instraug.rewriting.frozen import Differences, FrozenGenerator
from instraug.rewriting.job import (
    QUIET,
    ExpandJob,
    Inputs,
    Watch,
    check_folder,
    check_replies,
    load,
)
from instraug.rewriting.judging.meaning import gate_of, scorer_of
from instraug.rewriting.output import export, read_output
from instraug.rewriting.prompts.plan import make_plan
from instraug.rewriting.records import Request
from instraug.rewriting.rejudging import JudgedReplies, check_made_from, rejudge_all
from instraug.rewriting.rounds import run_rounds
from instraug.rewriting.run import Run
from instraug.rewriting.waves import Looker, run_waves
from instraug.tasks.load import load_tasks
from instraug.tasks.pool import OUTPUTS, load_pools
from instraug.training_set.build import (
    BuildJob,
    add_up,
    check_names,
    find_bounds,
    fitted,
    hashing,
    make_recipe,
    manifest_body,
    settled,
    write_companions,
    writing,
)
from instraug.training_set.destination import check_apart, destination
from instraug.training_set.engines.local import local_engine
from instraug.training_set.formats import registry
from instraug.training_set.narrowing import narrowed
from instraug.training_set.summary import Summary

if TYPE_CHECKING:
    from instraug.evaluation.predict.asking import Noted
    from instraug.evaluation.predict.job import Loaded, PredictJob, PredictWatch
    from instraug.evaluation.predict.run import PredictRun
    from instraug.training_set.mix.config import MixJob
    from instraug.training_set.mix.sets import Mixture


def expand(job: ExpandJob, inputs: Inputs | None = None, watch: Watch = QUIET) -> Run:
    """Grow every template of a job's tasks, and write its output folder.

    Args:
        job: What to expand, where to, and how.
        inputs: What `load` returns for the job; None: it is loaded here.
        watch: What to call while the run goes on.

    Returns:
        The run; `Run.raise_unless_done` raises where it missed a target.

    Raises:
        InputError, UsageError, LockedError: before anything is sent.
        FrozenMiss, FatalEndpointError, StorageError: no outputs; what was paid for is journaled.
    """
    inputs = inputs or load(job)
    with session(job.out):
        notices = check_folder(job, inputs)
        with open_journal(job.replies, frozen=job.frozen) as journal:
            check_replies(job, journal)
            for notice in (*journal.notices, *notices):
                watch.notice(notice)
            run = finish(_expand(job, inputs, journal, watch))
            if isinstance(journal, Journal):
                journal.sync()  # no manifest vouches for replies that a power cut could take
            export(job.out, run, job.replies, journal)
    return run


async def _expand(job: ExpandJob, inputs: Inputs, journal: Journal | Replay, watch: Watch) -> Run:
    asked = job.address.asked
    budget = BudgetTracker(job.config.budget, job.config.prices, job.models)
    async with opened(job.address, budget, watch.notice, frozen=job.frozen) as model:
        run, chain = begun(job, inputs, model, journal, watch)
        count = partial(counted, run, watch, other_endpoints(asked, watch.notice))
        if job.by_batch and isinstance(journal, Journal):
            looker = Looker(run, chain, journal)
            if not await run_waves(job, looker, model, budget, watch, count):
                return run
        if isinstance(journal, Journal):
            again, held = run.unknown.append, () if job.force else Book(journal).pending()
            complete = recorded(model.complete, journal, budget, run.settings, asked, again, held)
            generator = Generator[Request](complete, journal, model.concurrency, count)
        else:
            differences = Differences(job, inputs, model.name, journal)
            generator = FrozenGenerator(journal, count, differences)
        async with draining(generator):
            run.grown = await run_rounds(inputs.tasks, replace(chain, generator=generator))
        run.stopped, run.failed = generator.stopped, generator.failed
        run.refused = generator.refused
    if run.unknown:
        what = f"{len(run.unknown)} calls of an earlier run had an unknown outcome"
        watch.notice(f"{what}; counted against the budget and asked once more")
    return run


def refilter(out: Path, rules: Rules | None, dest: Path, *, force: bool = False) -> Run:
    """Judge a run's journal again and write its row files and manifest anew.

    Args:
        out: The output folder of a run.
        rules: What to judge by; None: the run's own rules.
        dest: Where to write; may be ``out``.
        force: Replace the rows of another run in ``dest``.

    Raises:
        InputError: ``out`` has no sound manifest, or its row files are others; or what is in
            ``dest`` was not made from ``out``.
        FrozenMiss: the journal lacks a reply of the run; or the semantic gate is on and it lacks
            a score. Nothing is written.
        UsageError: writing to ``dest`` would replace a journal.
    """
    kept = read_output(out)
    config = replace(kept.config, rules=rules or kept.config.rules)
    model = offline(kept.model)
    keep_apart(dest, kept.journal, OUTPUTS)
    check_made_from(out, kept, dest, force=force)
    plan = make_plan(config, model.name, kept.meta_prompts, constrains=model.constrains)
    with reserved(dest) as make_dest, Replay.read(kept.journal) as journal:
        scorer = scorer_of(config, model, journal)
        gate = gate_of(config.rules, scorer)
        run = Run(
            config, Inputs(kept.tasks, kept.meta_prompts), plan, scorer.id if scorer else None
        )
        replies = JudgedReplies(out, kept, journal)
        run.grown = finish(rejudge_all(kept, plan, config.rules, gate, replies))
        run.recount(replies)
        make_dest()
        made_from = None if dest.samefile(out) else out
        export(dest, run, kept.journal, journal, made_from)
    return run


def build(job: BuildJob) -> Summary:
    """Build a training set: instances rendered with sampled instructions (MIns+).

    Returns:
        What became of it; the files are in place.

    Raises:
        UsageError: the destination exists, or does not fit the format.
        InputError: every row that cannot be built, unless they are to be skipped; a task folder,
            instructions or instance files with problems; no row at all.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    began = monotonic()
    job = fitted(job)
    data_file = settled(job)
    pools = narrowed(job.config, load_pools(load_tasks(job.tasks), job.instructions))
    recipe = make_recipe(job.config, data_file, pools)
    files = recipe.instances.files(job.instances)
    shards = recipe.instances.split(files)
    check_apart(job.dest, files)
    check_names(job, pools, files)
    form = registry.load(recipe.format, recipe.options)
    with destination(job.dest, data_file.inside) as dest:
        # The engine first, for it may fork; then hashing, which goes on beside the building.
        workers = local_engine(recipe, job.workers, dest.data.parent)
        with workers as engine, hashing(files) as hashes:
            bounds = find_bounds(engine, shards, recipe.caps)
            with writing(dest, form, job.dest) as write:
                summary = add_up(job, recipe, shards, engine.build(shards, bounds, write))
            instances = dict(zip(map(str, files), hashes, strict=True))
        if not data_file.is_file:
            write_companions(dest, recipe, form, summary)
        summary.outputs = dest.finish(manifest_body(job, recipe, summary, instances, began))
    return summary


def mix(job: MixJob) -> Mixture:
    """Mix sets to an exact total, by rows or by tokens; a sweep of shares makes a set of each.

    Returns:
        What became of it; the files are in place.

    Raises:
        UsageError: shares, a destination or settings that do not go together.
        InputError: sources that cannot be mixed or are too small; rows that cannot be used, or
            that an evaluation set holds, unless they are to be left out.
        StorageError: the disk refused. Nothing half-written is left in any of these cases.
    """
    # Imported here: no other command needs it.
    from instraug.training_set.mix import mixing, sets
    from instraug.training_set.mix.scan import scan_all
    from instraug.training_set.mix.scanner import Scanner
    from instraug.training_set.mix.spool import lines_of

    asked = mixing.settle_shares(job)
    sources, guard = mixing.settle_sources(job)
    target = sets.settle_target(job, sources, asked)
    leaking = mixing.leaking_tasks(job, sources, guard)
    with sets.scratch(job) as folder:
        lines = lines_of(sources, folder, leaking)
        scanned = scan_all(Scanner(lines, job.config, guard), lines, job.workers, job.progress)
        leaks = mixing.check_rows(job, sources, scanned)
        pools = mixing.pools_of(job, sources, scanned)
        plans = mixing.make_plans(job, pools, asked)
        mixture = sets.write_sets(job, target, sources, lines, scanned, pools, plans, folder)
    mixture.leaks = leaks
    return mixture


def predict(
    job: PredictJob, loaded: Loaded | None = None, watch: PredictWatch | None = None
) -> PredictRun:
    """Put built rows to a model, and write its predictions.

    Args:
        job: Which rows, whom to ask, where to.
        loaded: What `load_rows` returns for the job; None: it is loaded here.
        watch: What to call while the run goes on.

    Returns:
        The run; `PredictRun.raise_unless_done` raises where a row has no prediction.

    Raises:
        InputError, UsageError, LockedError: before anything is sent.
        FrozenMiss, FatalEndpointError, StorageError: no outputs; what was paid for is journaled.
    """
    # Imported here: no other command needs it.
    from instraug.evaluation.predict.asking import noting
    from instraug.evaluation.predict.job import UNWATCHED, load_rows, notices
    from instraug.evaluation.predict.output import write_predictions

    loaded, watch = loaded or load_rows(job), watch or UNWATCHED
    lines = notices(job, loaded)
    with session(job.out), open_journal(job.replies, frozen=job.frozen) as journal:
        for notice in (*journal.notices, *lines):
            watch.notice(notice)
        with noting(job.out) as noted:
            run = finish(_predict(job, loaded, journal, noted, watch))
            if isinstance(journal, Journal):
                journal.sync()
            write_predictions(job, run, noted, journal)
    return run


async def _predict(
    job: PredictJob, loaded: Loaded, journal: Journal | Replay, noted: Noted, watch: PredictWatch
) -> PredictRun:
    from instraug.evaluation.predict.asking import requests
    from instraug.evaluation.predict.run import PredictRun, there

    config, asked = job.config, job.address.asked
    budget = BudgetTracker(config.budget, config.prices, (job.model,))
    look = other_endpoints(asked, watch.notice)
    async with opened(job.address, budget, watch.notice, frozen=job.frozen) as model:
        run = PredictRun(config, loaded, model.name, job.model)

        def count(reply: Reply, bought: bool) -> None:
            look(reply)
            run.count(reply, bought)
            watch.reply(reply, bought)

        rows = requests(config, model.name, loaded, noted)
        complete = None
        if isinstance(journal, Journal):
            again = run.unknown.append
            complete = recorded(model.complete, journal, budget, run.settings, asked, again)
        else:
            rows = (there(row, journal) for row in rows)
        generator = Generator[HasChat](complete, journal, model.concurrency, count)
        async with draining(generator):
            await generator.generate(rows, lambda _row, _reply: None)
        run.stopped, run.failed = generator.stopped, generator.failed
        run.refused = generator.refused
    return run
