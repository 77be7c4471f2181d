"""``expand``: tasks + model -> instructions.jsonl, rejected.jsonl, replies.jsonl, manifest.json."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from instraug.files.spool import Spool
from instraug.models.batch.book import Book
from instraug.models.budget import BudgetTracker
from instraug.models.generation import Generator
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import other_endpoints
from instraug.models.journal.pointer import note_journal
from instraug.models.journal.replay import Replay
from instraug.models.opening import opened
from instraug.models.session import (
    draining,
    finish,
    open_journal,
    recorded,
    session,
)
from instraug.rewriting.beginning import begun, counted
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
from instraug.rewriting.outcome import settle
from instraug.rewriting.output import export
from instraug.rewriting.records import Request
from instraug.rewriting.rounds import run_rounds
from instraug.rewriting.run import Run
from instraug.tasks.pool import REPLIES


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
        with open_journal(job.replies, frozen=job.frozen) as journal, Spool(job.out) as spool:
            check_replies(job, journal)
            if not job.frozen:
                note_journal(job.out, job.replies, REPLIES)
            for notice in (*journal.notices, *notices):
                watch.notice(notice)
            run = finish(_expand(job, inputs, journal, watch, spool))
            if isinstance(journal, Journal):
                journal.sync()  # no manifest vouches for replies that a power cut could take
            export(job.out, run, job.replies)
    return run


async def _expand(
    job: ExpandJob, inputs: Inputs, journal: Journal | Replay, watch: Watch, spool: Spool
) -> Run:
    asked = job.address.asked
    budget = BudgetTracker(job.config.budget, job.config.prices, job.models)
    async with opened(job.address, budget, watch.notice, frozen=job.frozen) as model:
        run, chain = begun(job, inputs, model, journal, watch, spool)
        count = partial(counted, run, watch, other_endpoints(asked, watch.notice))
        if job.by_batch and isinstance(journal, Journal):
            from instraug.rewriting.waves import Looker, run_waves

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
            chain = replace(chain, generator=generator)
            end = partial(settle, plan=run.plan, replies=journal, spool=spool)
            run.outcomes = await run_rounds(inputs.tasks, chain, end)
        run.stopped, run.failed = generator.stopped, generator.failed
        run.refused = generator.refused
    if run.unknown:
        what = f"{len(run.unknown)} calls of an earlier run had an unknown outcome"
        watch.notice(f"{what}; counted against the budget and asked once more")
    return run
