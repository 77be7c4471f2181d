"""Characters that a plain instruction does not use, and answers that repeat without end.

One rule about characters replaces a list of wrappings: a mark that a rewrite holds more often than
its origin is markup.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from functools import lru_cache

_MARKED = frozenset("()[]{}<>\\|`*_#@%\u2022\u2023\u2020\u2021\u00a7\u00b6\u203b")

_CATEGORIES = frozenset(
    ["Sm", "Sc", "Sk", "So", "No", "Cc", "Cf", "Cs", "Co", "Cn", "Ps", "Pe", "Pc"]
)

_PLAIN = frozenset(string.ascii_letters + string.digits + " \n\t.,;:?!'\"-/&")
"""The usual characters, none of which is a mark."""

_SPACES = frozenset(["Zs", "Zl", "Zp"])

_ENTITY = re.compile(r"&(?=[#\w])")

_URL = re.compile(r"\w+://|\bwww\.|\b[\w-]+\.(?:com|org|net|io|ai|dev)\b")

_DOTS = re.compile(r"\.{3}|\u2026")

_BROKEN = re.compile(r"(?:[?!]|(?<!\.\w)(?<!etc)\.)[\"'\u201d\u2019]?\s*[,;]")
"""A comma after the end of a sentence."""

_SLASHES = re.compile(r"(?<!\S)(?:/+|-{2,})(?!\S)")

_SIGNED = (
    (_ENTITY, ("&",)),
    (_URL, ("://", "www.", ".com", ".org", ".net", ".io", ".ai", ".dev")),
    (_DOTS, ("...", "\u2026")),
    (_SLASHES, ("/", "--")),
    (_BROKEN, (",", ";")),
)
"""Each with what a text has to hold for a match: to look for that is quick."""

_OPENED = re.compile(r"(?<!\w)'(?!(?:\d0s|em|tis|til|cause)\b)(?=[\w{])", re.IGNORECASE)

_CLOSED = re.compile(r"(?<=[\w}.,?!])'(?!\w)")

_QUOTES = (('"', '"'), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"))

_TWICE = re.compile(r"([\"'])\1+")

_FIRST = re.compile(r"[^\w\s{\"'\u201c\u2018\u00ab\u201e(\[<]+")

_LAST = re.compile(r"(?:[,;/~\u00b7-]|(?<=[.?!])[\"'\u201d\u2019]?[.,;:]|(?<=[?!])\.)\Z")

_GLUED = re.compile(r"(?!e?s\b)\w")

_SIGNS = re.compile(r"[^\w\s\0]{4}")

_RUN = re.compile(r"([^\w\s])\1{3,}|[^\w\s\0]{6,}")

_LONGEST = 64
"""Characters of the longest word; a longer run without a space is not a sentence."""


@lru_cache(maxsize=4096)
def _is_mark(char: str) -> bool:
    return char in _MARKED or (
        char not in " \n\t" and unicodedata.category(char) in _CATEGORIES | _SPACES
    )


@lru_cache(maxsize=4096)
def _marks(text: str) -> dict[str, int]:
    return {c: text.count(c) for c in sorted(set(text) - _PLAIN) if _is_mark(c)}


def more(rewrite: str, origin: str) -> str | None:
    """Return the detail of a mark that a rewrite holds more often than its origin, or None.

    Marks are brackets, backslash, backtick, currency and other symbols, emphasis, control and
    private characters, and unassigned code points; entities and URLs count as marks.

    Args:
        rewrite: With its masks replaced.
        origin: The template, with its masks replaced.
    """
    had = _marks(origin)
    for char, n in _marks(rewrite).items():
        if n > had.get(char, 0):
            return f"holds {_shown(char)} {n} times, the template {had.get(char, 0)}"
    for pattern, signs in _SIGNED:
        now = pattern.findall(rewrite) if any(map(rewrite.__contains__, signs)) else []
        if now and len(now) > (before := len(pattern.findall(origin))):
            return f"holds {now[0]!r} {len(now)} times, the template {before}"
    for opens, closes in _QUOTES:
        if _odd(rewrite, opens, closes) and not _odd(origin, opens, closes):
            return f"{opens} is never closed"
    if (twice := _TWICE.search(rewrite)) and twice[0] not in origin:
        return f"holds {twice[0]!r}"
    if _unclosed(rewrite) and not _unclosed(origin):
        return "' is never closed"
    return None


def edges(rewrite: str, origin: str) -> str | None:
    """Return the detail of a sign that no sentence begins or ends with, unless its origin does."""
    first, last = _FIRST.match(rewrite), _LAST.search(rewrite)
    if first and not origin.startswith(first[0]):
        return f"begins with {first[0]!r}"
    if last and not origin.rstrip().endswith(last[0]):
        return f"ends with {last[0]!r}"
    return None


def _unclosed(text: str) -> bool:
    return "'" in text and len(_OPENED.findall(text)) > len(_CLOSED.findall(text))


def _odd(text: str, opens: str, closes: str) -> bool:
    if opens == closes:
        return text.count(opens) % 2 == 1
    return text.count(opens) != text.count(closes)


def _shown(char: str) -> str:
    return char if char.isprintable() else f"U+{ord(char):04X}"


def beside(rewrite: str, origin: str, mask: str) -> str | None:
    """Return the detail of a mark that is beside a mask here but not in the origin, or None."""
    had = _neighbours(origin, mask)
    for token, left, right in _neighbours(rewrite, mask) - had:
        return f"{_shown(left or right)} stands {'before' if left else 'behind'} {token}"
    return None


@lru_cache(maxsize=4096)
def _neighbours(text: str, mask: str) -> Counter[tuple[str, str, str]]:
    neighbours: Counter[tuple[str, str, str]] = Counter()
    for match in re.finditer(mask, text):
        left = text[match.start() - 1 : match.start()] if match.start() else ""
        right = text[match.end() : match.end() + 1]
        if left and _is_mark(left) and not _ends_mask(text, match.start(), mask):
            neighbours[match[0], left, ""] += 1
        if _glues(left):
            neighbours[match[0], left, ""] += 1
        elif _GLUED.match(text, match.end()) and _glues(right):
            neighbours[match[0], "", right] += 1
        if right and _is_mark(right) and not re.compile(mask).match(text, match.end()):
            neighbours[match[0], "", right] += 1
    return neighbours


def _glues(char: str) -> bool:
    """Whether a letter or digit joins a value to a word; Chinese has no spaces between words."""
    return char.isalnum() and char < "\u2e80"


def _ends_mask(text: str, at: int, mask: str) -> bool:
    return re.search(rf"(?:{mask})\Z", text[max(0, at - 12) : at]) is not None


def runaway(rewrite: str, origin: str, mask: str) -> str | None:
    """Return the detail of a runaway (a repeated sign, word or phrase, a long word), or None."""
    plain = re.sub(mask, " \0 ", rewrite)
    run = _RUN.search(plain) if _SIGNS.search(plain) else None
    if run and run[0] not in _unmasked(origin, mask):
        return f"repeats {run[0][:6]!r}"
    words = plain.casefold().split()
    longest = max(words, key=len, default="")
    if len(longest) > _LONGEST and longest not in _unmasked(origin, mask).casefold():
        return f"a word of {len(longest)} characters"
    often = Counter(words)
    often.pop("\0", None)  # a mask repeats as its placeholder does
    # A phrase that comes three times in a row is made of words that each come three times.
    if b"\1\1\1" not in bytes([often[word] > 2 for word in words]):
        return None
    for size in range(1, min(8, len(words) // 3) + 1):
        for i in range(len(words) - 3 * size + 1):
            phrase = words[i : i + size]
            if phrase * 2 == words[i + size : i + 3 * size] and "\0" not in phrase:
                return f"repeats {' '.join(phrase)[:40]!r}"
    return None


@lru_cache(maxsize=4096)
def _unmasked(text: str, mask: str) -> str:
    return re.sub(mask, " \0 ", text)
