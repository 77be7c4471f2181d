"""The server itself; see the package's docstring for the three ways to run it."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import orjson
from aiohttp import web

from tests.fakeserver import answers
from tests.fakeserver.batches import BatchApi
from tests.fakeserver.faults import HTTP, error, json_reply, text_reply

Rule = Callable[[Any], tuple[int, object] | None]


@dataclass(frozen=True, slots=True)
class Call:
    """One POST the server saw."""

    path: str
    body: Any
    headers: Mapping[str, str]
    fault: str | None
    """What it was answered with; None for a good answer."""
    when: float
    """Seconds on the loop's clock."""


class FakeServer:
    """A chat endpoint on 127.0.0.1; POSTs are numbered from 0 in order of arrival."""

    def __init__(
        self,
        *,
        port: int = 0,
        delay: float = 0.0,
        faults: Mapping[int, str] | None = None,
        always: str | None = None,
        rate: float = 0.0,
        kinds: Collection[str] = ("429", "500", "503", "reset", "html", "cut_json"),
        seed: int = 0,
        refuses: Collection[str] = (),
        key: str | None = None,
        log: bool = True,
        rule: Rule | None = None,
    ) -> None:
        """Args:
        delay: Seconds before each answer.
        faults: Request number -> fault; see `faults` and `answers` for the names.
        always: The fault of every request that ``faults`` does not name.
        rate: Share (0 to 1) of the other requests that get one of ``kinds``.
        seed: Seeds which requests ``rate`` strikes.
        refuses: Parameters that get a 400 naming them.
        key: The API key to ask for; None takes any.
        log: Keep every call in `calls`.
        rule: Looks at each request's body first; what it returns is the answer: a status and a
            body (a text as it is, anything else as JSON), or None for the usual one.
        """
        self._port, self._delay, self._log = port, delay, log
        self._faults, self._always = dict(faults or {}), always
        self._rate, self._kinds, self._seed = rate, list(kinds), seed
        self._refuses, self._key, self._rule = tuple(refuses), key, rule
        self.batches = BatchApi(self._refusal, delay)
        """Files and batches."""
        self._runner: web.AppRunner | None = None
        self._lines: set[asyncio.BaseTransport] = set()
        self._came = asyncio.Event()
        self.count = 0
        """POSTs seen."""
        self.calls: list[Call] = []
        self.in_flight = 0
        self.peak = 0
        """The most requests that were in flight at once."""

    @property
    def url(self) -> str:
        """The base URL, ``/v1`` included."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> FakeServer:
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self._post)
        app.router.add_post("/v1/embeddings", self._post)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        self.batches.add_to(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner
        await self._runner.cleanup()
        # A call that hangs, or what is still unsent, would keep a line open beyond the loop's life.
        for line in self._lines:
            if isinstance(line, asyncio.Transport):
                line.abort()
        await asyncio.sleep(0)

    async def seen(self, count: int) -> None:
        """Wait until that many POSTs have come."""
        while self.count < count:
            self._came.clear()
            await self._came.wait()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        number, self.count = self.count, self.count + 1
        self._came.set()
        if request.transport:
            self._lines.add(request.transport)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            body = orjson.loads(await request.read())
            fault = self._fault(number)
            if self._log:
                now = asyncio.get_running_loop().time()
                self.calls.append(Call(request.path, body, dict(request.headers), fault, now))
            if self._delay:
                await asyncio.sleep(self._delay)
            return await self._answer(request, body, fault)
        finally:
            self.in_flight -= 1

    def _fault(self, number: int) -> str | None:
        if number in self._faults:
            return self._faults[number]
        if self._always:
            return self._always
        chance = random.Random(f"{self._seed}:{number}") if self._rate else None
        return chance.choice(self._kinds) if chance and chance.random() < self._rate else None

    async def _answer(
        self, request: web.Request, body: answers.Answer, fault: str | None
    ) -> web.StreamResponse:
        if self._key is not None and request.headers.get("Authorization") != f"Bearer {self._key}":
            fault = "401"
        if refusal := self._refusal(body):
            return refusal
        if request.path.endswith("/embeddings"):
            good = answers.embeddings(body)
        else:
            good = answers.chat(body)
        if fault is None or fault == "good":
            return json_reply(good)
        if fault == "copy":
            for choice in good["choices"]:
                choice["message"]["content"] = body["messages"][-1]["content"]
            return json_reply(good)
        if fault in answers.ODD:
            # The standard library's encoder, as it alone can spell a lone surrogate.
            text = json.dumps(answers.ODD[fault](good))
            return web.Response(text=text, content_type="application/json")
        name, _, argument = fault.partition(":")
        if name.isdigit():
            name, argument = "status", name
        return await HTTP[name](request, good, argument)

    def _refusal(self, body: answers.Answer) -> web.Response | None:
        for name in self._refuses:
            if name in body:
                return _refused(name)
        if self._rule and (told := self._rule(body)):
            status, said = told
            return text_reply(said, status) if isinstance(said, str) else json_reply(said, status)
        return None

    async def _models(self, _request: web.Request) -> web.Response:
        return json_reply({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    async def _stats(self, _request: web.Request) -> web.Response:
        seen = [{"path": c.path, "body": c.body, "fault": c.fault} for c in self.calls]
        return json_reply({"count": self.count, "peak": self.peak, "calls": seen})


def _refused(name: str) -> web.Response:
    if name == "max_tokens":
        instead = "is not supported with this model. Use 'max_completion_tokens' instead."
        return error(400, f"Unsupported parameter: 'max_tokens' {instead}", "unsupported_parameter")
    what = f"Unsupported parameter: '{name}' is not supported with this model."
    return error(400, what, "unsupported_parameter")


@contextmanager
def running(server: FakeServer) -> Iterator[FakeServer]:
    """Run the server in a thread of its own; for tests that are not async."""
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        if not ready.wait(10):
            raise RuntimeError("the fake server did not start within 10 s")
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
