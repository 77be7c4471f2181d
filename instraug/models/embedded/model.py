"""The embedded model: llama.cpp in this process, several answers at once, no network.

A base model knows no chats, so the messages become a text that it continues, with the labels of an
`AsText`::

    Question: Which bird is in the tree?    a worked example
    Answer: A blackbird.

    Answer the question ...                 the system message

    Question: Which tree is it?             what is asked, and where the answer begins
    Answer:

A GGUF file with a chat template of its own is asked through that template.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any

from instraug.errors import FatalEndpointError, RejectedRequest, RequestFailed, UsageError
from instraug.models.chat import AsText, Chat, Message, Reply
from instraug.models.embedded.tokens import constrained
from instraug.models.embedded.weights import EXTRA, Weights, find
from instraug.models.endpoint.wire import read_reply

SLOTS = 8
"""Answers at a time: about twice the tokens a second of one."""

CONTEXT = 2048
"""Tokens of a slot: prompt and answer."""


class LocalModel:
    """An embedded model: loaded at the first chat, freed when the context ends.

    Args:
        model: ``local``, ``local:NAME`` of a packaged model, or ``local:PATH`` of a GGUF file.
        as_text: How chats are written for weights without a chat template.
        slots: Answers at a time.
        context: Tokens of prompt and answer together.

    Raises:
        UsageError: the extra is missing, or the path is not a GGUF file.
        StorageError: the shipped weights cannot be assembled.
    """

    def __init__(
        self,
        model: str = "local",
        as_text: AsText | None = None,
        slots: int = SLOTS,
        context: int = CONTEXT,
    ) -> None:
        _engine()
        self.weights: Weights = find(model)
        self._as_text = as_text or AsText()
        self._slots, self._context = slots, context
        self._count = max(1, min(_cores(), slots // 2))
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="embedded-model")
        self._loading = threading.Lock()
        self._servers: list[Any] = []
        self._turn = 0
        self._key = secrets.token_hex(16)
        """What llama.cpp's own HTTP port asks for."""

    @property
    def name(self) -> str:
        """The model's name in requests; it holds the SHA-256 of the weights."""
        return self.weights.name

    @property
    def concurrency(self) -> int:
        """Chats answered at a time; more wait."""
        return self._slots

    async def __aenter__(self) -> LocalModel:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the model's memory; chats not yet started are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._servers.clear()

    async def complete(self, chat: Chat) -> Reply:
        """Answer one chat.

        Returns:
            A reply whose choices carry the log-probability of each of their tokens, before any
            grammar or temperature.

        Raises:
            FatalEndpointError: llama.cpp cannot load the file.
            RejectedRequest: the chat is too long, or its grammar is malformed.
            RequestFailed: the model gave no answer.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._answer, chat)

    def _answer(self, chat: Chat) -> Reply:
        """Ask for the chat's choices, at most one a slot at a time."""
        answers = []
        for first in range(0, chat.n, self._slots):
            some = min(self._slots, chat.n - first)
            answers.append(self._ask(replace(chat, n=some, seed=(chat.seed + first) % 2**31)))
        raw = json.dumps(_as_chat(answers, self.name), separators=(",", ":"))
        return read_reply(chat, raw)

    def _ask(self, chat: Chat) -> dict[str, Any]:
        server = self._loaded()
        body = _chat_body(chat) if self.weights.chats else _text_body(chat, self._as_text)
        if chat.grammar is not None:
            before = "" if self.weights.chats else " "
            body |= constrained(chat.grammar, before, server, self._key)
        if self.weights.chats:
            answer = server.handle_chat_completions(body)
        else:
            answer = server.handle_completions(body)
        if isinstance(answer, str):
            answer = json.loads(answer)
        if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
            raise _failure(answer)
        return answer

    def _loaded(self) -> Any:
        """Return the next server in turn; there is one a core, as grammars use a single thread."""
        with self._loading:
            while len(self._servers) < self._count:
                engine = _engine()
                try:
                    self._servers.append(engine.Server(self._parameters(engine)))
                except RuntimeError:
                    path = self.weights.path
                    raise FatalEndpointError(f"llama.cpp cannot load the model {path}") from None
            self._turn += 1
            return self._servers[self._turn % self._count]

    def _parameters(self, engine: Any) -> Any:
        asked = engine.CommonParams()
        asked.model.path = str(self.weights.path)
        asked.n_parallel = math.ceil(self._slots / self._count)
        asked.n_ctx = asked.n_parallel * self._context
        asked.swa_full = True  # so that the beginning of a prompt is not read again
        asked.cache_ram_mib = 0  # prompts rarely repeat; keeping them takes gigabytes
        asked.verbosity = 0
        asked.warmup = False
        asked.api_keys = [self._key]  # its own HTTP port answers nobody else
        asked.n_ubatch = 128  # the vocabulary is large: a larger one costs memory and is not faster
        asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 1
        return asked


