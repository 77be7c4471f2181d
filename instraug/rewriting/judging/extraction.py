"""Take a rewrite out of what a model said around it; what cannot be taken off is left to the rules.

Nothing inside the rewrite is changed. Patterns are anchored, so that an instruction that really
starts with "Sure" or stands in quotes keeps them where its origin has them too.
"""

from __future__ import annotations

import re

_THINK = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)

_FENCE = re.compile(r"\A```[\w-]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)

_WHAT = r"(?:instructions?|text|sentence|version|prompt|question|task|input|output|rewrite)"

_HOW = r"(?:rewritten|re-written|rephrased|paraphrased|revised|reworded|simplified|new|possible)"

_PREAMBLE_LINE = re.compile(
    r"\A(?:(?:sure|certainly|of course|okay|ok|absolutely|no problem)\b[^\n]*"
    rf"|(?:here(?:'s|\u2019s| is| are)|the following|this is)\b[^\n]*|(?:the )?{_HOW}\b[^\n]*)"
    r":[ \t]*\n+(?=\S)",
    re.IGNORECASE,
)

_LABEL = re.compile(
    rf"\A(?:(?:the )?{_HOW}(?: {_WHAT})?|{_WHAT}|paraphrase|answer)[ \t]*:[ \t]+(?=\S)",
    re.IGNORECASE,
)

_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`", "\u00ab": "\u00bb"}


def extract(said: str, origin: str) -> str:
    """Return the rewrite within an answer.

    Takes off, in this order: a ``<think>`` block, a code fence around everything, one known
    preamble line, one label ("Rewritten instruction:"), one outer pair of quotes.

    Args:
        said: The model's answer.
        origin: What it was asked to rewrite, masked: what the origin has too is not taken off.
    """
    text = _THINK.sub("", said.replace("\r\n", "\n")).strip()
    if fence := _FENCE.match(text):
        text = fence[1].strip()
    for wrap in (_PREAMBLE_LINE, _LABEL):
        if (match := wrap.match(text)) and not wrap.match(origin):
            text = text[match.end() :]
    if not _is_quoted(origin.strip()) and _is_quoted(text):
        text = text[1:-1].strip()
    return text


def _is_quoted(text: str) -> bool:
    """Whether one pair of quotes encloses the whole text, not two quoted words at its ends."""
    if len(text) < 2 or _QUOTES.get(text[0]) != text[-1]:
        return False
    inner = text[1:-1]
    first = min((i for q in {text[0], text[-1]} if (i := inner.find(q)) >= 0), default=-1)
    # The next quote closes in `"{A}" or "{B}"`, after a non-space; it opens in `"Is "{A}" so?"`.
    return first < 0 or (first > 0 and inner[first - 1].isspace())
