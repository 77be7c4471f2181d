"""The OpenAI wire format: chats to request bodies, response bodies to replies and vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson

from instraug.models.chat import Chat, Choice, Reply, Usage
from instraug.models.endpoint.quirks import Quirks
from instraug.models.tokens import OVERHEAD, estimate


class NotACompletion(ValueError):
    """A 200 that is not what was asked for: HTML, cut, an error object."""


def chat_body(chat: Chat, quirks: Quirks, alone: int | None = None) -> dict[str, Any]:
    """Return the request body of a chat.

    Args:
        chat: What to ask.
        quirks: Which optional parameters are sent, and under which name.
        alone: Which of the chat's choices this call is for, where each is asked for alone; it
            shifts the seed.
    """
    optional = {
        "n": chat.n if chat.n > 1 and alone is None else None,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "seed": (chat.seed + (alone or 0)) % 2**31,
    }
    body: dict[str, Any] = {
        "model": chat.model,
        "messages": [{"role": m.role, "content": m.content} for m in chat.messages],
        quirks.endpoint.max_tokens_name: chat.max_tokens,
    }
    body |= {k: v for k, v in optional.items() if v is not None and quirks.sends(k)}
    if chat.grammar is not None:
        body["grammar"] = chat.grammar
    return body


def encode(body: dict[str, Any]) -> bytes:
    """Return a body as JSON; the standard library spells what orjson refuses, lone surrogates."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body).encode()


def decode(raw: str) -> Any:
    """Parse JSON; accepts, as many servers write them, lone surrogates and NaN.

    Raises:
        NotACompletion: it is no JSON.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise NotACompletion("the answer is no JSON" if raw.strip() else "an empty body") from None


def read_reply(chat: Chat, raw: str) -> Reply:
    """Return the reply that a response body, or a JSON array of several, holds.

    Equal raw texts give equal replies, so a journal can be read back with it.

    Raises:
        NotACompletion: it is no chat completion.
    """
    body = decode(raw)
    bodies = body if isinstance(body, list) and body else [body]
    choices: list[Choice] = []
    usage = Usage()
    for one in bodies:
        found = _choices(one)
        choices += found
        usage = _sum(usage, _usage(one, chat, found))
    model = bodies[0].get("model")
    answered = model if isinstance(model, str) and model else chat.model
    return Reply(chat.key, answered, tuple(choices), usage, raw)


def _choices(body: Any) -> list[Choice]:
    if not isinstance(body, dict):
        raise NotACompletion(f"a JSON {type(body).__name__}, not a chat completion")
    if body.get("error"):
        raise NotACompletion(f"an error object: {error_message(body)}")
    choices = body.get("choices", body)
    if choices is None:
        return []
    if not isinstance(choices, list) or not all(isinstance(c, dict) for c in choices):
        raise NotACompletion("a JSON object without choices, not a chat completion")
    return [_choice(c) for c in choices]


def _choice(choice: dict[str, Any]) -> Choice:
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        parts = [p.get("text") for p in content if isinstance(p, dict)]
        content = "".join(p for p in parts if isinstance(p, str))
    reason = choice.get("finish_reason")
    text = _whole(content) if isinstance(content, str) else None
    return Choice(text, reason if isinstance(reason, str) else None, _logprobs(choice))


def _logprobs(choice: dict[str, Any]) -> tuple[float, ...]:
    """Return the log-probability of each token; () where any is missing."""
    found = choice.get("logprobs")
    tokens = found.get("content") if isinstance(found, dict) else None
    if not isinstance(tokens, list):
        return ()
    values: list[Any] = [t.get("logprob") if isinstance(t, dict) else None for t in tokens]
    return tuple(float(v) for v in values) if _is_vector(values) else ()


def _whole(text: str) -> str:
    """Replace lone surrogates (a cut emoji) by U+FFFD: no file can hold them; pairs are joined."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _usage(body: dict[str, Any], chat: Chat, choices: Sequence[Choice]) -> Usage:
    usage = body.get("usage")
    said = sum(estimate(c.text or "") for c in choices)
    if isinstance(usage, dict):
        prompt: Any = usage.get("prompt_tokens")
        completion: Any = usage.get("completion_tokens")
        # Some servers send zeros for "not counted".
        if _is_count(prompt) and prompt and _is_count(completion) and (completion or not said):
            return Usage(prompt, completion)
    asked = sum(estimate(m.content) + OVERHEAD for m in chat.messages)
    # A silent choice may have spent all its tokens on thinking.
    silent = chat.max_tokens if any(not c.text for c in choices) or not choices else 0
    return Usage(asked, said + silent, estimated=True)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


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
        NotACompletion: it is no list of that many vectors of one length.
    """
    body = decode(raw)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not all(isinstance(d, dict) for d in data):
        raise NotACompletion("not an embeddings answer")
    indices = [d.get("index", i) for i, d in enumerate(data)]
    if not all(isinstance(i, int) for i in indices):
        raise NotACompletion("an embeddings answer with indices that are no numbers")
    placed = {i: d.get("embedding") for i, d in zip(indices, data, strict=True)}
    vectors = [placed.get(i) for i in range(count)]
    if len(placed) != count or not all(_is_vector(v) for v in vectors):
        raise NotACompletion(f"not an embeddings answer of {count} vectors")
    if len({len(v) for v in vectors if v}) != 1:
        raise NotACompletion("an embeddings answer with vectors of several lengths")
    usage = body.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    counted = tokens if isinstance(tokens, int) and _is_count(tokens) else None
    return [[float(x) for x in v or ()] for v in vectors], counted


def _is_vector(value: object) -> bool:
    """Whether it is a list of finite numbers, at least one."""
    if not isinstance(value, list) or not all(type(x) in (int, float) for x in value):
        return False
    return bool(value) and all(abs(x) < 1e300 for x in value)


def error_message(body: Any) -> str:
    """Return what an error body says, "" where it says nothing; not redacted."""
    if not isinstance(body, dict):
        return ""
    error = body.get("error", body)
    if isinstance(error, str):
        return error
    message = error.get("message", error.get("detail")) if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""
