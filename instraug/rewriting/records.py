"""The frozen records that flow through the chain: Request -> Reply -> Candidate -> Verdict."""

from __future__ import annotations

from dataclasses import dataclass

from instraug.models.chat import Chat
from instraug.tasks.placeholders import Masked
from instraug.tasks.records import Template


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is judged against; it is kept after the chat is dropped."""

    origin: Template
    """The hand-written ancestor, which placeholders are compared with."""
    parent: Template
    """What the model rewrites, and lengths are compared with; the origin itself in step 1."""
    masked: Masked
    meta_prompt: str
    temperature: float
    position: int
    """Place (from 0) among its parent's requests."""

    @property
    def order(self) -> tuple[int, int, str, int]:
        """Sorts a task's requests in plan order."""
        return (self.parent.iteration, self.origin.origin, self.parent.id, self.position)


@dataclass(frozen=True, slots=True)
class Request(Asked):
    """A chat, and what its answer will be judged against."""

    chat: Chat

    @property
    def asked(self) -> Asked:
        """The request without its chat."""
        return Asked(
            self.origin,
            self.parent,
            self.masked,
            self.meta_prompt,
            self.temperature,
            self.position,
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """One broken rule and its detail."""

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice of one reply, after extraction and restoring."""

    request: Asked
    reply: str
    """The reply's key."""
    model: str
    choice: int
    size: int
    """Characters of what the model answered."""
    rewrite: str
    """The rewrite that extraction left, still masked; "" once it is judged."""
    instruction: str | None
    """The restored template; None if the placeholders do not fit."""
    finish_reason: str | None = None
    logprobs: tuple[float, ...] = ()
    sent: tuple[tuple[str, float | None], ...] = ()
    """As in `Reply.sent`."""
    reasons: tuple[Reason, ...] = ()
    """The rules that are broken whatever the other answers are."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate and every rule it breaks; it is accepted if it breaks none."""

    candidate: Candidate
    reasons: tuple[Reason, ...]

    @property
    def accepted(self) -> bool:
        """True where no rule is broken."""
        return not self.reasons
