"""Requests -> Replies: the journal first, then a bounded number of calls in flight."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from instraug.errors import (
    BudgetReached,
    EndpointUnavailable,
    FrozenMiss,
    GivenUp,
    InstraugError,
    RejectedRequest,
    RequestFailed,
)
from instraug.models.chat import Chat, Complete, Reply
from instraug.models.journal.ledger import Lookup


class HasChat(Protocol):
    """A request: a chat, and whatever its asker wants to know of it when the reply comes."""

    @property
    def chat(self) -> Chat:
        """What is asked."""


R = TypeVar("R", bound=HasChat)

TakeReply = Callable[[R, Reply | None], None]
"""Takes the reply to a request; None if `Generator.failed` or `stopped` says why there is none."""


_AHEAD = 32
"""Rounds that wait for a place at most before `Generator.room` lets another one in."""


class _Round(Generic[R]):
    """Requests that are asked together, and how many of them are still in flight."""

    def __init__(self, requests: Iterable[R], take: TakeReply[R]) -> None:
        self._requests, self.take = iter(requests), take
        self._asked = self._flying = 0
        self._exhausted = False
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """How many were asked, once all of them have ended."""

    def next(self) -> R | None:
        """Make and return the next request; None if there is none."""
        request = None if self._exhausted else next(self._requests, None)
        if request is None:
            self.exhaust()
        else:
            self._asked += 1
            self._flying += 1
        return request

    def exhaust(self) -> None:
        """Ask for nothing more."""
        self._exhausted = True
        self._look()

    def landed(self) -> None:
        """Note that one of the requests has ended."""
        self._flying -= 1
        self._look()

    def fail(self, error: BaseException) -> None:
        """End the round with an error."""
        self._exhausted = True
        if not self.done.done():
            self.done.set_exception(error)

    def _look(self) -> None:
        if self._exhausted and not self._flying and not self.done.done():
            self.done.set_result(self._asked)


class Generator(Generic[R]):
    """Asks for chats, a bounded number at once; equal chats in flight are bought once.

    Requests are made when there is a place for them, and a place becomes free only when its reply
    is recorded and taken: memory is bound by what is in flight, and so is what a kill can lose.

    Args:
        complete: Makes a call, see `recording`; None for a frozen run, which makes none.
        paid: Replies that are not bought again.
        concurrency: Calls in flight at most.
        watch: Called with each reply and whether it was bought just now.
    """

    def __init__(
        self,
        complete: Complete | None,
        paid: Lookup,
        concurrency: int,
        watch: OnReply | None = None,
    ) -> None:
        self._complete, self._paid, self._watch = complete, paid, watch
        self._places = concurrency
        self._rounds: deque[_Round[R]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._flying: dict[str, asyncio.Future[Reply]] = {}
        self._room = asyncio.Event()
        self._room.set()
        self.stopped: InstraugError | None = None
        """Why nothing more is sent; None while the run goes on."""
        self.failed: dict[str, str] = {}
        """Keys that got no reply, and why; asked again on the next run."""
        self.refused: set[str] = set()
        """Those of them that the endpoint refused; it would refuse them again."""
        self.bought = 0
        """Replies paid for in this run."""

    def stop(self, why: InstraugError) -> None:
        """Send nothing more; calls in flight are still awaited and recorded."""
        self.stopped = self.stopped or why
        while self._rounds:
            self._rounds.popleft().exhaust()
        self._room.set()

    async def room(self) -> None:
        """Return once few rounds wait for a place: when it is time to begin more of them."""
        await self._room.wait()

    def _count_rounds(self) -> None:
        if len(self._rounds) < _AHEAD:
            self._room.set()
        else:
            self._room.clear()

    async def generate(self, requests: Iterable[R], take: TakeReply[R]) -> int:
        """Ask for all of the requests, after those of earlier calls.

        Args:
            requests: Taken one by one, as places become free.
            take: Called with each reply as it comes, in any order.

        Returns:
            How many were asked; those that got no reply are counted too.

        Raises:
            FrozenMiss: the run is frozen and the journal lacks a reply.
            FatalEndpointError: no retry can help.
            StorageError: the journal could not be written.
        """
        if self.stopped:
            return 0
        asked = _Round(requests, take)
        self._rounds.append(asked)
        self._count_rounds()
        self._hire()
        try:
            return await asked.done
        finally:
            if asked in self._rounds:
                self._rounds.remove(asked)
                self._count_rounds()

    # ── places ───────────────────────────────────────────────────────────────────────────────

    def _hire(self) -> None:
        """Start one more worker, if there is work; each worker starts the next."""
        if self._rounds and len(self._workers) < self._places:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled():
            worker.exception()  # its round raises it
        self._hire()

    async def _work(self) -> None:
        while self._rounds:
            asked = self._rounds[0]
            try:
                request = asked.next()
                if request is None:
                    self._rounds.popleft()
                    self._count_rounds()
                    continue
                self._hire()
                await self._answer(request, asked)
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                asked.fail(error)
                raise

    async def _answer(self, request: R, asked: _Round[R]) -> None:
        try:
            reply = await self.reply(request.chat)
            asked.take(request, reply)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            asked.fail(error)  # before it counts as landed, which would end the round well
            raise
        finally:
            asked.landed()

    # ── one chat ─────────────────────────────────────────────────────────────────────────────

    async def reply(self, chat: Chat) -> Reply | None:
        """Return the reply to one chat, or None where `failed` or `stopped` says why not."""
        reply = self._paid.get(chat.key)
        bought = reply is None and chat.key not in self._flying  # else another request buys it
        if reply is None:
            reply = await self._buy(chat)
        else:
            await asyncio.sleep(0)  # others get their turn, also where nothing is waited for
        if reply is not None and self._watch:
            self._watch(reply, bought)
        return reply

    async def _buy(self, chat: Chat) -> Reply | None:
        if self._complete is None:
            why = f"the journal holds no reply for request {chat.key[:12]}"
            fix = "give the options of the run that made it, or run without --frozen to ask"
            raise FrozenMiss(f"{why}; {fix}")
        flying = self._flying.get(chat.key)
        try:
            if flying is None:
                return await self._call(chat, self._complete)
            return await asyncio.shield(flying)
        except (RejectedRequest, RequestFailed) as error:
            self.failed[chat.key] = str(error)
            if isinstance(error, RejectedRequest):
                self.refused.add(chat.key)
        except (BudgetReached, EndpointUnavailable, GivenUp) as error:
            self.stop(error)
        except asyncio.CancelledError:
            if flying is None or not flying.cancelled():  # it is the asker who was cancelled
                raise
        except InstraugError as error:
            self.stop(error)
            raise
        return None

    async def _call(self, chat: Chat, complete: Complete) -> Reply:
        landing: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._flying[chat.key] = landing
        try:
            reply = await complete(chat)
        except asyncio.CancelledError:
            landing.cancel()
            raise
        except BaseException as error:
            landing.set_exception(error)
            landing.exception()  # marked as read: asyncio warns of an error that nobody awaits
            raise
        finally:
            del self._flying[chat.key]
        landing.set_result(reply)
        self.bought += 1
        return reply

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    async def drain(self, seconds: float) -> None:
        """Wait for what is in flight, at most ``seconds``; then cancel it."""
        if workers := list(self._workers):
            await asyncio.wait(workers, timeout=seconds)
            self.abandon()
            await asyncio.gather(*workers, return_exceptions=True)

    def abandon(self) -> None:
        """Cancel what is in flight; its outcome stays unknown."""
        for worker in list(self._workers):
            worker.cancel()


OnReply = Callable[[Reply, bool], None]
"""Called with each reply, and whether it was bought just now."""
