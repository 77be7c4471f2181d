"""The faults the server can be told to show, by name: ``name`` or ``name:argument``."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import orjson
from aiohttp import web

Body = dict[str, object]
Fault = Callable[[web.Request, Body, str], Awaitable[web.StreamResponse]]
"""Takes the request, the good answer's body and the argument after the colon."""

_MESSAGES = {
    400: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    401: "Incorrect API key provided: {key}. You can find your API key in your account.",
    402: "Insufficient Balance",
    403: "Your key {key} is not allowed to use this model.",
    404: "The model `nothing` does not exist or you do not have access to it.",
    413: "Request too large for {key}.",
    422: "Unprocessable: messages.0.content is not to our taste.",
}


def json_reply(body: object, status: int = 200, **headers: str) -> web.Response:
    """A JSON answer with the given extra headers."""
    return web.Response(
        body=orjson.dumps(body), status=status, content_type="application/json", headers=headers
    )


def text_reply(body: str, status: int = 200, **headers: str) -> web.Response:
    """A body exactly as given."""
    return web.Response(text=body, status=status, headers=headers)


def error(status: int, message: str, code: str | None = None, **headers: str) -> web.Response:
    """An error as OpenAI spells it."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return json_reply(body, status, **headers)


async def status(request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``status:503`` answers with that status; the body repeats the caller's key."""
    code = int(argument)
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    message = _MESSAGES.get(code, "The server had an error for {key}.").replace("{key}", key)
    return error(code, message)


async def limited(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``limited:2`` is a 429 with ``Retry-After: 2``; without an argument it has no header."""
    headers = {"Retry-After": argument} if argument else {}
    return error(429, "Rate limit reached for requests", "rate_limit_exceeded", **headers)


async def limited_date(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``limited_date:2`` is a 429 whose Retry-After is the HTTP date two seconds from now."""
    when = formatdate(time.time() + float(argument), usegmt=True)
    return error(429, "Rate limit reached", "rate_limit_exceeded", **{"Retry-After": when})


async def limited_ms(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``limited_ms:1500`` is a 429 with ``retry-after-ms: 1500``."""
    return error(429, "Rate limit reached", "rate_limit_exceeded", **{"retry-after-ms": argument})


async def quota(_request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """A 429 that no wait fixes."""
    return error(429, "You exceeded your current quota", "insufficient_quota")


async def loading(_request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """What llama.cpp says while it reads the weights."""
    body = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    return json_reply(body, 503)


async def redirect(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``redirect:307,http://other/`` points elsewhere."""
    code, where = argument.split(",", 1)
    return web.Response(status=int(code), headers={"Location": where})


async def html(_request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """A captive portal: 200 and a page."""
    return web.Response(text="<html><body>Please log in</body></html>", content_type="text/html")


async def empty(_request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """200 and nothing."""
    return web.Response(status=200, content_type="application/json")


async def cut_json(_request: web.Request, good: Body, _argument: str) -> web.StreamResponse:
    """200, a whole HTTP message, half of the JSON."""
    data = orjson.dumps(good)
    return web.Response(body=data[: len(data) // 2], content_type="application/json")


async def error_object(_request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """200 with an error inside."""
    return json_reply({"error": {"message": "upstream failed", "code": 502}, "choices": None})


async def raw(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``raw:TEXT`` answers 200 with exactly that text."""
    return web.Response(body=argument.encode(), content_type="application/json")


async def answer(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``answer:JSON`` answers with that object's status, headers and body."""
    told = orjson.loads(argument)
    return json_reply(told.get("body", {}), told["status"], **told.get("headers", {}))


async def choice_error(_request: web.Request, good: Body, argument: str) -> web.StreamResponse:
    """200 whose choice is an error, as gateways pass on a provider that broke off.

    ``choice_error:REASON`` says so by that finish reason alone, beside half an answer.
    """
    for choice in good["choices"]:  # type: ignore[attr-defined]
        said = choice["message"]["content"]
        choice["message"]["content"] = said[: len(said) // 2] if argument else ""
        choice["finish_reason"] = argument or "error"
        if not argument:
            choice["error"] = {"code": 502, "message": "Provider disconnected"}
    return json_reply(good)


async def huge(_request: web.Request, good: Body, argument: str) -> web.StreamResponse:
    """``huge:MIB`` pads the good answer with that many MiB of white space."""
    data = orjson.dumps(good) + b" " * (int(argument) << 20)
    return web.Response(body=data, content_type="application/json")


async def bomb(_request: web.Request, good: Body, argument: str) -> web.StreamResponse:
    """``bomb:MIB`` is the good answer and that many MiB of white space, gzipped to next to none."""
    data = gzip.compress(orjson.dumps(good) + b" " * (int(argument) << 20))
    return web.Response(
        body=data, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )


async def echo(request: web.Request, good: Body, _argument: str) -> web.StreamResponse:
    """A good answer whose id is the caller's Authorization header."""
    return json_reply({**good, "id": request.headers.get("Authorization")})


async def latin(_request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """200 and bytes that are no UTF-8."""
    return web.Response(body=b'{"choices": "\xe9"}', content_type="application/json")


async def hang(_request: web.Request, _good: Body, argument: str) -> web.StreamResponse:
    """``hang:SECONDS`` says nothing for that long."""
    await asyncio.sleep(float(argument or 3600))
    return web.Response(status=504)


async def drip(request: web.Request, good: Body, argument: str) -> web.StreamResponse:
    """``drip:SECONDS`` sends a byte each that many seconds, so no read ever times out."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for byte in orjson.dumps(good):
        await response.write(bytes([byte]))
        await asyncio.sleep(float(argument))
    return response


async def truncated(request: web.Request, good: Body, _argument: str) -> web.StreamResponse:
    """Promises the whole body, sends half of it and closes politely."""
    await _half(request, good)
    _transport(request).close()
    return web.Response()


async def reset(request: web.Request, good: Body, _argument: str) -> web.StreamResponse:
    """Sends half of the body, then RST."""
    await _half(request, good)
    return await reset_early(request, good, "")


async def reset_early(request: web.Request, _good: Body, _argument: str) -> web.StreamResponse:
    """RST after the request was read, before a byte of the answer."""
    transport = _transport(request)
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return web.Response()


async def _half(request: web.Request, good: Body) -> None:
    data = orjson.dumps(good)
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(data))}
    )
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    await asyncio.sleep(0.01)


def _transport(request: web.Request) -> asyncio.Transport:
    transport = request.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


HTTP: dict[str, Fault] = {
    f.__name__: f
    for f in (
        status, limited, limited_date, limited_ms, quota, loading, redirect, html, empty, cut_json,
        error_object, raw, answer, choice_error, huge, bomb, echo, latin, hang, drip, truncated,
        reset, reset_early,
    )
}  # fmt: skip
"""Faults of HTTP and transport; a bare number such as ``503`` is short for ``status:503``."""
