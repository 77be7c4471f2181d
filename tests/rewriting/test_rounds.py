"""Rounds ask only for what is lacking, and the result does not depend on the order of replies."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from instraug.errors import (
    BudgetReached,
    FatalEndpointError,
    FrozenMiss,
    RejectedRequest,
    RequestFailed,
    StorageError,
)
from instraug.files.spool import Spool
from instraug.models.chat import Chat, Choice, Reply, Usage
from instraug.models.generation import Generator
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import recording
from instraug.rewriting import run as finished
from instraug.rewriting.config import Rules
from instraug.rewriting.judging.meaning import Gate
from instraug.rewriting.outcome import Outcome, settle
from instraug.rewriting.prompts.requests import expand
from instraug.rewriting.records import Candidate, Request
from instraug.rewriting.rounds import Chain, Grown, run_rounds
from instraug.rewriting.rows import instruction_rows, rejected_rows
from instraug.tasks.records import Task
from tests.chain import META, plan, task

TASKS = [
    task(
        "Say whether the image shows the object {text} or does not.",
        "Look at the image and name every object in {region}.",
        "{question}",
        name="one",
    ),
    task("Describe what the people in this picture are doing now.", name="two"),
]

SWAPS = {"image": "scene", "object": "thing", "Look": "Gaze", "Say": "Tell", "name": "list"}
SWAPS |= {"Describe": "Relate", "people": "persons", "picture": "photo"}


def rewrite(chat: Chat) -> str:
    """A rewrite that depends on the chat alone: swapped words, and two more to tell it apart."""
    words = chat.messages[-1].content.split()
    mark = int(hashlib.sha256(chat.key.encode()).hexdigest(), 16)
    if mark % 5 == 0:
        return "I'm sorry, I cannot."
    words = [SWAPS.get(w, w) for w in words]
    words.insert(mark % len(words), f"w{mark % 997} u{mark % 991}")
    return " ".join(words)


def told_apart(chat: Chat, mark: str) -> str:
    """The template with a mark behind its second word."""
    words = chat.messages[-1].content.split()
    return " ".join([*words[:2], mark, *words[2:]])


class Memory:
    """A journal that forgets when the process ends."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.intended: Counter[str] = Counter()
        self.withdrawn: Counter[str] = Counter()

    def get(self, key: str) -> Reply | None:
        return self.replies.get(key)

    def intend(self, key: str) -> None:
        self.intended[key] += 1

    def record(self, reply: Reply) -> None:
        self.replies[reply.key] = reply

    def withdraw(self, key: str) -> None:
        self.withdrawn[key] += 1


class Model:
    """Answers after a random pause, counting calls and how many are in flight."""

    def __init__(self, seed: int = 0, answer: Callable[[Chat], str] = rewrite) -> None:
        self.random, self.answer = random.Random(seed), answer
        self.calls = self.flying = self.most = 0

    async def __call__(self, chat: Chat) -> Reply:
        self.calls += 1
        self.flying += 1
        self.most = max(self.most, self.flying)
        await asyncio.sleep(self.random.random() / 500)
        self.flying -= 1
        texts = [self.answer(replace(chat, sample=chat.sample + 99 * i)) for i in range(chat.n)]
        return Reply(chat.key, "m", tuple(Choice(t, "stop") for t in texts), Usage(9, 9), "{}")


def run(
    model: Model | None,
    memory: Memory | None = None,
    tasks: list[Task] = TASKS,
    gate: Gate | None = None,
    **of_plan: object,
) -> tuple[list[Grown], Generator[Request]]:
    async def go() -> tuple[list[Grown], Generator[Request]]:
        ledger = memory or Memory()
        complete = None if model is None else recording(model, cast("Journal", ledger))
        generator = Generator[Request](complete, ledger, concurrency=4)
        made = Chain(plan(**of_plan), Rules(), generator, gate)
        return await run_rounds(tasks, made, whole), generator

    return asyncio.run(go())


def whole(grown: Grown) -> Grown:
    """Keep all of a task when its rounds are over."""
    return grown


