"""What the tests of the client share: chats to ask, and an endpoint that does not dawdle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from instraug.errors import InstraugError
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat, Message, Reply
from instraug.models.config import Endpoint
from instraug.models.endpoint.client import OpenAIEndpoint
from tests.fakeserver import FakeServer

T = TypeVar("T")
KEY = "canary_4f1d9c0b7a62e853"
"""Of no known shape, so that only knowing it can keep it out of sight."""
COUNT = 7
FIRST_MIDDLE_LAST = pytest.mark.parametrize("at", [0, COUNT // 2, COUNT - 1])
"""A fault is tried at these of `COUNT` requests."""


def chat(number: int = 0, **fields: Any) -> Chat:
    """The number-th of many different chats."""
    usual: dict[str, Any] = {
        "model": "fake",
        "messages": (
            Message("system", "Rephrase the input."),
            Message("user", f"Look at image {number} and describe the object {{A}} briefly."),
        ),
        "temperature": 0.6,
        "top_p": 0.9,
        "max_tokens": 64,
        "seed": 7 + number,
        "sample": 0,
    }
    return Chat(**(usual | fields))


@asynccontextmanager
async def opened(
    url: str,
    *,
    budget: BudgetTracker | None = None,
    key: str | None = KEY,
    backoff: float = 0.01,
    notice: Callable[[str], object] | None = None,
    room: int | None = None,
    **settings: Any,
) -> AsyncIterator[OpenAIEndpoint]:
    """An endpoint with short waits; ``settings`` are those of `config.Endpoint`."""
    endpoint = Endpoint(**({"concurrency": 4, "timeout": 5.0} | settings))
    async with OpenAIEndpoint(
        "fake", url, key, endpoint, budget, backoff=backoff, notice=notice, room=room
    ) as opened_one:
        yield opened_one


async def outcomes(calls: Iterable[Awaitable[T]]) -> list[T | InstraugError]:
    """Await all at once; an expected error is an outcome, any other is raised."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, InstraugError):
            raise result
    return results  # type: ignore[return-value]


async def ask_all(
    server: FakeServer, count: int, *, in_turn: bool = False, **options: Any
) -> list[Reply | InstraugError]:
    """Ask the server that many chats, at once or one after another, and return the outcomes."""
    async with opened(server.url, **options) as endpoint:
        calls = [endpoint.complete(chat(i)) for i in range(count)]
        if in_turn:
            return [(await outcomes([call]))[0] for call in calls]
        return await outcomes(calls)


def asked(count: int = 1, *, in_turn: bool = False, server: Any = None, **options: Any) -> Asked:
    """Start a server, ask it, and return what came of it; for tests that are not async.

    Args:
        server: Keyword arguments of `FakeServer`.
        options: Those of `opened`.
    """

    async def go() -> Asked:
        async with FakeServer(**(server or {})) as running:
            return Asked(await ask_all(running, count, in_turn=in_turn, **options), running)

    return asyncio.run(go())


class Asked:
    """What came of asking a server."""

    def __init__(self, outcomes: list[Reply | InstraugError], server: FakeServer) -> None:
        self.outcomes, self.server = outcomes, server

    @property
    def replies(self) -> list[Reply]:
        """The outcomes that are replies."""
        return [o for o in self.outcomes if isinstance(o, Reply)]

    @property
    def errors(self) -> list[InstraugError]:
        """The outcomes that are errors."""
        return [o for o in self.outcomes if isinstance(o, InstraugError)]
