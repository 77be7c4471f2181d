"""Every call recorded: an intent before it, its reply or its failure after it."""

from __future__ import annotations

from typing import Protocol

from instraug.errors import InstraugError
from instraug.models.chat import Chat, Complete, Reply
from instraug.models.journal.journal import Journal


class Lookup(Protocol):
    """Replies that were paid for before."""

    def get(self, key: str) -> Reply | None:
        """Return the reply recorded under the key, if any."""


def recording(complete: Complete, journal: Journal) -> Complete:
    """Return a ``complete`` that records every reply in the journal before it returns it."""

    async def call(chat: Chat) -> Reply:
        journal.intend(chat.key)
        try:
            reply = await complete(chat)
        except InstraugError as error:
            if error.outcome_known:
                journal.withdraw(chat.key)
            raise
        journal.record(reply)
        return reply

    return call
