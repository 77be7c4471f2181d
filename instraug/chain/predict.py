"""``predict``: built rows + model -> predictions.jsonl, replies.jsonl, manifest.json."""

from __future__ import annotations

from instraug.evaluation.predict.asking import Noted, noting, requests
from instraug.evaluation.predict.batched import RowLooker, ask_by_batch
from instraug.evaluation.predict.job import (
    REPLIES,
    UNWATCHED,
    Loaded,
    PredictJob,
    PredictWatch,
    load_rows,
    notices,
)
from instraug.evaluation.predict.output import write_predictions
from instraug.evaluation.predict.run import PredictRun, there
from instraug.models.batch.book import Book
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Reply
from instraug.models.generation import Generator, HasChat
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
    loaded, watch = loaded or load_rows(job), watch or UNWATCHED
    lines = notices(job, loaded)
    with session(job.out), open_journal(job.replies, frozen=job.frozen) as journal:
        for notice in (*journal.notices, *lines):
            watch.notice(notice)
        if not job.frozen:
            note_journal(job.out, job.replies, REPLIES)
        with noting(job.out) as noted:
            run = finish(_predict(job, loaded, journal, noted, watch))
            if isinstance(journal, Journal):
                journal.sync()
            write_predictions(job, run, noted, journal)
    return run


async def _predict(
    job: PredictJob, loaded: Loaded, journal: Journal | Replay, noted: Noted, watch: PredictWatch
) -> PredictRun:
    config, asked = job.config, job.address.asked
    budget = BudgetTracker(config.budget, config.prices, (job.model,))
    look = other_endpoints(asked, watch.notice)
    async with opened(job.address, budget, watch.notice, frozen=job.frozen) as model:
        run = PredictRun(config, loaded, model.name, job.model)

        def count(reply: Reply, bought: bool) -> None:
            look(reply)
            run.count(reply, bought)
            watch.reply(reply, bought)

        if job.by_batch and isinstance(journal, Journal):
            looker = RowLooker(run, journal)
            await ask_by_batch(job, looker, model, budget, noted, watch, count)
            return run
        rows = requests(config, model.name, loaded, noted)
        complete = None
        if isinstance(journal, Journal):
            again, held = run.unknown.append, () if job.force else Book(journal).pending()
            complete = recorded(model.complete, journal, budget, run.settings, asked, again, held)
        else:
            rows = (there(row, journal) for row in rows)
        generator = Generator[HasChat](complete, journal, model.concurrency, count)
        async with draining(generator):
            await generator.generate(rows, lambda _row, _reply: None)
        run.stopped, run.failed = generator.stopped, generator.failed
        run.refused = generator.refused
    return run
