"""One request and its retries: wait for a place, reserve, send, read, settle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from instraug.errors import (
    EndpointError,
    EndpointUnavailable,
    FatalEndpointError,
    GivenUp,
    InstraugError,
    RejectedRequest,
    RequestFailed,
)
from instraug.models.budget import Amount, BudgetTracker
from instraug.models.chat import Usage
from instraug.models.endpoint import wire
from instraug.models.endpoint.faults import Fault, FaultKind, from_status
from instraug.models.endpoint.keys import redact
from instraug.models.endpoint.limits import Limits
from instraug.models.endpoint.quirks import Lesson, Quirks
from instraug.models.endpoint.refusals import Refusal
from instraug.models.endpoint.transport import HttpAnswer, Line

T = TypeVar("T")

_UNKNOWN_TRIES = 4
"""Tries of a request whose outcome stays unknown: each may have been answered and billed."""

_FIRST_TRIES = 4
"""Tries to reach an endpoint that was never reached: its address is probably wrong."""

_THROTTLED_TIMES = 5
"""Times as many tries for a throttled request as for a failing one: it is slowed down anyway."""

_WAIT_MOST = 30.0
"""Longest wait between two tries (seconds), before full jitter."""


class _Call(Generic[T]):
    """One request, and its tries so far."""

    def __init__(
        self,
        path: str,
        model: str,
        body: Callable[[], dict[str, Any]],
        read: Callable[[str], tuple[T, Usage]],
        worst: Callable[[], Amount],
    ) -> None:
        self.path, self.model, self.body, self.read, self.worst = path, model, body, read, worst
        self.tries: Counter[FaultKind] = Counter()
        self.lessons: list[tuple[Lesson, str]] = []
        """What was learned from its refusals, each with the `Refusal.alike` of the refusal."""
        self.refusal: RejectedRequest | None = None
        """The error that the last refusal means if its lesson is wrong."""
        self.started = asyncio.get_running_loop().time()


class Caller:
    """Makes calls to one endpoint; made and used inside one running event loop.

    Args:
        url: The base URL, checked.
        key: The API key; None sends none.
        quirks: The endpoint's settings.
        budget: What may be spent.
        backoff: Seconds of the first retry's longest wait; doubled with each try.
    """

    def __init__(
        self, url: str, key: str | None, quirks: Quirks, budget: BudgetTracker, backoff: float
    ) -> None:
        self._key, self._quirks, self._budget = key, quirks, budget
        self._line = Line(url, key, quirks.endpoint)
        self._limits = Limits(quirks.endpoint, self._line.hang_up)
        self._trial = asyncio.Lock()
        self._jitter = wait_random_exponential(multiplier=backoff, max=_WAIT_MOST)

    async def close(self) -> None:
        """Close the connections."""
        self._limits.close()
        await self._line.close()

    async def ask(
        self,
        path: str,
        model: str,
        body: Callable[[], dict[str, Any]],
        read: Callable[[str], tuple[T, Usage]],
        worst: Callable[[], Amount],
    ) -> T:
        """Make one request, retried as often as needed, and return its result.

        Args:
            path: Below the base URL.
            model: Whose prices hold.
            body: Makes the body of each try; quirks learned since the last one change it.
            read: Makes the result of a response body; raises `wire.NotACompletion`.
            worst: Returns what to reserve for a try.

        Raises:
            EndpointError: as `OpenAIEndpoint.complete`.
            BudgetReached: the next try could exceed the budget.
        """
        call = _Call(path, model, body, read, worst)
        self._limits.begin()
        try:
            return await self._try(call)
        except Fault as fault:
            return await self._again(call, fault)
        except (FatalEndpointError, EndpointUnavailable, GivenUp) as error:
            raise self._limits.give_up(error) from None
        finally:
            self._limits.end()

    async def _again(self, call: _Call[T], first: Fault) -> T:
        """Retry a failed call; only such a call pays for tenacity's overhead."""
        failed = [first]

        async def next_try() -> T:
            if failed:
                raise failed.pop()
            if self._quirks.is_guess(call.lessons):
                # One call finds out whether the guess is right; the others wait for it.
                async with self._trial:
                    self._raise_if_vain(call)
                    if self._quirks.is_guess(call.lessons):
                        return await self._try(call)
            return await self._try(call)

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Fault),
            stop=lambda state: self._stop(call, _fault(state)),
            wait=lambda state: 0 if _fault(state).kind is FaultKind.QUIRK else self._jitter(state),
            sleep=self._limits.sleep,
            reraise=True,
        )
        error: InstraugError
        try:
            return await retrying(next_try)
        except Fault as fault:
            error = self._given_up(call, fault)
        except (FatalEndpointError, EndpointUnavailable, GivenUp) as raised:
            error = self._limits.give_up(raised)
        except InstraugError as raised:
            error = raised
        if call.tries[FaultKind.UNKNOWN]:
            # A copy: many calls may end with the same error object.
            error = copy(error)
            error.outcome_known = False
        raise error from None

    async def _try(self, call: _Call[T]) -> T:
        body = call.body()
        worst = call.worst()
        await self._limits.enter(worst.tokens)
        spent = Amount()
        started = asyncio.get_running_loop().time()
        try:
            await self._budget.reserve(worst)
            try:
                self._limits.check()
                # A call cut off from here on may have cost anything: the worst case stays charged.
                spent = worst
                outcome = await self._exchange(call, body)
                if isinstance(outcome, HttpAnswer):
                    spent = Amount(requests=1)
                    raise self._refusal(call, outcome, body)
                result, usage = outcome
                spent = self._budget.amount(
                    call.model, usage.prompt_tokens, usage.completion_tokens
                )
            except Fault as fault:
                spent = Amount() if fault.kind is FaultKind.UNSENT else spent
                self._note(call, fault, started)
                raise
            finally:
                self._budget.settle(worst, spent)
        except RejectedRequest:
            self._limits.is_up()
            raise
        finally:
            self._limits.leave(worst.tokens - spent.tokens)
        self._limits.replied()
        self._quirks.worked([lesson for lesson, _ in call.lessons])
        return result

    async def _exchange(self, call: _Call[T], body: dict[str, Any]) -> tuple[T, Usage] | HttpAnswer:
        """Send a body; return the result and usage, or the answer if it is a refusal."""
        answer = await self._line.post(call.path, wire.encode(body))
        if not 200 <= answer.status < 300:
            return answer
        try:
            return call.read(answer.text)
        except wire.NotACompletion as wrong:
            if wrong.status:
                return replace(answer, status=wrong.status)
            what = redact(f"HTTP {answer.status}, {wrong}", self._key)
            raise Fault(FaultKind.GARBLED, what) from None

    def _refusal(
        self, call: _Call[Any], answer: HttpAnswer, body: dict[str, Any]
    ) -> Fault | EndpointError:
        """Return the error that a refusal means, after learning from it."""
        status, refusal = answer.status, Refusal(answer.text, body)
        error = from_status(
            status, answer.headers, refusal, self._key, answered=self._limits.answered
        )
        definite = error if isinstance(error, RejectedRequest) else None
        if _may_teach(status, refusal):
            lesson = self._quirks.learn(refusal, [lesson for lesson, _ in call.lessons])
            if lesson:
                call.lessons.append((lesson, refusal.alike))
                call.refusal = definite
                return Fault(FaultKind.QUIRK, "a parameter is not taken")
        if definite:
            self._quirks.failed(call.lessons, refusal.alike)
            return self._rejected(definite, refusal.alike)
        return error

    def _raise_if_vain(self, call: _Call[Any]) -> None:
        """Give up a call whose guess another call has shown to be wrong."""
        lesson, alike = call.lessons[-1]
        if call.refusal and self._quirks.is_vain(lesson, alike):
            self._limits.is_up()
            raise self._rejected(call.refusal, alike)

    def _rejected(self, error: RejectedRequest, alike: str) -> EndpointError:
        if seen := self._limits.refused(alike):
            end = GivenUp if self._limits.answered else FatalEndpointError
            return end(f"{error}; {seen} requests in a row were refused so")
        return error

    def _note(self, call: _Call[Any], fault: Fault, started: float) -> None:
        call.tries[fault.kind] += 1
        if fault.kind is FaultKind.THROTTLED:
            self._limits.concurrency.overloaded(started)
        if fault.retry_after is not None:
            self._limits.pause(fault.retry_after)

    def _stop(self, call: _Call[Any], fault: Fault) -> bool:
        kind, tries = fault.kind, call.tries
        most = self._quirks.endpoint.max_attempts
        if kind in (FaultKind.QUIRK, FaultKind.LOADING):
            return False
        if kind is FaultKind.THROTTLED:
            return tries[kind] >= most * _THROTTLED_TIMES
        if (
            kind is FaultKind.UNSENT
            and self._limits.reached is None
            and tries[kind] >= _FIRST_TRIES
        ):
            return True
        if kind is FaultKind.UNKNOWN and tries[kind] >= _UNKNOWN_TRIES:
            return True
        counted = (FaultKind.UNSENT, FaultKind.SERVER, FaultKind.GARBLED, FaultKind.UNKNOWN)
        return sum(tries[k] for k in counted) >= most or not self._limits.may_retry()

    def _given_up(self, call: _Call[Any], fault: Fault) -> EndpointError:
        self._limits.check()
        tries = sum(call.tries.values()) - call.tries[FaultKind.QUIRK]
        often = "1 try" if tries == 1 else f"{tries} tries"
        what = f"{fault.kind.value} after {often}: {fault}"
        silent = fault.kind is FaultKind.UNSENT and (self._limits.reached or 0) < call.started
        if self._limits.exhausted() or silent:
            return self._limits.give_up(EndpointUnavailable(f"{what}; run again to resume"))
        return RequestFailed(what)


def _may_teach(status: int, refusal: Refusal) -> bool:
    """Whether a refusal may be about a parameter; some servers fail on one that they lack."""
    if status in (500, 501):
        return any(not blame.value_only for blame in refusal.blamed)
    return status in (400, 406, 422)


def _fault(state: RetryCallState) -> Fault:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Fault)  # noqa: S101 - nothing else is retried
    return error
