"""README's ten rewrites: the first accepted one of each of the first ten tasks, whatever it is.

    instraug expand benchmarks/data/unseen -o OUT --model local --rewrites 3
    python benchmarks/first_ten.py OUT/instructions.jsonl

Prints the table. benchmarks/data/unseen.instructions.jsonl is the run that README shows; a test
holds README to it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TASKS = 10

SHIPPED = Path(__file__).parent / "data/unseen.instructions.jsonl"

Row = Mapping[str, Any]


def first_rewrites(rows: Iterable[Row]) -> list[tuple[str, str, str]]:
    """Return (task, origin, rewrite) of the first tasks of a run, in its order.

    A task without an accepted rewrite counts, and has "none" for one.
    """
    originals: dict[tuple[str, int], str] = {}
    first: dict[str, tuple[str, str]] = {}
    for row in rows:
        task = row["task"]
        if row["source"] == "original":
            originals[task, row["origin"]] = row["instruction"]
            first.setdefault(task, ("", "none"))
        elif not first[task][0]:
            first[task] = (originals[task, row["origin"]], row["instruction"])
    return [(task, *texts) for task, texts in list(first.items())[:TASKS]]


def table(rows: Iterable[Row]) -> str:
    """Return the table in Markdown."""
    lines = ["| task | written by hand | first accepted rewrite |", "|---|---|---|"]
    lines += [f"| {task} | {_cell(a)} | {_cell(b)} |" for task, a, b in first_rewrites(rows)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a run's instructions."""
    return [json.loads(line) for line in path.read_text().split("\n") if line]


if __name__ == "__main__":
    print(table(read_rows(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED)))
