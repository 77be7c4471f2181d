"""Estimate how many requests a run will make, by simulating it.

Answers in the journal count as they are. Further answers are accepted with a probability that is
drawn for each template, given its own answers and those of the other templates. Without a journal
the usual share is used.
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
"""Share of answers that are assumed to be accepted without a journal."""

_RUNS = 200
"""Simulations of each template."""

_GAP = 10
"""The search for a template's replies ends after this many requests without one."""

_SURE = 1e6
"""Number of answers that the usual share is worth."""

Known = tuple[tuple[bool, ...], ...]
"""For each answered request of a template, in plan order: which choices were accepted."""

TemplatePlace = tuple[str, int]
"""A task's name and the position of one of its templates."""


@dataclass(frozen=True)
class Expected:
    """What the answers of a run are expected to be."""

    plan: Plan
    share: float
    """Share of answers that are accepted."""
    known: Mapping[TemplatePlace, Known]
    """The judged answers in the journal, by template."""

    @property
    def answers(self) -> int:
        """Number of answers that the share is computed from; 0 for the usual share."""
        return sum(len(r) for known in self.known.values() for r in known)

    def requests(self, place: TemplatePlace) -> tuple[float, float]:
        """Return the expected requests of a template: new ones, and those with a reply."""
        known = self.known.get(place, ())
        good, bad = _tally(known)
        a, b = self._spread
        return _simulated(self.plan, known, a + good, b + bad)

    @cached_property
    def _spread(self) -> tuple[float, float]:
        """The beta distribution of the templates' shares that fits the journal best.

        Templates differ, and those with few accepted rewrites use most of the answers: with one
        share for all, the estimate would be far too high.
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
    """Return the log-likelihood of a tally, up to a constant."""
    (a, b), (good, bad) = spread, tally
    before = lgamma(a) + lgamma(b) - lgamma(a + b)
    return lgamma(a + good) + lgamma(b + bad) - lgamma(a + b + good + bad) - before


def expected(
    plan: Plan, config: Config, tasks: Sequence[Task], paid: Lookup | None, gate: Gate | None
) -> Expected:
    """Judge the replies in the journal, and return what to expect of a run.

    Args:
        plan: The plan whose requests are looked up.
        config: The run's rules.
        tasks: The tasks to expand.
        paid: The journal; None if there is none.
        gate: The semantic gate; not applied if the journal lacks a score.
    """
    known: dict[TemplatePlace, Known] = {}
    for task in tasks if paid else ():
        known |= _judged(task, plan, config, paid, gate) if paid else {}
    flags = [flag for k in known.values() for request in k for flag in request]
    return Expected(plan, sum(flags) / len(flags) if flags else USUAL, known)


def _judged(
    task: Task, plan: Plan, config: Config, paid: Lookup, gate: Gate | None
) -> dict[TemplatePlace, Known]:
    answers = sorted(_answers(task, plan, config, paid), key=lambda c: (c.request.order, c.choice))
    threshold, scores = None, {}
    if gate is not None and answers:
        try:
            scores = dict(asyncio.run(_scored(gate, answers)))
            threshold = gate.threshold
        except FrozenMiss:
            pass
    grouped: dict[TemplatePlace, dict[int, tuple[bool, ...]]] = {}
    for verdict in judge_all(task, answers, config.rules, threshold, scores):
        request = verdict.candidate.request
        of = grouped.setdefault((task.name, request.origin.origin), {})
        of[request.position] = (*of.get(request.position, ()), verdict.accepted)
    return {place: tuple(of.values()) for place, of in grouped.items()}


async def _scored(gate: Gate, answers: list[Candidate]) -> Mapping[tuple[str, int], float]:
    return await gate.score(answers)


def _answers(task: Task, plan: Plan, config: Config, paid: Lookup) -> Iterator[Candidate]:
    """Yield the answers to a task's own templates, not those to their rewrites."""
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
def _simulated(plan: Plan, known: Known, a: float, b: float) -> tuple[float, float]:
    """Return the mean numbers of new requests and of those with a reply."""
    chance = random.Random(f"{known}{a}{b}")
    runs = [_simulate(plan, known, chance.betavariate(a, b), chance) for _ in range(_RUNS)]
    reused = sum(min(n, len(known)) for n in runs)
    return (sum(runs) - reused) / _RUNS, reused / _RUNS


def _simulate(plan: Plan, known: Known, share: float, chance: random.Random) -> int:
    """Ask for one template as a run does; return its number of requests."""
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
