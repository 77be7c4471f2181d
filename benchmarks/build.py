"""How fast sets are built, against bare orjson reading and writing the same rows.

    python benchmarks/build.py [--rows 10000,100000,1000000] [--workers 1,2] [--repeats 3]
        [--sample ROWS.jsonl --templates TEMPLATES.tsv]

Prints one JSON object; compare the shares, never the absolute figures. Rows are made up, in
MultiInstruct's layout and of its shapes and sizes: 59 tasks, a file each, and 160 instructions a
task, 5 of them hand-written. With ``--sample`` they are MultiInstruct's own, repeated with ids of
their own, a file a task, its templates, and ten made-up rewrites of each; epsilon is 0.3.

``setup`` is what a build does before its first row: reading the task folder and the instructions,
compiling them, starting workers. All else is the rows': reading, rendering, writing, hashing inputs
and outputs, syncing the disk. With one worker it and the bare pass are held to one core. Shares are
of the time on the clock, and of processor time, which other processes disturb less; each is of the
best of several passes. ``whole`` is the median of what either process takes from its start to its
end, of the processor: importing, with byte code at hand, and setup count. Memory is the peak of the
process, and of its largest worker.
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
from statistics import median
from time import perf_counter
from typing import Any

import orjson

TASKS = 59
HAND_WRITTEN, REWRITES = 5, 155
EPSILON = 0.3
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


def make(folder: Path, rows: int) -> int:
    """Write tasks, an instructions.jsonl, and rows in MultiInstruct's layout; count the rows."""
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
    return rows // TASKS * TASKS


def make_of_sample(folder: Path, rows: int, sample: Path, templates: Path) -> int:
    """Write MultiInstruct's templates, ten rewrites of each, and its rows repeated; count them."""
    from instraug.tasks.importers.multiinstruct.templates import read_templates
    from instraug.tasks.save import write

    rng = random.Random(rows)
    tasks = read_templates(templates).tasks
    write(tasks, folder / "tasks")
    with (folder / "instructions.jsonl").open("wb") as pool:
        for task in tasks:
            for origin, template in enumerate(task.instructions):
                for number in range(10):
                    instruction = f"{text(rng, 3, 8)} {number}. {template}"
                    line = {"task": task.name, "instruction": instruction, "source": "generated"}
                    pool.write(orjson.dumps(line | {"origin": origin}) + b"\n")
    known = {task.name for task in tasks} - {"wikihow_next_step"}  # its row holds its target
    kinds = [row for row in map(orjson.loads, sample.open("rb")) if row["task_name"] in known]
    for kind in kinds:
        file = folder / "training_data" / kind["task_name"] / "train.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as out:
            for number in range(rows // len(kinds)):
                out.write(orjson.dumps(kind | {"unique_id": f"{kind['unique_id']}_{number}"}))
                out.write(b"\n")
    return rows // len(kinds) * len(kinds)


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
    from instraug.training_set.config import BuildConfig

    begun: list[tuple[float, float]] = []

    def note(done: int, _: int) -> None:
        if not done:
            begun.append((perf_counter(), cpu()))

    before = (perf_counter(), cpu())
    tasks, instructions = folder / "tasks", folder / "instructions.jsonl"
    dest = folder / "built.jsonl"
    config = BuildConfig(epsilon=EPSILON)
    job = BuildJob(tasks, (folder,), dest, instructions, config, workers, progress=note)
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
        "cpu_whole": cpu(),
        "setup": setup,
        "seconds": perf_counter() - start - setup,
        "cpu": cpu() - cpu_start - cpu_setup,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "worker_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


def passes(folder: Path, kinds: list[int], repeats: int) -> dict[int, list[dict[str, float]]]:
    """Return the figures of passes of each kind, which take turns, a process each.

    Modules have byte code, as installed ones do: a first pass, which does not count, makes it.
    """
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "byte_code")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    found: dict[int, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for number in range(repeats + 1):
        for kind in kinds:
            command = [sys.executable, __file__, "--one", str(folder), str(kind)]
            figures = json.loads(subprocess.check_output(command, env=env))
            if number:
                found[kind].append(figures)
    return found


def best(found: list[dict[str, float]]) -> dict[str, float]:
    """Return the least of each figure, but the median of the whole."""
    least = {name: min(f[name] for f in found) for name in found[0]}
    return least | {"cpu_whole": median(f["cpu_whole"] for f in found)}


def measure(rows: int, workers: list[int], repeats: int, sample: list[Path]) -> dict[str, Any]:
    """Return the figures of one number of rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = make_of_sample(folder, rows, *sample) if sample else make(folder, rows)
        found = {kind: best(f) for kind, f in passes(folder, [0, *workers], repeats).items()}
        floor = found[0]
        figures: dict[str, Any] = {"rows": count, "bare": us_a_row(floor, count)}
        for n in workers:
            figures[f"workers_{n}"] = {
                **us_a_row(found[n], count),
                "setup_s": round(found[n]["setup"], 2),
                "share_of_bare": round(floor["seconds"] / found[n]["seconds"], 3),
                "cpu_share_of_bare": round(floor["cpu"] / found[n]["cpu"], 3),
                "cpu_share_of_bare_whole": round(floor["cpu_whole"] / found[n]["cpu_whole"], 3),
                "peak_mb": round(found[n]["peak_mb"], 1),
                "worker_peak_mb": round(found[n]["worker_peak_mb"], 1),
            }
        return figures


def us_a_row(figures: dict[str, float], rows: int) -> dict[str, float]:
    """Return microseconds a row, on the clock and of the processor."""
    return {
        "us_a_row": round(figures["seconds"] / rows * 1e6, 2),
        "cpu_us_a_row": round(figures["cpu"] / rows * 1e6, 2),
        "cpu_s_whole": round(figures["cpu_whole"], 3),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sample", type=Path, help="MultiInstruct's rows; needs --templates")
    parser.add_argument("--templates", type=Path, help="its table of templates")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(Path(given.one[0]), int(given.one[1]))
        return
    workers = [int(n) for n in given.workers.split(",")]
    sample = [given.sample, given.templates] if given.sample else []
    found = [measure(int(n), workers, given.repeats, sample) for n in given.rows.split(",")]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
