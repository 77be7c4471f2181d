"""The options of asking by batch, and which of them fit together."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.errors import UsageError
from instraug.models.config import ByBatch


@dataclass(frozen=True)
class BatchOptions:
    """How a run is asked, if not online."""

    by_batch: ByBatch | None
    write: Path | None
    """Takes the requests, for an offline engine."""
    read: tuple[Path, ...]
    """Holds an offline engine's replies."""


def take_batch_options(given: MutableMapping[str, Any], **others: bool) -> BatchOptions:
    """Take the options of `options.batch_options` out of a command's.

    Args:
        given: The command's options.
        others: Options that fit to none of these, by name, and whether they were given.

    Raises:
        UsageError: two of them do not fit together.
    """
    batch, no_wait, poll = (given.pop(name) for name in ("batch", "no_wait", "poll"))
    write, read = given.pop("write_requests"), tuple(given.pop("read_replies"))
    named = {"--batch": batch, "--write-requests": bool(write), "--read-replies": bool(read)}
    ways = [name for name, is_given in named.items() if is_given]
    ways += [name for name, is_given in others.items() if is_given and ways]
    if len(ways) > 1:
        raise UsageError(f"{ways[0]} does not go with {ways[1]}; give one of them")
    if not batch and (no_wait or poll):
        raise UsageError(f"{'--no-wait' if no_wait else '--poll'} goes with --batch; add it")
    by_batch = ByBatch(not no_wait, poll or ByBatch.poll) if batch else None
    return BatchOptions(by_batch, write, read)
