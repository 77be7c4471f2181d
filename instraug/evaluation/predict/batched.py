"""Rows by batch: what the journal lacks is sent, hours later it is all there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instraug.errors import BudgetReached, UsageError
from instraug.evaluation.predict.asking import Noted, requests
from instraug.evaluation.predict.job import PredictJob, PredictWatch
from instraug.evaluation.predict.run import PredictRun
from instraug.models.batch.asking import Asking, Enough, Lacks
from instraug.models.batch.book import Book
from instraug.models.batch.results import Desk
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat, Reply
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex
from instraug.models.opening import Model
from instraug.models.session import draining

_ON_DISK = 5_000_000_000
"""Bytes of request files that lie on the disk at once: each row holds its whole picture."""

_AT_ONCE = 64
"""Rows that are looked up before signals get their turn."""

_RUN = "predict"
"""What the journal notes batches of rows under: there are no rounds to count."""

Count = Callable[[Reply, bool], None]


@dataclass
class RowLooker:
    """Looks through a run's rows for those whose reply is lacking."""

    run: PredictRun
    journal: Journal

    def __post_init__(self) -> None:
        self.journal.describe(self.run.settings)
        self.book = Book(self.journal, _RUN)

    async def look(self, add: Callable[[Chat], None], refused: Mapping[str, str]) -> Lacks:
        """Give each chat that lacks a reply to ``add``, see `models.batch.asking.Look`."""
        run, lacks, once = self.run, Lacks(), RecordIndex()
        pending, sent = self.book.pending(), self.book.waves()
        for number, row in enumerate(requests(run.config, run.model, run.loaded)):
            if not number % _AT_ONCE:
                await asyncio.sleep(0)
            key = row.chat.key
            if key in self.journal or key in refused or key in once:
                continue
            once.add(key, 0, 0)
            lacks.unanswered += 1
            if key in pending or lacks.budget or lacks.more:
                continue
            try:
                add(row.chat)
            except BudgetReached as error:
                lacks.budget = error
            except Enough:
                lacks.more = True
            else:
                lacks.written += 1
                lacks.fresh = lacks.fresh or key not in sent
        return lacks

    def end(
        self, noted: Noted, count: Count, bought: RecordIndex, refused: Mapping[str, str]
    ) -> int:
        """Note every row, and put the replies that are there into the run.

        Args:
            noted: Takes the rows.
            count: Called with each row's reply, and whether it was bought in this run.
            bought: Keys that were.
            refused: Keys that the endpoint refused in this run, and why.

        Returns:
            How many requests have no reply and were not refused.
        """
        run, used, lost = self.run, RecordIndex(), RecordIndex()
        for row in requests(run.config, run.model, run.loaded, noted):
            key = row.chat.key
            reply = self.journal.get(key)
            if reply is not None:
                count(reply, key in bought and key not in used)
                used.add(key, 0, 0)
            elif key not in refused:
                lost.add(key, 0, 0)
        run.failed, run.refused = refused, refused.keys()
        run.in_batches = sum(map(len, self.book.open))
        return len(lost)


async def ask_by_batch(
    job: PredictJob,
    looker: RowLooker,
    model: Model,
    budget: BudgetTracker,
    noted: Noted,
    watch: PredictWatch,
    count: Count,
) -> None:
    """Ask for every row by batch; the run says what came of it.

    Raises:
        UsageError: the model has no Batch API.
        FatalEndpointError, StorageError: no outputs; what was sent is noted in the journal.
    """
    if model.by_batch is None or job.by_batch is None:
        raise UsageError("--batch needs an endpoint; the embedded model is asked without it")
    run = looker.run
    async with model.by_batch() as service:
        desk = Desk(
            service,
            looker.book,
            looker.journal,
            budget,
            job.address.asked,
            job.by_batch.poll,
            watch.notice,
            watch.progress,
            job.force,
        )
        again = run.unknown.append
        asking = Asking(desk, job.out, job.config.batch_requests, again, _ON_DISK)
        async with draining(asking.steps):
            run.stopped = await asking.ask(looker.look, wait=job.by_batch.wait)
        results = asking.results
        lost = looker.end(noted, count, results.bought, results.refused)
        run.stopped = run.stopped or asking.why(lost, "")
