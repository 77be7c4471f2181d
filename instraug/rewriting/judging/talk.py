"""Separate a rewrite from talk about it: before it, after it or as a label, in any language.

Two questions decide about a piece of text: does it speak about rewriting (and the template does
not), and does it share a word with the template or with instructions in general? A greeting, a note
or a label in any language shares none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from instraug.rewriting.grammar.lexicon import FUNCTION, GRAMMATICAL, WORD, alike, bag

_REWRITING = (
    r"re-?(?:writ|wrote|phras|word(?:ed|ing)|formulat|stat(?:ed|ement|ing)\b)|paraphras"
    r"|in other words|(?:said|put|worded|phrased) (?:differently|another way)|another way (?:to|of)"
)

_REWRITES = re.compile(_REWRITING, re.IGNORECASE)

_ABOUT_TASK = re.compile(rf"{_REWRITING}|differently|wording|version|variant", re.IGNORECASE)

_ABOUT = re.compile(
    rf"\b(?:{_REWRITING}|reworked|rephrase|(?:this|that|my|new|above) (?:version|variant|wording)"
    r"|(?:alternative|final|original|shorter|longer|simplified|revised) version"
    r"|alternatively|place-?holders?\b|as (?:you )?(?:requested|asked|instructed)"
    r"|let me know(?! (?:if|whether|wh\w+|how)\b[^.?!]*\{)"
    r"|feel free|(?:happy|glad|here) to (?:help|assist)|please note|(?<!\ba )(?<!\bthe )note that"
    r"|hope (?:this|that|it|these)|(?:this|that|it) helps?[.!\s]*\Z"
    r"|if you(?:['\u2019]d| would)? (?:need|want|like|prefer)"
    r"|(?:would you like|do you want)(?![^.?!]*\{)"
    r"|want me to(?![^.?!]*\{)|what you (?:wanted|asked)"
    r"|thank(?:s| you)|good luck|you(?:['\u2019]re| are) welcome|i(?:['\u2019]ve| have)? (?:kept|"
    r"changed|made|used|replaced|tried|tweaked|swapped|preserved|removed|added|simplified))"
    r"|\bn\.?b\.?:|\bp\.?s\.?:|\bor:"
    r"|(?<![\w,] )\b(?:note|explanation|translation|reasoning|changes):(?!\s*[\"\u201c]?\{)",
    re.IGNORECASE,
)

_LABEL = re.compile(
    r"\b(?:version|variant|variation|alternative|wording|phrasing|attempt|draft"
    r"|suggestion|candidate|rewrite|answer|output|result|response)\b"
    r"|\b(?:here(?:['\u2019]?s| is| are| you)|this is|sure|certainly|of course|okay|ok)\b|[#\d]",
    re.IGNORECASE,
)

_TEXT = bag("question instruction text sentence prompt task input query template request command")

ORDERS = bag(
    """look view examine inspect observe see study consider analyze analyse read check watch think
    imagine suppose answer reply respond say state tell choose select pick decide determine judge
    identify find locate describe explain name list use using pay write give provide make return
    keep include indicate justify compare verify confirm assess evaluate test detect spot discover
    recognize recognise classify categorize count compute calculate predict guess translate
    summarize fill match be do pretend assume generate create produce show report output focus
    refer ensure remember avoid mark pinpoint localize"""
)
"""Verbs that open an order."""

ASKS = ORDERS | bag(
    """looks picture pictures image images photo photos photograph region
    regions area areas scene answers yes no true false question
    options option choices choice following carefully closely step first second then next finally
    based attention word words sentence sentences single short brief briefly exactly one only both
    former latter two three whether not none either neither correct right object objects subject
    subjects thing things item items entity element content relation relationship statement claim
    text passage caption title description complete"""
)
"""Words of instructions at large."""

ANSWERS = bag("yes no true false none not correct right two three one only both")

# Function words of other languages; no English instruction holds them.
FOREIGN = bag(
    """das der und ist nicht eine einen einem sie bild dem auf für oder welche hier ich hoffe von
    wird sich kann zur zum mit wenn bitte aus nach le les est une dans qui quel quelle avec cette
    voici voilà que vous pour ces sur je cela bien merci el los las una qué cuál para esta aquí
    espero está claro con por del gli che di questa è della nel ecco spero questo sono os uma
    não em são aqui segue het een niet zijn deze hoop dat ik"""
)

ASKING = re.compile(
    r"\W*(?:what|which|where|who|whose|why|when)\b(?!.*\b(?:you|this|that|i)\b)", re.IGNORECASE
)

_INNER = re.compile(r"(?:\w[,;]?|,) ([A-Z][a-z]+)\b")

_NOTE = re.compile(r"[^\W\d_][\w ]{0,30}:\s*\S")

OPENING = GRAMMATICAL | bag("look find describe choose select decide identify determine")

_SAYING = bag("say tell look find describe choose select decide identify determine")
"""Words that open a sentence after a comma; after a word they may be a name."""

_COLON = re.compile("[:\uff1a]")

_CAPITAL = re.compile(r"[\"'\u201c\u2018]?[A-Z]")

_OPENS = bag("is are does do can could in on at for from with given if when while to should")

_FIELD = re.compile(
    r"[\"'\u201c\u2018(\[]?\0[\"'\u201d\u2019)\]]?\s*(?:\Z|[.,;?!\n]|\s[\"'\u201c]?[A-Z\0])"
)

_END = re.compile(
    r"(?<=[?!])[\"'\u201d\u2019)]?\s+|(?<=\.)[\"'\u201d\u2019)]?\s+(?![a-z])|\n+"
    r"|(?<=[\u3002\uff01\uff1f])"
)


def about(text: str, origin: str) -> str | None:
    """Return the words of a text that speak about rewriting if its origin does not; else None."""
    if rewrites(origin):
        return None
    held = origin.casefold()
    return next((m[0] for m in _ABOUT.finditer(text) if m[0].casefold() not in held), None)


@lru_cache(maxsize=8192)
def rewrites(origin: str) -> bool:
    """Whether a template itself asks for rewriting, so that such words are its own."""
    return _ABOUT_TASK.search(origin) is not None


def on_topic(text: str, origin: str) -> bool:
    """Whether a piece shares a word with its origin or with instructions in general."""
    words = [w.lower() for w in WORD.findall(text)]
    if any(w in FOREIGN for w in words):
        return False
    content = [w for w in words if w not in GRAMMATICAL]
    if not content or ASKING.match(text):
        return bool(words)
    own = content_of(origin)
    return any(w in ASKS or w in own or any(alike(w, o) for o in own) for w in content)


@lru_cache(maxsize=8192)
def content_of(text: str) -> frozenset[str]:
    """Return the words of a text that are not function words, in lower case."""
    return frozenset(w for w in (x.lower() for x in WORD.findall(text)) if w not in FUNCTION)


def is_label(head: str, body: str, origin: str, mask: re.Pattern[str]) -> bool:
    """Whether the words before a colon or dash name the rewrite instead of opening it.

    Args:
        head: The words, without masks.
        body: What follows, a whole rewrite.
        origin: The masked template.
        mask: Matches a mask.
    """
    name = " ".join(WORD.findall(head.lower()))
    if not name:
        return any(c.isalnum() for c in head)
    if name in " ".join(WORD.findall(origin.lower())):
        return False
    if not rewrites(origin) and _REWRITES.search(head):
        return True
    # A colon of the origin is not that of a label; "Question: {A} Choices: {B}" names fields.
    if len(_COLON.findall(body)) < len(_COLON.findall(origin)) or _FIELD.match(
        mask.sub("\0", body)
    ):
        return False
    words = name.split()
    if any(w in FOREIGN for w in words) or any(c > "\x7f" and c not in origin for c in name):
        return True
    if recurs(words[0], body):
        return False
    # "Answer with 1 word:", "Is the text:" open a sentence.
    orders = len(words) > 2 and (words[0] in ASKS or words[0] in _OPENS)
    if not orders and _LABEL.search(head):
        return True
    if words[-1] in _TEXT and (len(words) == 1 or _CAPITAL.match(body)):
        return not orders
    return bool(len(words) == 1 and _CAPITAL.match(body)) or not on_topic(head, origin)


def recurs(word: str, body: str) -> bool:
    """Whether a label is the first of a row of them, as in "Step 1: ... Step 2: ..."."""
    return re.search(rf"\b{re.escape(word)} ?\d*:", body, re.IGNORECASE) is not None


def pieces(text: str) -> Iterator[str]:
    """Yield the sentences and lines of a text."""
    for piece in _END.split(text):
        if piece.strip():
            yield piece.strip()


def strays(text: str, origin: str, mask: re.Pattern[str]) -> Iterator[str]:
    """Yield the sentences around a rewrite that share nothing with its origin.

    Sentences with a mask belong to the rewrite; if none has one, the longest does. There may be as
    many sentences without a mask as in the origin, whatever their words.
    """
    around = _around(text, mask)
    if around and len(around) > len(_around(origin, mask)):
        for piece in around:
            if _cheers(piece) or _NOTE.match(piece) or not on_topic(piece, origin):
                yield piece


def begun(text: str, origin: str, mask: re.Pattern[str]) -> str | None:
    """Return the words before a sentence that begins inside another ("Gladly, Is it so?")."""
    for piece in pieces(text):
        for match in _INNER.finditer(piece):
            before = piece[: match.start(1)]
            opens = OPENING if match[0][-len(match[1]) - 2] == "," else OPENING - _SAYING
            if match[1].lower() in opens and not mask.search(before):
                return None if on_topic(before, origin) else before.strip()
    return None


def _cheers(piece: str) -> bool:
    """Whether a sentence is a short exclamation that asks for nothing: "Great question!"."""
    words = [w.lower() for w in WORD.findall(piece)]
    asks = words and (words[0] in ASKS - ANSWERS or ASKING.match(piece))
    return not asks and len(words) < (5 if piece[-1] in "!\uff01" else 3)


@lru_cache(maxsize=8192)
def _around(text: str, mask: re.Pattern[str]) -> tuple[str, ...]:
    every = list(pieces(text))
    around = [p for p in every if not mask.search(p)]
    if len(around) == len(every) and every:
        around.remove(max(every, key=len))
    return tuple(around)
