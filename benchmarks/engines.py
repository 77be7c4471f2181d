"""What shards and Ray cost against ``build --workers`` of the same rows.

    python benchmarks/engines.py [--rows 1000,300000] [--shards 4,16] [--repeats 3]

Prints one JSON object; compare the ratios, never the absolute figures. Rows are those of build.py,
in one file. Each case is a command line of its own, start included; processor time is that of all
processes that it starts, Ray's own servers among them. The first number of rows shows what
starting costs, the others what rows cost on top (``cpu_us_a_row``). Shards are built one after the
other: their time is what a cluster spends, not what its user waits. Ray is left out where it is not
installed.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.build import make

_SUBREAPER = 36
"""Linux's PR_SET_CHILD_SUBREAPER: orphans become children of this process."""


def lines_of(folder: Path, case: str) -> list[list[str]]:
    """Return the command lines of a case, to be run one after the other."""
    command = [sys.executable, "-m", "instraug"]
    inputs = [str(folder / name) for name in ("tasks", "rows.jsonl", "instructions.jsonl")]
    build = [*command, "build", inputs[0], "--instances", inputs[1], "--instructions", inputs[2]]
    build += ["-q", "--force", "-o"]
    kind, count = case.split("-")
    dest = str(folder / "set.jsonl")
    if kind == "shards":
        parts = [str(folder / f"part{n}.jsonl") for n in range(1, int(count) + 1)]
        return [[*build, p, "--shard", f"{n}/{count}"] for n, p in enumerate(parts, 1)]
    if kind == "join":
        parts = [str(folder / f"part{n}.jsonl") for n in range(1, int(count) + 1)]
        return [[*command, "join", *parts, "-o", dest, "-q", "--force"]]
    if kind == "ray":
        return [[*build, dest, "--engine", "ray", "--workers", count]]
    return [[*build, dest, "--workers", count]]


def one(folder: Path, case: str) -> None:
    """Time a case in this process, which waits for all that it starts, and print its figures."""
    if ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise SystemExit("needs Linux")
    start = perf_counter()
    with Watched() as watched:
        for line in lines_of(folder, case):
            subprocess.run(line, check=True, env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"})
        seconds = perf_counter() - start
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Either misses some: what is looked at now and then, its last moments; what is waited for, the
    # children of those who wait for none, such as Ray's.
    cpu = max(watched.seconds(), usage.ru_utime + usage.ru_stime)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": usage.ru_maxrss / 1024}))


class Watched:
    """Looks, now and then, at the processor time of every process that this one has below it."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], int] = {}
        """Process and when it began -> ticks."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def seconds(self) -> float:
        """Return the processor seconds of all of them."""
        return sum(self._seen.values()) / os.sysconf("SC_CLK_TCK")

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            found: dict[int, tuple[int, int, int]] = {}
            for stat in Path("/proc").glob("[0-9]*/stat"):
                with suppress(OSError):
                    words = stat.read_text().rpartition(")")[2].split()
                    ticks = int(words[11]) + int(words[12])
                    found[int(stat.parent.name)] = (int(words[1]), int(words[19]), ticks)
            for pid, (_, began, ticks) in found.items():
                above = pid
                while above in found and above != os.getpid():
                    above = found[above][0]
                if above == os.getpid() != pid:
                    self._seen[pid, began] = ticks


def best(folder: Path, case: str, repeats: int) -> dict[str, float]:
    """Return the least of each figure over several runs, each in a process of its own."""
    command = [sys.executable, __file__, "--one", str(folder), case]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(repeats)]
    return {name: round(min(run[name] for run in runs), 3) for name in runs[0]}


def measure(rows: int, cases: Iterable[str], repeats: int) -> dict[str, dict[str, float]]:
    """Return the figures of each case at one number of rows; every one leaves the same bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, rows)
        with (folder / "rows.jsonl").open("wb") as out:
            for file in sorted((folder / "training_data").glob("*/train.jsonl")):
                out.write(file.read_bytes())
        found, whole = {}, b""
        for case in cases:
            found[case] = best(folder, case, repeats)
            if not case.startswith("shards"):
                whole = whole or (folder / "set.jsonl").read_bytes()
                assert (folder / "set.jsonl").read_bytes() == whole, case
        return found


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="1000,300000")
    parser.add_argument("--shards", default="4,16")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(Path(given.one[0]), given.one[1])
        return
    cases = ["workers-1", "workers-2", *(["ray-1", "ray-2"] if find_spec("ray") else [])]
    cases += [f"{kind}-{n}" for n in given.shards.split(",") for kind in ("shards", "join")]
    few, *sizes = [int(n) for n in given.rows.split(",")]
    start = measure(few, cases, given.repeats)
    result: dict[str, Any] = {"start": start}
    for rows in sizes:
        found = measure(rows, cases, given.repeats)
        for case, figures in found.items():
            more = figures["cpu"] - start[case]["cpu"]
            figures["cpu_us_a_row"] = round(more / (rows - few) * 1e6, 2)
            figures["cpu_of_one_worker"] = round(figures["cpu"] / found["workers-1"]["cpu"], 2)
        result[str(rows)] = found
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
