"""How fast a journal is written and replayed, against bare orjson over the same lines.

    python benchmarks/journal.py [RECORDS]

Prints one JSON object; times are of the processor. Compare the ratios, never the absolute figures.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import process_time

import orjson

from instraug.models.chat import Choice, Reply, Usage
from instraug.models.journal.journal import Journal
from instraug.models.journal.replay import Replay

BODY = json.dumps(
    {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "model": "some-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Does {A} show {B}? Choose: {C}"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 210, "completion_tokens": 14, "total_tokens": 224},
    }
)


def reply(number: int) -> Reply:
    """Make the small reply of one request."""
    choice = Choice("Does {A} show {B}? Choose: {C}", "stop")
    key = sha256(str(number).encode()).hexdigest()
    return Reply(key, "some-model", (choice,), Usage(210, 14), BODY)


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest of several times, in seconds of the processor."""
    times = []
    for _ in range(repeats):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times)


def bare(path: Path) -> None:
    """Parse every line and keep nothing: the floor."""
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)


def replay(path: Path) -> None:
    """Find every record, checksums checked, as a resumed run does first."""
    with Replay.read(path):
        pass


def replay_and_get(path: Path, records: int) -> None:
    """Rebuild every reply too, as a finished run that is judged again does."""
    with Replay.read(path) as journal:
        assert sum(journal.get(key) is not None for key in journal) == records


def main(records: int) -> None:
    """Write, replay, print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "replies.jsonl")
        start = process_time()
        with Journal.open(path) as journal:
            for number in range(records):
                journal.record(reply(number))
        write = process_time() - start
        floor = best(lambda: bare(path))
        read = best(lambda: replay(path))
        full = best(lambda: replay_and_get(path, records))
        figures = {
            "records": records,
            "bytes_per_record": path.stat().st_size // records,
            "record_us": round(write / records * 1e6, 1),
            "replay_records_per_s": round(records / read),
            "replay_against_orjson": round(floor / read, 2),
            "replay_and_get_records_per_s": round(records / full),
            "replay_and_get_against_orjson": round(floor / full, 2),
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
