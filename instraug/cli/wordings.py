"""Instructions on a terminal: what a rewrite changed is styled, or marked where nothing styles."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO
from unicodedata import east_asian_width

import click

from instraug.errors import printable
from instraug.tasks.differences import differences, slots

if TYPE_CHECKING:
    from instraug.rewriting.rounds import Grown

Span = tuple[str, dict[str, Any]]
"""A stretch of text and how click styles it."""

_STYLES: dict[str, dict[str, Any]] = {
    "same": {},
    "gone": {"fg": "red", "strikethrough": True},
    "new": {"fg": "green", "bold": True},
}

_MARKS = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("{+", "+}")}


_FROM_ONE = 2
"""First rewrites shown of one round of a task."""


def is_styled(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that shows styles."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


def spans(text: str) -> list[Span]:
    """Return a template's text with its placeholders styled."""
    return [(printable(part), _slot(is_slot)) for part, is_slot in slots(text)]


def changed(before: str, after: str) -> list[Span]:
    """Return a rewrite with what differs from its origin styled."""
    line = list[Span]()
    for piece in differences(before, after):
        words = piece.text.rstrip()
        for part, is_slot in slots(words):
            line.append((printable(part), _STYLES[piece.kind] or _slot(is_slot)))
        if space := piece.text[len(words) :]:
            line.append((printable(space), {}))
    return line


def marked(before: str, after: str) -> str:
    """Return a rewrite as plain text with what differs marked: ``[-gone-]``, ``{+new+}``."""
    parts = []
    for piece in differences(before, after):
        opening, closing = _MARKS[piece.kind]
        words = piece.text.rstrip() if piece.kind != "same" else piece.text
        parts.append(f"{opening}{words}{closing}{piece.text[len(words) :]}")
    return printable("".join(parts))


def styled(line: list[Span]) -> str:
    """Return spans as text with terminal styles."""
    return "".join(click.style(text, **style) if style else text for text, style in line)


def wrapped(whole: list[Span], width: int) -> Iterator[list[Span]]:
    """Yield lines of at most so many cells; a word that is longer is cut."""
    line, used = list[Span](), 0
    for word, style in _words(whole):
        if line and used + cells(word.rstrip()) > width:
            yield line
            line, used = [], 0
        rest = word
        while cells(rest.rstrip()) > width:
            cut = _fitting(rest, width)
            yield [*line, (rest[:cut], style)]
            line, rest = [], rest[cut:]
        line.append((rest, style))
        used += cells(rest)
    if line:
        yield line


def padded(line: list[Span], width: int) -> str:
    """Return a line filled up with spaces to a width in cells."""
    used = sum(cells(text) for text, _ in line)
    return styled(line) + " " * max(0, width - used)


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def width_of_terminal() -> int:
    """Return the width of the terminal, in cells."""
    try:
        return max(20, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return 80


def _cells(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 1


def _fitting(text: str, width: int) -> int:
    used = 0
    for at, character in enumerate(text):
        used += _cells(character)
        if used > width:
            return max(1, at)
    return len(text)


def _slot(is_slot: bool) -> dict[str, Any]:
    return {"fg": "cyan"} if is_slot else {}


def _words(whole: list[Span]) -> Iterator[Span]:
    for text, style in whole:
        start = 0
        while start < len(text):
            space = text.find(" ", start)
            end = len(text) if space < 0 else space + 1
            yield text[start:end], style
            start = end


class FirstRewrites:
    """The first accepted rewrites of a run, to see early what comes of it."""

    def __init__(self, stream: TextIO, most: int = 5) -> None:
        """Show at most so many, each of another template.

        Args:
            stream: Where they go.
            most: How many.
        """
        self._styled, self._left = is_styled(stream), most
        self._seen: set[tuple[str, int]] = set()

    def of(self, grown: Grown) -> Iterator[str]:
        """Yield the lines for what a round of a task brought; nothing once enough were shown."""
        here = min(self._left, _FROM_ONE)
        for verdict in grown.verdicts if here else ():
            origin, text = verdict.candidate.request.origin, verdict.candidate.instruction
            key = (origin.task, origin.origin)
            if here and verdict.accepted and text is not None and key not in self._seen:
                self._seen.add(key)
                self._left, here = self._left - 1, here - 1
                if self._styled:
                    yield f"{printable(origin.task)}: {styled(changed(origin.text, text))}"
                else:
                    yield f"{printable(origin.task)}: {marked(origin.text, text)}"
