"""What all calls to one endpoint share: concurrency, rates, pauses, the retry budget, the breaker.

Everything runs on one event loop and its monotonic clock.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable

from instraug.errors import EndpointError, EndpointUnavailable
from instraug.models.config import Endpoint

_RETRIES_AT_FIRST = 50.0

_RETRIES_PER_REPLY = 0.5

_FAILED_KEYS = 10
"""The endpoint counts as down after this many failed requests in a row without a reply."""

_REFUSED_KEYS = 100
"""The run ends after this many equal refusals without a reply; fewer before the first reply."""


class ConcurrencyLimit:
    """Bounds the calls in flight: halved on overload, one more after each clean window (AIMD).

    Calls also start a little apart, so that answers and new calls overlap. The answers to a burst
    would arrive together, and the first one would free its place only when the last one is read.

    Args:
        most: Calls in flight at first and at most.
        apart: Seconds between the starts of two calls; after a pause, a few may start at once.
    """

    def __init__(self, most: int, apart: float = 0.0005) -> None:
        self._most, self._apart = most, apart
        self.limit = float(most)
        """Calls that may be in flight now; its whole part counts."""
        self.in_flight = 0
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._halved = float("-inf")
        self._next = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> None:
        """Wait for a place, first come first served."""
        if not self._waiting and self._admits():
            return
        place: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(place)
        self._wake()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        self._wake()

    def clean(self) -> None:
        """Note a reply: one more call is allowed after a whole window of them."""
        if self.limit < self._most:
            self.limit = min(self._most, self.limit + 1 / self.limit)
            self._wake()

    def overloaded(self, started: float) -> None:
        """Note an overload of a call started then (loop clock): halve, once a window."""
        if started >= self._halved:
            self._halved = self._loop.time()
            self.limit = max(1.0, self.limit / 2)

    def _admits(self) -> bool:
        """Take a place if there is one and the last call started long enough ago."""
        now = self._loop.time()
        if self.in_flight >= int(self.limit) or now < self._next:
            return False
        self._next = max(self._next, now - 2 * self._apart) + self._apart
        self.in_flight += 1
        return True

    def _wake(self) -> None:
        while self._waiting and (self._waiting[0].done() or self._admits()):
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
        if self._waiting and self.in_flight < int(self.limit) and not self._timer:
            self._timer = self._loop.call_at(self._next, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._wake()


class Bucket:
    """A token bucket: it fills at a rate a minute and holds what comes in a second.

    Args:
        per_minute: What comes in.
        clock: Monotonic seconds.
        sleep: Waits that many seconds; may raise to end the waiting.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rate = per_minute / 60
        self._room = max(1.0, self._rate)
        self._level, self._at = self._room, clock()
        self._clock, self._sleep = clock, sleep
        self._turn = asyncio.Lock()

    async def take(self, cost: float) -> None:
        """Wait until the bucket allows it; later calls wait longer for a cost above its size."""
        async with self._turn:
            while (lacking := min(cost, self._room) - self._filled()) > 1e-9:
                # In short steps: a call that costs less than reserved gives some back.
                await self._sleep(min(lacking / self._rate, 0.25))
            self._level -= cost

    def give_back(self, cost: float) -> None:
        """Return what was taken and not used."""
        self._level = min(self._room, self._filled() + cost)

    def _filled(self) -> float:
        now = self._clock()
        self._level = min(self._room, self._level + (now - self._at) * self._rate)
        self._at = now
        return self._level


