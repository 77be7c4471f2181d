"""Extract the rewrite from an answer; the rules judge what cannot be removed.

Nothing inside the rewrite is changed, and nothing that its origin also holds is removed. If exactly
one text of a JSON object, a fence, a table or a labelled line holds each mask as often as the
origin, it is the rewrite.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from instraug.rewriting.judging.edges import is_label, sentence
from instraug.rewriting.judging.talk import about, on_topic
from instraug.rewriting.judging.thinking import spoken
from instraug.rewriting.judging.wrapping import MASK, balanced, inside, inside_many
from instraug.tasks.words import folded

_FENCED = re.compile(
    r"^[ \t]*(```+|~~~+)[\w-]*[ \t]*\n(.*?)\n?[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE
)

_HEAD = re.compile(
    r"\A[\s*_#>]{0,12}(?P<head>[^\s{}:\uff1a][^\n{}:\uff1a]{0,119}?)[\s*_]{0,8}"
    r"(?:[:\uff1a](?!//|\d)[\s*_]{0,12}|\s{1,4}(?:[-=]>|[-\u2013\u2014=>|\u2192\u21d2~]{1,4})\s{1,4})(?=\S)"
)

_OTHER = re.compile(
    r"(?:or|also|else|another|other|alternative(?:ly)?)\b|.*\b(?:[2-9]|two|three|second|third)\b",
    re.IGNORECASE,
)
"""Matches a label of one more rewrite, beside one that was given."""

_LATEX = re.compile(r"\\(?:[a-zA-Z]+\s*\{|\[|\()")

_ITEM = re.compile(r"^\s*(?:[-*\u2022\u2013+]|\d{1,2}[.)])\s", re.MULTILINE)
"""Matches the start of a list item."""

_COMMA = re.compile(r",(?=\s*[}\]])")

_MOST = 1_000_000
"""Characters of the longest answer that is read, thoughts included."""

_WRAPPED = 20_000
"""Characters that may stand around a rewrite."""

_LONGEST = 4
"""Times its origin's characters, plus 2,000: a longer text is not a rewrite of it."""


@dataclass(frozen=True)
class _Origin:
    """The origin, which an answer is compared with."""

    text: str
    masks: Counter[str]
    lines: int

    def fits(self, text: str) -> bool:
        """Whether a text can be the rewrite: it holds each mask as often, and is not the origin.

        Without masks, one of about its length that speaks of instructions and not of rewriting.
        """
        if Counter(MASK.findall(text)) != self.masks or folded(text) == folded(self.text):
            return False
        if self.masks:
            return True
        share = _own(text) / max(1, _own(self.text))
        alike = 0.4 < share < 2.5 and "\n" not in text.strip() and text.strip()[:1] not in "{["
        return alike and on_topic(text, self.text) and about(text, self.text) is None

    def only(self, texts: Iterable[str]) -> str | None:
        """Return the only text that fits; None if none fits, or several do."""
        fitting = {t.strip() for t in texts if self.fits(t)}
        return fitting.pop() if len(fitting) == 1 else None


@lru_cache(maxsize=4096)
def _compared(origin: str) -> _Origin:
    lines = sum(1 for line in origin.split("\n") if line.strip())
    return _Origin(origin, Counter(MASK.findall(origin)), lines)


def extract(answer: str, origin: str) -> str:
    """Return the rewrite within an answer.

    These are removed, repeatedly: thoughts and control tokens, a fence, JSON, a table, lines of
    talk around the rewrite, a label in front of it, LaTeX, outer quotes, brackets or emphasis.

    Args:
        answer: The model's answer.
        origin: The masked template that it rewrites; what it also holds is not removed.

    Returns:
        The rewrite; "" if nothing is left. A text that is `too_long` is returned as far as it was
        processed.
    """
    if len(answer) > _MOST:
        return answer
    text = spoken(answer.replace("\r\n", "\n").strip(), origin, MASK).strip()
    if len(text) > _longest(origin) + _WRAPPED:
        return text
    compared = _compared(origin.strip())
    for _ in range(12):
        before = text
        for step in _STEPS:
            text = step(text, compared).strip()
        if text == before:
            break
    return text


def too_long(rewrite: str, origin: str) -> bool:
    """Whether a text has far more characters than a rewrite can have."""
    return len(rewrite) > _longest(origin)


def _longest(origin: str) -> int:
    return _LONGEST * len(origin) + 2000


def listed(answer: str) -> str:
    """Return the lines of an answer that is a list, without thoughts, a fence and JSON."""
    text = spoken(answer.replace("\r\n", "\n").strip()[:_WRAPPED], "", MASK).strip()
    blocks = list(_FENCED.finditer(text))
    text = blocks[0][2] if len(blocks) == 1 else text
    start = re.search(r"[{\[]\s*[\"\[{]", text)
    if start and (value := _value(text, start.start())) is not None:
        return "\n".join(f"- {one}" for one in reversed(list(_texts(value[0]))))
    return text


def _value(text: str, start: int) -> tuple[Any, int] | None:
    """Return the JSON value at a position, and where it ends; None if there is none."""
    for read in (text, _COMMA.sub(" ", text)):  # a comma behind the last entry is common
        try:
            return json.JSONDecoder(strict=False).raw_decode(read, start)
        except (ValueError, RecursionError):
            continue
    return None


def _unfenced(text: str, origin: _Origin) -> str:
    if "```" in origin.text or not (blocks := list(_FENCED.finditer(text))):
        return text
    if len(blocks) == 1 and blocks[0].span() == (0, len(text)):
        return blocks[0][2]
    return origin.only(_parsed(b[2], origin) for b in blocks) or text


