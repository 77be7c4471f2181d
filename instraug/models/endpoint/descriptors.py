"""How many connections the limit on open files allows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_RESERVE = 24
"""Files that a run opens besides its connections: outputs, locks, DNS lookups."""


def affordable(connections: int) -> int:
    """Return this number of connections, or fewer where open files are limited; at least 1."""
    limit = _limit()
    if limit is None:
        return connections
    return max(1, min(connections, limit - _opened() - _RESERVE))


def _limit() -> int | None:
    """Return how many files may be open; None where there is no limit."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _opened() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(list(Path(folder).iterdir()))
    return 16
