"""How fast sets are built, against bare orjson reading and writing the same rows.

    python benchmarks/build.py [--rows 10000,100000,1000000] [--workers 1,2] [--repeats 3]

Prints one JSON object; compare the shares, never the absolute figures. Rows are made up, in
MultiInstruct's layout and of its shapes and sizes: 59 tasks, a file each, and 160 instructions a
task, 5 of them hand-written.

``setup`` is what a build does before its first row: reading the task folder and the instructions,
compiling them, starting workers. All else is the rows': reading, rendering, writing, hashing inputs
and outputs, syncing the disk. With one worker it and the bare pass are held to one core. Shares are
of the time on the clock, and of processor time, which other processes disturb less. Memory is the
peak of the process, and of its largest worker.
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
from time import perf_counter
from typing import Any

import orjson

TASKS = 59
HAND_WRITTEN, REWRITES = 5, 155
WORDS = (
    *("a", "the", "red", "white", "small", "large", "left", "right", "of", "on", "in", "under"),
    *("next", "to", "man", "woman", "dog", "zebra", "car", "street", "table", "building", "tree"),
    *("couch", "photo", "picture", "two", "three", "is", "are", "what", "which", "does"),
)
TEMPLATES = (
    "Answer the question about the picture. {question}{options_token} {options}",
    "Describe what is inside {region} in a few words.",
    'Which of the regions shows "{text}"?{options_token} {options}',
    "How does the {meta_data.subject} in {region} relate to the {meta_data.object}?",
    'Does the caption "{text}" fit the picture?{options_token} {options}',
    "{question}",
)


def text(rng: random.Random, low: int, high: int) -> str:
    """Return a few words."""
    return " ".join(rng.choices(WORDS, k=rng.randint(low, high)))


def box(rng: random.Random) -> str:
    """Return a region as MultiInstruct spells it."""
    return " ".join(str(rng.randint(0, 64000) / 100) for _ in range(4))


def row(rng: random.Random, task: int, number: int) -> dict[str, Any]:
    """Return a raw row of a task's shape; about 370 bytes, as the release's are."""
    fields: dict[str, Any] = {
        "unique_id": f"mscoco_caption2014_{task}_{number * 7919}",
        "image_source": "coco2014",
        "task_name": f"task_{task}",
        "image_path": f"./raw_datasets/MSCOCO2014/train2014/COCO_train2014_{number:012d}.jpg",
        "target_txt": text(rng, 1, 6),
    }
    kind = task % len(TEMPLATES)
    if kind == 0:
        fields |= {"question": text(rng, 5, 12), "options": [text(rng, 1, 2) for _ in range(9)]}
    elif kind == 1:
        fields |= {"region": [box(rng)]}
    elif kind == 2:
        fields |= {"text": text(rng, 4, 9), "region": [box(rng)]}
        fields |= {"options": [*fields["region"], box(rng), box(rng)]}
    elif kind == 3:
        fields |= {"region": [box(rng)], "meta_data": {"subject": "man", "object": "red table"}}
    elif kind == 4:
        fields |= {"text": text(rng, 8, 16), "options": ["yes", "no"]}
    else:
        fields |= {"question": text(rng, 5, 12)}
    if "options" in fields:
        fields["target_txt"] = rng.choice(fields["options"])
    return fields


def make(folder: Path, rows: int) -> None:
    """Write a task folder, its instructions.jsonl, and rows in MultiInstruct's layout."""
    rng = random.Random(rows)
    (folder / "tasks").mkdir()
    with (folder / "instructions.jsonl").open("wb") as pool:
        for task in range(TASKS):
            template = TEMPLATES[task % len(TEMPLATES)]
            own = [f"{text(rng, 3, 8)}. {template}" for _ in range(HAND_WRITTEN)]
            name = f"task_{task}"
            settings = {
                "name": name,
                "instructions": own,
                "constants": {"options_token": "\n\n[Options]:"},
                "separators": {"options": "||||", "region": "||||"},
            }
            (folder / "tasks" / f"{name}.yaml").write_text(json.dumps(settings))
            for _ in range(REWRITES):
                instruction = f"{text(rng, 3, 12)}. {template}"
                line = {"task": name, "instruction": instruction, "source": "generated"}
                pool.write(orjson.dumps(line | {"origin": 0}) + b"\n")
            file = folder / "training_data" / name / "train.jsonl"
            file.parent.mkdir(parents=True)
            with file.open("wb") as out:
                for number in range(rows // TASKS):
                    out.write(orjson.dumps(row(rng, task, number)) + b"\n")


def bare(folder: Path) -> None:
    """Read and write every row with orjson and do nothing else."""
    with (folder / "bare.jsonl").open("wb") as out:
        for file in sorted((folder / "training_data").glob("*/train.jsonl")):
            with file.open("rb") as lines:
                for line in lines:
                    out.write(orjson.dumps(orjson.loads(line)) + b"\n")


def ours(folder: Path, workers: int) -> tuple[float, float]:
    """Build the set; return the seconds and the processor seconds that went before its rows."""
    from instraug.chain.build import build as build_set
    from instraug.training_set.build import BuildJob

    begun: list[tuple[float, float]] = []

    def note(done: int, _: int) -> None:
        if not done:
            begun.append((perf_counter(), cpu()))

    before = (perf_counter(), cpu())
    tasks, instructions = folder / "tasks", folder / "instructions.jsonl"
    dest = folder / "built.jsonl"
    job = BuildJob(tasks, (folder,), dest, instructions, workers=workers, progress=note)
    build_set(job)
    return begun[0][0] - before[0], begun[0][1] - before[1]


def cpu() -> float:
    """Return the processor seconds of this process and of those it has waited for."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def one(folder: Path, workers: int) -> None:
    """Time one pass in this process and print its figures; 0 workers stands for the bare pass."""

    if workers < 2:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for older in ("bare.jsonl", "built.jsonl"):  # to remove them is no part of either pass
        (folder / older).unlink(missing_ok=True)
    start, cpu_start = perf_counter(), cpu()
    setup, cpu_setup = 0.0, 0.0
    if workers:
        setup, cpu_setup = ours(folder, workers)
    else:
        bare(folder)
    figures = {
        "setup": setup,
        "seconds": perf_counter() - start - setup,
        "cpu": cpu() - cpu_start - cpu_setup,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "worker_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


def best(folder: Path, workers: int, repeats: int) -> dict[str, float]:
    """Return the least of each figure over several passes, each in a process of its own."""
    command = [sys.executable, __file__, "--one", str(folder), str(workers)]
    passes = [json.loads(subprocess.check_output(command)) for _ in range(repeats)]
    return {name: min(p[name] for p in passes) for name in passes[0]}


def measure(rows: int, workers: list[int], repeats: int) -> dict[str, Any]:
    """Return the figures of one number of rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, rows)
        count = rows // TASKS * TASKS
        floor = best(folder, 0, repeats)
        figures: dict[str, Any] = {"rows": count, "bare": us_a_row(floor, count)}
        for n in workers:
            found = best(folder, n, repeats)
            figures[f"workers_{n}"] = {
                **us_a_row(found, count),
                "setup_s": round(found["setup"], 2),
                "share_of_bare": round(floor["seconds"] / found["seconds"], 3),
                "cpu_share_of_bare": round(floor["cpu"] / found["cpu"], 3),
                "peak_mb": round(found["peak_mb"], 1),
                "worker_peak_mb": round(found["worker_peak_mb"], 1),
            }
        return figures


def us_a_row(figures: dict[str, float], rows: int) -> dict[str, float]:
    """Return microseconds a row, on the clock and of the processor."""
    return {
        "us_a_row": round(figures["seconds"] / rows * 1e6, 2),
        "cpu_us_a_row": round(figures["cpu"] / rows * 1e6, 2),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(Path(given.one[0]), int(given.one[1]))
        return
    workers = [int(n) for n in given.workers.split(",")]
    found = [measure(int(n), workers, given.repeats) for n in given.rows.split(",")]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
