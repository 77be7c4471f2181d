"""Waiting and asking that a signal can end at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

from instraug.errors import InstraugError

T = TypeVar("T")


class Steps:
    """One thing after the other, until `stop` is called."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._running: asyncio.Future[Any] | None = None
        self.stopped: InstraugError | None = None
        """Why nothing more is done; None while the run goes on."""

    def stop(self, why: InstraugError) -> None:
        """Begin nothing more; the request that is made just now is awaited."""
        self.stopped = self.stopped or why
        self._stop.set()

    def abandon(self) -> None:
        """Cancel the request that is made just now."""
        if self._running:
            self._running.cancel()

    async def drain(self, _seconds: float) -> None:
        """Wait for nothing: what is sent is in the journal."""

    def check(self) -> None:
        """Raise the error that `stop` was called with, if it was."""
        if self.stopped:
            raise self.stopped

    async def sleep(self, seconds: float) -> None:
        """Sleep; wake at once and raise where `stop` is called."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        self.check()

    async def run(self, work: Awaitable[T]) -> T:
        """Await one request, which `abandon` may cancel."""
        task = asyncio.ensure_future(work)
        self._running = task
        try:
            return await task
        except asyncio.CancelledError:
            self.check()
            raise
        finally:
            self._running = None
