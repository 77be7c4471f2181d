r"""One line of a batch file: a chat on its way out, a reply on its way back.

Lines end at ``\n`` and nowhere else; a JSON text may hold U+2028 and U+0085.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from instraug.models.chat import Chat, Reply
from instraug.models.endpoint import wire
from instraug.models.endpoint.quirks import Quirks

PATH = "/v1/chat/completions"
"""What a line's ``url`` says, whatever the base URL of the endpoint."""

Sent = tuple[tuple[str, float | None], ...]
"""Parameters that were sent otherwise than the chat has them; see `chat.Reply.sent`."""


@dataclass(frozen=True)
class Outline:
    """What is known of every request of one file when its replies come."""

    model: str
    sent: Sent = ()
    prompt: int = 0
    """Tokens of one prompt, a high guess; for replies without usage."""
    most: int = 0
    """Tokens that the answers to one request may have together."""


@dataclass(frozen=True)
class Failure:
    """A line that says why there is no reply."""

    key: str
    status: int
    """The HTTP status of the request; 0 where it was never run."""
    why: str
    text: str
    """The JSON of the error."""


def request_line(chat: Chat, quirks: Quirks) -> tuple[bytes, Sent]:
    """Return a chat as a line, newline included, and what of it is sent otherwise."""
    body = wire.chat_body(chat, quirks)
    line = {"custom_id": chat.key, "method": "POST", "url": PATH, "body": body}
    return wire.encode(line) + b"\n", wire.otherwise(chat, body)


def result_key(row: Any) -> str | None:
    """Return whose result a parsed line is; None if it does not say."""
    key = row.get("custom_id") if isinstance(row, dict) else None
    return key if isinstance(key, str) else None


def result(row: Mapping[str, Any], outline: Outline) -> Reply | Failure:
    """Return the reply in a parsed line, or why there is none.

    Args:
        row: As the API writes it: custom_id, response {status_code, body}, error.
        outline: Of the file that the request was in.
    """
    key = str(row["custom_id"])
    response = row.get("response")
    response = response if isinstance(response, dict) else {}
    body, status = response.get("body"), response.get("status_code")
    status = status if isinstance(status, int) else 0
    if isinstance(body, dict) and status in (0, *range(200, 300)):
        raw = wire.encode(body).decode()
        chat = Chat(outline.model, (), 0, 0, outline.most, 0, 0)
        try:
            reply = wire.read_reply(chat, raw)
        except wire.NotACompletion as wrong:
            return Failure(key, wrong.status or status, str(wrong), raw)
        usage = reply.usage
        if not usage.prompt_tokens:
            usage = replace(usage, prompt_tokens=outline.prompt, estimated=True)
        return replace(reply, key=key, usage=usage, sent=outline.sent)
    error = row.get("error") or body or "no response"
    return Failure(key, status, _words(error), json.dumps(error))


def _words(error: Any) -> str:
    inner = error.get("error", error) if isinstance(error, dict) else error
    if isinstance(inner, dict):
        parts = [inner.get("code"), inner.get("message")]
        return ": ".join(str(p) for p in parts if p) or "an error without a message"
    return str(inner)


async def split(chunks: AsyncIterator[bytes], cap: int) -> AsyncIterator[bytes]:
    """Yield the lines of a stream without their newlines; for one over the cap, no JSON."""
    rest, over = b"", False
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield _OVER if over or len(line) > cap else line
            over = False
        if len(rest) > cap:
            rest, over = b"", True
    if rest or over:
        yield _OVER if over else rest


_OVER = b"{"
"""Stands for a line that is too long to be kept; no JSON, so that it is reported as damaged."""


def parsed(line: bytes) -> Any:
    """Return the JSON of a line; None for one that is blank.

    Raises:
        ValueError: it is not UTF-8, or not JSON.
    """
    text = line.decode().strip()
    return wire.decode(text) if text else None
