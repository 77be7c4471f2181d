"""Requests -> Replies: the journal first, then a bounded number of calls in flight."""

from __future__ import annotations

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


def recording(complete: Complete, ledger: Ledger) -> Complete:
    """Return a ``complete`` whose every reply is in the journal before anybody sees it."""

    async def call(chat: Chat) -> Reply:
        ledger.intend(chat.key)
        try:
            reply = await complete(chat)
        except InstraugError as error:
            if error.outcome_known:
                ledger.withdraw(chat.key)
            raise
        ledger.record(reply)
        return reply

    return call
