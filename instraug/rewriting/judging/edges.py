"""What stands in front of a rewrite or behind it, on its own line, and is no part of it.

A label, a call or a remark is split off by punctuation or by a word that begins a sentence. Such
a piece belongs to the rewrite where it gives an order, names the answers, or shares content with
the template; where the template has a piece of that kind in that place, nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from instraug.rewriting.grammar.lexicon import GRAMMATICAL, NEGATIONS, WORD, alike, bag
from instraug.rewriting.judging.talk import (
    ANSWERS,
    ASKING,
    ASKS,
    OPENING,
    ORDERS,
    content_of,
    pieces,
)

_SKIPPED = bag(
    """please kindly now then first second third next finally also just only carefully closely you
    your task job is to need should must will can and so again here"""
)
"""May stand in front of the verb of an order."""

_SCENE = bag(
    """image images picture pictures photo photos photograph scene region regions area areas text
    question options option choices box boxes statement sentence caption context"""
)

_PLACES = bag(
    """in on at from for with within given based using about among between considering regarding
    concerning looking seeing as by of to if when while where which who that or and but not such
    without under below above both either neither one since because"""
)
"""Open a phrase that says where, whence, how or under which condition."""

_MOST = 4
"""Words of a label or remark."""

_BEGINS = re.compile(r"[\"'\u201c\u2018]?(?:(?P<word>[A-Z][a-z]*)\b|\{)")

_TAIL = re.compile(r"(?:\s*[,;\u2014\t/]+|\s[-\u2013\u2014/~]+)\s*([^{}\n.?!,;\u2014/]+)[.!?\s]*\Z")

_REST = re.compile(r"[.?!][\"'\u201d\u2019)]*[\s,;/~\u2013\u2014-]+([^{}.?!\n]+?)\s*\Z")

_CAPITALS = re.compile(r"(?<=\s)[A-Z]{2,}(?=[.!]?\Z)")


def apart(text: str, origin: str, mask: re.Pattern[str]) -> Iterator[str]:
    """Yield each short piece at the start or the end of a rewrite that is no part of it.

    Args:
        text: The rewrite.
        origin: The masked template.
        mask: Matches a mask.
    """
    masked, held = mask.sub("{}", text), mask.sub("{}", origin)
    if not mask.search(origin):
        return
    if (head := _head(masked, origin)) and not _head(held, ""):
        yield head
    for pattern in (_TAIL, _REST):
        found, before = pattern.search(masked), pattern.search(held)
        if found and not (before and _short(before[1])) and not _adds(found[1], origin):
            yield found[1].strip()
    if (shout := _CAPITALS.search(masked)) and shout[0] not in origin:
        yield shout[0]


def _head(text: str, origin: str) -> str | None:
    """Return the first piece where a sentence begins behind it and it is none of the rewrite's."""
    for head, by, body in _heads(text):
        if not _short(head) or "{" not in body:
            return None
        begins = _BEGINS.match(body)
        word = begins["word"] if begins else None
        strong = any(c in by for c in ".!;:\u2014\u2013") or by.strip() in ("-", "--", "//", "/")
        starts = bool(word) and (strong or "," in by or (word or "").lower() in OPENING - ORDERS)
        if not (starts or (strong and ":" not in by) or "\t" in by):
            continue
        if not _leads(head, origin, capital=bool(word), plain=not by.strip()):
            return head.strip()
        return None
    return None


def _heads(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (piece, what splits it off, the rest) for each place where the first one may end."""
    for gap in re.finditer(r"\s+", text[:80]):
        before = text[: gap.start()]
        head = before.rstrip("\"'\u201d\u2019.!,;:?\u2014\u2013-/=~>")
        if re.search(r"[{}\n.?!,;:]", head):
            return
        by = before[len(head.rstrip()) :]
        if gap[0] == "\t":
            by += "\t"
        if "?" not in by and head.strip():
            yield head, by, text[gap.end() :].lstrip("-\u2013\u2014/=~> ")


def _short(piece: str) -> bool:
    return len(WORD.findall(piece)) <= _MOST


def _leads(head: str, origin: str, *, capital: bool, plain: bool) -> bool:
    """Whether a piece in front of a rewrite gives an order, names the answers or says where."""
    found = [w.lower() for w in WORD.findall(head)]
    if not found:
        return False
    if "or" in found and ANSWERS & set(found):
        return True
    verbs = _verbs(found)
    if verbs and verbs[0] in ORDERS and not (plain and len(found) == 1):
        return True
    shares = _shares(found, origin)
    if found[0] in _PLACES:
        return shares or any(w in _SCENE for w in found)
    return shares and not capital


def _verbs(found: list[str]) -> list[str]:
    start = next((i for i, w in enumerate(found) if w not in _SKIPPED and w[-2:] != "ly"), len(found))
    return found[start:]


def _shares(found: list[str], origin: str) -> bool:
    own = content_of(origin)
    return any(
        w not in GRAMMATICAL and (w in own or any(alike(w, o) for o in own)) for w in found
    )


def _adds(piece: str, origin: str) -> bool:
    """Whether a piece behind a rewrite can be a part of it: "yes or no", "in detail", "please"."""
    found = [w.lower() for w in WORD.findall(piece)]
    if not found:
        return not piece.strip()
    if len(found) > _MOST or _shares(found, origin) or ANSWERS & set(found) - {"one"}:
        return True
    if found[0] in _PLACES | NEGATIONS | ORDERS or found[-1] in ("please", "too"):
        return True
    if found[-1] in ("is", "are"):  # to be completed by the answer
        return True
    return found[-1].endswith("ly") or all(w in GRAMMATICAL | _SKIPPED for w in found)


def remarks(text: str, origin: str, mask: re.Pattern[str]) -> Iterator[str]:
    """Yield the sentences without a mask that neither instruct nor share content with a template.

    However many the template has: one that is dropped makes no room for a greeting.
    """
    if not mask.search(origin) or not mask.search(text):
        return
    held = {p.casefold() for p in pieces(origin)}
    for piece in pieces(text):
        if not mask.search(piece) and piece.casefold() not in held and not _says(piece, origin):
            yield piece


def _says(piece: str, origin: str) -> bool:
    found = [w.lower() for w in WORD.findall(piece)]
    verbs = _verbs(found)
    if not found or _shares(found, origin) or (verbs and _orders(verbs[0])):
        return True
    if ASKING.match(" ".join(verbs)) and any(
        ASKING.match(p) for p in pieces(origin) if "{" not in p
    ):
        return True
    content = [w for w in found if w not in GRAMMATICAL | _SKIPPED and w != "one"]
    asks = piece.rstrip("\"'\u201d\u2019)").endswith("?")
    if asks and not content:
        return len(found) <= 3
    known = ASKS - ORDERS if asks else ASKS
    return 2 * sum(w in known or (not asks and _orders(w)) for w in content) > len(content)


def _orders(word: str) -> bool:
    return word in ORDERS or any(alike(word, o) for o in ORDERS)
