"""How much of the soak is run: INSTRAUG_SOAK, a share of the whole; a tenth by default."""

from __future__ import annotations

import os

SCALE = float(os.environ.get("INSTRAUG_SOAK", "0.1"))


def times(whole: int) -> int:
    """Return this run's share of a number of repeats, at least one."""
    return max(1, round(whole * SCALE))
