"""What stands beside a rewrite, in front or behind, and is no part of it.

One question decides, in three places: does the piece instruct? It does if it gives an order that
has an object, asks, names the answers, says where or how, or shares content with the template.

    is_label   words in front of a colon or a dash: removed, or the opening of the sentence
    apart      a short piece at the start or the end of a rewrite, split off in any way
    strays     a sentence without a mask
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from instraug.rewriting.grammar.lexicon import GRAMMATICAL, NEGATIONS, WORD, bag
from instraug.rewriting.judging.sentences import says
from instraug.rewriting.judging.talk import (
    ANSWERS,
    ASKS,
    BE,
    FOREIGN,
    LABEL,
    OPENING,
    ORDERS,
    REQUESTS,
    REWRITING,
    SCENE,
    SMALL,
    alternatives,
    manner,
    on_topic,
    rewrites,
    shares,
    verbs_of,
    words,
)

_PLACES = bag(
    """in on at from for with within given based using about among between considering regarding
    concerning looking seeing as by of to if when while where which who that or and but not such
    without under below above both either neither since because according judging"""
)
"""Open a phrase that says where, whence, how or under which condition."""

_INTRODUCING = _PLACES | ORDERS

_ADDING = _INTRODUCING | NEGATIONS

_NOT_ORDERS = OPENING - ORDERS

_NO_SHOUT = GRAMMATICAL | ORDERS

_ARTICLES = bag("a an the this that these those its your any each every some one")
"""Begin the value of a field as well as a sentence."""

_MOST = 4
"""Words of a label or remark."""

_COLON = re.compile("[:\uff1a]")

_FIELD = re.compile(
    r"[\"'\u201c\u2018(\[]?\{\}[\"'\u201d\u2019)\]]?\s*(?:\Z|[.,;?!\n]|\s[\"'\u201c]?[A-Z{])"
)
"""A mask that fills a field: nothing of its sentence follows."""

_WISH = re.compile(r"\b(?:i|we)\b.*\b(?:to know|wonder|curious)\b", re.IGNORECASE)

_YOURS = re.compile(
    r"(?:your (?:task|job|goal|aim|mission|assignment)|a question)\b", re.IGNORECASE
)

_BEGINS = re.compile(r"[\"'\u201c\u2018]?(?:(?P<word>[A-Z][a-z]+)\b|\{)")

_TAIL = re.compile(r"(?:\s*[,;\u2014\t/]+|\s[-\u2013\u2014/~]+)\s*([^{}\n.?!,;\u2014/]+)[.!?\s]*\Z")

_REST = re.compile(r"[.?!][\"'\u201d\u2019)]*[\s,;/~\u2013\u2014-]+([^{}.?!\n]+?)\s*\Z")

_SPACES = re.compile(r"\s{2,}")

_RULES = frozenset(["-", "/", "=", "~"])

_CAPITALS = re.compile(r"(\S+)\s+([A-Z]{2,})[.!]?\Z")


def is_label(head: str, body: str, origin: str, mask: re.Pattern[str]) -> bool:
    """Whether the words before a colon or dash name the rewrite instead of opening it.

    In front of a whole sentence every piece is a label, unless it instructs. In front of a mask
    ("Object: {A} is where?") it may name a field.

    Args:
        head: The words, without masks.
        body: What follows.
        origin: The masked template.
        mask: Matches a mask.
    """
    found = words(head)
    if not found:
        return any(c.isalnum() for c in head)
    if not rewrites(origin) and REWRITING.search(head):
        return True
    # A colon of the origin is not that of a label; "Question: {A} Choices: {B}" names fields.
    masked = mask.sub("{}", body)
    if len(_COLON.findall(body)) < len(_COLON.findall(origin)) or _FIELD.match(masked):
        return False
    if any(w in FOREIGN for w in found) or any(
        c > "\x7f" and c not in origin for c in "".join(found)
    ):
        return True
    if recurs(head.split()[0], body) or _opens(head, mask.sub("{}", origin)):
        return False
    return bool(LABEL.search(head)) or sentence(body) or not on_topic(head, origin)


def sentence(body: str) -> bool:
    """Whether a text begins as a sentence does that is whole without what stands before it."""
    start = body.lstrip("\"'\u201c\u2018")
    first = words(start[:40])[:1]
    return start[:1].isupper() or bool(first and start[:1].isalpha() and first[0] not in _ARTICLES)


def apart(text: str, origin: str, mask: re.Pattern[str]) -> Iterator[str]:
    """Yield each short piece at the start or the end of a rewrite that is no part of it.

    Where the template has a piece of that kind in that place, nothing is asked.

    Args:
        text: The rewrite.
        origin: The masked template.
        mask: Matches a mask.
    """
    masked, held = _squeezed(mask.sub("{}", text)), _squeezed(mask.sub("{}", origin))
    if (head := _head(masked, held)) and not _head(held, ""):
        yield head
    tail = _TAIL.search(masked)
    if tail and not _adds(tail[1], held):
        before = _TAIL.search(held)
        if not (before and _short(before[1])):
            yield tail[1].strip()
    rest = _REST.search(masked)
    if (
        rest
        and not _REST.search(held)
        and not says(rest[1], held, behind=True, asked=masked.count("?"))
    ):
        yield rest[1].strip()
    shout = _CAPITALS.search(masked) if masked.rstrip(".!")[-1:].isupper() else None
    if shout and shout[2] not in origin and shout[1].lower() not in _NO_SHOUT:
        yield shout[2]


def _squeezed(text: str) -> str:
    """Shorten each run of white space to one character, on which no pattern here backtracks."""
    return _SPACES.sub(lambda run: next((c for c in "\n\t" if c in run[0]), " "), text)


def recurs(word: str, body: str) -> bool:
    """Whether a label is the first of a row of them, as in "Step 1: ... Step 2: ..."."""
    return re.search(rf"\b{re.escape(word)} ?\d*:", body, re.IGNORECASE) is not None


def _head(text: str, origin: str) -> str | None:
    """Return the first piece where a sentence begins behind it and it is none of the rewrite's."""
    for head, by, body in _heads(text):
        begins = _BEGINS.match(body)
        if not by and not begins:
            continue
        if not _short(head) or ("{" in text and "{" not in body):
            return None
        sentences = by.strip("\"' ")[:1] in tuple(".!") and not body[:1].islower()
        if sentences or recurs(head.split()[0], body):  # `strays` judges sentences
            return None
        found = words(head)
        given = found[:1] in (["yes"], ["no"]) and (by.strip() or body[:1] == "{")
        if given and not alternatives(found):  # the question is answered
            return head.strip()
        word = (begins["word"] if begins else None) or ""
        colon = ":" in by and ":" not in origin and (word or (body[:1].isalpha() and _hollow(head)))
        strong = (
            colon or any(c in by for c in ".!;\t\u2014\u2013") or by.strip(" \"'")[:1] in _RULES
        )
        if strong or (word and ("," in by or word.lower() in _NOT_ORDERS)):
            leads = _opens(head, origin) if ":" in by else _leads(found, origin, not by.strip())
            return None if leads else head.strip()
        if "," in by and (begins or sentence(body) or len(found) == 1):
            return None if _introduces(found, origin) else head.strip()
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