def _parsed(text: str, origin: _Origin) -> str:
    """Return the only text of a JSON value that can be the rewrite."""
    start = re.search(r"[{\[]\s*[\"\[{]", text)
    if start is None or MASK.search(text[: start.start()]):
        return text
    if (parsed := _value(text, start.start())) is None:
        return text
    value, end = parsed
    if MASK.search(text[end:]):
        return text
    texts = list(_texts(value))
    if not origin.masks and len(texts) == 1 and not (text[: start.start()] + text[end:]).strip():
        return texts[0]
    return origin.only(texts) or text


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(entries):
                waiting += entries.values()
            case list(items):
                waiting += items


def _cell(text: str, origin: _Origin) -> str:
    """Return the only cell of a table that can be the rewrite."""
    if "|" not in text or "|" in origin.text:
        return text
    return origin.only(re.split(r"[|\n]", text)) or text


def _own_lines(text: str, origin: _Origin) -> str:
    """Remove lines of talk before and after the rewrite while there are too many lines."""
    lines = text.strip("\n").split("\n")
    if _count(lines) <= origin.lines or bool(origin.masks) != bool(MASK.search(text)):
        return text
    if origin.lines == 1:
        own = [line for line in lines if line.strip()]
        if _several(own, origin):
            return text
        if one := _one_line(own, origin):
            return one
    count = len(lines)
    for end, talk in ((0, _talk_before), (-1, _talk_behind)):
        while _count(lines) > origin.lines and talk(lines, origin):
            lines.pop(end)
            while lines and not lines[end].strip():
                lines.pop(end)
    return "\n".join(lines) if len(lines) < count else text


def _count(lines: list[str]) -> int:
    return sum(1 for line in lines if line.strip())


def _several(lines: list[str], origin: _Origin) -> bool:
    """Whether a rewrite has another one below it: "{A} is where?", then "Or: Where is {A}?"."""
    given = False
    for line in lines:
        label = _HEAD.match(line)
        body = _body(line, origin)
        if given and label and body and _OTHER.match(label["head"]) and origin.fits(body):
            return True
        given = given or origin.fits(line if body is None else body)
    return False


def _one_line(lines: list[str], origin: _Origin) -> str | None:
    """Return the line that a label names the rewrite; one under a heading comes after drafts."""
    if not origin.masks:
        return origin.only([_body(lines[-1], origin) or ""])
    last = next(i for i in range(len(lines) - 1, -1, -1) if MASK.search(lines[i]))
    plain = _body(lines[last], origin) is None and origin.fits(lines[last])
    if plain and last and lines[last - 1].rstrip(" *_").endswith((":", "\uff1a")):
        return lines[last].strip()
    found = [b for line in lines if (b := _body(line, origin)) is not None]
    return None if plain else origin.only(b for b in found if not about(b, origin.text))


def _talk_before(lines: list[str], origin: _Origin) -> bool:
    line = lines[0].strip()
    if MASK.search(line):
        same = folded(_body(line, origin) or line) == folded(origin.text)
        return same or _note(line, lines[1:], origin)
    heading = line.endswith((":", "\uff1a", ":**")) or line[0] in "#*"
    return bool(heading or about(line, origin.text) or not on_topic(line, origin.text))


def _talk_behind(lines: list[str], origin: _Origin) -> bool:
    line = lines[-1].strip()
    if MASK.search(line):
        return _note(line, lines[:-1], origin)
    if line.endswith((":", "\uff1a")) and not origin.text.endswith(":"):
        return True
    listed = _ITEM.match(line) and not _ITEM.search(origin.text)
    return bool(listed or about(line, origin.text) or not on_topic(line, origin.text))


def _note(line: str, rest: list[str], origin: _Origin) -> bool:
    """Whether a line speaks about a rewrite that the other lines hold."""
    return origin.fits("\n".join(rest)) and about(line, origin.text) is not None


def _unlabelled(text: str, origin: _Origin) -> str:
    body = _body(text, origin)
    return text if body is None else body


def _body(text: str, origin: _Origin) -> str | None:
    """Return the text behind a label; None if there is no label."""
    match = _HEAD.match(text)
    if match is None or _has_head(origin.text, match["head"]):
        return None
    body = text[match.end() :]
    enough = 2 if sentence(body) else max(2, _own(origin.text) // 2)
    if _own(body) < enough or not is_label(match["head"].strip(), body, origin.text, MASK):
        return None
    return body


def _has_head(origin: str, head: str) -> bool:
    """Whether the origin holds these words in front of a colon or a dash, too."""
    return (
        re.search(rf"{re.escape(folded(head))}[\s*_]*[:\uff1a\u2013\u2014=|-]", folded(origin))
        is not None
    )


def _own(text: str) -> int:
    return sum(1 for w in MASK.sub(" ", text).split() if any(c.isalnum() for c in w))


def _unwrapped(text: str, origin: _Origin) -> str:
    """Remove one pair of quotes, brackets or emphasis marks, or a LaTeX command."""
    if inner := inside(text) or inside_many(text):
        return text if inside(origin.text) else inner
    if "\\" in text and "\\" not in origin.text:
        inner_texts = (balanced(text, m.end() - 1) for m in islice(_LATEX.finditer(text), 20))
        return origin.only(t for t in inner_texts if t and "\\" not in t) or text
    return text


_STEPS: tuple[Callable[[str, _Origin], str], ...] = (
    _unfenced,
    _parsed,
    _cell,
    _own_lines,
    _unlabelled,
    _unwrapped,
)