def _engine() -> Any:
    try:
        import xllamacpp
    except ImportError:
        raise UsageError(EXTRA) from None
    return xllamacpp


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sampling(chat: Chat) -> dict[str, Any]:
    return {
        "max_tokens": chat.max_tokens,
        "n_predict": chat.max_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "seed": chat.seed,
        "n": chat.n,
        "cache_prompt": True,
    }


def _text_body(chat: Chat, as_text: AsText) -> dict[str, Any]:
    prompt = spelled(chat.messages, as_text)
    return _sampling(chat) | {"prompt": prompt, "stop": ["\n"], "logprobs": 1}


def _chat_body(chat: Chat) -> dict[str, Any]:
    messages = [{"role": m.role, "content": m.content} for m in chat.messages]
    return _sampling(chat) | {"messages": messages, "logprobs": True, "top_logprobs": 1}


def spelled(messages: tuple[Message, ...], as_text: AsText) -> str:
    """Write a chat as a text that a base model continues with the answer.

    The guideline stands behind the worked examples: what begins like an earlier text is not read
    again, and many chats share their examples.

    Args:
        messages: Each text in one line; a line break within one becomes a space.
        as_text: The labels.
    """
    guidelines = [m for m in messages if m.role == "system"]
    turns = [m for m in messages if m.role != "system"]
    parts = []
    for message in [*turns[:-1], *guidelines, *turns[-1:]]:
        text = " ".join(message.content.split())
        if message.role == "system":
            parts.append(f"{text}\n\n")
        elif message.role == "user":
            parts.append(f"{as_text.question} {text}\n{as_text.answer}")
        else:
            parts.append(f" {text}\n\n")
    return "".join(parts)


def _failure(answer: object) -> RejectedRequest | RequestFailed:
    error = answer.get("error") if isinstance(answer, dict) else None
    what = str(error.get("message", "")) if isinstance(error, dict) else ""
    code = error.get("code") if isinstance(error, dict) else None
    what = " ".join(what.split())[:200] or "no answer"
    if isinstance(code, int) and 400 <= code < 500:
        return RejectedRequest(f"the embedded model refuses: {what}")
    return RequestFailed(f"the embedded model failed: {what}")


def _as_chat(answers: Sequence[dict[str, Any]], model: str) -> dict[str, Any]:
    """Return answers of either kind as one OpenAI chat completion, tokens of all choices counted.

    llama.cpp counts the completion tokens of one choice only; each choice's token list is exact.
    """
    choices = [_choice(c, i) for i, c in enumerate(c for a in answers for c in a["choices"])]
    usages = [a.get("usage") or {} for a in answers]
    listed = sum(len(c["logprobs"]["content"]) for c in choices)
    reported = sum(u.get("completion_tokens", 0) for u in usages)
    return {
        "object": "chat.completion",
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": sum(u.get("prompt_tokens", 0) for u in usages),
            "completion_tokens": listed or reported,
        },
    }


def _choice(choice: dict[str, Any], index: int) -> dict[str, Any]:
    message = choice.get("message") or {}
    text = choice.get("text", message.get("content")) or ""
    tokens = (choice.get("logprobs") or {}).get("content") or []
    return {
        "index": index,
        "message": {"role": "assistant", "content": text.strip()},
        "finish_reason": choice.get("finish_reason"),
        "logprobs": {
            "content": [
                {"token": t.get("token", ""), "logprob": round(t["logprob"], 4)} for t in tokens
            ]
        },
    }
