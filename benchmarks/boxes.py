"""What boxes, option styles and profiles cost: processor time a row beside a plain build's.

    python -m benchmarks.boxes [--rows 100000] [--repeats 3] [--only NAME,...]

Rows are those of `build.py`, each with the size of its picture: half of the tasks have regions, one
box a row on average, and half have options. Every pass is a process of its own, the passes of one
round one after the other, and the least of each counts. Prints one JSON object; compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from benchmarks import build
from instraug.training_set.boxes.registry import FAMILIES

WIDTH, HEIGHT = 640, 480

LEAST = 8
"""Pixels of a region's shorter side at least: a coarse grid has no place for less."""

PASSES: dict[str, dict[str, Any]] = {
    "plain": {},
    **{f"boxes {name}": {"boxes": name} for name in FAMILIES},
    "one style": {"options_style": ["A."]},
    "styles and answers drawn": {
        "options_style": ["lines", "1.", "(a)", "A.", "Option 1:"],
        "answers": ["text", "letter", "number"],
    },
    "plain llava": {"format": "llava"},
    "profile qwen2.5-vl": {"profile": "qwen2.5-vl"},
    "profile llava": {"profile": "llava"},
    "profile internvl": {"profile": "internvl"},
}


def sound_box(rng: random.Random) -> str:
    """Return a region inside the picture, as MultiInstruct spells it, that every grid holds."""
    left, right = _ends(rng, WIDTH)
    top, bottom = _ends(rng, HEIGHT)
    return f"{left} {top} {right} {bottom}"


def _ends(rng: random.Random, side: int) -> tuple[float, float]:
    low, high = sorted(rng.randint(0, 100 * (side - LEAST)) / 100 for _ in "12")
    return low, high + LEAST


def make(folder: Path, rows: int) -> None:
    """Write what `build.py` writes, with sound regions and the sizes of pictures."""
    build.box = sound_box
    build.make(folder, rows)
    for file in (folder / "training_data").glob("*/train.jsonl"):
        lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
        sized = [orjson.dumps(row | {"image_size": [WIDTH + 1, HEIGHT + 1]}) for row in lines]
        file.write_bytes(b"\n".join(sized) + b"\n")


def one(folder: Path, name: str) -> None:
    """Run one pass in this process and print its processor seconds and peak memory."""
    from instraug.chain.build import build as build_set
    from instraug.training_set.build import BuildJob
    from instraug.training_set.config import BuildConfig, with_options

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    config = with_options(BuildConfig(), PASSES[name])
    begun: list[float] = []

    def note(done: int, _: int) -> None:
        if not done:
            begun.append(build.cpu())

    dest = folder / "built.jsonl"
    dest.unlink(missing_ok=True)
    pool = folder / "instructions.jsonl"
    build_set(BuildJob(folder / "tasks", (folder,), dest, pool, config, force=True, progress=note))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": build.cpu() - begun[0], "peak_mb": peak}))


def measure(rows: int, repeats: int, names: list[str]) -> dict[str, Any]:
    """Return the figures of every pass."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder, rows)
        count = rows // build.TASKS * build.TASKS
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(repeats):
            for name, passes in found.items():
                command = [sys.executable, "-m", "benchmarks.boxes", "--one", place, name]
                passes.append(json.loads(subprocess.check_output(command)))
        least = {n: {k: min(p[k] for p in ps) for k in ps[0]} for n, ps in found.items()}
        plain = least["plain"]["cpu"]
        return {
            name: {
                "cpu_us_a_row": round(figures["cpu"] / count * 1e6, 2),
                "times_plain": round(figures["cpu"] / plain, 3),
                "peak_mb": round(figures["peak_mb"], 1),
            }
            for name, figures in least.items()
        }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", help="passes to run beside the plain one, by name")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(Path(given.one[0]), given.one[1])
        return
    names = ["plain", *given.only.split(",")] if given.only else list(PASSES)
    print(json.dumps(measure(given.rows, given.repeats, names), indent=2))


if __name__ == "__main__":
    main()
