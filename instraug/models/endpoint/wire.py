"""The OpenAI wire format: chats to request bodies, response bodies to replies and vectors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from instraug.models.chat import Chat, Choice, Message, Reply, Usage
from instraug.models.endpoint.bodies import remarks, words
from instraug.models.endpoint.broken import is_broken
from instraug.models.endpoint.quirks import Quirks
from instraug.models.endpoint.usage import counted, is_count, least
from instraug.models.tokens import OVERHEAD, estimate


class NotACompletion(ValueError):
    """A 200 that is not a completion: HTML, cut, an error object."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status
        """The 4xx status inside an error object; else 0."""


def chat_body(chat: Chat, quirks: Quirks, choice: int | None = None) -> dict[str, Any]:
    """Return the request body of a chat.

    Args:
        chat: What to ask.
        quirks: Which optional parameters are sent, and under which name.
        choice: The number of the one choice to ask for, which is added to the seed; None: all.
    """
    optional = {
        "n": chat.n if chat.n > 1 and choice is None else None,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "seed": (chat.seed + (choice or 0)) % 2**31,
    }
    body: dict[str, Any] = {
        "model": chat.model,
        "messages": [{"role": m.role, "content": _content(m)} for m in chat.messages],
        quirks.endpoint.max_tokens_name: quirks.limit(chat.max_tokens),
    }
    body |= {k: v for k, v in optional.items() if v is not None and quirks.sends(k, v)}
    if chat.grammar is not None:
        body["grammar"] = chat.grammar
    return body


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Return a message's text, or its parts where it has images; these are read here."""
    if not message.images:
        return message.content
    images = [{"type": "image_url", "image_url": {"url": i.url()}} for i in message.images]
    return [*images, {"type": "text", "text": message.content}]


def otherwise(chat: Chat, body: Mapping[str, Any]) -> tuple[tuple[str, float | None], ...]:
    """Return the chat's parameters that were sent with another value; None: left out."""
    names = ["temperature", "top_p", "seed"]
    if chat.n > 1:
        names.append("n")
    changed: list[tuple[str, float | None]] = [(name, None) for name in names if name not in body]
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if limit != chat.max_tokens:
        changed.append(("max_tokens", limit))
    return tuple(changed)


def encode(body: dict[str, Any]) -> bytes:
    """Return a body as JSON; the standard library writes lone surrogates, which orjson refuses."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body).encode()


def decode(raw: str) -> Any:
    """Parse JSON; lone surrogates and NaN, which many servers write, are accepted.

    Raises:
        NotACompletion: it is not JSON.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise NotACompletion("the answer is not JSON" if raw.strip() else "an empty body") from None


def read_reply(chat: Chat, raw: str) -> Reply:
    """Return the reply in a response body, or in a JSON array of several.

    Equal raw texts give equal replies.

    Raises:
        NotACompletion: it is not a chat completion.
    """
    body = decode(raw)
    bodies = body if isinstance(body, list) and body else [body]
    choices: list[Choice] = []
    usage = Usage()
    for one in bodies:
        more = _choices(one)
        choices += more
        usage = _sum(usage, _usage(one, chat, more))
    model = bodies[0].get("model")
    answered = model if isinstance(model, str) and model else chat.model
    return Reply(chat.key, answered, tuple(choices), usage, raw)


def joined(chat: Chat, replies: Sequence[Reply]) -> Reply:
    """Return several replies to one chat as one; its raw text is the array of their bodies."""
    bodies = [r.raw[1:-1] if r.raw.startswith("[") else r.raw for r in replies]
    sent = dict(pair for reply in replies for pair in reply.sent)
    return replace(read_reply(chat, f"[{','.join(bodies)}]"), sent=tuple(sent.items()))


def _choices(body: Any) -> list[Choice]:
    if not isinstance(body, dict):
        raise NotACompletion(f"a JSON {type(body).__name__}, not a chat completion")
    if body.get("error"):
        raise NotACompletion(f"an error object: {_reason_of(body)}", _status(body["error"]))
    choices = body.get("choices", body)
    if choices is None:
        return []
    if not isinstance(choices, list) or not all(isinstance(c, dict) for c in choices):
        raise NotACompletion("a JSON object without choices, not a chat completion")
    sound = [c for c in choices if not is_broken(c)]
    if choices and not sound:
        raise NotACompletion(f"an error instead of a choice: {_reason_of(choices[0])}")
    return [_choice(c) for c in sound]


