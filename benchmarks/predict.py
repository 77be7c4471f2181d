"""The whole of `instraug predict` against bare aiohttp that posts the same bodies in the same run.

    python -m benchmarks.predict [ROWS,ROWS,...] [ROUNDS]

A server in a process of its own answers after 0.2 s; 32 requests are in flight, so that the ideal
is 160 a second. Each row has an image of 50 KB of its own. Each round runs, in turn and each in a
process of its own: bare aiohttp, which reads finished bodies from a file, and `predict`, from
checking the rows to writing the predictions. Prints one JSON object: ``rps`` and ``cpu_ms`` are of
the run (imports not counted), ``peak_mb`` of the whole process. Only ratios can be compared between
machines.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from tests.fakeserver.cheap import serving

IN_FLIGHT = 32
DELAY = 0.2
IMAGE = 50_000
KEY = "sk-benchmark-0123456789"


def make(folder: Path, rows: int) -> None:
    """Write rows, an image each, and the bodies that `predict` makes of them."""
    from instraug.evaluation.predict.asking import chat_of
    from instraug.evaluation.predict.config import PredictConfig
    from instraug.evaluation.predict.pictures import Pictures
    from instraug.models.config import Endpoint
    from instraug.models.endpoint.quirks import Quirks
    from instraug.models.endpoint.wire import chat_body

    rng = random.Random(rows)
    config = PredictConfig(images=str(folder))
    pictures, quirks = Pictures(config), Quirks(Endpoint())
    (folder / "images").mkdir()
    with (folder / "rows.jsonl").open("wb") as out, (folder / "bodies.jsonl").open("wb") as bodies:
        for number in range(rows):
            path = f"images/{number}.png"
            (folder / path).write_bytes(b"\x89PNG\r\n\x1a\n" + rng.randbytes(IMAGE - 8))
            prompt = f"Which of the objects is nearest to visitor {number}? Pick one of them."
            row = {
                "unique_id": f"u{number}",
                "task_name": f"task_{number % 9}",
                "instruction_id": f"{number % 5:012x}",
                "image_path": path,
                "options": ["cat", "dog", "bird"],
                "target": "cat",
                "prompt": prompt,
            }
            out.write(orjson.dumps(row) + b"\n")
            chat = chat_of(config, "fake", prompt, (pictures.image(path),))
            bodies.write(orjson.dumps(chat_body(chat, quirks)) + b"\n")


def whole(url: str, folder: Path) -> int:
    """Run `predict` into a new folder."""
    from instraug.chain.predict import predict
    from instraug.evaluation.predict.config import PredictConfig
    from instraug.evaluation.predict.job import PredictJob
    from instraug.models.config import Endpoint

    config = PredictConfig(base_url=url, images=str(folder), endpoint=Endpoint(IN_FLIGHT))
    rows = (folder / "rows.jsonl",)
    run = predict(PredictJob(rows, folder / "out", "fake", config, api_key=KEY))
    assert run.complete
    return run.bought


def bare(url: str, folder: Path) -> int:
    """Nothing but aiohttp, with finished bodies."""
    import aiohttp

    async def run() -> int:
        count = 0
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            with (folder / "bodies.jsonl").open("rb") as bodies:

                async def worker() -> None:
                    nonlocal count
                    while body := bodies.readline():
                        async with session.post(f"{url}/chat/completions", data=body) as response:
                            orjson.loads(await response.read())
                        count += 1

                await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return count

    return asyncio.run(run())


CONTENDERS: dict[str, Callable[[str, Path], int]] = {f.__name__: f for f in (bare, whole)}


def _one(name: str, url: str, folder: Path) -> dict[str, Any]:
    import aiohttp  # noqa: F401 - imports are no part of either run
    import openai  # noqa: F401

    import instraug.chain.predict  # noqa: F401

    began = time.perf_counter(), time.process_time()
    requests = CONTENDERS[name](url, folder)
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    return {
        "requests": requests,
        "rps": requests / wall,
        "cpu_ms": 1000 * cpu / requests,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def _measure(name: str, url: str, folder: Path) -> dict[str, Any]:
    """Run one contender in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.predict", "--one", name, url, str(folder)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, env=dict(os.environ)))
    return found


def _sized(url: str, rows: int, rounds: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = Path(name_of_folder)
            make(folder, rows)
            for name, seen in runs.items():
                seen.append(_measure(name, url, folder))
    figures: dict[str, Any] = {
        name: {what: round(median(s[what] for s in seen), 3) for what in seen[0]}
        for name, seen in runs.items()
    }
    pairs = zip(runs["whole"], runs["bare"], strict=True)
    return figures | {"rps_of_bare": [round(a["rps"] / b["rps"], 3) for a, b in pairs]}


def main() -> None:
    """Run both contenders in turn for each number of rows and print what they took."""
    if sys.argv[1:2] == ["--one"]:
        name, url, folder = sys.argv[2:]
        print(json.dumps(_one(name, url, Path(folder))))
        return
    given = [*sys.argv[1:], *("1000,2000,4000", "3")[len(sys.argv) - 1 :]]
    with serving(DELAY) as url:
        found = {rows: _sized(url, int(rows), int(given[1])) for rows in given[0].split(",")}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
