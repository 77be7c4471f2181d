"""Run the real command line in a process of its own, as a user does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest

from tests.child import Child, environment

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SHARED = Path(__file__).resolve().parents[2] / "shared"


def instraug(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``instraug ARGS`` and return how it ended and what it printed."""
    with TemporaryDirectory() as folder:
        child = Child(Path(folder), *args, **env)
        code = child.end(300)
        return subprocess.CompletedProcess(list(map(str, args)), code, child.stdout, child.stderr)


def instraug_here(*args: object) -> subprocess.CompletedProcess[str]:
    """Do the same in this process, which saves half a second of imports."""
    from instraug.cli import main

    told = [io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2)]
    argv = ["instraug", *map(str, args)]
    with (
        patch.dict(os.environ, environment(), clear=True),
        patch.object(sys, "argv", argv),
        redirect_stdout(told[0]),
        redirect_stderr(told[1]),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    out, err = (stream.buffer.getvalue().decode() for stream in told)
    return subprocess.CompletedProcess(argv, int(ended.value.code or 0), out, err)


def failed(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    """Assert that a run ended with a code and one line that says all this, without a traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for text in said:
        assert text in done.stderr
