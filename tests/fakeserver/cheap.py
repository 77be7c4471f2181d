"""A chat endpoint that costs little: answers are made at once and sent after a delay.

    python -m tests.fakeserver.cheap [DELAY]

Speaks as much of HTTP as keep-alive POSTs with a Content-Length need, so that in a measurement
the client and not the server is what is waited for. Prints its URL; ends with SIGTERM. The answers
are those of `tests.fakeserver`: rewrites of the last user message, equal for equal bodies; of a
hundred, 23 are such that no rule lets them pass.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from tests.fakeserver import answers

_BAD = ("refusal",) * 8 + ("length",) * 8 + ("french",) * 7


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, delay: float) -> None:
        self._delay, self._seen = delay, b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = self._seen[:end].lower()
            at = head.index(b"content-length:") + len(b"content-length:")
            whole = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
            if len(self._seen) < whole:
                return
            body, self._seen = self._seen[end + 4 : whole], self._seen[whole:]
            answer = orjson.dumps(_answer(body))
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            )
            self._loop.call_later(self._delay, self._say, head % len(answer) + answer)

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _answer(body: bytes) -> answers.Answer:
    good, chance = answers.chat(orjson.loads(body)), zlib.crc32(body) % 100
    return answers.ODD[_BAD[chance]](good) if chance < len(_BAD) else good


async def _serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(delay), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def serving(delay: float) -> Iterator[str]:
    """Run the server in a process of its own and give its URL."""
    command = [sys.executable, "-m", "tests.fakeserver.cheap", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) if sys.argv[1:] else 0.2))
