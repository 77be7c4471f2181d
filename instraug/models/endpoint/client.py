"""An OpenAI-compatible endpoint: one chat in, one reply out, whatever happens between.

`calls` makes a call and is the one retry layer. A call waits in `limits` (a place, the rates, a
pause), reserves its worst case in the `BudgetTracker`, is sent by `transport` and read by `wire`.
`faults` says what a failure means.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from instraug.errors import InstraugError
from instraug.models.budget import Amount, BudgetTracker
from instraug.models.chat import Chat, Reply, Usage
from instraug.models.config import Endpoint
from instraug.models.endpoint import wire
from instraug.models.endpoint.keys import check_has_key, check_key, check_url
from instraug.models.endpoint.quirks import Quirks
from instraug.models.endpoint.thinking import Thinking
from instraug.models.tokens import prompt_bound

if TYPE_CHECKING:
    from instraug.models.batch.service import BatchService
    from instraug.models.endpoint.calls import Caller


T = TypeVar("T")

_EMBED_BATCH = 128
"""Texts in one embeddings request."""


class _TakesNoN(Exception):
    """The endpoint takes no ``n``: each choice needs a request of its own."""


class OpenAIEndpoint:
    """An endpoint that speaks ``/v1/chat/completions``; an async context manager.

    Args:
        model: The model's name.
        base_url: ``https://host/v1``; None takes OPENAI_BASE_URL, then OpenAI's own.
        api_key: The key; None sends none.
        endpoint: How to send requests.
        budget: What may be spent; None is no limit.
        embedding_model: The model that `embed` asks; None takes ``model``.
        notice: Called with one line for each quirk that is learned.
        room: Tokens an answer may have where the model thinks first; None: as asked for.
        long_answers: An answer may be much longer than its question; else that shows thinking.
        backoff: Seconds of the first retry's longest wait; doubled with each try.

    Raises:
        UsageError: the URL or the key cannot be used.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None,
        api_key: str | None,
        endpoint: Endpoint | None = None,
        budget: BudgetTracker | None = None,
        *,
        embedding_model: str | None = None,
        notice: Callable[[str], object] | None = None,
        room: int | None = None,
        long_answers: bool = False,
        backoff: float = 1.0,
    ) -> None:
        self.model = model
        self.embedding_model = embedding_model or model
        self.budget = budget or BudgetTracker()
        settings = endpoint or Endpoint()
        self.url = check_url(base_url, settings.allow_http)
        """The base URL in use."""
        check_has_key(self.url, api_key)
        self._key = check_key(api_key) if api_key else None
        self._backoff = backoff
        self._quirks = Quirks(settings, notice, room)
        self._thinking = Thinking(self._quirks, long_answers=long_answers)
        self._caller: Caller | None = None

    async def __aenter__(self) -> OpenAIEndpoint:
        # Imported here: the openai package takes half a second to import.
        from instraug.models.endpoint.calls import Caller

        self._caller = Caller(self.url, self._key, self._quirks, self.budget, self._backoff)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls still in flight fail."""
        caller, self._caller = self._caller, None
        if caller:
            await caller.close()

    def worst(self, chat: Chat) -> Amount:
        """Return the most that one request for this chat can cost."""
        return self.budget.worst(replace(chat, max_tokens=self._quirks.limit(chat.max_tokens)))

    @asynccontextmanager
    async def by_batch(self) -> AsyncIterator[BatchService]:
        """Open the Batch API of the endpoint, where requests are sent like those of `complete`."""
        from instraug.models.batch.service import BatchService

        service = BatchService(self.url, self._key, self._quirks, self.worst, self._backoff)
        try:
            yield service
        finally:
            await service.close()

    # ── asking ───────────────────────────────────────────────────────────────────────────────

    async def complete(self, chat: Chat) -> Reply:
        """Ask for a chat and return the reply, empty and odd ones included.

        Where the endpoint takes no ``n``, each choice is a request of its own with the next seed,
        and ``raw`` is the JSON array of the bodies.

        Raises:
            RejectedRequest: this chat can never succeed; others may.
            RequestFailed: this chat's tries are used up; others may succeed.
            FatalEndpointError: no retry can help.
            EndpointUnavailable: the endpoint is down or asks for a long pause.
            BudgetReached: the call could exceed the budget.
            GivenUp: too many answers were only thinking, or too many requests were refused.
        """
        return await self._thinking.complete(chat, self._complete)

    async def _complete(self, chat: Chat) -> Reply:
        try:
            return await self._chat(chat)
        except _TakesNoN:
            reply = await self._one_by_one(chat)
            self._quirks.worked_without("n")
            return reply

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, in order, from ``/v1/embeddings``; errors as `complete`."""
        batches = [texts[i : i + _EMBED_BATCH] for i in range(0, len(texts), _EMBED_BATCH)]
        parts = await asyncio.gather(*map(self._embed, batches))
        return [vector for part in parts for vector in part]

    async def _one_by_one(self, chat: Chat) -> Reply:
        calls = (self._chat(chat, choice=i) for i in range(chat.n))
        results = await asyncio.gather(*calls, return_exceptions=True)
        replies = [r for r in results if isinstance(r, Reply)]
        errors = [r for r in results if isinstance(r, BaseException)]
        # What was paid for is kept, even where not all choices came.
        if errors and not (replies and all(isinstance(e, InstraugError) for e in errors)):
            raise min(errors, key=lambda e: getattr(e, "outcome_known", False))
        return wire.joined(chat, replies)

    async def _chat(self, chat: Chat, choice: int | None = None) -> Reply:
        def body() -> dict[str, Any]:
            if choice is None and chat.n > 1 and not self._quirks.sends("n", chat.n):
                raise _TakesNoN
            sent.clear()
            sent.update(wire.chat_body(chat, self._quirks, choice))
            return sent

        def read(raw: str) -> tuple[Reply, Usage]:
            reply = wire.read_reply(chat, raw)
            return replace(reply, sent=wire.otherwise(chat, sent)), reply.usage

        def worst() -> Amount:
            return self.worst(chat if choice is None else replace(chat, n=1))

        sent: dict[str, Any] = {}
        return await self._ask("/chat/completions", chat.model, body, read, worst)

    async def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        bound = prompt_bound(texts)

        def read(raw: str) -> tuple[list[list[float]], Usage]:
            vectors, tokens = wire.read_vectors(raw, len(texts))
            return vectors, Usage(bound if tokens is None else tokens, 0, tokens is None)

        body = {"model": self.embedding_model, "input": list(texts)}

        def worst() -> Amount:
            return self.budget.amount(self.embedding_model, bound, 0)

        return await self._ask("/embeddings", self.embedding_model, lambda: body, read, worst)

    async def _ask(
        self,
        path: str,
        model: str,
        body: Callable[[], dict[str, Any]],
        read: Callable[[str], tuple[T, Usage]],
        worst: Callable[[], Amount],
    ) -> T:
        assert self._caller, "enter the endpoint first"  # noqa: S101
        return await self._caller.ask(path, model, body, read, worst)
