"""``instraug`` in processes of its own, started fast: forks of one that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path


def environment(**more: str) -> dict[str, str]:
    """The environment without any key or endpoint of the user's own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    return {**kept, **more}


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "tests.preloaded"])


def _main(args: tuple[str, ...], env: Mapping[str, str], out: str, err: str) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["instraug", *args]
    from instraug.cli import main

    main()


class Child:
    """One run of the command line; real signals reach it, and it exits with a real status."""

    def __init__(self, folder: Path, *args: object, **env: str) -> None:
        """Args:
        folder: Takes its stdout and stderr; one child at a time.
        args: What follows ``instraug`` on the command line.
        env: Added to the environment, from which the user's own keys are taken out.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._out, self._err = folder / "stdout", folder / "stderr"
        given = (tuple(map(str, args)), environment(**env), str(self._out), str(self._err))
        self._process = _FORKS.Process(target=_main, args=given)
        self._process.start()
        self.pid = self._process.pid or 0

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.exitcode is None

    def kill(self, signum: int) -> bool:
        """Send a signal; False where the process had ended by itself."""
        if not self.running:
            return False
        os.kill(self.pid, signum)
        return True

    def end(self, seconds: float = 60) -> int:
        """Wait for the end and return the exit status, negative for a signal."""
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, f"no end within {seconds} s: {self.stderr}"
        return code

    @property
    def stdout(self) -> str:
        """What it printed."""
        return self._out.read_text() if self._out.exists() else ""

    @property
    def stderr(self) -> str:
        """What it told."""
        return self._err.read_text() if self._err.exists() else ""

    @staticmethod
    def first(children: list[Child], seconds: float = 60) -> list[Child]:
        """Wait until one of them ends and return those that have."""
        ended = wait([c._process.sentinel for c in children], seconds)
        assert ended, f"none ended within {seconds} s"
        time.sleep(0.01)
        return [c for c in children if c._process.sentinel in ended]
