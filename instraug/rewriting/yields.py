"""How many requests a run will make: its own asking, played with the answers that it may expect.

Answers that the journal holds are taken as they are. Those behind them are accepted at a share that
their template may have, by its own answers and those of the others; where the journal holds none,
at the usual one.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from math import lgamma

from instraug.errors import FrozenMiss
from instraug.models.journal.ledger import Lookup
from instraug.rewriting.config import Config
from instraug.rewriting.judging.judge import candidates, judge_all
from instraug.rewriting.judging.meaning import Gate
from instraug.rewriting.prompts.plan import Plan, skipped
from instraug.rewriting.prompts.requests import expand
from instraug.rewriting.records import Candidate
from instraug.tasks.records import Task

USUAL = 0.6
"""Share of answers that are taken to be accepted where nothing is known."""

_GAMES = 200
"""Times that the asking for one template is played."""

_GAP = 10
"""Requests in a row without a reply that end the search for a template's replies."""

_SURE = 1e6
"""Answers that the usual share counts as."""

Known = tuple[tuple[bool, ...], ...]
"""Of each request of a template that was answered, in plan order: which choices were accepted."""

TemplatePlace = tuple[str, int]
"""A task's name and the position of one of its templates."""


@dataclass(frozen=True)
class Expected:
    """What a run may expect of its answers."""

    plan: Plan
    share: float
    """Share of answers that are accepted."""
    known: Mapping[TemplatePlace, Known]
    """What the journal holds, by template."""

    @property
    def answers(self) -> int:
        """Answers that the share was taken from; 0 where it is the usual one."""
        return sum(len(r) for known in self.known.values() for r in known)

    def requests(self, place: TemplatePlace) -> tuple[float, float]:
        """Return how many requests a template will take: to be made, and to be found again."""
        known = self.known.get(place, ())
        good, bad = _tally(known)
        a, b = self._spread
        return _played(self.plan, known, a + good, b + bad)

    @cached_property
    def _spread(self) -> tuple[float, float]:
        """The beta distribution of the templates' shares under which the journal is likeliest.

        Templates differ, and the dry ones take most of the answers: the common share alone would
        foresee far too many requests.
        """
        tallies = Counter(map(_tally, self.known.values()))
        if not tallies:
            return self.share * _SURE, (1 - self.share) * _SURE
        means = [n / 20 for n in range(1, 20)]
        pairs = [(mean * p, (1 - mean) * p) for mean in means for p in (0.2, 0.5, 1, 2, 5, 20, 100)]
        return max(pairs, key=lambda ab: sum(n * _log(ab, t) for t, n in tallies.items()))


def _tally(known: Known) -> tuple[int, int]:
    """Count accepted and rejected answers."""
    flags = [flag for request in known for flag in request]
    return sum(flags), len(flags) - sum(flags)


def _log(spread: tuple[float, float], tally: tuple[int, int]) -> float:
    """Return the logarithm of a tally's likelihood, but for a constant."""
    (a, b), (good, bad) = spread, tally
    before = lgamma(a) + lgamma(b) - lgamma(a + b)
    return lgamma(a + good) + lgamma(b + bad) - lgamma(a + b + good + bad) - before


def expected(
    plan: Plan, config: Config, tasks: Sequence[Task], paid: Lookup | None, gate: Gate | None
) -> Expected:
    """Judge what the journal holds of a run's requests, and return what that lets expect.

    Args:
        plan: The run's plan, as its requests' keys have it.
        config: The run's rules.
        tasks: What is expanded.
        paid: The journal; None where there is none.
        gate: The semantic gate; left out where the journal lacks a score.
    """
    known: dict[TemplatePlace, Known] = {}
    for task in tasks if paid else ():
        known |= _judged(task, plan, config, paid, gate) if paid else {}
    flags = [flag for k in known.values() for request in k for flag in request]
    return Expected(plan, sum(flags) / len(flags) if flags else USUAL, known)


def _judged(
    task: Task, plan: Plan, config: Config, paid: Lookup, gate: Gate | None
) -> dict[TemplatePlace, Known]:
    found = sorted(_found(task, plan, config, paid), key=lambda c: (c.request.order, c.choice))
    threshold, scores = None, {}
    if gate is not None and found:
        try:
            scores = dict(asyncio.run(_scored(gate, found)))
            threshold = gate.threshold
        except FrozenMiss:
            pass
    grouped: dict[TemplatePlace, dict[int, tuple[bool, ...]]] = {}
    for verdict in judge_all(task, found, config.rules, threshold, scores):
        request = verdict.candidate.request
        of = grouped.setdefault((task.name, request.origin.origin), {})
        of[request.position] = (*of.get(request.position, ()), verdict.accepted)
    return {place: tuple(of.values()) for place, of in grouped.items()}


async def _scored(gate: Gate, found: list[Candidate]) -> Mapping[tuple[str, int], float]:
    return await gate.score(found)


def _found(task: Task, plan: Plan, config: Config, paid: Lookup) -> Iterator[Candidate]:
    """Yield the answers to a task's own templates; those to their rewrites are left out."""
    unsent = skipped(task)
    for template in (t for t in task.templates if t.origin not in unsent):
        missing = 0
        for request in expand(plan, task, template, template):
            reply = paid.get(request.chat.key)
            missing = 0 if reply else missing + 1
            if reply:
                yield from candidates(task, request, reply, config.rules)
            elif missing >= _GAP:
                break


@cache
def _played(plan: Plan, known: Known, a: float, b: float) -> tuple[float, float]:
    """Return the mean of requests made and of those found again, the share drawn each time."""
    chance = random.Random(f"{known}{a}{b}")
    games = [_play(plan, known, chance.betavariate(a, b), chance) for _ in range(_GAMES)]
    found = sum(min(n, len(known)) for n in games)
    return (sum(games) - found) / _GAMES, found / _GAMES


def _play(plan: Plan, known: Known, share: float, chance: random.Random) -> int:
    """Ask for one template as a run does; return the number of requests."""
    made = asked = accepted = 0
    for wanted in accumulate(plan.steps):
        while more := plan.more(max(0, wanted - accepted), asked, accepted):
            more = min(more, plan.whole - made)
            for number in range(made, made + more):
                drawn = (chance.random() < share for _ in range(plan.choices))
                accepted += sum(known[number] if number < len(known) else drawn)
            made, asked = made + more, asked + more * plan.choices
            if made >= plan.whole:
                return made
    return made
