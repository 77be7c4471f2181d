"""The endpoint against a real server: what is sent, what comes back, quirks, pace, budget."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from instraug.errors import (
    BudgetReached,
    EndpointUnavailable,
    FatalEndpointError,
    GivenUp,
    RejectedRequest,
)
from instraug.models import config
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Message, Reply
from instraug.models.endpoint.client import OpenAIEndpoint
from instraug.models.endpoint.wire import read_reply
from tests.fakeserver import FakeServer, running
from tests.models.asking import ask_all, asked, chat, opened, outcomes

# ── what is sent, what comes back ────────────────────────────────────────────────────────────────


def test_a_chat_is_sent_as_it_is() -> None:
    """Every field of the chat stands in the body, the masked template alone in the last message."""
    body = asked(1).server.calls[0].body
    assert body == {
        "model": "fake",
        "messages": [
            {"role": "system", "content": "Rephrase the input."},
            {"role": "user", "content": "Look at image 0 and describe the object {A} briefly."},
        ],
        "max_tokens": 64,
        "temperature": 0.6,
        "top_p": 0.9,
        "seed": 7,
    }


def test_a_grammar_and_several_choices_are_sent_where_asked_for() -> None:
    """``grammar`` is llama.cpp's name; ``n`` stands in the body only above 1."""

    async def go() -> Any:
        async with FakeServer() as server, opened(server.url) as endpoint:
            await endpoint.complete(chat(grammar='root ::= "x"', n=3))
            return server.calls[0].body

    body = asyncio.run(go())
    assert (body["grammar"], body["n"]) == ('root ::= "x"', 3)


def test_a_reply_carries_the_body_exactly_as_received() -> None:
    """Raw text, white space included; key, choices and usage are read from it."""
    raw = (
        ' {"choices": [{"message": {"content": "Say {A}."}, "finish_reason": "stop"}],\n'
        ' "model": "m2", "usage": {"prompt_tokens": 5, "completion_tokens": 4}, "x": 1e2}\n'
    )
    reply = asked(1, server={"always": f"raw:{raw}"}).replies[0]
    assert reply.raw == raw
    assert (reply.key, reply.model) == (chat(0).key, "m2")
    assert [(c.text, c.finish_reason) for c in reply.choices] == [("Say {A}.", "stop")]
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 4)


def test_a_body_alone_gives_the_reply_again() -> None:
    """So a journal of raw bodies is enough, for one body and for several merged."""
    for server in ({}, {"refuses": ["n"]}):
        reply = _with_n(3, server)[0]
        assert read_reply(chat(n=3), reply.raw) == replace(reply, sent=())


# ── quirks ───────────────────────────────────────────────────────────────────────────────────────


def _with_n(n: int, server: dict[str, Any], **options: Any) -> tuple[Reply, FakeServer]:
    async def go() -> tuple[Reply, FakeServer]:
        async with FakeServer(**server) as one, opened(one.url, **options) as endpoint:
            return await endpoint.complete(chat(n=n)), one

    return asyncio.run(go())


@pytest.mark.parametrize("name", ["temperature", "top_p", "seed", "n", "max_tokens"])
def test_a_parameter_is_unlearned_from_a_400_that_names_it(name: str) -> None:
    """One call is repeated without it, the next ones never send it, the user is told once."""
    notices: list[str] = []

    async def go() -> FakeServer:
        async with (
            FakeServer(refuses=[name]) as server,
            opened(server.url, notice=notices.append, max_attempts=1) as endpoint,
        ):
            for i in range(3):
                assert isinstance(await endpoint.complete(chat(i, n=2)), Reply)
            return server

    server = asyncio.run(go())
    assert [name in c.body for c in server.calls].count(True) == 1
    assert len(notices) == 1
    assert repr(name) in notices[0]
    if name == "max_tokens":
        assert server.calls[-1].body["max_completion_tokens"] == 64


def test_calls_that_learn_the_same_at_once_all_get_their_replies() -> None:
    """Sixteen first calls are refused together, one notice is given, every call is asked again."""
    notices: list[str] = []
    seen = asked(
        16,
        server={"refuses": ["temperature", "top_p", "max_tokens", "seed"]},
        notice=notices.append,
        concurrency=16,
        max_attempts=1,
    )
    assert len(seen.replies) == 16
    assert len(notices) == 4


def test_settings_say_what_is_sent_from_the_first_call_on() -> None:
    """An endpoint whose quirks are configured is never refused."""
    seen = asked(
        2,
        server={"refuses": ["seed", "max_tokens", "top_p"]},
        sends=("temperature",),
        max_tokens_name="max_completion_tokens",
    )
    assert len(seen.replies) == 2
    assert seen.server.count == 2


