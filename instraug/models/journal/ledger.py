"""Every call recorded: an intent before it, its reply or its failure after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from instraug.errors import InstraugError
from instraug.models.chat import Chat, Complete, Reply
from instraug.models.journal.journal import Journal


class Lookup(Protocol):
    """Replies that were paid for before."""

    def get(self, key: str) -> Reply | None:
        """Return the reply recorded under the key, if any."""


def recording(complete: Complete, journal: Journal, endpoint: str | None = None) -> Complete:
    """Return a ``complete`` that records every reply in the journal before it returns it.

    Args:
        complete: Makes the call.
        journal: The journal.
        endpoint: The endpoint that is asked, which is noted with each reply.
    """

    async def call(chat: Chat) -> Reply:
        journal.intend(chat.key)
        try:
            reply = await complete(chat)
        except InstraugError as error:
            if error.outcome_known:
                journal.withdraw(chat.key)
            raise
        reply = replace(reply, endpoint=endpoint)
        journal.record(reply)
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
