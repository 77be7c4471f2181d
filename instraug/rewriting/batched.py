"""Rounds by batch: what the next round of each task lacks is sent, hours later it is all there.

Rounds are those of `rounds.py`, whose verdicts depend on replies alone: a batch only brings replies
early. It asks for what a round lacks, and for the requests after it that are likely to be needed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import ceil

from instraug.errors import BudgetReached
from instraug.files.jsonl import dumps
from instraug.models.batch.asking import Lacks
from instraug.models.batch.book import Book
from instraug.models.chat import Chat, Reply
from instraug.models.generation import Generator, TakeReply
from instraug.models.journal.record_index import RecordIndex
from instraug.models.journal.replay import Replay
from instraug.rewriting.config import Config, as_plain
from instraug.rewriting.prompts.plan import Plan
from instraug.rewriting.records import Request
from instraug.rewriting.rounds import Grown
from instraug.rewriting.yields import USUAL

_FREE = ("endpoint", "budget", "batch", "prices", "base_url", "include_eval", "only")
"""Settings that change nothing of the rounds of a template."""

_WEIGHT = 10
"""Answers that the usual yield is worth against a task's own, and that against a template's."""

_AT_ONCE = 64
"""Requests that are looked up before other work gets its turn."""

Step = tuple[str, int]
"""A task and an iteration, whose rounds are counted together."""


def settings_key(config: Config, model: str) -> str:
    """Return what rounds of asking are counted by: equal for equal requests."""
    plain = {k: v for k, v in as_plain(config).items() if k not in _FREE}
    return hashlib.sha256(dumps([model, plain])).hexdigest()[:16]


@dataclass
class Limits:
    """What may be asked in one wave of batches."""

    add: Callable[[Chat], None]
    """Writes a request down; raises BudgetReached."""
    rounds: int | None = None
    """Waves that the requests of one `Step` may be in; None: any number."""


class BatchGenerator(Generator[Request]):
    """Takes replies from the journal; writes down what is lacking, and ends the task there.

    Args:
        paid: The journal.
        book: Its batches.
        plan: The run's plan.
        limits: What may be asked; None: nothing is written.
        watch: Called with each reply.
        refused: Keys that the endpoint refused in this run, and why: nothing waits for them.
    """

    def __init__(
        self,
        paid: Replay,
        book: Book,
        plan: Plan,
        limits: Limits | None,
        refused: Mapping[str, str],
        watch: Callable[[Reply], None] | None = None,
    ) -> None:
        super().__init__(None, paid, 1)
        self._journal = paid
        self._plan, self._limits, self._refused, self._look = plan, limits, refused, watch
        self._pending, self._waves = book.pending(), book.waves()
        self._used: dict[Step, set[int]] = {}
        self._missing: Counter[tuple[str, int]] = Counter()
        self._short: set[str] = set()
        self._once = RecordIndex()
        self.found = Lacks()

    def is_short(self, task: str) -> bool:
        """Whether a task lacks replies."""
        return task in self._short

    async def generate(self, requests: Iterable[Request], take: TakeReply[Request]) -> int:
        """Take the replies that are there, see `Generator.generate`."""
        asked = 0
        for request in requests:
            asked += 1
            step = self._note(request)
            reply = self._paid.get(request.chat.key)
            if reply is None and request.chat.key in self._refused:
                self.failed = {request.chat.key: self._refused[request.chat.key]}
            elif reply is None:
                self._missing[request.origin.task, request.origin.origin] += 1
                self._short.add(request.origin.task)
                self._ask(request, step)
            elif self._look:
                self._look(reply)
            take(request, reply)
            if not asked % _AT_ONCE:
                await asyncio.sleep(0)  # signals, and a second task, get their turn
        return asked

    def foresee(self, grown: Grown, origin: int, wanted: int, requests: Iterator[Request]) -> None:
        """Write down the requests after the round that the template is likely to need."""
        if self._limits is None:
            return
        accepted, choices = grown.accepted[origin], self._plan.choices
        lacking = wanted - accepted
        if lacking <= 0:
            return
        missing = self._missing[grown.task.name, origin]
        answers = grown.asked[origin] - missing * choices
        share = _mixed(USUAL, sum(grown.accepted.values()), len(grown.state))
        share = _mixed(share, accepted, answers)
        more = ceil(lacking / share / choices) - missing
        if self._plan.patience is not None:
            most = self._plan.patience * (accepted + lacking + 1) - grown.asked[origin]
            more = min(more, most // choices)
        for request in islice(requests, max(0, more)):
            step = self._note(request)
            if request.chat.key not in self._journal:
                self._ask(request, step, quietly=True)

    def _note(self, request: Request) -> Step:
        """Note the wave that a request was in, and return its step."""
        step = (request.origin.task, request.parent.iteration)
        if wave := self._waves.get(request.chat.key):
            self._used.setdefault(step, set()).add(wave[0])
        return step

    def _ask(self, request: Request, step: Step, *, quietly: bool = False) -> None:
        """Write a request down, unless it is on its way or may not be asked.

        Args:
            request: What is lacking.
            step: Its step.
            quietly: It is not needed yet, and no failure where it cannot be asked.
        """
        lacks, key, limits = self.found, request.chat.key, self._limits
        why = "no batch brought it" if key in self._waves else "it is not sent yet"
        if key in self._pending:
            why = "its batch is not over"
        elif limits and key not in self._refused:
            if key in self._waves or not self._is_late(step):
                self._write(request.chat)
            elif not quietly:
                lacks.late += 1
        if not quietly:
            lacks.unanswered += 1
            self.failed = {key: why}  # for who takes it now; there may be very many

    def _is_late(self, step: Step) -> bool:
        rounds = self._limits.rounds if self._limits else None
        return rounds is not None and len(self._used.get(step, ())) >= rounds

    def _write(self, chat: Chat) -> None:
        lacks = self.found
        if lacks.budget or chat.key in self._once or self._limits is None:
            return
        try:
            self._limits.add(chat)
        except BudgetReached as error:
            lacks.budget = error
        else:
            self._once.add(chat.key, 0, 0)
            lacks.written += 1
            lacks.fresh = lacks.fresh or chat.key not in self._waves


def _mixed(usual: float, accepted: int, answers: int) -> float:
    """Return the share of answers to expect, given some answers and what is usual; above 0."""
    return (usual * _WEIGHT + accepted) / (_WEIGHT + answers)
