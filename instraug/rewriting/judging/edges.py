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
    recurs,
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

_GIVEN = bag("task asked given shown presented provided requires goal")

_REQUESTS = bag("can could will would")

_BE = bag("is are was were does do did has have how")

_MOST = 4
"""Words of a label or remark."""

_BEGINS = re.compile(r"[\"'\u201c\u2018]?(?:(?P<word>[A-Z][a-z]+)\b|\{)")

_TAIL = re.compile(r"(?:\s*[,;\u2014\t/]+|\s[-\u2013\u2014/~]+)\s*([^{}\n.?!,;\u2014/]+)[.!?\s]*\Z")

_REST = re.compile(r"[.?!][\"'\u201d\u2019)]*[\s,;/~\u2013\u2014-]+([^{}.?!\n]+?)\s*\Z")

_NUMBERED = re.compile(r"\s[A-Z]\Z")

_RULES = frozenset(["-", "/", "=", "~"])

_CAPITALS = re.compile(r"(\S+)\s+([A-Z]{2,})[.!]?\Z")


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
    if (head := _head(masked, held)) and not _head(held, ""):
        yield head
    for pattern, belongs in ((_TAIL, _adds), (_REST, _says)):
        found, before = pattern.search(masked), pattern.search(held)
        if found and not (before and _short(before[1])) and not belongs(found[1], held):
            yield found[1].strip()
    shout = _CAPITALS.search(masked)
    if shout and shout[2] not in origin and shout[1].lower() not in GRAMMATICAL | ORDERS:
        yield shout[2]


def titles(head: str, body: str, origin: str, mask: re.Pattern[str]) -> bool:
    """Whether the words in front of a colon or a dash are no part of the sentence behind it."""
    held = mask.sub("{}", origin)
    return bool(
        _short(head)
        and (body.lstrip("\"'\u201c\u2018")[:1].isupper() or _NUMBERED.search(head))
        and body.lstrip("\"'\u201c\u2018")[:1].isalpha()
        and not re.search("[:\uff1a]", held)
        and not _leads(head, held, plain=False)
        and not recurs(head.split()[0], body)
    )


def _head(text: str, origin: str) -> str | None:
    """Return the first piece where a sentence begins behind it and it is none of the rewrite's."""
    for head, by, body in _heads(text):
        if not _short(head) or "{" not in body:
            return None
        begins = _BEGINS.match(body)
        word = (begins["word"] if begins else None) or ""
        colon = ":" in by and ":" not in origin and (word or (body[:1].isalpha() and _hollow(head)))
        strong = (
            colon or any(c in by for c in ".!;\t\u2014\u2013") or by.strip(" \"'")[:1] in _RULES
        )
        if recurs(head.split()[0], body):
            return None
        if strong or (word and ("," in by or word.lower() in OPENING - ORDERS)):
            return None if _leads(head, origin, plain=not by.strip()) else head.strip()
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


def _leads(head: str, origin: str, *, plain: bool) -> bool:
    """Whether a piece in front of a rewrite gives an order, names the answers or says where."""
    found = [w.lower() for w in WORD.findall(head)]
    if not found:
        return False
    if "or" in found and ANSWERS & set(found):
        return True
    verbs = _verbs(found)
    if verbs and verbs[0] in ORDERS and not (plain and len(found) == 1):
        return True
    return found[0] in _PLACES and (_shares(found, origin) or any(w in _SCENE for w in found))


def _hollow(head: str) -> bool:
    """Whether a piece holds no word with a meaning of its own: "Here it is", "Second one"."""
    found = [w.lower() for w in WORD.findall(head)]
    return all(w in GRAMMATICAL | _SKIPPED | {"one", "yes"} for w in found)


def _verbs(found: list[str]) -> list[str]:
    start = next(
        (i for i, w in enumerate(found) if w not in _SKIPPED and w[-2:] != "ly"), len(found)
    )
    return found[start:]


def _shares(found: list[str], origin: str) -> bool:
    own = content_of(origin)
    return any(w not in GRAMMATICAL and (w in own or any(alike(w, o) for o in own)) for w in found)


def _adds(piece: str, origin: str) -> bool:
    """Whether a piece behind a rewrite can be a part of it: "yes or no", "in detail", "please"."""
    found = [w.lower() for w in WORD.findall(piece)]
    if not found:
        return not piece.strip()
    if (
        len(found) > _MOST
        or "or" in found
        or _shares(found, origin)
        or ANSWERS & set(found) - {"one"}
    ):
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
    held = mask.sub("{}", origin)
    if "{}" not in held or not mask.search(text) or not content_of(held):
        return
    own = {p.casefold() for p in pieces(held)}
    for piece in pieces(text):
        if not mask.search(piece) and piece.casefold() not in own and not _says(piece, held):
            yield piece


def _says(piece: str, origin: str) -> bool:
    found = [w.lower() for w in WORD.findall(piece)]
    content = [w for w in found if w not in GRAMMATICAL | _SKIPPED and w != "one"]
    content = [w for w in content if w[-2:] != "ly"]
    if not found or (len(found) > 2 and _shares(found, origin)):
        return True
    if piece.rstrip("\"'\u201d\u2019)").endswith("?"):
        return _asks(found, content, origin)
    verbs = _verbs(found)
    if {"yes", "no"} & set(found[:1] + found[-1:]) and "or" not in found:  # an answer given
        return bool(verbs) and verbs[0] in ORDERS - ANSWERS
    if verbs and (verbs[0] in ORDERS or (len(found) > 1 and _orders(verbs[0]))):
        return True
    if ASKING.match(" ".join(verbs)) and _has_question(origin):
        return True
    known = sum(w in ASKS or w in _GIVEN or _orders(w) for w in content)
    whole = len(content) > 1 or found[-1] in ("is", "are")
    return whole and 2 * known > len(content)


def _asks(found: list[str], content: list[str], origin: str) -> bool:
    """Whether a question can be one of an instruction: not to the reader, not of other things."""
    verbs = _verbs(found)
    if found[0] in _REQUESTS:
        return bool(verbs) and _orders(verbs[0])
    if not verbs or not (ASKING.match(" ".join(verbs)) or found[0] in _BE or "or" in found):
        return False
    if not content:
        return len(found) <= 3 and "you" not in found
    known = sum(w in ASKS - ORDERS for w in content)
    return 2 * known > len(content) or bool(ASKING.match(" ".join(verbs)) and _has_question(origin))


def _has_question(origin: str) -> bool:
    return any(
        ASKING.match(" ".join(_verbs([w.lower() for w in WORD.findall(p)])))
        for p in pieces(origin)
        if "{" not in p
    )


def _orders(word: str) -> bool:
    return word in ORDERS or any(alike(word, o) for o in ORDERS)
