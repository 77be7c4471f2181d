"""The results of a batch: fetched whole, recorded, and what the failed ones teach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from instraug.errors import (
    EndpointError,
    EndpointUnavailable,
    FatalEndpointError,
    RejectedRequest,
)
from instraug.models.batch.book import Batch, Book
from instraug.models.batch.lines import Failure, parsed, result, result_key
from instraug.models.batch.service import BatchService, RemoteBatch, unavailable
from instraug.models.batch.steps import Steps
from instraug.models.budget import Amount, BudgetTracker
from instraug.models.chat import Reply
from instraug.models.endpoint.faults import Fault, from_status
from instraug.models.endpoint.keys import redact
from instraug.models.endpoint.refusals import Refusal
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex

_TRIES = 3
"""Times that results are fetched which come back damaged or short."""

_QUEUE_FULL = ("token_limit_exceeded", "enqueued", "rate_limit", "limit_reached")
"""Words of a whole batch's error by which the endpoint only lacks room for it now."""


@dataclass(frozen=True)
class Desk:
    """What a run's batches are sent with."""

    service: BatchService
    book: Book
    journal: Journal
    budget: BudgetTracker
    asked: str
    """The endpoint, which is noted with each reply."""
    poll: float
    """Seconds between two looks at what is not over."""
    notice: Callable[[str], object]
    """Called with each line that the user should read."""
    progress: Callable[[str], object]
    """Called with each line that says how far it is."""
    force: bool = False
    """Send again what the endpoint has lost."""


@dataclass
class _Results:
    """What was found in the result files of one batch."""

    spent: Amount = field(default_factory=Amount)
    seen: set[str] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    damaged: int = 0
    strange: int = 0
    """Lines of requests that are none of this batch."""


class Results:
    """Fetches and records the results of a run's batches.

    Args:
        desk: What they are fetched with.
        steps: What can be stopped.
    """

    def __init__(self, desk: Desk, steps: Steps) -> None:
        self._desk, self._steps = desk, steps
        self.fatal: EndpointError | None = None
        """Why no batch will bring anything."""
        self.refused: dict[str, str] = {}
        """Keys that the endpoint refused in this run, and why."""
        self.cancelled: set[str] = set()
        """Keys of batches that somebody cancelled in this run."""
        self.bought = RecordIndex()
        """Keys whose reply was recorded in this run."""
        self.failures: Counter[str] = Counter()
        """Why requests of this run got no reply."""

    async def fetch(self, batch: Batch, remote: RemoteBatch) -> Amount:
        """Record what a batch that is over brought, and return what it cost.

        Raises:
            EndpointUnavailable: the results cannot be had whole now.
            Missing: they are gone.
        """
        for tries in range(1, _TRIES + 1):
            found = _Results()
            keys = RecordIndex()
            for key in batch:
                keys.add(key, 0, 0)
            for file in remote.results:
                await self._steps.run(self._read(file, batch, keys, found))
            short = min(len(batch), remote.completed) - len(found.seen)
            if short <= 0 and not found.damaged:
                break
            if tries < _TRIES:
                await self._steps.sleep(min(self._desk.poll, 5.0))
                remote = await self._steps.run(self._desk.service.batch(remote.id))
        shown = redact(remote.id, None)
        if (short > 0 or found.damaged) and not self._desk.force:
            what = f"{found.damaged} of them damaged, " if found.damaged else ""
            raise EndpointUnavailable(
                f"batch {shown}: the endpoint gives {len(found.seen)} of {remote.completed} "
                f"results, {what}in {_TRIES} tries; run again later, or give --force to send the "
                "rest again"
            )
        self._tell(shown, found)
        if remote.status == "failed":
            self._failed(shown, remote)
        if remote.status == "cancelled":
            self.cancelled.update(k for k in batch if k not in self._desk.journal)
        self.failures.update(found.failures)
        return found.spent

    async def _read(self, file: str, batch: Batch, keys: RecordIndex, found: _Results) -> None:
        """Record what one file of results holds; a file that breaks off is read again."""
        tries = 0
        while True:
            damaged = strange = 0
            try:
                async for line in self._desk.service.lines(file):
                    try:
                        row = parsed(line)
                    except ValueError:
                        damaged += 1
                        continue
                    if row is None:
                        continue
                    key = result_key(row)
                    if key is None or key not in keys:
                        strange += 1
                    else:
                        self._take(result(row, batch.outline), batch, found)
                found.damaged += damaged
                found.strange += strange
                return
            except Fault as fault:
                tries += 1
                if tries >= self._desk.service.quirks.endpoint.max_attempts:
                    raise unavailable(fault) from None
                await self._steps.sleep((fault.retry_after or 0) + min(self._desk.poll, 2.0**tries))

    def _take(self, got: Reply | Failure, batch: Batch, found: _Results) -> None:
        if got.key in found.seen:
            return
        found.seen.add(got.key)
        if isinstance(got, Failure):
            found.failures[redact(got.why, None)] += 1
            if got.status:
                self._refusal(got, batch)
            return
        desk, usage = self._desk, got.usage
        found.spent += desk.budget.amount(
            batch.outline.model, usage.prompt_tokens, usage.completion_tokens
        )
        if got.key not in desk.journal:
            desk.journal.record(replace(got, endpoint=desk.asked))
            self.bought.add(got.key, 0, 0)

    def _refusal(self, got: Failure, batch: Batch) -> None:
        """Learn from a request that was refused; note it where it would be refused again."""
        quirks = self._desk.service.quirks
        refusal = Refusal(got.text, quirks.names(batch.learned))
        error = from_status(got.status, {}, refusal, None, answered=len(self.bought) > 0)
        if isinstance(error, Fault):
            return
        if got.status in (400, 406, 422) and (lesson := quirks.learn(refusal, [])):
            quirks.worked([lesson])
            return
        if isinstance(error, RejectedRequest):
            self.refused[got.key] = str(error)
        else:
            self.fatal = error

    def _tell(self, shown: str, found: _Results) -> None:
        if found.failures:
            kinds = "; ".join(f"{n} times {why}" for why, n in found.failures.most_common(3))
            self._desk.notice(
                f"batch {shown}: {sum(found.failures.values())} requests got no reply ({kinds})"
            )
        if found.damaged or found.strange:
            what = f"{found.damaged} damaged lines and {found.strange} of other requests"
            self._desk.notice(f"batch {shown}: its results hold {what}; they are left out")

    def _failed(self, shown: str, remote: RemoteBatch) -> None:
        why = f"batch {shown} failed: {remote.errors or 'no reason given'}"
        if any(word in remote.errors for word in _QUEUE_FULL):
            self._desk.notice(f"{why}; its requests are sent again")
            self.failures[why] += 1
        else:
            self.fatal = FatalEndpointError(f"{why}; its requests are sent again by the next run")