def _reason_of(body: Mapping[str, Any]) -> str:
    parts = {k: body[k] for k in ("error", "message", "finish_reason") if body.get(k)}
    return words(remarks(json.dumps(parts))) or str(body.get("finish_reason") or "no reason given")


def _status(error: object) -> int:
    """Return the 4xx status that an error object names; 0 if it names none."""
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    text = str(code) if isinstance(code, int | str) else ""
    return int(text) if re.fullmatch("4[0-9][0-9]", text) else 0


def _choice(choice: dict[str, Any]) -> Choice:
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list | dict):
        content = "".join(map(_part, content if isinstance(content, list) else [content]))
    reason = choice.get("finish_reason")
    text = _whole(content) if isinstance(content, str) else None
    return Choice(text, reason if isinstance(reason, str) else None, _logprobs(choice))


def _part(part: object) -> str:
    """Return the text of one content part; "" for thinking, sources and tool calls."""
    if isinstance(part, dict) and part.get("type", "text") in ("text", "output_text"):
        part = "" if part.get("thought") else part.get("text")
    return part if isinstance(part, str) else ""


def _logprobs(choice: dict[str, Any]) -> tuple[float, ...]:
    """Return the log-probability of each token (nats); () if any is missing."""
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        return ()
    values: list[Any] = [t.get("logprob") if isinstance(t, dict) else None for t in tokens]
    return tuple(float(v) for v in values) if _is_vector(values) else ()


def _whole(text: str) -> str:
    """Replace lone surrogates (a cut emoji), which no file can hold, by U+FFFD; join pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _usage(body: dict[str, Any], chat: Chat, choices: Sequence[Choice]) -> Usage:
    texts = [c.text for c in choices if c.text]
    guess = sum(map(estimate, texts))
    prompt, completion = counted(body.get("usage"))
    # Some servers send zeros for "not counted", some count one choice of several.
    fewest = sum(len(c.logprobs) or least(c.text or "") for c in choices)
    short = completion < fewest if len(texts) > 1 else not completion and guess
    if prompt and not short:
        return Usage(prompt, completion)
    sent = sum(estimate(m.content) + OVERHEAD for m in chat.messages)
    sent += sum(image.tokens for m in chat.messages for image in m.images)
    # A choice without text may have spent all its tokens on thinking.
    silent = chat.max_tokens if len(texts) < len(choices) or not choices else 0
    return Usage(prompt or sent, max(completion, guess + silent), estimated=True)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.estimated or other.estimated,
    )


def read_vectors(raw: str, count: int) -> tuple[list[list[float]], int | None]:
    """Return the vectors of an embeddings response in the order of its inputs, and its tokens.

    Args:
        raw: The response body.
        count: Inputs asked for.

    Raises:
        NotACompletion: it is not a list of that many vectors of one length.
    """
    body = decode(raw)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not all(isinstance(d, dict) for d in data):
        raise NotACompletion("not an embeddings answer")
    indices = [d.get("index", i) for i, d in enumerate(data)]
    if not all(isinstance(i, int) for i in indices):
        raise NotACompletion("an embeddings answer with indices that are not numbers")
    placed = {i: d.get("embedding") for i, d in zip(indices, data, strict=True)}
    vectors = [placed.get(i) for i in range(count)]
    if len(placed) != count or not all(_is_vector(v) for v in vectors):
        raise NotACompletion(f"not an embeddings answer of {count} vectors")
    if len({len(v) for v in vectors if v}) != 1:
        raise NotACompletion("an embeddings answer with vectors of several lengths")
    usage = body.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return [[float(x) for x in v or ()] for v in vectors], tokens if is_count(tokens) else None


def _is_vector(value: object) -> bool:
    """Whether it is a list of finite numbers, at least one."""
    if not isinstance(value, list) or not all(type(x) in (int, float) for x in value):
        return False
    return bool(value) and all(abs(x) < 1e300 for x in value)
