"""One run over an output folder: inputs, journal, model, the chain, and what it leaves behind.

expand(job)   tasks + model  -> instructions.jsonl, rejected.jsonl, replies.jsonl, manifest.json
refilter(...) a finished run -> the same files, judged again with other rules, no call made
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from instraug.errors import Interrupted
from instraug.files.disk import refusals
from instraug.files.lock import Lock
from instraug.models.budget import Budget
from instraug.models.chat import Chat, Complete, Reply
from instraug.rewriting.generation import Generator
from instraug.rewriting.run import Run

DRAIN = 20.0
"""Seconds that calls in flight get to come home once a run has to stop."""


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Make the output folder and hold it against other processes.

    Raises:
        LockedError: another process has it.
        StorageError: it cannot be made or written to.
    """
    with refusals(out, "make"):
        out.mkdir(parents=True, exist_ok=True)
    with Lock.folder(out):
        yield


def _recounting(complete: Complete, unknown: Collection[str], budget: Budget, run: Run) -> Complete:
    """Charge the budget for a call of an earlier run when its key is asked once more."""

    async def call(chat: Chat) -> Reply:
        if chat.key in unknown:
            # Outside of the recording: where the budget refuses, the key stays unknown.
            await budget.charge(budget.worst(chat))
            run.unknown.append(chat.key)
        return await complete(chat)

    return call


@contextmanager
def _signals(generator: Generator) -> Iterator[None]:
    """Stop sending at the first SIGINT or SIGTERM, drain, and let a second one end at once."""
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)

    def stop(signum: int) -> None:
        generator.stop(Interrupted(signum))
        loop.call_later(DRAIN, generator.abandon)
        for name in names:
            loop.remove_signal_handler(name)
            signal.signal(name, signal.SIG_DFL)

    for name in names:
        loop.add_signal_handler(name, stop, name)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
