"""Around a run: the folder's lock, the journal, signals, and calls of unknown outcome."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar

from instraug.errors import EndpointUnavailable, InstraugError, Interrupted
from instraug.files.disk import refusals
from instraug.files.lock import Lock
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat, Complete, Reply
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import recording
from instraug.models.journal.replay import Replay

T = TypeVar("T")

DRAIN = 20.0
"""Seconds that calls in flight are awaited when a run must stop."""

TWICE = 0.2
"""Seconds in which a second signal is taken for the first one, passed on."""


class Stoppable(Protocol):
    """What asks, and can be asked to stop."""

    def stop(self, why: InstraugError) -> None:
        """Send nothing more."""

    def abandon(self) -> None:
        """Cancel what is in flight."""

    async def drain(self, seconds: float) -> None:
        """Wait for what is in flight."""


@contextmanager
def session(out: Path) -> Iterator[None]:
    """Make the output folder and lock it against other processes.

    Raises:
        LockedError: another process has it.
        StorageError: it cannot be made or written to.
    """
    with refusals(out, "make"):
        out.mkdir(parents=True, exist_ok=True)
    with Lock.folder(out):
        yield


@contextmanager
def reserved(out: Path) -> Iterator[Callable[[], object]]:
    """Lock an existing folder; yield a function that makes and locks a missing one.

    If something fails before it is called, no folder is left.
    """
    with ExitStack() as held:
        if out.exists():
            held.enter_context(session(out))
            yield lambda: None
        else:
            yield lambda: held.enter_context(session(out))


def open_journal(path: Path, *, frozen: bool) -> Journal | Replay:
    """Open a journal: for writing, or only for reading in a frozen run."""
    return Replay.read(path) if frozen else Journal.open(path)


def recorded(
    complete: Complete | None,
    journal: Journal,
    budget: BudgetTracker,
    settings: Mapping[str, Any],
    asked: str,
    again: Callable[[str], object],
    held: Container[str] = (),
) -> Complete | None:
    """Return a ``complete`` that records every reply in the journal before it returns it.

    The journal notes the run's settings, and with each reply who was asked.

    A key that an earlier run asked for without recording an outcome is charged to the budget when
    it is asked once more, as that call may have been billed; ``again`` is called with it.
    A key of ``held`` is in a batch: when it comes up, nothing more is sent.
    """
    if complete is None:
        return None
    journal.describe(settings)
    call = recording(complete, journal, asked)
    unknown = journal.unknown

    async def charged(chat: Chat) -> Reply:
        if chat.key in held:
            fix = "run with --batch to fetch its replies, or give --force to buy them again"
            # Nothing more is sent: other requests would only replace those that are on their way.
            raise EndpointUnavailable(f"requests of this run are in a batch that is open; {fix}")
        if chat.key in unknown:
            # Before the recording: if the budget refuses, the key stays unknown.
            await budget.charge(budget.worst(chat))
            again(chat.key)
        return await call(chat)

    return charged


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, even inside a running event loop, as in a notebook.

    There it runs in a thread of its own; KeyboardInterrupt cancels it, and it drains.
    """
    with _rare_collections():
        return _finished(work)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cyclic garbage rarely: a run makes many objects and few cycles.

    At Python's own thresholds that search takes an eighth of a run's processor time.
    """
    usual = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _finished(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def noted() -> T:
        if task := asyncio.current_task():
            running.append((asyncio.get_running_loop(), task))
        return await work

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(asyncio.run, noted())
        try:
            return future.result()
        except KeyboardInterrupt:
            for loop, task in running:
                loop.call_soon_threadsafe(task.cancel)
            raise


@asynccontextmanager
async def draining(generator: Stoppable) -> AsyncIterator[None]:
    """Await calls in flight when the block ends, even by an error.

    The first SIGINT or SIGTERM stops sending; a second one ends the process at once, unless it
    comes within `TWICE` seconds: what runs a command may pass on a signal that it got already.
    """
    try:
        with _signals(generator):
            yield
    finally:
        await generator.drain(DRAIN)


def _again(until: float, signum: int, _frame: object) -> None:
    """End the process at a second signal, but for one that comes too soon to be meant."""
    if monotonic() >= until:
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)


@contextmanager
def _signals(generator: Stoppable) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals; see `finish`
        return
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)

    def stop(signum: int) -> None:
        generator.stop(Interrupted(signum))
        loop.call_later(DRAIN, generator.abandon)
        until = monotonic() + TWICE
        for name in names:
            loop.remove_signal_handler(name)
            signal.signal(name, partial(_again, until))
        loop.call_later(TWICE, _no_more)

    def _no_more() -> None:
        for name in names:
            signal.signal(name, signal.SIG_DFL)

    for name in names:
        loop.add_signal_handler(name, stop, name)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
