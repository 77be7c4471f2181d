"""``python -m tests.fakeserver --port 0``: run the server as a process; the URL goes to stdout."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tests.fakeserver.server import FakeServer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.fakeserver", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="N=NAME", help="or all=NAME; repeatable"
    )
    parser.add_argument("--rate", type=float, default=0.0, help="share of calls that fail")
    parser.add_argument("--kinds", default="429,500,503,reset,html,cut_json")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--refuse", action="append", default=[], metavar="PARAMETER")
    parser.add_argument("--key", help="the API key to ask for")
    parser.add_argument("--no-log", action="store_true", help="keep no calls (GET /stats)")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    named = dict(text.split("=", 1) for text in options.fault)
    always = named.pop("all", None)
    server = FakeServer(
        port=options.port,
        delay=options.delay,
        faults={int(number): fault for number, fault in named.items()},
        always=always,
        rate=options.rate,
        kinds=options.kinds.split(","),
        seed=options.seed,
        refuses=options.refuse,
        key=options.key,
        log=not options.no_log,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
