"""Tokens of texts without a tokenizer: a bound that is never exceeded, and a high guess."""

from __future__ import annotations

from collections.abc import Sequence

from instraug.models.chat import Chat

OVERHEAD = 16
"""Tokens a chat template may spend on each message and once on the whole."""


def prompt_bound(texts: Sequence[str]) -> int:
    """Return a number of tokens that no prompt of these messages or inputs exceeds.

    A token of any byte-level vocabulary is at least one byte; a chat template adds a few.
    """
    return OVERHEAD + sum(_bytes(t) + OVERHEAD for t in texts)


def chat_bound(chat: Chat) -> int:
    """Return `prompt_bound` of a chat, with what its images count as."""
    images = sum([i.tokens for m in chat.messages for i in m.images])
    return images + prompt_bound([m.content for m in chat.messages])


def estimate(text: str) -> int:
    """Return a high guess of a text's tokens: half its UTF-8 bytes, rounded up.

    English runs at about four bytes a token, mask tokens and other scripts at two to three.
    """
    return (_bytes(text) + 1) // 2


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
