"""All tables of benchmarks/, in one command.

    python -m benchmarks [--full] [NAME ...]

Each benchmark runs at three sizes, in processes of its own, and gives a table of its figures: a
column a size, and the exponent by which a figure grows with it. ``of_bare`` and ``share`` are
ratios to a peer in the same run, and the only figures that two machines may be compared by. What
the figures mean stands at the head of each benchmark's file. Without ``--full`` the sizes are such
that all of it takes some minutes. Ends with 1 where a benchmark failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.growth import flat, table

PEERS = (
    *("orjson", "aiohttp", "openai", "httpx", "pyarrow", "rapidfuzz", "rouge-score", "rensa"),
    *("bespokelabs-curator", "distilabel", "ray"),
)
"""What ours is held against, where it is installed."""


FAILED = "failed"
"""Begins the line of a benchmark that did not end well; the others run all the same."""


@dataclass(frozen=True)
class Part:
    """A benchmark and the sizes it runs at."""

    unit: str
    usual: tuple[int, ...]
    full: tuple[int, ...]
    command: Callable[[int, bool], list[str]]
    """Size, and whether all of it is to run -> the arguments."""


def _rows(size: int, full: bool) -> list[str]:
    return ["--rows", str(size), "--repeats", "3" if full else "1"]


def _added_rows(size: int, full: bool) -> list[str]:
    shards = "4,16" if full else "4"
    return ["--rows", f"1000,{size}", "--shards", shards, "--repeats", "3" if full else "1"]


def _instructions(size: int, _full: bool) -> list[str]:
    # The peers take 10,000 of them whatever the size, and are asked once.
    return ["--sizes", str(size), *([] if size == 10_000 else ["--sizes-only"])]


PARTS = {
    "expand": Part(
        "templates", (50, 100, 200), (100, 400, 1600), lambda n, full: [str(n), "10", "12"[full]]
    ),
    "client": Part(
        "requests", (500, 1000, 2000), (500, 2000, 8000), lambda n, full: [str(n), "15"[full]]
    ),
    "journal": Part(
        "records", (10_000, 30_000, 100_000), (10_000, 100_000, 1_000_000), lambda n, _: [str(n)]
    ),
    "million": Part(
        "replies", (3_000, 10_000, 30_000), (10_000, 100_000, 1_000_000), lambda n, _: [str(n)]
    ),
    "start": Part("files", (100, 300, 1000), (100, 1000, 10_000), lambda n, _: [str(n)]),
    "build": Part("rows", (3_000, 10_000, 30_000), (10_000, 100_000, 1_000_000), _rows),
    "engines": Part("rows", (3_000, 10_000, 30_000), (30_000, 100_000, 300_000), _added_rows),
    "kinds": Part("rows", (3_000, 10_000, 30_000), (10_000, 30_000, 100_000), _rows),
    "boxes": Part("rows", (3_000, 10_000, 30_000), (10_000, 30_000, 100_000), _rows),
    "mix": Part("rows", (3_000, 10_000, 30_000), (10_000, 100_000, 1_000_000), _rows),
    "near_duplicates": Part(
        "instructions", (3_000, 10_000, 30_000), (10_000, 100_000, 1_000_000), _instructions
    ),
    "predict": Part(
        "rows", (80, 160, 320), (1000, 2000, 4000), lambda n, full: [str(n), "13"[full]]
    ),
    "score": Part(
        "instances", (100, 300, 1000), (1_000, 5_000, 22_223), lambda n, _: ["--instances", str(n)]
    ),
}
"""Those that need nothing but the package; docs/ says which others there are."""


def machine() -> str:
    """Name the machine, and the versions of the peers that are installed."""
    cpus = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpus.open() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = [
        models[0] if models else platform.machine(),
        f"{os.cpu_count()} cores, {memory:.0f} GiB, load {load}",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
    ]
    for name in PEERS:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} not installed")
    return "\n".join(f"- {line}" for line in lines)


def run(name: str, part: Part, *, full: bool) -> str:
    """Run a benchmark at its sizes and return its table, as far as it went.

    Returns:
        The table, and under it the command that failed, if one did.
    """
    found, failed = {}, ""
    for size in part.full if full else part.usual:
        command = [sys.executable, "-m", f"benchmarks.{name}", *part.command(size, full)]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            failed = f"\n\n{FAILED} (exit {done.returncode}): python {' '.join(command[1:])}"
            break
        found[size] = flat(_single(json.loads(done.stdout)))
    return table(found, part.unit) + failed


def _single(found: object) -> object:
    """Return the figures of the one size that was run, where they stand under it."""
    if isinstance(found, list) and len(found) == 1:
        return found[0]
    if isinstance(found, dict) and len(found) == 1:
        return next(iter(found.values()))
    return found


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Of: {', '.join(PARTS)}.")
    parser.add_argument("--full", action="store_true", help="The sizes of the documentation.")
    given = parser.parse_args()
    if unknown := set(given.names) - PARTS.keys():
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}")
    print(f"# Benchmarks\n\n{machine()}", flush=True)
    failed = False
    for name in given.names or PARTS:
        shown = run(name, PARTS[name], full=given.full)
        failed = failed or FAILED in shown
        print(f"\n## {name}\n\n{shown}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
