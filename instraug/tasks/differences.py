"""Word by word, what a rewrite changed; placeholders count as words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Indel

_PLACEHOLDER = r"\{[A-Za-z][\w.\[\]-]*\}"

_WORD = re.compile(rf"(?:{_PLACEHOLDER}|\w+(?:['\u2019]\w+)*|[^\w\s])\s*|\s+")

_SLOT = re.compile(rf"(\{{\{{|\}}\}}|{_PLACEHOLDER})")

Kind = Literal["same", "gone", "new"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that both have, or one of them."""

    kind: Kind
    text: str


def differences(before: str, after: str) -> list[Piece]:
    """Return the pieces of both texts, in order.

    Without the pieces that are gone they spell ``after``. White space that differs between words
    that are the same is not a difference.

    Args:
        before: The origin's text.
        after: The rewrite's.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    pieces = list[Piece]()
    gone = added = ""
    changes = Indel.opcodes([w.rstrip() for w in old], [w.rstrip() for w in new])
    for change in changes:
        if change.tag == "delete":
            gone += "".join(old[change.src_start : change.src_end])
            continue
        words = "".join(new[change.dest_start : change.dest_end])
        if change.tag == "insert":
            added += words
        else:
            pieces += [*_changed(gone, added), Piece("same", words)]
            gone = added = ""
    return pieces + _changed(gone, added)


def _changed(gone: str, added: str) -> list[Piece]:
    pieces = [Piece("gone", gone), Piece("new", added)]
    return [piece for piece in pieces if piece.text]


def slots(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a template's text, each with whether it is a placeholder."""
    for part in _SLOT.split(text):
        if part:
            yield part, part[0] == "{" and part != "{{"
