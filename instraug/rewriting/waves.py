"""A run by batch: look what is lacking, send it, wait, look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

from instraug.errors import UsageError
from instraug.models.batch.asking import Asking, Lacks
from instraug.models.batch.book import Book
from instraug.models.batch.results import Desk
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat, Reply
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex
from instraug.models.opening import Model
from instraug.models.session import draining
from instraug.rewriting.batched import BatchGenerator, Limits, settings_key
from instraug.rewriting.job import ExpandJob, Watch
from instraug.rewriting.outcome import settle
from instraug.rewriting.rounds import Chain, Grown, run_rounds
from instraug.rewriting.run import Run

T = TypeVar("T")

Count = Callable[[Reply, bool], None]


def nothing(_grown: Grown) -> None:
    """Keep nothing of a task: a look that only asks what is lacking."""


@dataclass
class Looker:
    """Looks through the rounds of a run for what is lacking.

    Its chain has no generator of use: each look brings its own.
    """

    run: Run
    chain: Chain
    journal: Journal

    def __post_init__(self) -> None:
        self.journal.describe(self.run.settings)

    @cached_property
    def book(self) -> Book:
        """The journal's batches, as rounds of this run count them."""
        return Book(self.journal, settings_key(self.run.config, self.run.plan.model))

    async def look(
        self,
        limits: Limits | None,
        refused: Mapping[str, str],
        end: Callable[[Grown], T],
        watch: Callable[[Reply], None] | None = None,
    ) -> tuple[Lacks, list[T]]:
        """Go through every task's rounds as far as the journal has their replies.

        Args:
            limits: See `BatchGenerator`.
            refused: Likewise.
            end: See `run_rounds`.
            watch: Called with each reply.
        """
        plan = self.chain.plan
        generator = BatchGenerator(self.journal, self.book, plan, limits, refused, watch)
        chain = replace(
            self.chain, generator=generator, lacks=generator.is_short, foresee=generator.foresee
        )
        return generator.found, await run_rounds(self.run.inputs.tasks, chain, end)

    async def end(self, count: Count, bought: RecordIndex, refused: Mapping[str, str]) -> Lacks:
        """Judge what is there, and put it into the run.

        Args:
            count: Called with each reply that was judged, and whether it was bought in this run.
            bought: Keys that were.
            refused: Keys that the endpoint refused in this run, and why.
        """
        used = RecordIndex()

        def watch(reply: Reply) -> None:
            is_new = reply.key in bought and reply.key not in used
            if is_new:
                used.add(reply.key, 0, 0)
            count(reply, is_new)

        end = partial(settle, plan=self.run.plan, replies=self.journal, spool=self.run.spool)
        lacks, self.run.outcomes = await self.look(None, refused, end, watch)
        self.run.failed, self.run.refused = refused, refused.keys()
        self.run.ahead = len(bought) - len(used)
        self.run.in_batches = sum(map(len, self.book.open))
        return lacks


async def run_waves(
    job: ExpandJob, looker: Looker, model: Model, budget: BudgetTracker, watch: Watch, count: Count
) -> bool:
    """Ask for everything by batch.

    Returns:
        Whether the rest is to be asked online; else the run is judged.

    Raises:
        UsageError: the model has no Batch API.
        FatalEndpointError, StorageError: no outputs; what was sent is noted in the journal.
    """
    if model.by_batch is None or job.by_batch is None:
        raise UsageError("--batch needs an endpoint; the embedded model is asked without it")
    run, settings = looker.run, job.config.batch
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
        asking = Asking(desk, job.out, settings.requests, run.unknown.append)

        async def look(add: Callable[[Chat], None], refused: Mapping[str, str]) -> Lacks:
            return (await looker.look(Limits(add, settings.rounds), refused, nothing))[0]

        async with draining(asking.steps):
            run.stopped = await asking.ask(look, wait=job.by_batch.wait)
            if settings.online and asking.is_late and not run.stopped:
                run.ahead = len(asking.results.bought)
                return True
            results = asking.results
            left = await looker.end(count, results.bought, results.refused)
        what = f"{asking.lacks.late} requests are lacking after {settings.rounds} rounds by batch"
        late = f"{what}; run without --batch to ask for them online, or raise batch.rounds"
        run.stopped = run.stopped or asking.why(left.unanswered, late)
    return False
