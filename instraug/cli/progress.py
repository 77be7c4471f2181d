"""The progress of a run on stderr: a bar on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import sys
from threading import Event, RLock, Thread
from time import monotonic
from types import TracebackType

from tqdm import tqdm

from instraug.cli.wordings import FirstRewrites
from instraug.models.chat import Reply
from instraug.models.config import Prices
from instraug.rewriting.rounds import Grown

EVERY = 30.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """Shows a run; give its methods to the job's watcher."""

    def __init__(
        self,
        wanted: int,
        price: Prices | None,
        *,
        quiet: bool,
        verbose: bool,
        every: float = EVERY,
    ) -> None:
        """Open the bar.

        Args:
            wanted: Accepted rewrites wanted in all.
            price: What tokens cost, where known.
            quiet: Show no bar and no lines.
            verbose: Print a line after each round of a task.
            every: Seconds between two lines where there is no terminal.
        """
        terminal = sys.stderr.isatty()
        # tqdm's own lock is for several processes: a named semaphore, which a kill would leak.
        tqdm.set_lock(RLock())
        shown = terminal and not quiet
        self._bar = tqdm(total=wanted, unit="rewrite", disable=not shown, file=sys.stderr)
        self._wanted, self._price, self._verbose = wanted, price, verbose
        self._quiet = quiet
        self._counted: dict[str, tuple[int, int]] = {}
        """Task -> its accepted and rejected answers so far."""
        self._made = self._rejected = 0
        """Accepted and rejected answers of all tasks so far."""
        self._tokens = [0, 0]
        self._done = 0
        self._began, self._every, self._ended = monotonic(), every, Event()
        self._lines = None if terminal or quiet else Thread(target=self._print, daemon=True)
        self._first = FirstRewrites(sys.stderr) if shown or (verbose and not quiet) else None

    def __enter__(self) -> Progress:
        if self._lines:
            self._lines.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._lines:
            self._lines.join()
        self._bar.close()

    def reply(self, reply: Reply, bought: bool) -> None:
        """Count a reply."""
        self._done += 1
        if bought:
            self._tokens[0] += reply.usage.prompt_tokens
            self._tokens[1] += reply.usage.completion_tokens
        self._show()

    def round(self, grown: Grown) -> None:
        """Count a task's verdicts so far."""
        for line in self._first.of(grown) if self._first else ():
            self.notice(line)
        accepted = sum(grown.accepted.values())
        before = self._counted.get(grown.task.name, (0, 0))
        self._counted[grown.task.name] = (accepted, grown.rejected)
        self._made += accepted - before[0]
        self._rejected += grown.rejected - before[1]
        self._show()
        if self._verbose:
            reasons = ", ".join(f"{rule} {n}" for rule, n in grown.broken.most_common(5))
            rejected = f"{grown.rejected} rejected ({reasons or 'none'})"
            self.notice(f"{grown.task.name}: {accepted} accepted, {rejected}")

    def notice(self, text: str) -> None:
        """Print a line without tearing the bar."""
        tqdm.write(text, file=sys.stderr)

    def state(self, text: str) -> None:
        """Print a line that is no news to who asked for quiet."""
        if not self._quiet:
            self.notice(text)

    def _show(self) -> None:
        if not self._bar.disable:
            self._bar.n = min(self._wanted, self._made)
            self._bar.set_postfix_str(self._state())

    def _state(self) -> str:
        cost = "no price" if self._price is None else f"${self._price.of(*self._tokens):.2f}"
        tokens = sum(self._tokens)
        return f"{self._done} replies, {self._rejected} rejected, {tokens} tokens, {cost}"

    def _print(self) -> None:
        """Print a line now and then, also while no reply comes."""
        while not self._ended.wait(self._every):
            seconds, made = monotonic() - self._began, self._made
            left = f", about {_span(seconds * (self._wanted - made) / made)} left" if made else ""
            so_far = f"{_span(seconds)}: {made} of {self._wanted} rewrites accepted"
            self.notice(f"{so_far}, {self._state()}{left}")


def _span(seconds: float) -> str:
    """Spell a time in the unit that says enough."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
