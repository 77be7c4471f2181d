"""Run the real command line in a process of its own, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SHARED = Path(__file__).resolve().parents[2] / "shared"


def environment(**more: str) -> dict[str, str]:
    """The environment without any key or endpoint of the user's own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    return {**kept, **more}


def instraug(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``instraug ARGS`` and return how it ended and what it printed."""
    command = [sys.executable, "-m", "instraug", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**env))


def failed(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    """Assert that a run ended with a code and one line that says all this, without a traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for text in said:
        assert text in done.stderr