def test_a_refusal_that_names_nothing_sent_is_no_quirk() -> None:
    """A 400 about a parameter that was not sent is permanent, not asked again for ever."""
    seen = asked(1, server={"always": "400"}, sends=())
    assert isinstance(seen.errors[0], RejectedRequest)
    assert seen.server.count == 1


def test_without_n_each_choice_is_asked_for_alone() -> None:
    """Each choice is a call with a seed of its own, and raw is the array of the bodies."""
    reply, server = _with_n(3, {}, sends=("seed", "temperature", "top_p"))
    assert sorted(c.body["seed"] for c in server.calls) == [7, 8, 9]
    assert not [c for c in server.calls if "n" in c.body]
    bodies = json.loads(reply.raw)
    said = [b["choices"][0]["message"]["content"] for b in bodies]
    assert [c.text for c in reply.choices] == said
    assert len(set(said)) == 3
    assert reply.usage.completion_tokens == sum(b["usage"]["completion_tokens"] for b in bodies)


def test_choices_that_came_are_kept_when_others_did_not() -> None:
    """What was paid for is not thrown away because a sister call was refused."""
    reply, _ = _with_n(3, {"faults": {1: "400"}}, sends=())
    assert len(reply.choices) == 2
    assert len(json.loads(reply.raw)) == 2


def test_where_no_choice_came_the_error_is_raised() -> None:
    """All three refused: the chat is rejected."""
    with pytest.raises(RejectedRequest):
        _with_n(3, {"always": "400"}, sends=())


# ── pace ─────────────────────────────────────────────────────────────────────────────────────────


def test_never_more_in_flight_than_configured() -> None:
    """As the server counts them."""
    seen = asked(40, server={"delay": 0.02}, concurrency=5)
    assert len(seen.replies) == 40
    assert seen.server.peak == 5


def test_an_overload_halves_what_is_in_flight() -> None:
    """After a 429 the server sees at most half as many at once for a while."""

    async def go() -> int:
        async with (
            FakeServer(faults={0: "429"}, delay=0.05) as server,
            opened(server.url, concurrency=16) as endpoint,
        ):
            await outcomes(endpoint.complete(chat(i)) for i in range(16))
            server.peak = 0
            await outcomes(endpoint.complete(chat(i)) for i in range(16, 32))
            return server.peak

    assert 2 <= asyncio.run(go()) <= 11


def test_requests_a_minute_are_paced() -> None:
    """At 600 a minute, ten at once and ten a second after that, and none of them waits for more."""
    start = time.monotonic()
    seen = asked(16, rpm=600, concurrency=16)
    assert time.monotonic() - start < 5
    # A busy machine makes a call late, never early, so each has a time before which it cannot be.
    for number, call in enumerate(seen.server.calls):
        assert call.when - start >= (number - 10) / 10


def test_tokens_a_minute_are_paced_and_unused_ones_given_back() -> None:
    """The worst case is taken before a call, the difference to its usage returned after it."""
    start = time.monotonic()
    asked(8, tpm=60 * 400, in_turn=True)
    # Some 180 tokens are reserved for each call and 40 used: all of them fit into one second's,
    # where eight reservations take 2.6 s.
    assert time.monotonic() - start < 2.5
    start = time.monotonic()
    asked(8, tpm=60 * 400, server={"delay": 0.05}, concurrency=8)
    assert time.monotonic() - start > 0.2


# ── budget ───────────────────────────────────────────────────────────────────────────────────────


def _spend(count: int, limits: config.Budget, **options: Any) -> tuple[BudgetTracker, Any]:
    prices = {"fake": config.Prices(2.0, 10.0)}
    budget = BudgetTracker(limits, prices, ["fake"])
    return budget, asked(count, budget=budget, **options)


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_a_request_budget_is_met_exactly(rate: float) -> None:
    """The server never sees more requests than allowed, retries counted, and the rest raise."""
    kinds = ("429", "500", "html", "reset")
    budget, seen = _spend(30, config.Budget(max_requests=10), server={"rate": rate, "kinds": kinds})
    assert seen.server.count == 10
    assert budget.spent.requests == 10
    assert all(isinstance(e, BudgetReached) for e in seen.errors)
    assert seen.errors[0].exit_code == 4


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_a_token_budget_is_never_exceeded_and_nearly_used_up(concurrency: int) -> None:
    """What is reserved and not used is given to the calls that wait for it."""
    budget, seen = _spend(100, config.Budget(max_tokens=2000), concurrency=concurrency)
    used = sum(r.usage.prompt_tokens + r.usage.completion_tokens for r in seen.replies)
    assert used == budget.spent.tokens <= 2000
    # Stopped only where one more call, at its worst, did not fit.
    assert used > 2000 - 64 - 200
    assert len(seen.errors) == 100 - len(seen.replies)


