"""The visible chain, in rounds, a task at a time; `output.export` writes the result.

           expand      generate                postprocess
templates ── requests ── replies ── candidates ── verdicts ──┐
                ▲                                            │ until every template has enough
                └──────────────── shortfall ◄────────────────┘ or its plan is used up
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain as joined
from itertools import islice, zip_longest
from typing import TypeVar

from instraug.models.chat import Reply
from instraug.models.generation import Generator
from instraug.models.journal.ledger import Lookup
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.judge import candidates
from instraug.rewriting.judging.meaning import Gate
from instraug.rewriting.judging.verdicts import State, judge
from instraug.rewriting.prompts.plan import Plan, skipped
from instraug.rewriting.prompts.requests import expand
from instraug.rewriting.records import Candidate, Request, Verdict
from instraug.tasks.records import Task, Template

T = TypeVar("T")

_AT_ONCE = 32
"""Answers that are judged before other work gets its turn: one or two milliseconds."""


@dataclass
class Grown:
    """One task and the answers to its templates."""

    task: Task
    skipped: dict[int, str]
    """Position of each template that was not sent -> why."""
    state: State
    """Of all answers so far."""
    asked: Counter[int] = field(default_factory=Counter)
    """Answers asked for, by position of the hand-written ancestor."""
    unanswered: dict[int, str] = field(default_factory=dict)
    """Position of each template with a request that got no reply -> why."""
    broken: Counter[str] = field(default_factory=Counter)
    """Answers by each rule that they broke when they were first judged."""

    @property
    def verdicts(self) -> list[Verdict]:
        """Of all answers so far, in plan order."""
        return self.state.verdicts

    @property
    def accepted(self) -> Mapping[int, int]:
        """Accepted rewrites by position of their hand-written ancestor."""
        return self.state.accepted

    @property
    def rejected(self) -> int:
        """Answers that are not accepted."""
        return len(self.state) - sum(self.accepted.values())


@dataclass(frozen=True)
class Chain:
    """What every round of every task needs."""

    plan: Plan
    rules: Rules
    generator: Generator[Request]
    gate: Gate | None = None
    watch: Callable[[Grown], None] = lambda _: None
    """Called after each round of a task."""
    lacks: Callable[[str], bool] = lambda _: False
    """Whether a task's round lacks replies, so that its asking ends there."""
    foresee: Callable[[Grown, int, int, Iterator[Request]], None] = lambda *_: None
    """Called for each template of a task whose asking ends early: the task, the template's
    position, the rewrites wanted so far, and its requests after those that were asked for."""


async def run_rounds(tasks: Sequence[Task], chain: Chain, end: Callable[[Grown], T]) -> list[T]:
    """Grow every task; the order in which replies come in changes nothing.

    A task is opened when few rounds of others wait for a place, so that memory and the time to the
    first request do not depend on how many tasks there are.

    Args:
        tasks: The tasks.
        chain: What their rounds need.
        end: Called with each task once its rounds are over; the task is then dropped.

    Returns:
        What ``end`` returned for each task.

    Raises:
        InstraugError: what ends a run at once. The caller must then drain what is in flight.
    """
    ended: dict[int, T] = {}
    work: set[asyncio.Task[None]] = set()

    async def grow(number: int, task: Task) -> None:
        grown = _seed(task, chain)
        await _grow(grown, chain)
        ended[number] = end(grown)

    try:
        for number, task in enumerate(tasks):
            await chain.generator.room()
            work.add(asyncio.create_task(grow(number, task)))
            await asyncio.sleep(0)  # its first round gets into the queue
            for done in [one for one in work if one.done()]:
                work.discard(done)
                done.result()
        await asyncio.gather(*work)
    finally:
        for one in work:
            one.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    return [ended[number] for number in range(len(tasks))]


def _seed(task: Task, chain: Chain) -> Grown:
    threshold = chain.gate.threshold if chain.gate else None
    return Grown(task, skipped(task), State(task, chain.rules, threshold))


async def _grow(grown: Grown, chain: Chain) -> None:
    """Run one task's rounds; each depends on the verdicts before it and on nothing else."""
    wanted = 0
    for step, more in enumerate(chain.plan.steps):
        wanted += more
        queues = _queues(grown, chain.plan, step)
        while await _round(queues, grown, wanted, chain):
            chain.watch(grown)
            if chain.generator.stopped or chain.lacks(grown.task.name):
                for queue in queues:
                    chain.foresee(grown, queue.origin, wanted, queue.requests)
                return


