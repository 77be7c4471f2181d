"""What reading rows costs by kind of file, against JSON lines.

    python -m benchmarks.kinds [--rows 100000] [--repeats 3]

Prints one JSON object: for each kind the processor time of a build a row, its share of that of
JSON lines, and the peak memory; compare shares, never absolute figures. The rows are those of
benchmarks/build.py, of all tasks in one file. Each pass is a process of its own, with one worker.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.build import cpu, make

KINDS = ("jsonl", "json", "csv", "tsv", "parquet", "saved")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that benchmarks/build.py makes, without what only some files could hold."""
    files = sorted((folder / "training_data").glob("*/train.jsonl"))
    return [json.loads(line) for file in files for line in file.open()]


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows in every kind of file."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "rows.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.json").write_text(json.dumps(rows))
    for suffix, separator in (("csv", ","), ("tsv", "\t")):
        with (folder / f"rows.{suffix}").open("w", newline="") as file:
            writer = csv.writer(file, delimiter=separator)
            writer.writerow(names)
            for row in rows:
                cells = [row.get(name, "") for name in names]
                writer.writerow([json.dumps(c) if isinstance(c, list | dict) else c for c in cells])
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    pq.write_table(table, folder / "rows.parquet")
    datasets.disable_progress_bars()
    datasets.Dataset(table).save_to_disk(folder / "rows.saved")


def one(folder: Path, kind: str) -> None:
    """Build from one kind of file in this process, and print its figures."""
    from instraug.chain.build import build as build_set
    from instraug.training_set.build import BuildJob

    begun: list[float] = []
    dest = folder / "built.jsonl"
    for older in (dest, folder / "built.jsonl.manifest.json"):
        older.unlink(missing_ok=True)
    job = BuildJob(
        folder / "tasks",
        (folder / f"rows.{kind}",),
        dest,
        folder / "instructions.jsonl",
        progress=lambda done, _: None if done else begun.append(cpu()),
    )
    count = build_set(job).rows
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    figures = {
        "cpu_us_a_row": (cpu() - begun[0]) / count * 1e6,
        "peak_mb": peak / 1024,
    }
    print(json.dumps(figures))


def measure(count: int, repeats: int) -> dict[str, Any]:
    """Return the figures of each kind, the least of several passes that take turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, count)
        write(folder, rows_of(folder))
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
        for _ in range(repeats):
            for kind in KINDS:
                command = [sys.executable, "-m", "benchmarks.kinds", "--one", str(folder), kind]
                found[kind].append(json.loads(subprocess.check_output(command)))
    least = {k: {n: min(p[n] for p in passes) for n in passes[0]} for k, passes in found.items()}
    lines = least["jsonl"]["cpu_us_a_row"]
    return {
        kind: {
            "cpu_us_a_row": round(f["cpu_us_a_row"], 2),
            "of_json_lines": round(f["cpu_us_a_row"] / lines, 2),
            "peak_mb": round(f["peak_mb"], 1),
        }
        for kind, f in least.items()
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="100000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(Path(given.one[0]), given.one[1])
        return
    sizes = [int(n) for n in given.rows.split(",")]
    print(json.dumps({str(n): measure(n, given.repeats) for n in sizes}, indent=2))


if __name__ == "__main__":
    main()
