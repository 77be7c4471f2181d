"""How fast sets are mixed, against bare orjson reading and writing the same rows.

    python -m benchmarks.mix [--rows 1000000] [--repeats 3]

Prints one JSON object; compare the shares, never the absolute figures. Two made-up sources of half
the rows each, one of text and one of pictures, become one set of all rows (``whole``, which is what
the bare pass writes too), or of a ``fifth`` of them; or nine sets of a fifth each, of nine shares,
by instances and by tokens. Every total is checked to the last row, or within one row's tokens, and
every set for being nested. Each pass runs in a process of its own, held to one core.
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
from fractions import Fraction
from pathlib import Path
from typing import Any

import orjson

NAMES = ("text.jsonl", "image.jsonl")
SHARES = tuple(12.5 * step for step in range(9))
WORDS = (
    *("a", "the", "red", "white", "small", "large", "left", "right", "of", "on", "in", "under"),
    *("next", "to", "man", "woman", "dog", "zebra", "car", "street", "table", "building", "tree"),
)


def make(folder: Path, rows: int) -> None:
    """Write both sources; rows are of the size that built ones have, about 450 bytes."""
    rng = random.Random(rows)
    for name in NAMES:
        with (folder / name).open("wb") as out:
            for number in range(rows // 2):
                row: dict[str, Any] = {
                    "unique_id": f"{name[:4]}_{number * 7919}",
                    "task_name": "task",
                    "target_txt": "yes",
                    "question": " ".join(rng.choices(WORDS, k=rng.randint(6, 20))),
                }
                if name == "image.jsonl":
                    row["image_path"] = f"./raw_datasets/COCO_train2014_{number:012d}.jpg"
                row["prompt"] = f"Answer it. {row['question']}\n\n[Options]: yes||||no"
                row |= {"target": "yes", "instruction_id": "0123456789ab"}
                out.write(orjson.dumps(row) + b"\n")


def bare(folder: Path) -> None:
    """Read and write every row with orjson and do nothing else."""
    with (folder / "bare.jsonl").open("wb") as out:
        for name in NAMES:
            with (folder / name).open("rb") as lines:
                for line in lines:
                    out.write(orjson.dumps(orjson.loads(line)) + b"\n")


def ours(folder: Path, kind: str, rows: int) -> dict[str, Any]:
    """Mix; return what the sets came to."""
    from instraug.chain.mix import mix
    from instraug.training_set.mix.config import MixConfig, MixJob

    names = [str(folder / name) for name in NAMES]
    if kind in ("whole", "fifth"):
        given: tuple[tuple[str, Fraction | None], ...] = tuple((name, None) for name in names)
        total = None if kind == "whole" else rows // 5
        job = MixJob(given, folder / "mixed.jsonl", MixConfig(total=total))
    else:
        total = rows // 5 if kind == "instances" else rows * 5
        config = MixConfig(total=total, by=kind, sweep=SHARES, image_tokens="40")  # type: ignore[arg-type]
        job = MixJob(tuple((name, None) for name in names), folder / kind, config)
    sets = mix(job).sets
    return {"sets": [[s["share"], s["rows"], s["tokens"]["total"]] for s in sets]}


def check(folder: Path, kind: str, rows: int) -> dict[str, Any]:
    """Read nine sets again: their totals, and that each source's rows are nested over them."""
    seen: dict[str, set[bytes]] = {}
    off: list[int] = []
    for share in SHARES:
        found: dict[str, set[bytes]] = {"text": set(), "imag": set()}
        tokens = count = 0
        with (folder / kind / f"{share:g}.jsonl").open("rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                found[row["unique_id"][:4]].add(row["unique_id"].encode())
                count += 1
                tokens += len(row["prompt"].split()) + len(row["target"].split())
                tokens += 40 if "image_path" in row else 0
        off.append(count - rows // 5 if kind == "instances" else tokens - rows * 5)
        assert count == sum(map(len, found.values())), "a row came twice"
        if seen:
            assert seen["text"] <= found["text"], share
            assert seen["imag"] >= found["imag"], share
        seen = found
    return {"off_by": off, "nested": True}


def one(folder: Path, kind: str, rows: int) -> None:
    """Run one pass in this process and print its figures."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found: dict[str, Any] = {}
    start = resource.getrusage(resource.RUSAGE_SELF)
    if kind == "bare":
        bare(folder)
    else:
        found = ours(folder, kind, rows)
    end = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu"] = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    print(json.dumps(found | {"peak_mb": round(end.ru_maxrss / 1024, 1)}))


def measure(rows: int, repeats: int) -> dict[str, Any]:
    """Return the least processor time of each kind of pass, as shares of the bare one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, rows)
        figures: dict[str, Any] = {"rows": rows}
        for kind in ("bare", "whole", "fifth", "instances", "tokens"):
            passes = []
            for _ in range(repeats):
                subprocess.run(
                    ["rm", "-rf", *map(str, folder.glob("mixed*")), folder / kind], check=True
                )
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.mix",
                    "--one",
                    str(folder),
                    kind,
                    str(rows),
                ]
                passes.append(json.loads(subprocess.check_output(command)))
            best = min(passes, key=lambda found: float(found["cpu"]))
            best["cpu_us_a_row"] = round(best.pop("cpu") / rows * 1e6, 2)
            figures[kind] = best
            if kind in ("instances", "tokens"):
                best.update(check(folder, kind, rows))
        floor = figures["bare"]["cpu_us_a_row"]
        for kind in ("whole", "fifth"):
            figures[kind]["share_of_bare"] = round(floor / figures[kind]["cpu_us_a_row"], 3)
        return figures


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(Path(given.one[0]), given.one[1], int(given.one[2]))
        return
    print(json.dumps(measure(given.rows, given.repeats), indent=2))


if __name__ == "__main__":
    main()
