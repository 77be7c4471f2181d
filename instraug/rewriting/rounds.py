"""The visible chain: expand -> generate -> postprocess, in rounds, a task at a time.

templates ── requests ── replies ── candidates ── verdicts ──┐
                ▲                                            │ until every template has enough
                └──────────────── shortfall ◄────────────────┘ or its plan is exhausted
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain as joined
from itertools import islice, zip_longest
from typing import Protocol

from instraug.models.chat import Reply
from instraug.rewriting.config import Rules
from instraug.rewriting.generation import Generator
from instraug.rewriting.judging.judge import candidates, judge
from instraug.rewriting.judging.meaning import Gate
from instraug.rewriting.prompts.plan import Plan, skipped
from instraug.rewriting.prompts.requests import requests
from instraug.rewriting.records import Candidate, Request, Verdict
from instraug.tasks.records import Task, Template


@dataclass
class Grown:
    """One task and what became of its templates."""

    task: Task
    skipped: dict[int, str]
    """Position of each template that was not sent -> why."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Of all candidates so far, in plan order."""
    asked: Counter[int] = field(default_factory=Counter)
    """Answers asked for, by position of the hand-written ancestor."""
    unanswered: dict[int, str] = field(default_factory=dict)
    """Position of each template with a request that got no reply -> why."""

    @property
    def accepted(self) -> Counter[int]:
        """Accepted rewrites by position of their hand-written ancestor."""
        return Counter(v.candidate.request.origin.origin for v in self.verdicts if v.accepted)


class Bought(Protocol):
    """What a finished run paid for."""

    @property
    def parents(self) -> Mapping[str, int]:
        """Id of each template that was sent, of the task's own or a rewrite -> replies to it."""

    def get(self, key: str) -> Reply | None:
        """Return the reply to a request of that run."""


@dataclass(frozen=True)
class Chain:
    """What every round of every task needs."""

    plan: Plan
    rules: Rules
    generator: Generator
    gate: Gate | None = None
    watch: Callable[[Grown], None] = lambda _: None
    """Told after each round of a task."""


async def run_rounds(tasks: Sequence[Task], chain: Chain) -> list[Grown]:
    """Grow every task; the order in which replies come in changes nothing.

    Raises:
        InstraugError: what ends a run at once. What is in flight then is for the caller to drain.
    """
    grown = [Grown(task, skipped(task)) for task in tasks]
    work = [asyncio.create_task(_grow(g, chain)) for g in grown]
    try:
        await asyncio.gather(*work)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    return grown


async def _grow(grown: Grown, chain: Chain) -> None:
    """Run one task's rounds; each depends on the verdicts before it and on nothing else."""
    judged: list[Candidate] = []
    wanted = 0
    for step, more in enumerate(chain.plan.steps):
        wanted += more
        queues = _queues(grown, chain.plan, step)
        while asks := _round(queues, grown, wanted, chain.plan):
            for request, reply in await chain.generator.ask(asks):
                judged += candidates(grown.task, request, reply, chain.rules)
            for request in asks:
                if why := chain.generator.failed.get(request.chat.key):
                    grown.unanswered[request.origin.origin] = why
            judged.sort(key=lambda c: (c.request.order, c.choice))
            grown.verdicts = await _judge(grown.task, judged, chain)
            chain.watch(grown)
            if chain.generator.stopped:
                return


async def rejudge(
    tasks: Sequence[Task], plan: Plan, rules: Rules, gate: Gate | None, bought: Bought
) -> list[Grown]:
    """Judge the answers of a finished run by other rules; nothing is asked.

    Args:
        tasks: The run's tasks.
        plan: The run's plan, so that requests and their keys come out the same.
        rules: The new rules.
        gate: The semantic gate, or None.
        bought: The run's replies, and which rewrites it rewrote once more.
    """
    work = Chain(plan, rules, Generator(None, bought, 1), gate)
    return [await _rejudge(Grown(task, skipped(task)), work, bought) for task in tasks]


async def _rejudge(grown: Grown, chain: Chain, bought: Bought) -> Grown:
    judged: list[Candidate] = []
    parents = {t.origin: [t] for t in grown.task.templates if t.origin not in grown.skipped}
    for _ in chain.plan.steps:
        made: list[Candidate] = []
        for origin, several in parents.items():
            template = grown.task.templates[origin]
            for parent in several:
                made += _rejudged(grown.task, template, parent, chain, bought)
        judged += made
        parents = {origin: [] for origin in parents}
        for template in dict.fromkeys(map(_as_template, made)):
            if template.id in bought.parents:
                parents[template.origin].append(template)
    judged.sort(key=lambda c: (c.request.order, c.choice))
    grown.verdicts = await _judge(grown.task, judged, chain)
    return grown


def _rejudged(
    task: Task, origin: Template, parent: Template, chain: Chain, bought: Bought
) -> Iterator[Candidate]:
    """Yield one template's candidates, going through its plan until all replies are found."""
    missing = bought.parents.get(parent.id, 0)
    for request in requests(chain.plan, task, origin, parent):
        if not missing:
            return
        if reply := bought.get(request.chat.key):
            missing -= 1
            yield from candidates(task, request, reply, chain.rules)


async def _judge(task: Task, judged: list[Candidate], chain: Chain) -> list[Verdict]:
    if chain.gate is None:
        return judge(task, judged, chain.rules, None, {})
    scores = await chain.gate.score(judged)
    return judge(task, judged, chain.rules, chain.gate.threshold, scores)


@dataclass
class _Queue:
    """One template's requests of a step."""

    origin: int
    requests: Iterator[Request]

    def take(self, accepted: int, asked: Counter[int], wanted: int, plan: Plan) -> list[Request]:
        """Return the next requests: none where the template has enough or patience has ended."""
        count = plan.more(max(0, wanted - accepted), asked[self.origin], accepted)
        taken = list(islice(self.requests, count))
        asked[self.origin] += len(taken) * plan.choices
        return taken


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
        t.origin: [requests(plan, grown.task, t, parent) for parent in parents[t.origin]]
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


def _round(queues: list[_Queue], grown: Grown, wanted: int, plan: Plan) -> list[Request]:
    accepted = grown.accepted
    return [r for q in queues for r in q.take(accepted[q.origin], grown.asked, wanted, plan)]