def outcomes(grown: list[Grown], wanted: int) -> list[Outcome]:
    with Spool() as spool:
        return [settle(g, plan(steps=(wanted,)), Memory(), spool) for g in grown]


def counts(grown: list[Grown], wanted: int) -> dict[str, Any]:
    return finished.counts(outcomes(grown, wanted))


def short(grown: list[Grown], wanted: int) -> list[tuple[str, int]]:
    """The templates with fewer rewrites than wanted, and how many they have."""
    return [(s.template.id, s.accepted) for o in outcomes(grown, wanted) for s in o.short]


def test_every_template_gets_what_was_wanted() -> None:
    """Three rewrites a template, originals kept, placeholder-only templates left alone."""
    grown, _ = run(Model())
    rows = list(instruction_rows(grown))
    assert [r.instruction for r in rows if r.source == "original"] == [
        t.text for g in TASKS for t in g.templates
    ]
    assert short(grown, 3) == []
    assert grown[0].skipped == {2: "placeholders only, nothing to rewrite"}
    made = Counter((r.task, r.origin) for r in rows if r.source == "generated")
    assert set(made) == {("one", 0), ("one", 1), ("two", 0)}
    assert min(made.values()) >= 3


def test_the_order_of_replies_changes_nothing() -> None:
    """Whatever the pauses, accepted and rejected rows are the same, in the same order."""
    results = []
    for seed in range(5):
        memory = Memory()
        grown, _ = run(Model(seed), memory, steps=(6,))
        results.append((list(instruction_rows(grown)), list(rejected_rows(grown, memory))))
    assert all(r == results[0] for r in results)
    assert results[0][1]


def test_calls_stop_when_a_template_has_enough() -> None:
    """With a model that always succeeds, no call more than wanted is made."""
    model = Model(answer=lambda c: told_apart(c, f"w{c.seed} u{c.seed % 7919}"))
    grown, generator = run(model)
    assert model.calls == generator.bought == counts(grown, 3)["accepted"] == 9


def test_a_plan_that_is_exhausted_ends_short() -> None:
    """A model that never succeeds is asked the whole plan and no more."""
    model = Model(answer=lambda _: "")
    grown, _ = run(model, samples=4)
    assert model.calls == 3 * 4
    assert [n for _, n in short(grown, 3)] == [0, 0, 0]
    assert counts(grown, 3)["rejected_by_rule"] == {"empty": 12}


def test_concurrency_is_bounded() -> None:
    """Never more calls in flight than told."""
    model = Model()
    run(model, steps=(8,))
    assert 1 < model.most <= 4


def test_a_second_run_makes_no_call_and_gives_the_same() -> None:
    """What is journaled is never bought again, even by a frozen run."""
    memory = Memory()
    first, _ = run(Model(), memory)
    again, generator = run(None, memory)
    assert list(instruction_rows(again)) == list(instruction_rows(first))
    assert generator.bought == 0


def test_a_frozen_run_with_a_missing_reply_fails() -> None:
    """A frozen run names the request that the journal lacks."""
    memory = Memory()
    run(Model(), memory)
    memory.replies.pop(next(iter(memory.replies)))
    with pytest.raises(FrozenMiss, match=r"run without --frozen"):
        run(None, memory)


def test_equal_chats_in_flight_are_bought_once() -> None:
    """Two tasks with the same template share its replies."""
    twins = [task("Say what is in the image please.", name=n) for n in ("a", "b")]
    model, memory = Model(), Memory()
    grown, _ = run(model, memory, twins)
    assert model.calls == len(memory.replies)
    texts = [[r.instruction for r in instruction_rows([g])] for g in grown]
    assert texts[0] == texts[1]
    assert len(texts[0]) > 3


def test_several_choices_a_request() -> None:
    """With choices=3, one request answers for three."""
    model = Model(answer=lambda c: f"{c.key} {c.key[:9]} {c.messages[-1].content}")
    grown, _ = run(model, choices=3)
    assert counts(grown, 3)["accepted"] == counts(grown, 3)["answers"] == 9
    assert model.calls == 3


