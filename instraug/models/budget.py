"""What a run may spend: the worst case is reserved before each call, the real usage settled after.

It counts one run, and what `BudgetTracker.charge` adds: calls of an earlier run whose outcome is
unknown. Replies from the journal cost nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from instraug.errors import BudgetReached, UsageError
from instraug.models import config
from instraug.models.chat import Chat, Reply
from instraug.models.tokens import chat_bound


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount spent, or reserved."""

    requests: int = 0
    """HTTP requests sent, retries included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    nanodollars: int = 0
    """10**-9 US dollars; whole numbers, so that sums are exact."""

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost(self) -> float:
        """US dollars."""
        return self.nanodollars / 1e9

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.nanodollars + other.nanodollars,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.requests - other.requests,
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            self.nanodollars - other.nanodollars,
        )


class BudgetTracker:
    """Counts what a run spends, and keeps it within its limits.

    One tracker serves all endpoints of a run. Use it from one event loop.

    Args:
        limits: What may be spent; None is no limit.
        prices: US dollars per million tokens, by model name.
        models: The models that will be asked.

    Raises:
        UsageError: a cost limit, and a model without a price.
    """

    def __init__(
        self,
        limits: config.Budget | None = None,
        prices: Mapping[str, config.Prices] | None = None,
        models: Iterable[str] = (),
    ) -> None:
        self._limits = limits or config.Budget()
        self._prices = dict(prices or {})
        unpriced = [m for m in models if m not in self._prices]
        if self._limits.max_cost is not None and unpriced:
            names = ", ".join(unpriced)
            raise UsageError(
                f"--max-cost needs a price for {names}; give it under prices: in a config file"
            )
        self._reserved = Amount()
        self._waiting: list[asyncio.Future[None]] = []
        self.spent = Amount()
        """What was settled so far. A call of unknown outcome counts with its worst case."""

    def amount(self, model: str, prompt_tokens: int, completion_tokens: int) -> Amount:
        """Return one request of that size, priced, rounded up."""
        price = self._prices.get(model)
        nano = 0
        if price is not None:
            nano = math.ceil(
                1000 * (prompt_tokens * price.input + completion_tokens * price.output)
            )
        return Amount(1, prompt_tokens, completion_tokens, nano)

    def worst(self, chat: Chat) -> Amount:
        """Return the most that one request for this chat can cost."""
        return self.amount(chat.model, chat_bound(chat), chat.max_tokens * chat.n)

    def take(self, worst: Amount) -> None:
        """Count the worst case of what is sent now and answered much later; see `settle_late`.

        Raises:
            BudgetReached: it does not fit; nothing is waited for.
        """
        if over := self._over(self.spent + self._reserved + worst):
            raise _reached(over)
        self.spent += worst

    def settle_late(self, worst: Amount, real: Amount) -> None:
        """Replace what `take` counted by what was really used."""
        self.settle(Amount(), real - worst)

    async def charge(self, worst: Amount) -> None:
        """Count the worst case of an earlier run's call of unknown outcome as spent.

        Raises:
            BudgetReached: it does not fit.
        """
        await self.reserve(worst)
        self.settle(worst, worst)

    async def reserve(self, worst: Amount) -> None:
        """Reserve the worst case of one call; wait while calls in flight may still free some.

        Raises:
            BudgetReached: it would not fit even if all calls in flight turned out to be free.
        """
        while over := self._over(self.spent + self._reserved + worst):
            if not self._reserved.requests or self._over(self.spent + worst):
                raise _reached(over)
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        self._reserved += worst

    def settle(self, worst: Amount, real: Amount) -> None:
        """Replace a reservation by what the call really used (``Amount()``: it was never sent)."""
        self._reserved -= worst
        self.spent += real
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def _over(self, amount: Amount) -> str | None:
        limits = self._limits
        if limits.max_requests is not None and amount.requests > limits.max_requests:
            return f"{self.spent.requests} of {limits.max_requests} requests are used"
        if limits.max_tokens is not None and amount.tokens > limits.max_tokens:
            return f"{self.spent.tokens} of {limits.max_tokens} tokens are used"
        if limits.max_cost is not None and amount.cost > limits.max_cost:
            return f"{self.spent.cost:.6f} of {limits.max_cost:g} US dollars are used"
        return None


def _reached(over: str) -> BudgetReached:
    return BudgetReached(f"the budget is reached: {over}; raise it to go on")


def within(
    budget: BudgetTracker, complete: Callable[[Chat], Awaitable[Reply]]
) -> Callable[[Chat], Awaitable[Reply]]:
    """Return a ``complete`` that reserves the worst case of each call first.

    For models without an endpoint; `OpenAIEndpoint` reserves each HTTP request on its own.

    Raises:
        BudgetReached: (when called) the call would not fit.
    """

    async def call(chat: Chat) -> Reply:
        worst = budget.worst(chat)
        await budget.reserve(worst)
        real = Amount()
        try:
            reply = await complete(chat)
            usage = reply.usage
            real = budget.amount(chat.model, usage.prompt_tokens, usage.completion_tokens)
        finally:
            budget.settle(worst, real)
        return reply

    return call
