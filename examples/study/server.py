"""An OpenAI-compatible chat endpoint on loopback, for `instraug predict`: answers of one token.

Requests that wait at the same time are answered in one go.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[Sequence[str]], list[str]]

QUIET = 0.02
"""Seconds without a request after which those that wait are answered."""


class _Asked:
    """A prompt, and its answer when there is one."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.answer: str | None = None
        self.ready = threading.Event()


class _Server(ThreadingHTTPServer):
    """Hands prompts to the one thread that asks the model."""

    daemon_threads, request_queue_size = True, 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()


class _Handler(BaseHTTPRequestHandler):
    """POST /v1/chat/completions; any other path is 404."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"no {self.path} here"}})
            return
        asked = _Asked(body["messages"][-1]["content"])
        self.server.asked.put(asked)
        asked.ready.wait()
        if asked.answer is None:
            self._send(500, {"error": {"message": "the model failed"}})
            return
        message = {"role": "assistant", "content": asked.answer}
        choice = {"index": 0, "message": message, "finish_reason": "length"}
        reply = {"id": "0", "object": "chat.completion", "created": 0, "model": body["model"]}
        self._send(200, reply | {"choices": [choice]})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve until the block ends, and give the base URL."""
    server = _Server()
    asking = threading.Thread(target=_ask, args=(server.asked, answer))
    listening = threading.Thread(target=server.serve_forever)
    asking.start(), listening.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        server.asked.put(None)
        listening.join(), asking.join()


def _ask(asked: queue.SimpleQueue[_Asked | None], answer: Answer) -> None:
    while True:
        waiting = [asked.get()]
        while waiting[-1] is not None:
            try:
                waiting.append(asked.get(timeout=QUIET))
            except queue.Empty:
                break
        some = [one for one in waiting if one is not None]
        if len(some) < len(waiting):
            return
        try:
            for one, text in zip(some, answer([one.prompt for one in some]), strict=True):
                one.answer = text
        finally:
            for one in some:
                one.ready.set()
