"""The frozen records that flow through the chain; each stage maps one kind to the next.

Task -> Request -> Reply -> Candidate -> Verdict, and Instance -> Row on the building side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Split = Literal["train", "eval"]
Output = Literal["label", "text", "region"]


def instruction_id(task: str, instruction: str) -> str:
    """Return the id of an instruction: 12 hex digits, the same in every run.

    Args:
        task: The task's name.
        instruction: The template text, placeholders in braces.
    """
    return hashlib.sha256(f"{task}\0{instruction}".encode("utf-8", "surrogatepass")).hexdigest()[
        :12
    ]


@dataclass(frozen=True)
class Template:
    """One instruction of a task, hand-written or accepted earlier in the run."""

    task: str
    text: str
    """The template as a task file spells it: ``{path}`` placeholders, ``{{`` and ``}}`` literal."""
    origin: int
    """Position (from 0) among the task's hand-written instructions of the first ancestor."""
    parent: str | None = None
    """The id of the template this one was rewritten from; None for a hand-written one."""
    iteration: int = 0
    """Rewriting steps away from the hand-written ancestor (0 is hand-written)."""

    @cached_property
    def id(self) -> str:
        """The instruction id, see `instruction_id`."""
        return instruction_id(self.task, self.text)


@dataclass(frozen=True)
class Task:
    """One task folder entry; see the task-folder format in docs/task-folder.md."""

    name: str
    templates: tuple[Template, ...]
    category: str = "Miscellaneous"
    split: Split = "train"
    output: Output = "text"
    constants: Mapping[str, str] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
    """What joins a list, by the placeholder's path as spelled in the template (``meta_data.x``)."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fields: frozenset[str] | None = None
    labels: tuple[str, ...] = ()
    source: str = ""
    """``file`` the task was read from, for messages."""


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example of a meta-prompt: a masked template and a good rewrite of it."""

    source: str
    rewrite: str


@dataclass(frozen=True, slots=True)
class MetaPrompt:
    """A guideline that tells the model how to rewrite (INSTRAUG, arXiv:2402.14492)."""

    id: str
    title: str
    kind: Literal["direct", "guided"]
    text: str
    """The system message."""
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Chat:
    """What is sent, and nothing else: equal chats have equal keys and are bought once."""

    model: str
    """The model's name; for the embedded model its weights' SHA-256 stands in the name."""
    messages: tuple[Message, ...]
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    sample: int
    """Which of several equal askings this is (0, 1, ...)."""
    n: int = 1
    """Choices asked for in one request."""
    grammar: str | None = None
    """A GBNF grammar for backends that constrain decoding."""

    @cached_property
    def canonical(self) -> str:
        """The chat as canonical JSON: sorted keys, no spaces, everything that shapes the answer."""
        body = {
            "grammar": self.grammar,
            "max_tokens": self.max_tokens,
            "messages": [{"content": m.content, "role": m.role} for m in self.messages],
            "model": self.model,
            "n": self.n,
            "sample": self.sample,
            "seed": self.seed,
            "temperature": self.temperature,
            "top_p": self.top_p,
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """SHA-256 (hex) of `canonical`."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Masked:
    """A template as the model sees it: placeholders replaced by short tokens, ends held back."""

    text: str
    """What the model rewrites."""
    tokens: Mapping[str, str]
    """Mask token -> placeholder as spelled, braces included."""
    pattern: str
    """Regular expression that matches every token of this family, ours or invented."""
    prefix: str = ""
    """Template text held back from the model and put back in front."""
    suffix: str = ""
    """Template text held back from the model and put back behind."""


@dataclass(frozen=True)
class Request:
    """A chat, and what its answer will be judged against."""

    chat: Chat
    origin: Template
    """The hand-written ancestor: placeholders compare with it."""
    parent: Template
    """What the model is asked to rewrite: lengths compare with it; the origin itself in step 1."""
    masked: Masked
    meta_prompt: str
    position: int
    """Place (from 0) among its parent's requests."""

    @property
    def order(self) -> tuple[int, int, str, int]:
        """Sorts a task's requests in plan order."""
        return (self.parent.iteration, self.origin.origin, self.parent.id, self.position)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    """True where the endpoint gave no usage and a high estimate stands in."""


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
    """What the endpoint said to one chat, raw bytes included."""

    key: str
    model: str
    """The model that answered, which may differ from the one asked."""
    choices: tuple[Choice, ...]
    usage: Usage
    raw: str
    """The response body, undecoded JSON text, exactly as received."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One broken rule and its detail."""

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice of one reply, after extraction and restoring."""

    request: Request
    reply: str
    """The reply's key."""
    model: str
    choice: int
    said: str
    """What the model said, untouched ("" for a null content)."""
    rewrite: str
    """What extraction left of it, still masked."""
    instruction: str | None
    """The restored template; None where the placeholders do not fit."""
    finish_reason: str | None = None
    logprobs: tuple[float, ...] = ()
    reasons: tuple[Reason, ...] = ()
    """What extraction and restoring already found broken."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate and every rule it breaks; accepted where there is none."""

    candidate: Candidate
    reasons: tuple[Reason, ...]

    @property
    def accepted(self) -> bool:
        """True where no rule is broken."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Instance:
    """One example of a task: the fields its templates render with."""

    task: str
    unique_id: str
    fields: Mapping[str, Any]
    where: str = ""
    """``file:line``, for messages."""


@dataclass(frozen=True, slots=True)
class Row:
    """One training row: an instance rendered with one instruction of its task's pool."""

    instance: Instance
    instruction_id: str
    prompt: str
    target: str