class Limits:
    """The state that all calls share; `Caller` shows how a call uses it.

    Args:
        endpoint: The settings.
        hang_up: Ends every call in flight; called when the watchdog gives the endpoint up.
    """

    def __init__(self, endpoint: Endpoint, hang_up: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._endpoint, self._hang_up = endpoint, hang_up
        self.concurrency = ConcurrencyLimit(endpoint.concurrency)
        clock = self._loop.time
        self._requests = Bucket(endpoint.rpm, clock, self.sleep) if endpoint.rpm else None
        self._tokens = Bucket(endpoint.tpm, clock, self.sleep) if endpoint.tpm else None
        self._resume = clock()
        self._retries = _RETRIES_AT_FIRST
        self._given_up = 0
        self._refusals: Counter[str] = Counter()
        self._busy = 0
        self._progress = clock()
        self.reached: float | None = None
        """When the last reply or refusal came, loop clock; None where none did."""
        self.answered = False
        """Whether a reply ever came."""
        self._dead: asyncio.Future[EndpointError] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    # ── one call ─────────────────────────────────────────────────────────────────────────────

    async def enter(self, tokens: int) -> None:
        """Wait until one more call may be sent.

        Args:
            tokens: The most it may take, for the token rate.

        Raises:
            EndpointError: the endpoint was given up meanwhile.
        """
        await self.concurrency.enter()
        try:
            if self._requests:
                await self._requests.take(1)
            if self._tokens:
                await self._tokens.take(tokens)
            while (wait := self._resume - self._loop.time()) > 0:
                await self.sleep(wait + random.uniform(0, min(1.0, wait)))
            self.check()
        except BaseException:
            self.concurrency.leave()
            raise

    def leave(self, unused: int) -> None:
        """Note the end of a call, which left ``unused`` of the tokens that it entered with."""
        if self._tokens and unused > 0:
            self._tokens.give_back(unused)
        self.concurrency.leave()

    def replied(self) -> None:
        """Note a reply."""
        self.answered = True
        self._refusals.clear()
        self.is_up()

    def refused(self, alike: str) -> int:
        """Note that one request was refused for good.

        Args:
            alike: Equal for refusals that differ only in numbers and ids.

        Returns:
            The number of equal refusals without a reply, if there are too many to go on; else 0.
        """
        self._refusals[alike] += 1
        seen, width = self._refusals[alike], self._endpoint.concurrency
        most = max(_REFUSED_KEYS, 4 * width) if self.answered else max(2, width)
        return seen if seen >= most else 0

    def is_up(self) -> None:
        """Note that the endpoint works: it sent a reply, or refused one request for good."""
        self.reached = self._progress = self._loop.time()
        self._given_up = 0
        self._retries = min(_RETRIES_AT_FIRST, self._retries + _RETRIES_PER_REPLY)
        self.concurrency.clean()

    def pause(self, seconds: float) -> None:
        """Send nothing for that many seconds.

        Raises:
            EndpointUnavailable: it is longer than the cap.
        """
        if seconds > self._endpoint.retry_after_cap:
            raise self.give_up(
                EndpointUnavailable(
                    f"the endpoint asks for a pause of {seconds:.0f} s, longer than the "
                    f"limit of {self._endpoint.retry_after_cap:.0f} s; "
                    "run again later to resume"
                )
            )
        self._resume = max(self._resume, self._loop.time() + seconds)

    # ── retries ──────────────────────────────────────────────────────────────────────────────

    def may_retry(self) -> bool:
        """Take one retry from the shared budget, which replies refill; False when it is empty.

        So a failing endpoint gets at most one and a half times as many calls as it gave replies,
        and 50 more.
        """
        if self._retries < 1:
            return False
        self._retries -= 1
        return True

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds; wake at once if the endpoint is given up.

        Raises:
            EndpointError: it was given up.
        """
        await asyncio.wait((self._dead,), timeout=seconds)
        self.check()

    def exhausted(self) -> bool:
        """Note a failed request; True if there are too many in a row without a reply."""
        self._given_up += 1
        return self._given_up >= _FAILED_KEYS

    # ── the endpoint as a whole ──────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Raise the error that the endpoint was given up for, if any."""
        if self._dead.done():
            raise self._dead.result()

    def give_up(self, error: EndpointError) -> EndpointError:
        """Stop all sending; return the first error that this was called with, to be raised."""
        if not self._dead.done():
            self._dead.set_result(error)
        return self._dead.result()

    def begin(self) -> None:
        """Note the start of a request, which the watchdog watches until `end`."""
        self.check()
        if self._busy == 0:
            self._progress = self._loop.time()
            if self._timer is None:
                self._timer = self._loop.call_later(self._endpoint.watchdog, self._watch)
        self._busy += 1

    def end(self) -> None:
        """Note the end of a request, whatever its outcome."""
        self._busy -= 1

    def close(self) -> None:
        """Stop the watchdog."""
        if self._timer:
            self._timer.cancel()

    def _watch(self) -> None:
        self._timer = None
        if not self._busy:
            return
        left = self._progress + self._endpoint.watchdog - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._watch)
            return
        minutes = self._endpoint.watchdog / 60
        self.give_up(
            EndpointUnavailable(
                f"the endpoint gave no reply for {minutes:.3g} minutes; run again to resume"
            )
        )
        self._hang_up()
