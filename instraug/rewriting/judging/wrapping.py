"""Pairs of quotes, brackets and emphasis marks that enclose a whole text."""

from __future__ import annotations

import re

MASK = re.compile(r"\{[A-Z]+\d*\}")
"""Matches a mask of any family."""

_PAIRS = {
    '"': '"',
    "'": "'",
    "\u201c": "\u201d\u201c",
    "\u2018": "\u2019",
    "\u00ab": "\u00bb",
    "\u201e": "\u201c\u201d",
    "\u201a": "\u2018\u2019",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
    "\u00bb": "\u00ab",
    "[": "]",
    "(": ")",
    "<": ">",
    "{": "}",
    "\u300a": "\u300b",
    "\u3010": "\u3011",
    **dict.fromkeys("`*_|$~=", ""),
}


def inside(text: str) -> str | None:
    """Return what one pair encloses if it encloses the whole text, not two parts of it."""
    if len(text) < 3 or text[0] not in _PAIRS or MASK.fullmatch(text):
        return None
    first, inner = text[0], text[1:-1]
    if text[-1] not in (_PAIRS[first] or first):
        return None
    if first in "[(<{":
        return inner if balanced(text, 0) == inner else None
    if first == text[-1] and first not in "\"'":
        run = len(text) - len(text.lstrip(first))
        inner = text[run:-run]
        return inner if inner and first not in inner and text.endswith(first * run) else None
    at = min((i for q in {first, text[-1]} if (i := inner.find(q)) >= 0), default=-1)
    # The next quote closes in `"{A}" or "{B}"`, after a non-space; it opens in `"Is "{A}" so?"`.
    return inner if at < 0 or (at > 0 and inner[at - 1].isspace()) else None


def inside_many(text: str) -> str | None:
    """Return what quotes enclose that are doubled or tripled, or that a comma or a stop follows."""
    if found := re.fullmatch(r"([\"'])\1+(?!\1)(.+?)\1{2,}", text, re.DOTALL):
        return None if found[1] * 2 in found[2] else found[2]
    quoted = text[-1:] in (",", ";", ".") and text[0] in "\"'\u201c\u2018\u00ab"
    return inside(text[:-1]) if quoted else None


def balanced(text: str, start: int) -> str | None:
    """Return what the bracket at a position encloses; masks are skipped."""
    opens, closes = text[start], {"{": "}", "[": "]", "(": ")", "<": ">"}[text[start]]
    masks = {m.start(): m.end() for m in MASK.finditer(text)}
    depth, at = 0, start
    while at < len(text):
        if at != start and at in masks:
            at = masks[at]
            continue
        if text[at] == opens:
            depth += 1
        elif text[at] == closes:
            depth -= 1
        if depth == 0:
            return text[start + 1 : at].removesuffix("\\")
        at += 1
    return None
