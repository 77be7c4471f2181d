"""The embedded model within `instraug expand`, against a bare llama.cpp loop.

    python benchmarks/embedded_speed.py TASKS [--rewrites N] [--only GLOB]

The loop sends the same prompts, grammars and parameters to as many servers with as many slots, from
as many threads, and does nothing else: no plan, no journal, no judging, no rounds, no splitting
into tokens. Both load the weights and read the shared worked examples anew. The ratio is the loop's
time over expand's, by wall clock and by CPU time; beside other work only the latter counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from instraug.cli import cli
from instraug.models.embedded.model import SLOTS, LocalModel

Body = dict[str, Any]


class Recorder:
    """A server that notes what it is asked and how many prompt tokens it read."""

    def __init__(self, server: Any, bodies: list[Body], read: list[int]) -> None:
        self._server, self._bodies, self._read = server, bodies, read
        self.listening_address = server.listening_address

    def handle_completions(self, body: Body) -> Any:
        """Answer as the server does."""
        self._bodies.append(body)
        answer = self._server.handle_completions(body)
        usage = (json.loads(answer) if isinstance(answer, str) else answer)["usage"]
        cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        self._read += [usage["prompt_tokens"], cached, usage["completion_tokens"]]
        return answer


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of wall clock and of CPU that some work takes."""
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


def bare(bodies: list[Body]) -> None:
    """Ask all, as fast as llama.cpp can."""
    model = LocalModel()
    servers = {id(s): s for s in (model._loaded() for _ in range(SLOTS))}
    turn = list(servers.values())
    with ThreadPoolExecutor(SLOTS) as pool:
        list(
            pool.map(
                lambda i: turn[i % len(turn)].handle_completions(bodies[i]), range(len(bodies))
            )
        )
    model.close()


def main() -> None:
    """Run both and print their times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--rewrites", type=int, default=2)
    parser.add_argument("--only", default="*", metavar="GLOB")
    given = parser.parse_args()
    bodies: list[Body] = []
    read: list[int] = []
    loaded = LocalModel._loaded
    setattr(LocalModel, "_loaded", lambda self: Recorder(loaded(self), bodies, read))  # noqa: B010
    with tempfile.TemporaryDirectory() as out:
        command = ["expand", str(given.tasks), "--model", "local", "-o", f"{out}/out", "--quiet"]
        command += ["--rewrites", str(given.rewrites), "--only", given.only]
        ours = timed(lambda: cli(command, standalone_mode=False))
    setattr(LocalModel, "_loaded", loaded)  # noqa: B010
    peer = timed(lambda: bare(bodies))
    prompt, cached, written = (sum(read[i::3]) for i in range(3))
    print(
        f"answers {len(bodies)}; tokens: prompt {prompt}, of these cached {cached}, new {written}"
    )
    print(
        f"expand: {ours[0]:.1f} s, CPU {ours[1]:.1f} s; bare: {peer[0]:.1f} s, CPU {peer[1]:.1f} s"
    )
    print(f"bare / expand: {peer[0] / ours[0]:.2f} by wall clock, {peer[1] / ours[1]:.2f} by CPU")


if __name__ == "__main__":
    main()
