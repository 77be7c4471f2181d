"""The progress bar: accepted rewrites of those wanted, on stderr, none without a terminal."""

from __future__ import annotations

import sys
from threading import RLock
from types import TracebackType

from tqdm import tqdm

from instraug.models.chat import Reply
from instraug.models.config import Prices
from instraug.rewriting.rounds import Grown


class Progress:
    """Shows a run; give its methods to the job's watcher."""

    def __init__(self, wanted: int, price: Prices | None, *, quiet: bool, verbose: bool) -> None:
        """Open the bar.

        Args:
            wanted: Accepted rewrites wanted in all.
            price: What tokens cost, where known.
            quiet: Show no bar.
            verbose: Print a line after each round of a task.
        """
        shown = not quiet and sys.stderr.isatty()
        # tqdm's own lock is for several processes: a named semaphore, which a kill would leak.
        tqdm.set_lock(RLock())
        self._bar = tqdm(total=wanted, unit="rewrite", disable=not shown, file=sys.stderr)
        self._wanted, self._price, self._verbose = wanted, price, verbose
        self._accepted: dict[str, int] = {}
        self._rejected: dict[str, int] = {}
        self._tokens = [0, 0]
        self._done = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        accepted = sum(grown.accepted.values())
        self._accepted[grown.task.name] = accepted
        self._rejected[grown.task.name] = grown.rejected
        self._bar.n = min(self._wanted, sum(self._accepted.values()))
        self._show()
        if self._verbose:
            reasons = ", ".join(f"{rule} {n}" for rule, n in grown.broken.most_common(5))
            rejected = f"{grown.rejected} rejected ({reasons or 'none'})"
            self.notice(f"{grown.task.name}: {accepted} accepted, {rejected}")

    def notice(self, text: str) -> None:
        """Print a line without tearing the bar."""
        tqdm.write(text, file=sys.stderr)

    def _show(self) -> None:
        spent = ""
        if self._price:
            spent = f", ${self._price.of(*self._tokens):.2f}"
        rejected = sum(self._rejected.values())
        tokens = sum(self._tokens)
        self._bar.set_postfix_str(
            f"{self._done} replies, {rejected} rejected, {tokens} tokens{spent}"
        )
