"""Time and memory of `score` over a million predictions and 1,000 permutations.

    python benchmarks/score.py [--instances 22223] [--instructions 5]

Nine tasks, three of them text by rouge-l, the others labels by option. Reads a file that it writes
to a temporary folder (0.5 GB). Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import orjson

WORDS = [
    "a",
    "man",
    "rides",
    "the",
    "red",
    "bus",
    "near",
    "an",
    "old",
    "house",
    "with",
    "two",
    "dogs",
    "on",
    "green",
    "grass",
]
OPTIONS = ["yes", "no", "maybe"]


def rows(instances: int, instructions: int) -> Iterator[dict[str, object]]:
    """Yield rows as `predict` writes them."""
    rng = random.Random(1)
    for task in range(9):
        label = task % 3 != 1
        for at in range(instances):
            target = rng.choice(OPTIONS) if label else " ".join(rng.choices(WORDS, k=8))
            for wording in range(instructions):
                said = f"The answer is {rng.choice(OPTIONS)}."
                yield {
                    "key": f"{task:032x}{at:032x}",
                    "unique_id": f"task{task}_{at}",
                    "task_name": f"task{task}",
                    "instruction_id": f"{task}wording{wording}",
                    "instruction_source": "original",
                    "prompt_sha256": f"{at:064x}",
                    "prediction": said if label else " ".join(rng.choices(WORDS, k=8)),
                    "target": target,
                    "options": OPTIONS if label else None,
                    "output": "label" if label else "text",
                    "model": "m",
                    "finish_reason": "stop",
                    "usage": {"prompt": 10, "completion": 3},
                }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=22_223, help="of each task")
    parser.add_argument("--instructions", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, count = Path(folder) / "predictions.jsonl", 0
        with path.open("wb") as file:
            for row in rows(given.instances, given.instructions):
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
        began = monotonic()
        command = [sys.executable, "-m", "instraug", "score", str(path), "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent, used = monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    figures = {"predictions": count, "seconds": spent, "cpu_s": cpu, "peak_mb": peak}
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))
