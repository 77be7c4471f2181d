"""Sentences beside a rewrite: those without a mask, which are its own or stray.

A sentence is the rewrite's if it gives an order that has an object, asks what an instruction asks,
sets the scene, or shares content with the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from instraug.rewriting.grammar.lexicon import bag
from instraug.rewriting.judging.talk import (
    ANSWERS,
    ASKING,
    ASKS,
    BE,
    ORDERS,
    REQUESTS,
    SCENE,
    SMALL,
    alternatives,
    content_of,
    manner,
    orders,
    pieces,
    shares,
    verbs_of,
    words,
)

_GIVEN = bag("task asked given shown presented provided requires goal")

_DUTY = bag("should must may can need ought have options choices possible")
"""Words of a statement that says what must be done, or names choices."""

_TOPICS = ASKS - ORDERS

_PLAIN_ORDERS = ORDERS - ANSWERS

_ALONE = bag("answer reply respond explain justify decide elaborate tell describe")
"""Orders that need no object."""

_PRONOUNS = bag("one they them he she him her we i")

_POINTING = bag("this that another it")

_NOTE = re.compile(r"[^\W\d_][\w ]{0,30}:\s*\S")
"""Matches a sentence that begins with a label."""

_NAMED = re.compile(r"\s[\"'\u201c(]?(?:[A-Z]{1,3}|\d+)\b")
"""A letter or number that an order names: "Choose B"."""


def strays(text: str, origin: str, mask: re.Pattern[str]) -> Iterator[str]:
    """Yield the sentences without a mask that neither instruct nor share content with a template.

    However many the template has: one that is dropped makes no room for a greeting. A sentence
    more than the template has must do so by itself: an order has an object, and behind the last
    mask a statement says what must be done.
    """
    held = mask.sub("{}", origin)
    every, had = list(pieces(text)), _sentences(held)
    bare = [p for p in every if not mask.search(p)]
    if not bare or not content_of(held) or ("{}" in held and len(bare) == len(every)):
        return
    more = len(bare) > sum("{}" not in p for p in had)
    if "{}" not in held:  # the longest is the rewrite
        bare.remove(max(bare, key=len, default=""))
    last = max((i for i, p in enumerate(every) if mask.search(p)), default=0)
    own = {p.casefold() for p in had}
    states = any("{}" not in p and not _instructs(p) for p in had)
    for i, piece in enumerate(every):
        said = piece.casefold()
        if len(words(piece)) > 2 and said in (p.casefold() for p in every[:i]) and said not in own:
            yield piece  # said twice
        elif piece in bare and said not in own:
            asked = text.count("?") if more else 0
            behind = i > last and i == len(every) - 1 and not states
            if not says(piece, held, behind=behind, asked=asked, strict=more):
                yield piece


def _instructs(piece: str) -> bool:
    verbs = verbs_of(words(piece))
    return piece.endswith("?") or bool(verbs and orders(verbs[0])) or bool(_NOTE.match(piece))


def says(
    piece: str, origin: str, *, behind: bool = False, asked: int = 0, strict: bool = False
) -> bool:
    """Whether a sentence can be one of an instruction.

    Args:
        piece: The sentence, without a mask.
        origin: The template, its masks as ``{}``.
        behind: It ends the rewrite, and the template holds no statement.
        asked: Question marks of the whole rewrite, if the template has fewer sentences.
        strict: The template has fewer sentences.
    """
    found = words(piece)
    content = [w for w in found if w not in SMALL and w not in _PRONOUNS]
    content = [w for w in content if not manner(w)]
    if not found:
        return True
    noted = _NOTE.match(piece) and not any(_NOTE.match(p) for p in _sentences(origin))
    if piece.rstrip("\"'\u201d\u2019)").endswith("?") and not noted:
        more = asked > max(1, origin.count("?"))
        shared = len(found) > 2 and shares(found, origin)
        return shared or _asks(found, content, origin, more=more)
    if noted:  # "Answer: yes.", but "Answer: yes or no."
        return alternatives(found)
    if piece.endswith(":") and origin.endswith(":"):  # an answer's label
        return True
    verbs = verbs_of(found)
    if {"yes", "no"} & set(found[:1] + found[-1:]) and "or" not in found:  # an answer given
        return bool(verbs) and verbs[0] in _PLAIN_ORDERS
    if verbs and (verbs[0] in ORDERS or (len(found) > 1 and orders(verbs[0]))):
        return _NAMED.search(piece) is not None or _objects(verbs, origin, strict=strict)
    shared = len(found) > 2 and shares(found, origin)
    if ASKING.match(" ".join(verbs)) and (shared or _has_question(origin)):
        return True
    if shared:
        return not behind or _obliges(found)
    known = sum(_known(w) for w in content)
    whole = (
        len(content) > 1
        or bool(content and found[-1] in ("is", "are"))
        or (len(found) > 2 and found[-1] in SCENE)  # "Here is an image."
    )
    enough = 2 * known > len(content) - (not strict)
    return whole and enough and (not behind or _obliges(found))


def _known(word: str) -> bool:
    """Whether a word belongs to instructions at large."""
    return word in ASKS or word in _GIVEN or orders(word)


def _objects(verbs: list[str], origin: str, *, strict: bool) -> bool:
    """Whether an order says what to do with the input or how to answer: not "Read it twice".

    Where the template has such a sentence, any object will do.
    """
    verb, rest = verbs[0], verbs[1:]
    content = [w for w in rest if w not in SMALL]
    if (verb in _ALONE and not content) or (content and not strict):
        return True
    if not strict and ASKING.match(rest[-1] if rest else ""):  # "Inform me why."
        return True
    if verb == "be":
        return len(content) == 1
    if "one" in rest and not _POINTING & set(rest):
        return True
    known = sum(_known(w) or manner(w) or shares([w], origin) for w in content)
    return any(manner(w) for w in rest) or bool(content and 2 * known >= len(content))


def _obliges(found: list[str]) -> bool:
    """Whether a statement says what must be done, is completed by the answer, or names choices."""
    return bool(
        _DUTY & set(found)
        or ("to" in found[:-1] and orders(found[found.index("to") + 1]))
        or found[-1] in ("is", "are")
        or alternatives(found)
    )


def _asks(found: list[str], content: list[str], origin: str, *, more: bool) -> bool:
    """Whether a question can be one of an instruction: not to the reader, not of other things."""
    verbs = verbs_of(found)
    if found[0] in REQUESTS:
        return bool(verbs) and orders(verbs[0])
    if not verbs or not (ASKING.match(" ".join(verbs)) or found[0] in BE or "or" in found):
        return False
    if not content:
        short = len(found) <= 3 and not {"you", "how"} & set(found)
        return short and (not more or found[0] == "why")
    known = sum(w in _TOPICS for w in content)
    return 2 * known > len(content) or bool(ASKING.match(" ".join(verbs)) and _has_question(origin))


@lru_cache(maxsize=8192)
def _sentences(origin: str) -> tuple[str, ...]:
    return tuple(pieces(origin))


@lru_cache(maxsize=8192)
def _has_question(origin: str) -> bool:
    return any(ASKING.match(" ".join(verbs_of(words(p)))) for p in pieces(origin) if "{" not in p)