def test_iterative_rewrites_the_accepted_once_more() -> None:
    """Step 2 asks for rewrites of step 1's accepted ones and keeps the first ancestor."""
    grown, _ = run(Model(), steps=(3, 3))
    rows = [r for r in instruction_rows(grown) if r.generated]
    first = {r.id for r in rows if r.iteration == 1}
    second = [r for r in rows if r.iteration == 2]
    assert second
    assert {r.parent for r in second} <= first
    assert short(grown, 6) == []


def test_iterative_without_a_parent_asks_nothing_more() -> None:
    """Where step 1 accepted nothing, step 2 has nothing to rewrite."""
    model = Model(answer=lambda _: "")
    run(model, samples=2, steps=(3, 3))
    assert model.calls == 3 * 2


def test_the_gate_steers_the_asking() -> None:
    """Rewrites below the threshold are rejected, and asked for anew."""

    async def score(judged: list[Candidate]) -> dict[tuple[str, int], float]:
        return {(c.reply, c.choice): 0.9 if len(c.instruction or "") % 2 else 0.1 for c in judged}

    grown, _ = run(Model(), gate=Gate(score, 0.5))
    kept = [r.instruction for r in instruction_rows(grown) if r.generated]
    assert kept
    assert all(len(k) % 2 for k in kept)
    assert counts(grown, 3)["rejected_by_rule"]["semantic"] > 0


# ── what ends a run, and what does not ───────────────────────────────────────────────────────


class Failing(Model):
    """Fails at its k-th call."""

    def __init__(self, error: Exception, at: int = 4) -> None:
        super().__init__()
        self.error, self.at = error, at

    async def __call__(self, chat: Chat) -> Reply:
        if self.calls + 1 == self.at:
            self.calls += 1
            raise self.error
        return await super().__call__(chat)


@pytest.mark.parametrize("error", [RejectedRequest("too long"), RequestFailed("gave up")])
def test_one_failed_request_does_not_end_the_run(error: Exception) -> None:
    """The key is listed as failed, its intent withdrawn, and the target still met."""
    memory = Memory()
    grown, generator = run(Failing(error), memory)
    assert list(generator.failed.values()) == [str(error)]
    assert set(memory.withdrawn) == set(generator.failed)
    assert short(grown, 3) == []


def test_a_request_that_may_have_been_answered_unseen_stays_intended() -> None:
    """Its outcome is unknown, so the next run counts it against the budget."""
    memory, error = Memory(), RequestFailed("timed out")
    error.outcome_known = False
    _, generator = run(Failing(error), memory)
    assert len(generator.failed) == 1
    assert not memory.withdrawn


def test_a_budget_stops_sending_and_keeps_what_is_paid_for() -> None:
    """Nothing is sent after the budget is reached; what came is judged and exported."""
    memory = Memory()
    model = Failing(BudgetReached("spent"))
    grown, generator = run(model, memory)
    assert isinstance(generator.stopped, BudgetReached)
    assert model.calls < 12
    assert counts(grown, 3)["answers"] == len(memory.replies) > 0


def test_a_fatal_error_ends_the_run_and_loses_no_reply() -> None:
    """The error surfaces, and every reply that was in flight is in the journal."""
    memory, model = Memory(), Failing(FatalEndpointError("401"))

    async def go() -> None:
        generator = Generator[Request](
            recording(model, cast("Journal", memory)), memory, concurrency=4
        )
        try:
            await run_rounds(TASKS, Chain(plan(), Rules(), generator), whole)
        finally:
            await generator.drain(1)

    with pytest.raises(FatalEndpointError):
        asyncio.run(go())
    assert len(memory.replies) == model.calls - 1
    assert META.id == "direct"


def test_patience_leaves_a_hopeless_template() -> None:
    """A template of which no answer is accepted is left once patience is at its end."""
    model = Model(answer=lambda _: "")
    run(model, samples=8, patience=4)
    assert model.calls == 3 * 4


def test_patience_grows_with_what_is_accepted() -> None:
    """One good answer buys a template as many again, not its whole plan."""
    model = Model(answer=lambda c: told_apart(c, "w u") if c.sample == 0 else "")
    grown, _ = run(model, samples=8, patience=4)
    accepted = sum(v.accepted for g in grown for v in g.verdicts)
    assert accepted == 3
    assert model.calls == 3 * 4 * 2


