"""Requests -> Replies: the journal first, then a bounded number of calls in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

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
from instraug.rewriting.records import Request


class Generator:
    """Asks for chats, a bounded number at once; equal chats in flight are bought once.

    A place becomes free only when its reply is recorded, so that a kill loses at most what was in
    flight.
    """

    def __init__(
        self,
        complete: Complete | None,
        paid: Lookup,
        concurrency: int,
        watch: Watch | None = None,
    ) -> None:
        """Args:
        complete: Makes a call, see `recording`; None for a frozen run, which makes none.
        paid: Replies that are not bought again.
        concurrency: Calls in flight at most.
        watch: Told of each reply and whether it was bought just now.
        """
        self._complete, self._paid, self._watch = complete, paid, watch
        self._slots = asyncio.Semaphore(concurrency)
        self._flying: dict[str, asyncio.Task[Reply]] = {}
        self.stopped: InstraugError | None = None
        """Why nothing more is sent; None while all is well."""
        self.failed: dict[str, str] = {}
        """Keys that got no reply, and why; asked again on the next run."""
        self.refused: set[str] = set()
        """Those of them that the endpoint refused: asking again brings the same."""
        self.bought = 0
        """Replies paid for in this run."""

    def stop(self, why: InstraugError) -> None:
        """Send nothing more; what is in flight is still awaited and written down."""
        self.stopped = self.stopped or why

    async def ask(self, requests: Iterable[Request]) -> list[tuple[Request, Reply]]:
        """Return the replies in the order of the requests, without those that got none.

        Raises:
            FrozenMiss: the run is frozen and the journal lacks a reply.
            FatalEndpointError: no retry can help.
            StorageError: the journal could not be written.
        """
        wanted = list(requests)
        replies = await asyncio.gather(*(self.reply(r.chat) for r in wanted))
        return [(r, reply) for r, reply in zip(wanted, replies, strict=True) if reply]

    async def reply(self, chat: Chat) -> Reply | None:
        """Return the reply to one chat, or None where `failed` or `stopped` says why not."""
        bought = False
        reply = self._paid.get(chat.key)
        if reply is None:
            reply = await self._buy(chat)
            bought = reply is not None
        if reply is not None and self._watch:
            self._watch(reply, bought)
        return reply

    async def _buy(self, chat: Chat) -> Reply | None:
        if self._complete is None:
            why = f"the journal holds no reply for request {chat.key[:12]}"
            fix = "give the options of the run that made it, or run without --frozen to ask"
            raise FrozenMiss(f"{why}; {fix}")
        flying = self._flying.get(chat.key)
        if flying is None:
            flying = asyncio.create_task(self._call(chat, self._complete))
            self._flying[chat.key] = flying
            flying.add_done_callback(partial(self._landed, chat.key))
        try:
            return await asyncio.shield(flying)
        except (RejectedRequest, RequestFailed) as error:
            self.failed[chat.key] = str(error)
            if isinstance(error, RejectedRequest):
                self.refused.add(chat.key)
        except (BudgetReached, EndpointUnavailable, GivenUp) as error:
            self.stop(error)
        except _Stopped:
            pass
        except asyncio.CancelledError:
            if not flying.cancelled():  # it is the asker who was cancelled, not the call
                raise
        except InstraugError as error:
            self.stop(error)
            raise
        return None

    async def _call(self, chat: Chat, complete: Complete) -> Reply:
        async with self._slots:
            if self.stopped:
                raise _Stopped
            reply = await complete(chat)
            self.bought += 1
            return reply

    def _landed(self, key: str, flight: asyncio.Task[Reply]) -> None:
        """Forget a call that ended; whoever still waits for it gets its outcome."""
        self._flying.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # looked at, so that asyncio does not complain where nobody waits

    async def drain(self, seconds: float) -> None:
        """Wait for what is in flight, at most ``seconds``; then cancel it."""
        if flying := list(self._flying.values()):
            await asyncio.wait(flying, timeout=seconds)
            self.abandon()
            await asyncio.gather(*flying, return_exceptions=True)

    def abandon(self) -> None:
        """Cancel what is in flight; its outcome stays unknown."""
        for task in list(self._flying.values()):
            task.cancel()


Watch = Callable[[Reply, bool], None]
"""Told of each reply, and whether it was bought just now."""


class _Stopped(InstraugError):
    """Nothing more is sent."""
