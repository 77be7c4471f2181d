"""What goes to a model and what comes back: a chat in, a reply out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of a message; its bytes are read when it is sent, and kept nowhere."""

    sha256: str
    """Of the file, hex."""
    side: int | None
    """Pixels that its longest side has at most when it is sent; None: as it is stored."""
    url: Callable[[], str] = field(compare=False, repr=False)
    """Reads it and returns it as a data URL."""
    tokens: int = field(default=0, compare=False)
    """What it counts as where the endpoint's count is not known."""


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[Image, ...] = ()
    """Pictures that stand before the text."""


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
        turns = ",".join(map(_turn, self.messages))
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


def _turn(message: Message) -> str:
    """Spell one turn, images by the SHA-256 of their files and the size they are sent in."""
    plain = _plain_turn(message.role, message.content)
    if not message.images:
        return plain
    shown = [[image.sha256, image.side] for image in message.images]
    spelled = json.dumps(shown, separators=(",", ":"))
    head, tail = plain.rsplit(',"role":', 1)
    return f'{head},"images":{spelled},"role":{tail}'


@lru_cache(maxsize=4096)
def _plain_turn(role: str, content: str) -> str:
    """Spell a turn of text alone: guidelines and worked examples come again and again."""
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


@dataclass(frozen=True)
class AsText:
    """How a chat is written for a model without a chat template: as a text that it continues."""

    question: str = "Question:"
    """Stands before each user message."""
    answer: str = "Answer:"
    """Stands before each assistant message, and last of all."""
