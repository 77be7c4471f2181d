"""Literals of a template that a rewrite keeps to the letter, and slots that no template has.

JSON, tags, bracketed words, LaTeX commands, code in backticks and printf slots mean something to
the reader of the answer: a rewrite that loses one asks for something else. A slot that the template
does not have is an invented placeholder.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

_SPAN = re.compile(
    r"</?[A-Za-z][^<>\n]{0,80}>|<\|[^<>\n]{1,60}\|>"  # tags and control tokens
    r"|`[^`\n]+`|\$[^$\s](?:[^$\n]*[^$\s])?\$(?!\d)"  # code, mathematics
    r"|\\[a-z]+|%(?:\([^()\s]+\))?[sdfr]\b"  # escapes, commands, printf slots
    r"|\((?:[A-Za-z]|\d{1,2})\)"  # (A), (1)
    r"|_{2,}"  # a blank to fill
    r"|&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});"
    r"|\w+://\S*[\w/]"
)

_OPENS = {"{": "}", "[": "]"}

_SLOT = re.compile(
    r"\{+\s*[^\s{}\"',:;]+\s*\}+"  # {text}, { A }, {{A}}, {0}
    r"|\[+\s*(?:[A-Z][A-Z0-9_]*|[a-z]\w*_\w+|\d{1,2})\s*\]+"  # [A], [TEXT], [user_text], [0]
    r"|<+/?\s*(?:[A-Z][A-Z0-9_]*|[a-z]\w*)\s*/?>+"  # <A>, <<text>>
    r"|\$\{[^{}]*\}|\$[A-Za-z_]\w*"  # ${a}, $A
    r"|%(?:\([^()\s]+\))?[sdfr]\b|%[A-Za-z]\w*%"  # %s, %(a)s, %A%
    r"|_{2,}(?:\w+_{2,})?|@\w+@|#\w+#|:[a-z_]+:"  # ___, __A__, @A@, :a:
)


@lru_cache(maxsize=8192)
def literals(text: str, mask: str) -> Counter[str]:
    """Count the literals of a masked template, each as it is spelled, masks in it included.

    Args:
        text: The masked template.
        mask: Regular expression of its masks; a mask by itself is not a literal.
    """
    counts: Counter[str] = Counter()
    plain: list[str] = []
    at = 0
    for start, end in _enclosed(text, re.compile(mask)):
        plain.append(text[at:start])
        counts[text[start:end]] += 1
        at = end
    for piece in (*plain, text[at:]):
        counts.update(m[0] for m in _SPAN.finditer(piece))
    return counts


def _enclosed(text: str, mask: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans in outermost braces or brackets, a LaTeX command in front of it included."""
    masks = {m.start(): m.end() for m in mask.finditer(text)}
    awaited: list[str] = []
    start = at = 0
    while at < len(text):
        if end := masks.get(at):
            at = end
            continue
        char = text[at]
        at += 1
        if char in _OPENS:
            start = start if awaited else at - 1
            awaited.append(_OPENS[char])
        elif awaited and char == awaited[-1]:
            awaited.pop()
            if not awaited:
                command = re.search(r"\\[A-Za-z]+\Z", text[:start])
                yield (command.start() if command else start), at


def lost(answer: str, text: str, mask: str) -> list[str]:
    """Name each literal of a masked template that an answer holds more or less often."""
    own = literals(text, mask)
    found = [
        f"literal {literal[:60]} wanted {text.count(literal)} times, found {answer.count(literal)}"
        for literal in own
        if answer.count(literal) != text.count(literal)
    ]
    if found:
        return found
    return [
        f"literal {literal[:60]} closes before it opens"
        for literal in own
        if literal.startswith("</") and _turned(answer, literal) and not _turned(text, literal)
    ]


def _turned(text: str, closing: str) -> bool:
    """Whether a closing tag stands in front of the opening one of its pair."""
    opening = re.search(rf"<{re.escape(closing[2:-1])}(?:\s[^<>]*)?>", text)
    return opening is not None and text.index(closing) < opening.start()


def slots(text: str, mask: re.Pattern[str]) -> Counter[str]:
    """Count what looks like a slot and is not a mask, in any usual spelling."""
    return Counter(_SLOT.findall(mask.sub("\0", text)))
