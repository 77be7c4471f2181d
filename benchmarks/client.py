"""Requests a second and CPU a request: ours against bare aiohttp and the openai package.

    python -m benchmarks.client [REQUESTS] [ROUNDS]

A server in a process of its own answers after 0.2 s; 256 requests are in flight, so that the ideal
is 1,280 a second. Every client sends the same bodies and parses the answers, in a process of its
own, in turn, ROUNDS times; "ours" is the whole path of a run: generation, client, journal. Prints
one JSON object with the best round of each, as whatever else the machine does can only slow one
down; compare the ratios to bare aiohttp, never the absolute figures.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import orjson

from instraug.models.chat import Chat, Message
from instraug.models.config import Endpoint
from instraug.models.endpoint.client import OpenAIEndpoint
from instraug.models.generation import Generator, HasChat
from instraug.models.journal.journal import Journal
from instraug.models.journal.ledger import recording
from tests.fakeserver.cheap import serving

IN_FLIGHT = 256
DELAY = 0.2
PATIENT = 600.0
"""Seconds that the package waits, also for a connection: 5 are too few on a busy machine."""

KEY = "sk-benchmark-0123456789"
SYSTEM = (
    "Rewrite the instruction in other words. Keep its meaning, its length and every token in "
    "braces exactly as it is. Answer with the rewritten instruction alone."
)
USER = "Look at the image and describe the region {A} in one sentence, given the caption {B}."
Ask = Callable[[int], Awaitable[object]]


def chat(number: int) -> Chat:
    """The number-th request; its seed makes it a key of its own."""
    messages = (Message("system", SYSTEM), Message("user", USER))
    return Chat("fake", messages, 0.6, 0.9, 512, number, 0)


def body(number: int) -> dict[str, Any]:
    """The same as a request body."""
    one = chat(number)
    return {
        "model": one.model,
        "messages": [{"role": m.role, "content": m.content} for m in one.messages],
        "max_tokens": one.max_tokens,
        "temperature": one.temperature,
        "top_p": one.top_p,
        "seed": one.seed,
    }


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Ask]:
    """Nothing but aiohttp: the floor."""
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def ask(number: int) -> object:
            async with session.post(f"{url}/chat/completions", json=body(number)) as response:
                return orjson.loads(await response.read())

        yield ask


@asynccontextmanager
async def openai_aiohttp(url: str) -> AsyncIterator[Ask]:
    """The openai package over its aiohttp extra, as its README shows."""
    import openai

    http = openai.DefaultAioHttpClient()
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=url, max_retries=0, http_client=http, timeout=PATIENT
    ) as client:
        yield lambda number: client.chat.completions.create(**body(number))


@asynccontextmanager
async def openai_default(url: str) -> AsyncIterator[Ask]:
    """The openai package out of the box."""
    import openai

    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=url, max_retries=0, timeout=PATIENT
    ) as client:
        yield lambda number: client.chat.completions.create(**body(number))


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Ask]:
    """Our client alone."""
    async with OpenAIEndpoint("fake", url, KEY, Endpoint(concurrency=IN_FLIGHT)) as endpoint:
        yield lambda number: endpoint.complete(chat(number))


@asynccontextmanager
async def ours(url: str) -> AsyncIterator[Ask]:
    """Our client under generation, each reply journaled."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.open(Path(folder) / "replies.jsonl")
        async with OpenAIEndpoint("fake", url, KEY, Endpoint(concurrency=IN_FLIGHT)) as endpoint:
            generator = Generator[HasChat](
                recording(endpoint.complete, journal), journal, IN_FLIGHT
            )
            yield lambda number: generator.reply(chat(number))
        journal.close()


CLIENTS = {f.__name__: f for f in (bare, openai_default, openai_aiohttp, client, ours)}


async def measure(name: str, url: str, requests: int) -> dict[str, float]:
    """Run one client; a first wave opens the connections and is not counted."""
    async with CLIENTS[name](url) as ask:
        await asyncio.gather(*(ask(-1 - i) for i in range(IN_FLIGHT)))
        numbers = iter(range(requests))

        async def worker() -> None:
            for number in numbers:
                await ask(number)

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"rps": requests / wall, "cpu_ms": 1000 * cpu / requests}


def main() -> None:
    """Run every client in turn and print medians and ratios."""
    if sys.argv[1:2] == ["--one"]:
        name, url, count = sys.argv[2:]
        print(json.dumps(asyncio.run(measure(name, url, int(count)))))
        return
    requests, rounds = (*map(int, sys.argv[1:]), *(2000, 5)[len(sys.argv) - 1 :])
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    with serving(DELAY) as url:
        for _ in range(rounds):
            for name in CLIENTS:
                command = [sys.executable, "-m", "benchmarks.client", "--one", name, url]
                done = subprocess.run(
                    [*command, str(requests)], check=True, capture_output=True, text=True
                )
                runs[name].append(json.loads(done.stdout))
    floor = runs["bare"]
    rows = {}
    for name, seen in runs.items():
        rows[name] = {
            "rps": round(_best(seen, "rps", max)),
            "cpu_ms": round(_best(seen, "cpu_ms", min), 3),
            "of_bare": round(_best(seen, "rps", max) / _best(floor, "rps", max), 3),
            "of_bare_median": round(_best(seen, "rps", median) / _best(floor, "rps", median), 3),
        }
    print(json.dumps({"in_flight": IN_FLIGHT, "delay_s": DELAY, "clients": rows}, indent=2))


def _best(seen: list[dict[str, float]], what: str, pick: Callable[[list[float]], float]) -> float:
    return pick([s[what] for s in seen])


if __name__ == "__main__":
    main()
