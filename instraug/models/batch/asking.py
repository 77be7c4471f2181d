"""Ask by batch until nothing is lacking: look what lacks, send it, wait, record; and again.

    asking = Asking(desk, out)
    ended = await asking.ask(look, wait=True)    # look writes down the chats that lack replies

The replies are in the journal then. Any asker whose requests have keys of their own can use it.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from instraug.errors import BudgetReached, EndpointUnavailable, InstraugError, Interrupted
from instraug.files.atomic import hidden_folder
from instraug.files.disk import refusals
from instraug.models.batch.batches import Batches
from instraug.models.batch.book import Wave
from instraug.models.batch.requests import RequestFiles
from instraug.models.batch.results import Desk
from instraug.models.chat import Chat
from instraug.models.config import MOST_LINES

_REQUESTS = "requests.jsonl"
"""What the hidden folder of request files is named after."""

_VAIN = 1
"""Waves without any reply after which the same requests are still sent again."""


class Enough(Exception):
    """Enough requests are written down for one sending; the rest follows in another one."""


@dataclass
class Lacks:
    """What a look at the journal found to be lacking."""

    written: int = 0
    """Requests for the next wave."""
    unanswered: int = 0
    """Those that are needed now, sent or not."""
    late: int = 0
    """Those that may not be sent, as too many waves went before."""
    budget: BudgetReached | None = None
    """Why not all of them were written."""
    fresh: bool = False
    """Whether one of the requests was never sent before."""
    more: bool = False
    """Whether requests were left for another sending, see `Enough`."""


Look = Callable[[Callable[[Chat], None], Mapping[str, str]], Awaitable[Lacks]]
"""Gives each chat without a reply, unless an open batch holds it, to its first argument, which
raises BudgetReached, and Enough where a bound is set. Its second one holds the keys that were
refused, and why: these are left."""


class Asking:
    """One run's asking by batch.

    Args:
        desk: What batches are sent with.
        out: The output folder, which this process has locked; takes the request files.
        most: Requests in one file at most.
        again: Called with each key that was asked for online before, with an unknown outcome.
        on_disk: Bytes of request files at most before they are sent, but for one request; None: no
            bound.
    """

    def __init__(
        self,
        desk: Desk,
        out: Path,
        most: int = MOST_LINES,
        again: Callable[[str], object] = lambda _: None,
        on_disk: int | None = None,
    ) -> None:
        self._desk, self._out, self._most, self._again = desk, out, most, again
        self._on_disk = on_disk
        self._batches = Batches(desk)
        self.results = self._batches.results
        """What came in this run."""
        self.steps = self._batches.steps
        """What a signal stops; see `session.draining`."""
        self.lacks = Lacks()
        """What the last look found."""
        self._unknown: set[str] = set()
        self._had, self._vain = -1, 0

    async def ask(self, look: Look, *, wait: bool) -> InstraugError | None:
        """Ask for everything that is lacking.

        Args:
            look: Finds what is.
            wait: Until all of it is there; else until all of it is sent.

        Returns:
            What ended it early: a signal, or an endpoint that is down; None where nothing did.

        Raises:
            EndpointError: no batch will bring anything.
            StorageError: the journal could not be written.
        """
        try:
            await self._batches.begin()
            while True:
                await self._batches.settle(wait=wait)
                if self.results.cancelled:  # whoever cancelled wants no more of it now
                    break
                if not await self._send(look) or not wait:
                    break
        except (EndpointUnavailable, Interrupted) as error:
            return error
        return None

    @property
    def is_late(self) -> bool:
        """Whether nothing but the number of waves keeps requests from being sent."""
        return self.lacks.late > 0 and not self._desk.book.open

    def why(self, unanswered: int, late: str) -> InstraugError | None:
        """Return why replies are still lacking; None where they are not.

        Args:
            unanswered: How many are.
            late: What to say where too many waves went before.
        """
        if open_ := self._desk.book.open:
            what = f"{sum(map(len, open_))} requests are in {len(open_)} batches"
            return EndpointUnavailable(f"{what} that are not over; the same command goes on")
        if self.lacks.budget:
            return self.lacks.budget
        if self.lacks.late:
            return EndpointUnavailable(late)
        if unanswered:
            what = f"{unanswered} requests got no reply ({_kinds(self.results.failures)})"
            return EndpointUnavailable(f"{what}; run again to send them once more")
        return None

    async def _send(self, look: Look) -> bool:
        """Send what is lacking; return whether there was anything to send."""
        sent = await self._send_some(look, self._check_progress)
        while sent and self.lacks.more:
            await self._send_some(look)
        return sent

    async def _send_some(self, look: Look, check: Callable[[Lacks], None] = lambda _: None) -> bool:
        """Send what is lacking, or as much of it as may lie on the disk."""
        service, book = self._desk.service, self._desk.book
        with request_folder(self._out) as folder:
            with RequestFiles(folder, service.quirks, service.worst, self._most) as files:

                def add(chat: Chat) -> None:
                    if self._on_disk is not None and files.size >= self._on_disk:
                        raise Enough
                    self._charge(chat)
                    files.add(chat)

                self.lacks = lacks = await look(add, self.results.refused)
            check(lacks)
            wave = Wave(book.wave(fresh=lacks.fresh), lacks.budget is not None)
            await self._batches.send(files.files, wave)
            return lacks.written > 0

    def _charge(self, chat: Chat) -> None:
        """Take a request's worst case from the budget; twice for a call of unknown outcome."""
        worst, budget = self._desk.service.worst(chat), self._desk.budget
        if chat.key in self._desk.journal.unknown and chat.key not in self._unknown:
            budget.take(worst)
            self._unknown.add(chat.key)
            self._again(chat.key)
        budget.take(worst)

    def _check_progress(self, lacks: Lacks) -> None:
        """End the run where what was sent last brought nothing, and the same would be sent."""
        now = len(self.results.bought) + len(self.results.refused)
        self._vain = self._vain + 1 if lacks.written and not lacks.fresh and now == self._had else 0
        self._had = now
        if self._vain > _VAIN:
            what = f"{lacks.written} requests that were sent again got no reply"
            raise EndpointUnavailable(f"{what} ({_kinds(self.results.failures)}); run again later")


def _kinds(failures: Counter[str]) -> str:
    return "; ".join(why for why, _ in failures.most_common(2)) or "none was run"


@contextmanager
def request_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder in an output folder that this process has locked; drop older ones."""
    for left in out.glob(f".{_REQUESTS}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    with ExitStack() as held:
        with refusals(out, "write"):
            folder = held.enter_context(hidden_folder(out / _REQUESTS))
        yield folder
