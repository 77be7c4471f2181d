"""Sends request files as batches, waits for them, and records every reply in the journal.

What is sent is noted in the journal before anything is waited for: a process that dies at any
moment is followed by one that asks for no key a second time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from instraug.errors import FatalEndpointError, RejectedRequest
from instraug.models.batch.book import Batch, Wave
from instraug.models.batch.requests import RequestFile
from instraug.models.batch.results import Desk, Results
from instraug.models.batch.service import OVER, Missing, RemoteBatch, unavailable
from instraug.models.batch.steps import Steps
from instraug.models.budget import Amount
from instraug.models.endpoint.faults import Fault, FaultKind
from instraug.models.endpoint.keys import redact

_NOT_CREATED = frozenset((FaultKind.UNSENT, FaultKind.THROTTLED))
"""Faults after which a batch certainly was not created."""


class Batches:
    """The batches of one run; use it from one event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self.steps = desk, Steps()
        self.results = Results(desk, self.steps)
        """What they brought in this run."""
        self._listed: dict[str, RemoteBatch] | None = None
        self._states: dict[str, str] = {}

    # ── sending ──────────────────────────────────────────────────────────────────────────────

    async def begin(self) -> None:
        """Take over the batches of earlier runs; their worst case counts as spent from now on.

        Raises:
            EndpointError: it cannot be learned what became of one.
        """
        desk = self._desk
        for batch in desk.book.open:
            desk.budget.settle_late(Amount(), batch.worst)
            desk.service.quirks.recall(batch.learned)
        for batch in desk.book.open:
            if batch.id is None:
                try:
                    await self._create(batch, unsure=True)
                except RejectedRequest as error:  # its file is gone, say
                    desk.notice(f"{error}; its requests are sent again")

    async def send(self, files: Sequence[RequestFile], wave: Wave) -> None:
        """Upload files and create a batch of each; their worst case counts as spent.

        Args:
            files: Closed; their requests were taken from the budget as they were added.
            wave: The round of asking that they belong to.

        Raises:
            EndpointError: not all of them are sent; what is sent is noted.
            Interrupted: `stop` was called.
        """
        book = self._desk.book
        if self._listed is None and files:
            found = await self.steps.run(self._desk.service.batches(time.time()))
            self._listed = {r.tag: r for r in reversed(found) if r.tag}
        for file in files:
            self.steps.check()
            name, learned = book.name(file), self._desk.service.quirks.learned
            known = (self._listed or {}).get(name)
            if known and known.status != "failed":
                batch = book.uploaded(name, known.input_file, file, wave, self._desk.asked, learned)
                book.created(batch, known.id)
                which = f"batch {redact(known.id, None)} of an earlier run"
                self._desk.notice(f"{which} holds these {len(file)} requests; it is used")
            else:
                uploaded = await self.steps.run(self._desk.service.upload(file.path, file.size))
                batch = book.uploaded(name, uploaded, file, wave, self._desk.asked, learned)
                await self._create(batch, unsure=False)

    async def _create(self, batch: Batch, *, unsure: bool) -> None:
        """Create the batch of an uploaded file; look first whether it is there, if that may be."""
        desk = self._desk
        for tries in range(1, desk.service.quirks.endpoint.max_attempts + 1):
            self.steps.check()
            found = await self._find(batch) if unsure else None
            if found:
                break
            try:
                found = await self.steps.run(desk.service.create(batch.file, batch.name))
                break
            except RejectedRequest:
                self._end(batch, "refused", Amount())
                raise
            except Fault as fault:
                unsure = unsure or fault.kind not in _NOT_CREATED
                if tries == desk.service.quirks.endpoint.max_attempts:
                    raise unavailable(fault) from None
                await self.steps.sleep((fault.retry_after or 0) + min(desk.poll, 2.0**tries))
        assert found  # noqa: S101 - the last try raises
        desk.book.created(batch, found.id)
        shown = redact(found.id, None)
        desk.progress(f"batch {shown}: {len(batch)} requests are sent")

    async def _find(self, batch: Batch) -> RemoteBatch | None:
        """Look for a batch that may have been created, and once more a little later."""
        for late in (False, True):
            if late:
                await self.steps.sleep(self._desk.poll)  # it may not be in the list yet
            for remote in await self.steps.run(self._desk.service.batches(time.time())):
                if remote.tag == batch.name or remote.input_file == batch.file:
                    return remote
        return None

    # ── waiting ──────────────────────────────────────────────────────────────────────────────

    async def settle(self, *, wait: bool) -> None:
        """Record the results of batches that are over.

        Args:
            wait: Return when all of them are; else after one look at each.

        Raises:
            EndpointError: one failed as a whole, or its results cannot be had.
            Interrupted: `stop` was called.
        """
        while open_ := self._desk.book.open:
            for batch in open_:
                self.steps.check()
                await self._look(batch)
            if self.results.fatal:
                raise self.results.fatal
            if not wait or not self._desk.book.open:
                return
            await self.steps.sleep(self._desk.poll)

    async def _look(self, batch: Batch) -> None:
        assert batch.id  # noqa: S101 - see `begin`
        try:
            remote = await self.steps.run(self._desk.service.batch(batch.id))
            shown, was = redact(remote.id, None), self._states.get(batch.name)
            if was != remote.status:
                self._states[batch.name] = remote.status
                done = f", {remote.completed} of {len(batch)} done" if remote.completed else ""
                self._desk.progress(f"batch {shown}: {redact(remote.status, None)}{done}")
            if remote.status in OVER:
                self._end(batch, remote.status, await self.results.fetch(batch, remote))
        except Missing as error:
            if not self._desk.force:
                raise FatalEndpointError(
                    f"{redact(str(error), None)}, of batch {redact(batch.id, None)} that was sent "
                    f"to {batch.asked}; use the address and the account that sent it, or --force "
                    "to send its requests again"
                ) from None
            self._desk.notice(f"{redact(str(error), None)}; its requests are sent again")
            self._end(batch, "lost", batch.worst)

    def _end(self, batch: Batch, status: str, spent: Amount) -> None:
        self._desk.book.end(batch, status)
        self._desk.budget.settle_late(batch.worst, spent)
