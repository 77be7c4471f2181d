"""The budget by itself: exact sums, waiting, and the properties that make it safe."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import BudgetReached, UsageError
from instraug.models import config
from instraug.models.budget import Amount, BudgetTracker


def test_a_cost_limit_needs_a_price_for_every_model() -> None:
    """A model without one is a usage error that names it; without a cost limit it is none."""
    prices = {"a": config.Prices(1, 2)}
    BudgetTracker(config.Budget(max_tokens=1), prices, ["b"])
    BudgetTracker(config.Budget(max_cost=1), prices, ["a"])
    with pytest.raises(UsageError, match="price for b"):
        BudgetTracker(config.Budget(max_cost=1), prices, ["a", "b"])


def test_prices_are_dollars_per_million_tokens() -> None:
    """Rounded up to whole nanodollars."""
    budget = BudgetTracker(prices={"a": config.Prices(2.5, 10.0)})
    amount = budget.amount("a", 1000, 100)
    assert amount == Amount(1, 1000, 100, 3_500_000)
    assert amount.cost == pytest.approx(0.0035)
    assert BudgetTracker(prices={"a": config.Prices(0.0001, 0)}).amount("a", 1, 0).nanodollars == 1


def test_a_reservation_waits_for_what_may_be_freed() -> None:
    """The second call waits while the first is in flight, and goes when that took less."""

    async def go() -> list[str]:
        budget, told = BudgetTracker(config.Budget(max_tokens=100)), []
        worst, real = Amount(1, 80, 0), Amount(1, 10, 0)
        await budget.reserve(worst)

        async def second() -> None:
            await budget.reserve(worst)
            told.append("reserved")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.01)
        told.append("settled")
        budget.settle(worst, real)
        await waiting
        return told

    assert asyncio.run(go()) == ["settled", "reserved"]


def test_what_can_never_fit_is_refused_at_once() -> None:
    """Even with calls in flight: no wait would help."""

    async def go() -> None:
        budget = BudgetTracker(config.Budget(max_requests=2))
        one = Amount(1)
        await budget.charge(one)
        await budget.reserve(one)
        budget.settle(one, one)
        with pytest.raises(BudgetReached, match="2 of 2 requests"):
            await budget.reserve(one)

    asyncio.run(go())


def test_a_cancelled_wait_takes_nothing() -> None:
    """And does not keep the others from theirs."""

    async def go() -> Amount:
        budget = BudgetTracker(config.Budget(max_requests=1))
        one = Amount(1)
        await budget.reserve(one)
        waiting = [asyncio.create_task(budget.reserve(one)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        budget.settle(one, Amount())
        await waiting[1]
        budget.settle(one, one)
        return budget.spent

    assert asyncio.run(go()).requests == 1


def test_calls_of_an_earlier_run_can_be_charged() -> None:
    """Those whose outcome nobody knows; they too have to fit."""

    async def go() -> None:
        budget = BudgetTracker(config.Budget(max_tokens=300))
        await budget.charge(Amount(1, 200, 64, 5))
        assert budget.spent.tokens == 264
        with pytest.raises(BudgetReached):
            await budget.charge(Amount(1, 200, 64, 5))

    asyncio.run(go())


@given(
    limit=st.integers(1, 400),
    calls=st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), max_size=40),
    seed=st.integers(),
)
def test_no_order_of_calls_exceeds_a_limit(
    limit: int, calls: list[tuple[int, float]], seed: int
) -> None:
    """Whatever calls reserve, take and give back, in whatever order they end."""

    async def go() -> BudgetTracker:
        budget, order = BudgetTracker(config.Budget(max_tokens=limit)), random.Random(seed)

        async def call(most: int, share: float) -> None:
            worst = Amount(1, most, 0)
            await budget.reserve(worst)
            for _ in range(order.randrange(4)):
                await asyncio.sleep(0)
            budget.settle(worst, Amount(1, int(most * share), 0))
            assert budget.spent.tokens <= limit

        tasks = [call(*c) for c in calls]
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, BudgetReached)
        return budget

    budget = asyncio.run(go())
    assert budget.spent.tokens <= limit
    asyncio.run(_nothing_is_left_reserved(budget, limit))


async def _nothing_is_left_reserved(budget: BudgetTracker, limit: int) -> None:
    await budget.reserve(Amount(0, limit - budget.spent.tokens, 0))
