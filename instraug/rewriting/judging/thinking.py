"""Remove the thoughts of an answer, and the tokens of the model's chat template.

Tags that the instruction template itself holds are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

_THOUGHT = re.compile(
    r"think|thought|reason|analy|scratch|reflect|monolog|deliberat|plan\b|cot\b|rationale",
    re.IGNORECASE,
)

_NAME = r"[A-Za-z][\w:.-]{0,40}"

_PAIRED = re.compile(
    rf"<(?P<x>/?)(?P<xn>{_NAME})(?:\s[^<>\n]{{0,80}})?>"
    rf"|\[(?P<b>/?)(?P<bn>[A-Z][A-Z_]{{2,20}})\]|\u25c1(?P<k>/?)(?P<kn>{_NAME})\u25b7"
)

_WRAPPER = re.compile(
    r"answer|output|respon|rewrit|rephras|paraphras|revis|instruct|final|result|solution",
    re.IGNORECASE,
)

_SPECIAL = re.compile(
    r"<[|\uff5c][^<>\n]{0,60}>|<[^<>|\uff5c\n]{1,60}[|\uff5c]>|</?s>"
    r"|<(?:bos|eos|pad|unk|unused\d+)>|<(?:start|end)_of_\w+>|\[/?INST\]|<</?SYS>>|\[(?:BOS|EOS|EOT|END)\]",
    re.IGNORECASE,
)

_ROLE = re.compile(
    r"\s*(assistant|model|bot|final|analysis|commentary|thoughts?|user|human|system|developer|tool)"
    r"(?:\s*\n|\s*\Z)"
)

_MOST = 1000
"""Tags of an answer that are read."""

_ALOUD = frozenset(["", "assistant", "model", "bot", "final"])


def spoken(answer: str, origin: str, mask: re.Pattern[str]) -> str:
    """Return an answer without thoughts and control tokens.

    A thought is a block of that name in any kind of tag, everything before a closing tag that
    was never opened, and everything after an opening one that was never closed. Of any other
    pair of tags only the inside is kept if the rest holds no masks.

    Args:
        answer: The model's answer.
        origin: What it rewrites, masked.
        mask: Matches a mask.
    """
    text = answer
    for _ in range(20):
        shorter = _without_pair(_without_specials(text, origin, mask), origin, mask)
        if shorter == text:
            break
        text = shorter
    return text


@dataclass(frozen=True)
class _Tag:
    name: str
    closes: bool
    start: int
    end: int


def _tags(text: str, origin: str) -> Iterator[_Tag]:
    held = origin.casefold()
    for match in islice(_PAIRED.finditer(text), _MOST):
        # A template that holds a tag keeps it; a block before its rewrite is one tag too many.
        own = held.count(match[0].casefold())
        if own and text.casefold().count(match[0].casefold()) <= own:
            continue
        for kind in "xbk":
            if name := match[f"{kind}n"]:
                yield _Tag(name.casefold(), bool(match[kind]), match.start(), match.end())


def _without_pair(text: str, origin: str, mask: re.Pattern[str]) -> str:
    tags = list(_tags(text, origin))
    if last := _never_opened(tags):
        return text[last.end :]
    for tag, close in _matched(tags):
        taken = (
            _of_pair(text, tag, close, lambda t: _holds(t, origin, mask))
            if close
            else _of_single(text, tag)
        )
        if taken is not None:
            return taken
    return text


def _of_single(text: str, tag: _Tag) -> str | None:
    """Return the text around a tag whose other half is in the chat template, or was cut."""
    before, after = text[: tag.start], text[tag.end :]
    if _THOUGHT.search(tag.name):
        return after if tag.closes else before
    if tag.closes:
        return None if after.strip() else before
    return after if _WRAPPER.search(tag.name) and not before.strip() else None


def _of_pair(text: str, tag: _Tag, close: _Tag, holds: Callable[[str], bool]) -> str | None:
    inside, rest = text[tag.end : close.start], text[: tag.start] + text[close.end :]
    if _THOUGHT.search(tag.name):
        return rest
    if not rest.strip() or (holds(inside) and not holds(rest)):
        return inside
    apart = holds(rest) and not holds(inside) and _alone(text, tag, close)
    return rest if apart else None


def _never_opened(tags: list[_Tag]) -> _Tag | None:
    """Return the last closing tag of a thought that no opening one stands before."""
    last, open_ = None, Counter[str]()
    for tag in tags:
        if not tag.closes:
            open_[tag.name] += 1
        elif open_[tag.name]:
            open_[tag.name] -= 1
        elif _THOUGHT.search(tag.name):
            last = tag
    return last


def _matched(tags: list[_Tag]) -> list[tuple[_Tag, _Tag | None]]:
    """Pair each opening tag with the next closing one of its name."""
    pairs: list[tuple[_Tag, _Tag | None]] = []
    closing: dict[str, _Tag] = {}
    for tag in reversed(tags):
        pairs.append((tag, None if tag.closes else closing.get(tag.name)))
        if tag.closes:
            closing[tag.name] = tag
    return pairs[::-1]


def _alone(text: str, tag: _Tag, close: _Tag) -> bool:
    """Whether a block has lines of its own."""
    before, after = text[: tag.start].rstrip(" \t"), text[close.end :].lstrip(" \t")
    return before[-1:] in ("", "\n") and after[:1] in ("", "\n")


def _without_specials(text: str, origin: str, mask: re.Pattern[str]) -> str:
    """Return the first turn between control tokens that is not a thought; with masks if any."""
    at, role, aloud = 0, "", []
    marks = [m for m in _SPECIAL.finditer(text) if m[0].casefold() not in origin.casefold()]
    if not marks:
        return text
    for mark in (*marks, None):
        turn = text[at : mark.start() if mark else len(text)]
        if at and (match := _ROLE.match(turn)):
            role, turn = match[1], turn[match.end() :]
        if turn.strip():
            if role in _ALOUD:
                aloud.append(turn)
            role = ""
        if mark:
            at = mark.end()
            if _THOUGHT.search(mark[0]):
                role = "" if re.search(r"end|stop|/", mark[0], re.IGNORECASE) else "thought"
    holds = (t for t in aloud if _holds(t, origin, mask))
    return next(holds, aloud[-1] if aloud else "")


def _holds(text: str, origin: str, mask: re.Pattern[str]) -> bool:
    """Whether a text can hold the rewrite: it has a mask, or half of an unmasked origin's words."""
    if mask.search(origin):
        return mask.search(text) is not None
    return 2 * len(text.split()) >= len(origin.split())
