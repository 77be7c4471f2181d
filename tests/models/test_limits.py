"""The pool's limits by themselves, on a real loop, and the buckets on a clock of their own."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instraug.errors import EndpointUnavailable, FatalEndpointError
from instraug.models.config import Endpoint
from instraug.models.endpoint.limits import Bucket, ConcurrencyLimit, Limits


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────


def test_a_gate_halves_on_overload_and_grows_by_one_a_window() -> None:
    """Additive increase, multiplicative decrease, between one and the configured most."""

    async def go() -> None:
        gate = ConcurrencyLimit(16)
        now = asyncio.get_running_loop().time
        gate.overloaded(now())
        assert gate.limit == 8
        for _ in range(8):
            gate.clean()
        assert 8.5 < gate.limit < 9.1
        for _ in range(1000):
            gate.clean()
        assert gate.limit == 16
        for _ in range(10):
            gate.overloaded(now() + 1)
        assert gate.limit == 1

    asyncio.run(go())


def test_calls_of_one_window_halve_the_gate_once() -> None:
    """Sixteen 429s to sixteen calls that were sent together are one overload."""

    async def go() -> float:
        gate = ConcurrencyLimit(16)
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(0.01)
        for _ in range(16):
            gate.overloaded(started)
        return gate.limit

    assert asyncio.run(go()) == 8


@given(st.lists(st.sampled_from(["enter", "leave", "clean", "overload", "cancel"]), max_size=80))
def test_a_gate_keeps_its_count_whatever_happens(steps: list[str]) -> None:
    """Never more inside than the most, nobody waits while there is room, nobody is lost."""

    async def go() -> None:
        gate, tasks, inside = ConcurrencyLimit(3, apart=0), [], 0
        for step in steps:
            if step == "enter":
                tasks.append(asyncio.create_task(gate.enter()))
            elif step == "clean":
                gate.clean()
            elif step == "overload":
                gate.overloaded(asyncio.get_running_loop().time())
            elif step == "cancel" and tasks and not tasks[-1].done():
                tasks.pop().cancel()
            elif step == "leave" and any(t.done() for t in tasks):
                tasks.remove(next(t for t in tasks if t.done()))
                gate.leave()
            for _ in range(4):
                await asyncio.sleep(0)
            inside = sum(t.done() for t in tasks)
            assert gate.in_flight == inside <= 3
            assert inside >= min(len(tasks), int(gate.limit))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(go())


def test_calls_start_a_little_apart() -> None:
    """A hundred that come at once start over at least a hundred gaps, but for the first few."""

    async def go() -> float:
        gate, start = ConcurrencyLimit(100, apart=0.001), asyncio.get_running_loop().time()
        await asyncio.gather(*(gate.enter() for _ in range(100)))
        return asyncio.get_running_loop().time() - start

    assert asyncio.run(go()) > 0.09


# ── the buckets ──────────────────────────────────────────────────────────────────────────────────


@given(per_minute=st.integers(1, 6000), costs=st.lists(st.integers(1, 50), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(per_minute: int, costs: list[int]) -> None:
    """What was taken before the last one fits the rate and the room of one second."""

    async def go() -> None:
        clock = Clock()
        bucket, rate, taken = Bucket(per_minute, clock, clock.sleep), per_minute / 60, 0.0
        for cost in costs:
            await bucket.take(cost)
            room = max(1.0, rate)
            assert taken + min(cost, room) <= clock.now * rate + room + 1e-6
            taken += cost

    asyncio.run(go())


def test_what_is_given_back_can_be_taken() -> None:
    """A call that took less than feared shortens the next one's wait."""

    async def go(back: float) -> float:
        clock = Clock()
        bucket = Bucket(60, clock, clock.sleep)
        await bucket.take(10)
        bucket.give_back(back)
        await bucket.take(1)
        return clock.now

    assert asyncio.run(go(0)) == pytest.approx(10)
    assert asyncio.run(go(8)) == pytest.approx(2)


# ── all of it ────────────────────────────────────────────────────────────────────────────────────


def limits(**settings: float) -> tuple[Limits, list[str]]:
    """Limits on the running loop, and a list that notes a hang-up."""
    told: list[str] = []
    return Limits(Endpoint(**settings), lambda: told.append("hung up")), told  # type: ignore[arg-type]


def test_retries_are_paid_from_a_budget_that_replies_refill() -> None:
    """Fifty at first, half a one for each reply, never more than fifty."""

    async def go() -> None:
        pool, _ = limits()
        assert sum(pool.may_retry() for _ in range(100)) == 50
        pool.replied()
        assert not pool.may_retry()
        pool.replied()
        assert pool.may_retry()
        for _ in range(1000):
            pool.replied()
        assert sum(pool.may_retry() for _ in range(100)) == 50

    asyncio.run(go())


def test_replies_between_keep_the_breaker_closed() -> None:
    """Ten given up in a row trip it; a reply starts the count again."""

    async def go() -> None:
        pool, _ = limits()
        assert not any(pool.exhausted() for _ in range(9))
        pool.replied()
        assert not any(pool.exhausted() for _ in range(9))
        assert pool.exhausted()

    asyncio.run(go())


def test_a_pause_up_to_the_cap_is_waited_for() -> None:
    """And the longest of several counts."""

    async def go() -> float:
        pool, _ = limits(retry_after_cap=1.0)
        start = asyncio.get_running_loop().time()
        pool.pause(0.2)
        pool.pause(0.1)
        await pool.enter(1)
        waited = asyncio.get_running_loop().time() - start
        with pytest.raises(EndpointUnavailable):
            pool.pause(1.1)
        return waited

    assert asyncio.run(go()) >= 0.2


def test_giving_up_wakes_who_sleeps_and_stops_who_comes() -> None:
    """The first error stays the reason."""

    async def go() -> None:
        pool, _ = limits()
        sleeping = asyncio.create_task(pool.sleep(60))
        await asyncio.sleep(0)
        pool.give_up(FatalEndpointError("first"))
        assert str(pool.give_up(EndpointUnavailable("second"))) == "first"
        for blocked in (sleeping, pool.enter(1)):
            with pytest.raises(FatalEndpointError, match="first"):
                await blocked
        assert pool.concurrency.in_flight == 0
        with pytest.raises(FatalEndpointError):
            pool.begin()

    asyncio.run(go())


def test_the_watchdog_sleeps_while_nothing_is_asked() -> None:
    """Idle time, and time with replies, is no lack of progress."""

    async def go() -> list[str]:
        pool, told = limits(watchdog=0.6)
        pool.begin()
        for _ in range(4):
            await asyncio.sleep(0.2)
            pool.replied()
        pool.end()
        await asyncio.sleep(0.8)
        pool.begin()
        await asyncio.sleep(0.1)
        assert not told
        await asyncio.sleep(1)
        pool.close()
        return told

    assert asyncio.run(go()) == ["hung up"]
