"""A run by batch: look what is lacking, send it, wait, look again."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from instraug.errors import EndpointUnavailable, InstraugError, Interrupted, UsageError
from instraug.files.atomic import hidden_folder
from instraug.files.disk import refusals
from instraug.models.batch.batches import Batches
from instraug.models.batch.book import Book, Wave
from instraug.models.batch.requests import RequestFiles
from instraug.models.batch.results import Desk
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat, Reply
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex
from instraug.models.opening import Model
from instraug.models.session import draining
from instraug.rewriting.batched import BatchGenerator, Lacks, Limits, settings_key
from instraug.rewriting.job import ByBatch, ExpandJob, Watch
from instraug.rewriting.rounds import Chain, Grown, run_rounds
from instraug.rewriting.run import Run

Count = Callable[[Reply, bool], None]

_REQUESTS = "requests.jsonl"
"""What the hidden folder of request files is named after."""


_VAIN = 1
"""Waves without any reply after which the same requests are still sent again."""


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
        watch: Callable[[Reply], None] | None = None,
    ) -> tuple[Lacks, list[Grown]]:
        """Go through every task's rounds as far as the journal has their replies."""
        plan = self.chain.plan
        generator = BatchGenerator(self.journal, self.book, plan, limits, refused, watch)
        chain = replace(
            self.chain, generator=generator, lacks=generator.is_short, foresee=generator.foresee
        )
        return generator.found, await run_rounds(self.run.inputs.tasks, chain)

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

        lacks, self.run.grown = await self.look(None, refused, watch)
        self.run.failed, self.run.refused = refused, refused.keys()
        self.run.ahead = len(bought) - len(used)
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
        batches = Batches(desk)
        async with draining(batches.steps):
            return await _Waves(job, job.by_batch, looker, desk, batches).ask(count)


class _Waves:
    def __init__(
        self, job: ExpandJob, how: ByBatch, looker: Looker, desk: Desk, batches: Batches
    ) -> None:
        self._job, self._how, self._looker = job, how, looker
        self._desk, self._batches = desk, batches
        self._lacks = Lacks()

    async def ask(self, count: Count) -> bool:
        run, results = self._looker.run, self._batches.results
        try:
            await self._batches.begin()
            while True:
                await self._batches.settle(wait=self._how.wait)
                if results.cancelled:  # whoever cancelled wants no more of it now
                    break
                if not await self._send() or not self._how.wait:
                    break
        except (EndpointUnavailable, Interrupted) as error:
            run.stopped = error
        if self._job.config.batch.online and self._is_late(run):
            return True
        left = await self._looker.end(count, results.bought, results.refused)
        run.stopped = run.stopped or self._why(left)
        return False

    async def _send(self) -> bool:
        """Send what is lacking; return whether there was anything to send."""
        results, book, settings = self._batches.results, self._looker.book, self._job.config.batch
        service = self._desk.service
        with request_folder(self._job.out) as folder:
            with RequestFiles(folder, service.quirks, service.worst, settings.requests) as files:

                def add(chat: Chat) -> None:
                    self._charge(chat)
                    files.add(chat)

                limits = Limits(add, settings.rounds)
                self._lacks = lacks = (await self._looker.look(limits, results.refused))[0]
            self._check_progress(lacks)
            wave = Wave(book.wave(fresh=lacks.fresh), lacks.budget is not None)
            await self._batches.send(files.files, wave)
            return lacks.written > 0

    def _charge(self, chat: Chat) -> None:
        """Take a request's worst case from the budget; twice for a call of unknown outcome."""
        worst, unknown = self._desk.service.worst(chat), self._looker.run.unknown
        if chat.key in self._looker.journal.unknown and chat.key not in unknown:
            self._desk.budget.take(worst)
            unknown.append(chat.key)
        self._desk.budget.take(worst)

    def _check_progress(self, lacks: Lacks) -> None:
        """End the run where what was sent last brought nothing, and the same would be sent."""
        results = self._batches.results
        now = len(results.bought) + len(results.refused)
        self._vain = self._vain + 1 if lacks.written and not lacks.fresh and now == self._had else 0
        self._had = now
        if self._vain > _VAIN:
            what = f"{lacks.written} requests that were sent again got no reply"
            raise EndpointUnavailable(f"{what} ({_kinds(results.failures)}); run again later")

    _had = -1
    """Replies and refusals when requests were sent last."""
    _vain = 0
    """How often nothing came of that, one after the other."""

    def _is_late(self, run: Run) -> bool:
        """Whether nothing but the number of rounds keeps requests from being sent."""
        return bool(self._lacks.late) and not (run.stopped or self._looker.book.open)

    def _why(self, left: Lacks) -> InstraugError | None:
        lacks, open_ = self._lacks, self._looker.book.open
        if open_:
            what = f"{sum(map(len, open_))} requests are in {len(open_)} batches"
            return EndpointUnavailable(f"{what} that are not over; the same command goes on")
        if lacks.budget:
            return lacks.budget
        if lacks.late:
            rounds = self._job.config.batch.rounds
            what = f"{lacks.late} requests are lacking after {rounds} rounds by batch"
            return EndpointUnavailable(
                f"{what}; run without --batch to ask for them online, or raise batch.rounds"
            )
        if left.unanswered:
            kinds = _kinds(self._batches.results.failures)
            what = f"{left.unanswered} requests got no reply ({kinds})"
            return EndpointUnavailable(f"{what}; run again to send them once more")
        return None


def _kinds(failures: Counter[str]) -> str:
    return "; ".join(why for why, _ in failures.most_common(2)) or "none was run"


@contextmanager
def request_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder in an output folder that this process has locked; drop older ones."""
    for left in out.glob(f".{_REQUESTS}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    with refusals(out, "write"), hidden_folder(out / _REQUESTS) as folder:
        yield folder