def _opens(head: str, origin: str) -> bool:
    """Whether the words in front of a colon or a dash open the sentence behind it."""
    found = words(head)
    if _YOURS.match(head) or _WISH.search(head):
        return True
    # "Answer:" and "Output:" are names, "Answer this:" is an order.
    named = len(found) == 1 and LABEL.search(head)
    return not named and _leads(found, origin)


def _leads(found: list[str], origin: str, plain: bool = False) -> bool:
    """Whether words in front of a rewrite give an order, name the answers or say where.

    Args:
        found: The words.
        origin: The template.
        plain: Nothing splits them off; a verb alone is then no order of its own.
    """
    if not found:
        return False
    if alternatives(found):
        return True
    verbs = verbs_of(found)
    if verbs and verbs[0] in ORDERS and not (plain and len(found) == 1):
        return True
    return found[0] in _PLACES and (shares(found, origin) or any(w in SCENE for w in found))


def _introduces(found: list[str], origin: str) -> bool:
    """Whether words in front of a comma begin its sentence: "In your view", "Now", "Visually"."""
    if not found or found == ["so"]:
        return False
    first = "".join(verbs_of(found)[:1])
    if {found[0], first} & _INTRODUCING or first.endswith("ing") or shares(found, origin):
        return True
    if len(found) > 1 and first.endswith("ed"):  # "Provided the photo"
        return True
    return manner(found[-1]) or all(w in SMALL or manner(w) for w in found)


def _hollow(head: str) -> bool:
    """Whether a piece holds no word with a meaning of its own: "Here it is", "Second one"."""
    return all(w in SMALL or w in ("one", "yes") for w in words(head))


def _adds(piece: str, origin: str) -> bool:
    """Whether a piece behind a rewrite can be a part of it: "yes or no", "in detail", "please"."""
    found = words(piece)
    if not found:
        return not piece.strip()
    if "or" in found or shares(found, origin) or ANSWERS & set(found) - {"one"}:
        return True
    first = "".join(verbs_of(found)[:1])
    if {found[0], first} & _ADDING or found[-1] in (
        "please",
        "too",
        "speaking",
    ):
        return True
    if found[-1] in ("is", "are"):  # to be completed by the answer
        return True
    content = [w for w in found if w not in SMALL]
    if found[0] in REQUESTS | BE:  # a tag: "would you say", "do you think"
        return all(w in ASKS or w in REQUESTS for w in content)
    if len(found) > _MOST:
        return found[0].endswith(("ing", "ed")) or 2 * sum(w in ASKS for w in content) >= len(
            content
        )
    return manner(found[-1]) or not content