def test_a_cost_budget_is_never_exceeded() -> None:
    """By the prices of the config, US dollars per million tokens."""
    budget, seen = _spend(100, config.Budget(max_cost=0.005))
    cost = sum(
        (2 * r.usage.prompt_tokens + 10 * r.usage.completion_tokens) / 1e6 for r in seen.replies
    )
    assert seen.errors
    assert budget.spent.cost == pytest.approx(cost)
    assert 0.003 < cost <= 0.005


def test_a_cancelled_call_stays_charged() -> None:
    """Whoever presses Ctrl-C cannot know what was billed."""

    async def go() -> BudgetTracker:
        budget = BudgetTracker()
        async with FakeServer(delay=5) as server, opened(server.url, budget=budget) as endpoint:
            asking = asyncio.create_task(endpoint.complete(chat()))
            await server.seen(1)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return budget

    spent = asyncio.run(go()).spent
    assert spent.requests == 1
    assert spent.completion_tokens == 64


def test_a_call_that_waited_for_budget_is_not_sent_to_a_dead_endpoint() -> None:
    """The first call is refused its key while the second waits for what it reserved."""
    budget = BudgetTracker(config.Budget(max_tokens=300))
    seen = asked(2, budget=budget, server={"always": "401", "delay": 0.05})
    assert [type(e) for e in seen.errors] == [FatalEndpointError] * 2
    assert seen.server.count == budget.spent.requests == 1


def test_the_worst_case_is_a_bound() -> None:
    """No reply of this server takes more than was reserved for it."""

    async def go() -> None:
        async with FakeServer() as server, opened(server.url) as endpoint:
            for text in ("short", "\u65e5\u672c\u8a9e " * 40, "{A}{B}{C} " * 30):
                one = chat(messages=(Message("user", text),), n=2)
                reply, worst = await endpoint.complete(one), endpoint.budget.worst(one)
                assert reply.usage.prompt_tokens <= worst.prompt_tokens
                assert worst.completion_tokens == 128

    asyncio.run(go())


# ── as a thread, as a process ────────────────────────────────────────────────────────────────────


def test_the_fake_server_runs_in_a_thread() -> None:
    """As tests that are not async want it."""
    with running(FakeServer()) as server:

        async def go() -> list[Any]:
            return await ask_all(server, 3)

        assert all(isinstance(o, Reply) for o in asyncio.run(go()))
    assert server.count == 3


def test_once_given_up_an_endpoint_stays_so() -> None:
    """Later calls raise the same error and touch no socket."""

    async def go() -> tuple[list[Any], int]:
        async with FakeServer(always="limited:999") as server, opened(server.url) as endpoint:
            first = await outcomes([endpoint.complete(chat())])
            return first + await outcomes([endpoint.complete(chat(1))]), server.count

    errors, count = asyncio.run(go())
    assert [type(e) for e in errors] == [EndpointUnavailable] * 2
    assert count == 1


def test_an_endpoint_that_was_never_entered_can_be_closed() -> None:
    """And one that was closed can be entered again."""

    async def go() -> list[Any]:
        async with FakeServer() as server:
            endpoint = OpenAIEndpoint("fake", server.url, None)
            await endpoint.close()
            replies = []
            for _ in range(2):
                async with endpoint:
                    replies.append(await endpoint.complete(chat()))
            return replies

    assert len(asyncio.run(go())) == 2


def test_refusals_without_end_after_a_reply_end_the_run_softly() -> None:
    """A hundred in a row: what was answered before is still written."""
    faults = {0: "good"} | dict.fromkeys(range(1, 200), "400")
    seen = asked(150, in_turn=True, server={"faults": faults}, concurrency=1)
    assert len(seen.replies) == 1
    assert isinstance(seen.errors[-1], GivenUp)
    assert seen.server.count == 101


def test_a_thinking_answer_is_kept_where_asking_again_fails() -> None:
    """It is paid for: its record stays, whatever becomes of the second call."""
    seen = asked(1, server={"faults": {0: "spent"}, "always": "500"}, room=4096, max_attempts=1)
    assert [c.finish_reason for c in seen.replies[0].choices] == ["length"]
