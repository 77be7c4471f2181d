"""Requests -> Replies: the journal first, then a bounded number of calls in flight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from instraug.errors import InstraugError
from instraug.models.chat import Chat, Complete, Reply


class Lookup(Protocol):
    """Replies that were paid for before."""

    def get(self, key: str) -> Reply | None:
        """Return the journaled reply, if any."""


class Ledger(Lookup, Protocol):
    """A journal that can be written to."""

    def intend(self, key: str) -> None:
        """Note that a call for this key is about to be made."""

    def record(self, reply: Reply) -> None:
        """Write the reply down; it is safe once this returns."""

    def withdraw(self, key: str) -> None:
        """Note that the intended call certainly brought no reply."""


def recording(complete: Complete, ledger: Ledger, endpoint: str | None = None) -> Complete:
    """Return a ``complete`` whose every reply is in the journal before anybody sees it.

    Args:
        complete: Makes the call.
        ledger: The journal.
        endpoint: Who is asked, which is noted with each reply.
    """

    async def call(chat: Chat) -> Reply:
        ledger.intend(chat.key)
        try:
            reply = await complete(chat)
        except InstraugError as error:
            if error.outcome_known:
                ledger.withdraw(chat.key)
            raise
        reply = replace(reply, endpoint=endpoint)
        ledger.record(reply)
        return reply

    return call


def other_endpoints(asked: str, notice: Callable[[str], object]) -> Callable[[Reply], None]:
    """Return what names, once each, whoever else gave a reply that is used.

    Args:
        asked: Who is asked in this run.
        notice: Called with a line for each other one; no key depends on who answers.
    """
    seen: set[str | None] = {asked, None}

    def look(reply: Reply) -> None:
        if reply.endpoint not in seen:
            seen.add(reply.endpoint)
            again = f"replies that {reply.endpoint} gave are used again"
            notice(f"{again}, not {asked}'s; another --journal asks {asked} for its own")

    return look
