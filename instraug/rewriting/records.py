"""The frozen records that flow through the chain: Request -> Reply -> Candidate -> Verdict."""

from __future__ import annotations

from dataclasses import dataclass

from instraug.models.chat import Chat
from instraug.tasks.placeholders import Masked
from instraug.tasks.records import Template


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is judged against; it stays when the chat is long forgotten."""

    origin: Template
    """The hand-written ancestor: placeholders compare with it."""
    parent: Template
    """What the model is asked to rewrite: lengths compare with it; the origin itself in step 1."""
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
    """What extraction left of what the model said, still masked; "" once it is judged."""
    instruction: str | None
    """The restored template; None where the placeholders do not fit."""
    finish_reason: str | None = None
    logprobs: tuple[float, ...] = ()
    sent: tuple[tuple[str, float | None], ...] = ()
    """As the reply's."""
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