# ── while a run goes on ──────────────────────────────────────────────────────────────────────


def test_requests_are_made_when_there_is_a_place_for_them() -> None:
    """However long the plan, no more requests exist than are in flight."""
    model, memory, most, made, taken = Model(), Memory(), 0, 0, 0
    template = TASKS[0].templates[0]

    def counted() -> Iterator[Request]:
        nonlocal made, most
        for request in expand(plan(samples=40), TASKS[0], template, template):
            made += 1
            most = max(most, made - taken)
            yield request

    def take(request: Request, reply: Reply | None) -> None:
        nonlocal taken
        assert reply
        assert reply.key == request.chat.key
        taken += 1

    async def go() -> int:
        generator = Generator[Request](
            recording(model, cast("Journal", memory)), memory, concurrency=4
        )
        return await generator.generate(counted(), take)

    assert asyncio.run(go()) == made == taken == 40
    assert most == 4


class Counted(list[Task]):
    """Tasks, and how many of them were taken."""

    taken = 0

    def __iter__(self) -> Iterator[Task]:
        for one in super().__iter__():
            self.taken += 1
            yield one


@pytest.mark.parametrize("frozen", [False, True])
def test_few_tasks_are_open_at_once(frozen: bool) -> None:
    """However many tasks, only those are begun whose requests soon get a place."""
    text = "Say whether the image number {n} shows the object {{text}} or does not."
    tasks = Counted([task(text.format(n=n), name=f"t{n}") for n in range(300)])
    memory, most, ended = Memory(), 0, list[str]()

    def end(grown: Grown) -> str:
        nonlocal most
        most = max(most, tasks.taken - len(ended))
        ended.append(grown.task.name)
        return grown.task.name

    async def go(model: Model | None) -> list[str]:
        complete = None if model is None else recording(model, cast("Journal", memory))
        generator = Generator[Request](complete, memory, concurrency=4)
        return await run_rounds(tasks, Chain(plan(), Rules(), generator), end)

    names = [t.name for t in tasks]
    tasks.taken = 0
    assert asyncio.run(go(Model())) == names
    if frozen:
        tasks.taken, most = 0, 0
        ended.clear()
        assert asyncio.run(go(None)) == names
    assert most <= 40 < len(names)


def test_others_get_their_turn_while_answers_are_judged() -> None:
    """A run that waits for nothing, all its replies being there, still lets the loop go round."""
    memory = Memory()
    run(Model(), memory, steps=(8,))
    turns = 0

    async def go() -> list[Grown]:
        nonlocal turns
        generator = Generator[Request](None, memory, concurrency=4)
        made = Chain(plan(steps=(8,)), Rules(), generator)
        work = asyncio.create_task(run_rounds(TASKS, made, whole))
        while not work.done():
            turns += 1
            await asyncio.sleep(0)
        return await work

    grown = asyncio.run(go())
    assert turns > counts(grown, 8)["answers"] / 4


def test_a_round_looks_at_its_own_answers_only() -> None:
    """What was judged in earlier rounds is neither judged nor scored again."""
    scored: list[str] = []

    async def score(judged: list[Candidate]) -> dict[tuple[str, int], float]:
        scored.extend(c.reply for c in judged)
        return {(c.reply, c.choice): 0.9 if len(c.instruction or "") % 2 else 0.1 for c in judged}

    grown, _ = run(Model(), gate=Gate(score, 0.5))
    assert sorted(scored) == sorted(v.candidate.reply for g in grown for v in g.verdicts)


def test_an_answer_that_cannot_be_taken_ends_its_asking() -> None:
    """An error in the taking reaches the asker; it does not leave it waiting."""

    def take(_request: Request, _reply: Reply | None) -> None:
        raise StorageError("full")

    async def go() -> int:
        generator = Generator[Request](Model(), Memory(), concurrency=2)
        template = TASKS[0].templates[0]
        asked = expand(plan(), TASKS[0], template, template)
        return await asyncio.wait_for(generator.generate(asked, take), 10)

    with pytest.raises(StorageError, match="full"):
        asyncio.run(go())
