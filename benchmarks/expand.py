"""The whole of `instraug expand`, journal and judging on, against bare aiohttp in the same run.

    python -m benchmarks.expand [TEMPLATES] [REWRITES] [ROUNDS]

Templates stand in tasks of ten. A server in a process of its own answers after 0.2 s; 256 requests
are in flight, so that the ideal is 1,280 a second. Each round runs, in turn and each in a process
of its own: bare aiohttp and the openai package's own path with the bodies of the same plan, and
`expand`. Prints one JSON object. ``rps`` and ``cpu_ms`` are of the run (imports not counted),
``command_rps`` and ``command_cpu_ms`` of the whole process; ``of_bare`` compares with bare aiohttp
in the same round, best and median. Only ratios can be compared between machines.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from tests.fakeserver.cheap import serving

IN_FLIGHT = 256
DELAY = 0.2
KEY = "sk-benchmark-0123456789"
_ASKED = (
    "Look at the image and describe the region {region} in one sentence",
    "Select the correct answer to the question {text} from the given {options_token} {options}",
    "Find the object that is shown in the picture and matches the description {text}",
    "Decide whether the caption {text} is based on the content of the image or not",
    "Generate a short text about the relationship between the object {text} and {region}",
    "Tell which category the specified part {region} of the photo belongs to",
    "Given the passage {text} determine the goal of the task with the following {options}",
    "Identify the item in {region} and answer whether it fits the title {text}",
)
_WHERE = (
    "on a street", "in a kitchen", "near the sea", "of a market", "at night", "with children",
    "in the snow", "from above", "of an old town", "on a farm", "in a garden", "at a station",
)  # fmt: skip


def write_tasks(folder: Path, templates: int, per_task: int = 10) -> None:
    """Write task files of so many templates each; no two templates are the same."""
    for first in range(0, templates, per_task):
        rows = []
        for i in range(first, min(first + per_task, templates)):
            asked, where = _ASKED[i % len(_ASKED)], _WHERE[i // len(_ASKED) % len(_WHERE)]
            rows.append(f"  - '{asked}, as seen {where} by visitor number {i}.'\n")
        name = f"task_{first // per_task:05}"
        head = f"name: {name}\nconstants: {{options_token: '[Options]:'}}\ninstructions:\n"
        (folder / f"{name}.yaml").write_text(head + "".join(rows))


def whole(url: str, folder: Path, rewrites: int, _requests: int) -> dict[str, Any]:
    """Run `expand` into a new folder."""
    from instraug.chain.expand import expand
    from instraug.models.config import Endpoint
    from instraug.rewriting.config import Config
    from instraug.rewriting.forecast import forecast
    from instraug.rewriting.job import ExpandJob, load

    began = _now()
    config = Config(base_url=url, rewrites=rewrites, samples=40, endpoint=Endpoint(IN_FLIGHT))
    job = ExpandJob(folder / "tasks", folder / "out", "fake", config, api_key=KEY)
    loaded = load(job)
    forecast(job, loaded)
    run = expand(job, loaded)
    found = run.summary()
    return {
        **_spent(began, run.bought),
        **{name: found[name] for name in ("answers", "accepted", "short", "rejected_by_rule")},
    }


def bare(url: str, folder: Path, _rewrites: int, requests: int) -> dict[str, Any]:
    """Nothing but aiohttp, with the bodies of the same plan."""
    import aiohttp
    import orjson

    bodies = _bodies(folder, requests)

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

            async def worker() -> None:
                for body in bodies:
                    async with session.post(f"{url}/chat/completions", json=body) as response:
                        orjson.loads(await response.read())

            await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

    began = _now()
    asyncio.run(run())
    return _spent(began, requests)


def _bodies(folder: Path, requests: int) -> Any:
    from instraug.models.config import Endpoint
    from instraug.models.endpoint.quirks import Quirks
    from instraug.models.endpoint.wire import chat_body
    from instraug.rewriting.config import Config
    from instraug.rewriting.prompts.meta_prompts import load_meta_prompts
    from instraug.rewriting.prompts.plan import make_plan
    from instraug.rewriting.prompts.requests import expand as planned
    from instraug.tasks.load import load_tasks

    plan = make_plan(Config(samples=40), "fake", load_meta_prompts())
    quirks = Quirks(Endpoint())
    found = load_tasks(folder / "tasks")
    each = -(-requests // sum(len(t.templates) for t in found))
    chats = (
        request.chat
        for task in found
        for template in task.templates
        for request in islice(planned(plan, task, template, template), each)
    )
    return iter([chat_body(chat, quirks) for chat in islice(chats, requests)])


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _spent(began: tuple[float, float], requests: int) -> dict[str, Any]:
    wall, cpu = (now - then for now, then in zip(_now(), began, strict=True))
    return {
        "requests": requests,
        "rps": requests / wall,
        "cpu_ms": 1000 * cpu / requests,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


CONTENDERS = {f.__name__: f for f in (bare, whole)}


def _measure(name: str, url: str, tasks: int, rewrites: int, requests: int) -> dict[str, Any]:
    """Run one contender in a process of its own."""
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        (folder / "tasks").mkdir()
        write_tasks(folder / "tasks", tasks)
        arguments = [name, url, str(folder), str(rewrites), str(requests)]
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.expand", "--one", *arguments],
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(said)
    found["command_rps"] = found["requests"] / wall
    found["command_cpu_ms"] = 1000 * (used.ru_utime + used.ru_stime) / found["requests"]
    return found


def main() -> None:
    """Run all contenders in turn and print what they took, with ratios."""
    if sys.argv[1:2] == ["--one"]:
        name, url, folder, *numbers = sys.argv[2:]
        print(json.dumps(CONTENDERS[name](url, Path(folder), *map(int, numbers))))
        return
    given = list(map(int, sys.argv[1:]))
    templates, rewrites, rounds = (*given, *(400, 10, 3)[len(given) :])
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    with serving(DELAY) as url:
        for _ in range(rounds):
            ours = _measure("whole", url, templates, rewrites, 0)
            runs["whole"].append(ours)
            runs["bare"].append(_measure("bare", url, templates, rewrites, ours["requests"]))
    ratios = {
        f"{what}_of_bare": [
            round(one[what] / floor[what], 3)
            for one, floor in zip(runs["whole"], runs["bare"], strict=True)
        ]
        for what in ("rps", "command_rps")
    }
    figures = {
        name: {what: round(median(s[what] for s in seen), 3) for what in _FIGURES}
        for name, seen in runs.items()
    }
    last = runs["whole"][-1]
    answers = {k: last[k] for k in ("answers", "accepted", "short", "rejected_by_rule")}
    print(json.dumps({**figures, **ratios, **answers}, indent=2))


_FIGURES = ("requests", "rps", "cpu_ms", "command_rps", "command_cpu_ms", "peak_mb")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
