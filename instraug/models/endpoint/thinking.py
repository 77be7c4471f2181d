"""Models that think before they answer: they get a larger limit; too much thinking ends the run."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from instraug.errors import GivenUp, InstraugError
from instraug.models.chat import Chat, Choice, Reply
from instraug.models.endpoint import usage, wire
from instraug.models.endpoint.quirks import Quirks

ROOM = 4096
"""Tokens an answer may have once the model showed thinking, unless the user set a limit."""

_FEW = 5
"""The run ends after this many answers of only thinking, and four more for each other one."""

_OPENING = re.compile(
    r"\s*(?:<think\w*>|<reasoning>|\[THINK\]|<\|channel\|>\s*analysis)", re.IGNORECASE
)

_CLOSING = re.compile(r"</think\w*>|</reasoning>|\[/THINK\]|<\|channel\|>\s*final", re.IGNORECASE)

_LIMIT = re.compile(r"(?i).*(?:length|max.*tokens|token.*limit)")
"""Finish reasons of an answer cut at the token limit."""

_KEYS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
"""Keys under which providers put the thinking of a message."""


class Thinking:
    """Watches the answers of one endpoint for thinking.

    Args:
        quirks: Learns that the model thinks, and then sends a larger limit.
        long_answers: An answer may be much longer than its question; else that shows thinking.
    """

    def __init__(self, quirks: Quirks, *, long_answers: bool = False) -> None:
        self._quirks, self._long = quirks, long_answers
        self._trial = asyncio.Lock()
        self._spent = self._answers = 0

    async def complete(self, chat: Chat, ask: Callable[[Chat], Awaitable[Reply]]) -> Reply:
        """Ask for a chat; ask again with a larger limit if the first answer was only thinking.

        One call at a time tries whether a larger limit helps, and no other is sent meanwhile. The
        reply then holds the choices of both answers.

        Raises:
            GivenUp: too many answers were only thinking.
        """
        if self._trial.locked():
            async with self._trial:
                pass
        self._check(chat)
        reply = await ask(chat)
        if not self._is_spent(reply, chat):
            self._answers += 1
            if not self._quirks.thinks and shows_thinking(reply):
                self._quirks.saw_thinking()
            return reply
        room = dict(reply.sent).get("max_tokens") or chat.max_tokens
        self._quirks.saw_thinking()
        if self._quirks.limit(chat.max_tokens) == room:
            self._spent += 1
            return reply
        if not self._answers:
            async with self._trial:
                if not self._answers:
                    return await self._again(chat, reply, ask)
        return await self._again(chat, reply, ask)

    async def _again(
        self, chat: Chat, reply: Reply, ask: Callable[[Chat], Awaitable[Reply]]
    ) -> Reply:
        if self._is_over():
            return reply  # It is paid for, and kept.
        try:
            more = await ask(chat)
        except InstraugError:
            return reply  # The next call meets the same error and raises it.
        if self._is_spent(more, chat):
            self._spent += 1
        else:
            self._answers += 1
        return wire.joined(chat, [reply, more])

    def _is_spent(self, reply: Reply, chat: Chat) -> bool:
        return is_spent(reply, chat, long_answers=self._long)

    def _is_over(self) -> bool:
        return self._spent >= _FEW + 4 * self._answers

    def _check(self, chat: Chat) -> None:
        if self._is_over():
            limit = self._quirks.limit(chat.max_tokens)
            raise GivenUp(
                f"the model spent all {limit} tokens of {self._spent} answers on thinking, and "
                f"{self._answers or 'none'} answered; raise answer_tokens (now {limit}), or take a "
                "model that does not think first"
            )


def after_thinking(answer: str) -> str:
    """Return what an answer holds after its thinking; all of it where there is none."""
    *_, spoken = _CLOSING.split(answer)
    if spoken is answer or len(spoken) == len(answer):
        return "" if _OPENING.match(answer) else answer
    return re.sub(r"\A\s*<\|message\|>", "", spoken)


def is_spent(reply: Reply, chat: Chat, *, long_answers: bool = False) -> bool:
    """Whether every choice was cut at the token limit before its answer began."""
    longest = math.inf if long_answers else 100 + 4 * len(chat.messages[-1].content.split())
    return bool(reply.choices) and all(_is_spent(c, longest) for c in reply.choices)


def _is_spent(choice: Choice, longest: float) -> bool:
    text = choice.text or ""
    if not _LIMIT.fullmatch(choice.finish_reason or "") or _CLOSING.search(text):
        return False
    # Some chat templates open the thinking themselves: then only its length shows it.
    return not text.strip() or bool(_OPENING.match(text)) or len(text.split()) > longest


def shows_thinking(reply: Reply) -> bool:
    """Whether a reply shows that its model thought first."""
    if any(_CLOSING.search(choice.text or "") for choice in reply.choices):
        return True
    if "reasoning" not in reply.raw and "hought" not in reply.raw and "thinking" not in reply.raw:
        return False
    body = wire.decode(reply.raw)
    return any(_thought(one) for one in (body if isinstance(body, list) else [body]))


def _thought(body: Mapping[str, Any]) -> bool:
    if usage.thinking(body.get("usage")):
        return True
    return any(_says_so(choice.get("message")) for choice in body.get("choices") or ())


def _says_so(message: object) -> bool:
    if not isinstance(message, Mapping):
        return False
    content = message.get("content")
    parts = (
        [p.get("type") for p in content if isinstance(p, dict)] if isinstance(content, list) else []
    )
    return any(message.get(k) for k in _KEYS) or any(t in ("thinking", "reasoning") for t in parts)
