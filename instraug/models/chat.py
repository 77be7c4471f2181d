"""What goes to a model and what comes back: a chat in, a reply out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Chat:
    """One request to a model; equal chats have equal keys and are bought once."""

    model: str
    """The model's name; that of the embedded model holds the SHA-256 of its weights."""
    messages: tuple[Message, ...]
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    sample: int
    """Which of several equal samples this is (0, 1, ...)."""
    n: int = 1
    """Choices asked for in one request."""
    grammar: str | None = None
    """A GBNF grammar for backends that constrain decoding."""

    @property
    def canonical(self) -> str:
        """The chat as canonical JSON: sorted keys, no spaces, everything that shapes the answer."""
        turns = ",".join([_turn(m.role, m.content) for m in self.messages])
        grammar = "null" if self.grammar is None else json.dumps(self.grammar)
        return (
            f'{{"grammar":{grammar},"max_tokens":{self.max_tokens!r},"messages":[{turns}]'
            f',"model":{json.dumps(self.model)},"n":{self.n!r},"sample":{self.sample!r}'
            f',"seed":{self.seed!r},"temperature":{self.temperature!r},"top_p":{self.top_p!r}}}'
        )

    @cached_property
    def key(self) -> str:
        """SHA-256 (hex) of `canonical`."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


@lru_cache(maxsize=4096)
def _turn(role: str, content: str) -> str:
    """Spell one turn: guidelines and worked examples come again and again."""
    return f'{{"content":{json.dumps(content)},"role":"{role}"}}'


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    """True where the endpoint gave no usage and this is a high estimate."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a reply."""

    text: str | None
    """None where the endpoint sent no content."""
    finish_reason: str | None = None
    logprobs: tuple[float, ...] = ()
    """Log-probability of each token (nats); empty where the backend gave none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's answer to one chat, with its raw text."""

    key: str
    model: str
    """The model that answered, which may differ from the one asked."""
    choices: tuple[Choice, ...]
    usage: Usage
    raw: str
    """The response body, undecoded JSON text, exactly as received."""
    sent: tuple[tuple[str, float | None], ...] = ()
    """Parameters that were sent otherwise than the chat has them; None: left out."""
    endpoint: str | None = None
    """Who answered, see `opening.Address.asked`; None where that was not noted."""


Complete = Callable[[Chat], Awaitable[Reply]]
"""The only way to ask a model: one chat, one reply, or an `EndpointError`."""

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""Returns one vector a text, in order."""


def _unchanged(grammar: str) -> str:
    return grammar


@dataclass(frozen=True)
class AsText:
    """How a chat is written for a model without a chat template: as a text that it continues."""

    question: str = "Question:"
    """Stands before each user message."""
    answer: str = "Answer:"
    """Stands before each assistant message, and last of all."""
    grammar: Callable[[str], str] = _unchanged
    """Fits the grammar of a chat to what follows the last label."""
