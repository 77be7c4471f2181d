"""Read token counts of providers: under several names, with thinking included or apart."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeGuard

_PROMPT = ("prompt_tokens", "input_tokens", "promptTokenCount")

_COMPLETION = ("completion_tokens", "output_tokens", "candidatesTokenCount")

_TOTAL = ("total_tokens", "totalTokenCount")

_THOUGHT = ("reasoning_tokens", "thoughtsTokenCount")

_PIECES = re.compile(r"[^\w\s]?[^\W\d_]+|\d{1,3}|[^\w\s]+")
"""Pieces of text that no common tokenizer joins into one token."""

_PIECE_BYTES = 6
"""Bytes of a token in scripts without spaces between words; longer tokens are rare."""


def counted(usage: object) -> tuple[int, int]:
    """Return the tokens of prompt and completion, thinking included; 0 for what is not counted.

    OpenAI counts thinking in ``completion_tokens``; xAI counts it apart, and only the total holds
    both. Without a total, thinking counts as apart where it has more tokens than the completion.
    """
    if not isinstance(usage, Mapping):
        return 0, 0
    prompt, completion = _first(usage, _PROMPT), _first(usage, _COMPLETION)
    thought = thinking(usage)
    beside = completion + thought if thought > completion else completion
    total = _first(usage, _TOTAL)
    return prompt, max(beside, total - prompt) if prompt else beside


def thinking(usage: object) -> int:
    """Return the tokens spent on thinking; 0 where none are counted."""
    if not isinstance(usage, Mapping):
        return 0
    inner = [usage, usage.get("completion_tokens_details"), usage.get("output_tokens_details")]
    return max(_first(u, _THOUGHT) for u in inner if isinstance(u, Mapping))


def least(text: str) -> int:
    """Return a lower bound of the tokens that any common tokenizer makes of the text."""
    sizes = (len(m[0]) if m[0].isascii() else len(m[0].encode()) for m in _PIECES.finditer(text))
    return sum(math.ceil(size / _PIECE_BYTES) if size > 24 else 1 for size in sizes)


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int:
    values = (usage.get(name) for name in names)
    return next((int(v) for v in values if is_count(v)), 0)