async def _round(queues: list[_Queue], grown: Grown, wanted: int, chain: Chain) -> int:
    """Ask for what is lacking and judge the answers; return how many requests were made."""
    made: list[Candidate] = []

    def take(request: Request, reply: Reply | None) -> None:
        if reply is not None:
            made.extend(candidates(grown.task, request, reply, chain.rules))
        elif why := chain.generator.failed.get(request.chat.key):
            grown.unanswered[request.origin.origin] = why

    requests = joined.from_iterable([q.take(grown, wanted, chain.plan) for q in queues])
    asked = await chain.generator.generate(requests, take)
    await postprocess(grown, made, chain)
    return asked


async def postprocess(grown: Grown, made: list[Candidate], chain: Chain) -> None:
    """Judge answers a few at a time, so that calls in flight need not wait."""
    made.sort(key=lambda c: (c.request.order, c.choice))
    scores = await chain.gate.score(made) if chain.gate else {}
    for first in range(0, len(made), _AT_ONCE):
        some = made[first : first + _AT_ONCE]
        grown.state, verdicts = judge(grown.state, some, scores)
        grown.broken.update(r.rule for v in verdicts for r in v.reasons)
        await asyncio.sleep(0)


async def rejudge(
    task: Task,
    plan: Plan,
    rules: Rules,
    gate: Gate | None,
    replies: Lookup,
    parents: Mapping[str, int],
) -> Grown:
    """Judge the answers to one task of a finished run by other rules; nothing is asked.

    Args:
        task: One of the run's tasks.
        plan: The run's plan, so that requests and their keys come out the same.
        rules: The new rules.
        gate: The semantic gate, or None.
        replies: The run's replies.
        parents: Id of each of its templates that was sent -> replies to it.
    """
    work = Chain(plan, rules, Generator(None, replies, 1), gate)
    grown = _seed(task, work)
    await _rejudge(grown, work, replies, parents)
    return grown


async def _rejudge(grown: Grown, chain: Chain, replies: Lookup, sent: Mapping[str, int]) -> None:
    judged: list[Candidate] = []
    parents = {t.origin: [t] for t in grown.task.templates if t.origin not in grown.skipped}
    for _ in chain.plan.steps:
        made: list[Candidate] = []
        for origin, several in parents.items():
            template = grown.task.templates[origin]
            for parent in several:
                count = sent.get(parent.id, 0)
                made += _rejudged(grown.task, template, parent, chain, replies, count)
        judged += made
        parents = {origin: [] for origin in parents}
        for template in dict.fromkeys(map(_as_template, made)):
            if template.id in sent:
                parents[template.origin].append(template)
    await postprocess(grown, judged, chain)


def _rejudged(
    task: Task, origin: Template, parent: Template, chain: Chain, replies: Lookup, missing: int
) -> Iterator[Candidate]:
    """Yield one template's candidates, going through its plan until no reply is missing."""
    for request in expand(chain.plan, task, origin, parent):
        if not missing:
            return
        if reply := replies.get(request.chat.key):
            missing -= 1
            yield from candidates(task, request, reply, chain.rules)


@dataclass
class _Queue:
    """One template's requests of a step."""

    origin: int
    requests: Iterator[Request]

    def take(self, grown: Grown, wanted: int, plan: Plan) -> Iterator[Request]:
        """Yield the next requests: none where the template has enough or patience has ended."""
        accepted, asked = grown.accepted[self.origin], grown.asked[self.origin]
        for request in islice(self.requests, plan.more(max(0, wanted - accepted), asked, accepted)):
            grown.asked[self.origin] += plan.choices
            yield request


def _queues(grown: Grown, plan: Plan, step: int) -> list[_Queue]:
    """Return a queue for each sendable template.

    In the first step a template is its own parent; later, the rewrites accepted so far take turns.
    """
    sent = [t for t in grown.task.templates if t.origin not in grown.skipped]
    parents: dict[int, list[Template]] = {t.origin: [] if step else [t] for t in sent}
    for verdict in grown.verdicts:
        if verdict.accepted:
            parents[verdict.candidate.request.origin.origin].append(_as_template(verdict.candidate))
    asks = {
        t.origin: [expand(plan, grown.task, t, parent) for parent in parents[t.origin]]
        for t in sent
    }
    return [_Queue(o, _in_turn(each)) for o, each in asks.items()]


def _as_template(candidate: Candidate) -> Template:
    request = candidate.request
    return Template(
        task=request.origin.task,
        text=candidate.instruction or "",
        origin=request.origin.origin,
        parent=request.parent.id,
        iteration=request.parent.iteration + 1,
    )


def _in_turn(queues: list[Iterator[Request]]) -> Iterator[Request]:
    return (r for r in joined.from_iterable(zip_longest(*queues)) if r is not None)
