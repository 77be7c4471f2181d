"""Tell talk about a rewrite from words of instructions.

Two questions decide about a piece of text: does it speak about rewriting (and the template does
not), and does it share a word with the template or with instructions in general? A greeting, a note
or a label in any language shares none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from instraug.rewriting.grammar.lexicon import FUNCTION, GRAMMATICAL, WORD, alike, bag

_WORDS = (
    r"re-?(?:writ|wrote|phras|word(?:ed|ing)|formulat|stat(?:ed|ement|ing)\b)|paraphras"
    r"|in other words|(?:said|put|worded|phrased) (?:differently|another way)|another way (?:to|of)"
)

REWRITING = re.compile(_WORDS, re.IGNORECASE)

_ABOUT_TASK = re.compile(rf"{_WORDS}|differently|wording|version|variant", re.IGNORECASE)

_ABOUT = re.compile(
    rf"\b(?:{_WORDS}|reworked|rephrase|(?:this|that|my|new|above) (?:version|variant|wording)"
    r"|(?:alternative|final|original|shorter|longer|simplified|revised) version"
    r"|the same (?:meaning|question)\b"
    r"|(?:keep|preserv|retain|maintain)\w* (?:the|its) (?:\w+ )?meaning|alternatively"
    r"|place-?holders?\b|as (?:you )?(?:requested|asked|instructed)"
    r"|let me know(?! (?:if|whether|wh\w+|how)\b[^.?!]*\{)"
    r"|feel free|(?:happy|glad|here) to (?:help|assist)|please note|(?<!\ba )(?<!\bthe )note that"
    r"|hope (?:this|that|it|these)|(?:this|that|it) helps?[.!\s]*\Z"
    r"|if you(?:['\u2019]d| would)? (?:need|want|like|prefer)"
    r"|(?:would you like|do you want)(?![^.?!]*\{)"
    r"|want me to(?![^.?!]*\{)|what you (?:wanted|asked)"
    r"|thank(?:s| you)|good luck|you(?:['\u2019]re| are) welcome|i(?:['\u2019]ve| have)? (?:kept|"
    r"changed|made|used|replaced|tried|tweaked|swapped|preserved|removed|added|simplified))"
    r"|(?:\A\W*|[.?!:]\s+)(?:in (?:short|brief|essence|summary|sum|a nutshell)|to sum up|simply put"
    r"|put simply|to put it)\b|\bn\.?b\.?:|\bp\.?s\.?:|\bor:"
    r"|(?<![\w,] )\b(?:note|explanation|translation|reasoning|changes):(?!\s*[\"\u201c]?\{)"
)
"""Of a text in lower case, where it is found twice as fast as without case."""

LABEL = re.compile(
    r"\b(?:version|variant|variation|alternative|wording|phrasing|attempt|draft"
    r"|suggestion|candidate|rewrite|answer|output|result|response|note|see)\b"
    r"|\b(?:here(?:['\u2019]?s| is| are| you)|this is|sure|certainly|of course|okay|ok)\b|[#\d]",
    re.IGNORECASE,
)

ORDERS = bag(
    """look view examine inspect observe see study consider analyze analyse read check watch think
    imagine suppose answer reply respond say state tell choose select pick decide determine judge
    identify find locate describe explain name list use pay write give provide make return
    keep include indicate justify compare verify confirm assess evaluate test detect spot discover
    recognize recognise classify categorize count compute calculate predict guess translate
    summarize fill match be do pretend assume generate create produce show report output focus
    refer ensure remember avoid mark pinpoint localize elaborate inform establish formulate"""
)
"""Verbs that open an order."""

ASKS = ORDERS | bag(
    """looks picture pictures image images photo photos photograph region
    regions area areas scene answers yes no true false question
    options option choices choice following carefully closely step first second then next finally
    based attention word words sentence sentences single short brief briefly exactly one only both
    former latter two three whether not none either neither correct right object objects subject
    subjects thing things item items entity element content relation relationship statement claim
    text passage caption title description complete possible using reason reasons reasoning"""
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

SKIPPED = bag(
    """please kindly now then first second third next finally also just only carefully closely you
    your task job goal aim is to need should must will can and so again here twice once"""
)
"""May stand in front of the verb of an order."""

SMALL = GRAMMATICAL | SKIPPED
"""Words without a meaning of their own."""

SCENE = bag(
    """image images picture pictures photo photos photograph scene region regions area areas text
    question options option choices box boxes statement sentence caption context task word words
    detail see view"""
)

REQUESTS = bag("can could will would")

BE = bag("is are was were do does did has have how")

OPENING = GRAMMATICAL | bag("look find describe choose select decide identify determine")

_END = re.compile(
    r"(?<=[?!])[\"'\u201d\u2019)]?\s+|(?<=\.)[\"'\u201d\u2019)]?\s+(?![a-z])|\n+"
    r"|(?<=\})\s+(?=[A-Z][a-z]+\b)|(?<=[a-z\"'\u201d}][a-z\"'\u201d}]\.)(?<!etc\.)(?<!vs\.)(?<!no\.)(?<!fig\.)(?<!prox\.)\s+(?=[a-z])|(?<=[\u3002\uff01\uff1f])"
)


def about(text: str, origin: str) -> str | None:
    """Return the words of a text that speak about rewriting if its origin does not; else None."""
    if rewrites(origin):
        return None
    held = origin.lower()
    return next((m[0] for m in _ABOUT.finditer(text.lower()) if m[0] not in held), None)


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


def pieces(text: str) -> Iterator[str]:
    """Yield the sentences and lines of a text."""
    for piece in _END.split(text):
        if piece.strip():
            yield piece.strip()


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return [w.lower() for w in WORD.findall(text)]


def verbs_of(found: list[str]) -> list[str]:
    """Return the words from the first that may be the verb of an order."""
    start = next((i for i, w in enumerate(found) if w not in SKIPPED and not manner(w)), len(found))
    return found[start:]


def shares(found: Iterable[str], origin: str) -> bool:
    """Whether one of these words, or its like, is a content word of the origin."""
    own = content_of(origin)
    return any(w not in GRAMMATICAL and (w in own or any(alike(w, o) for o in own)) for w in found)


def alternatives(found: list[str]) -> bool:
    """Whether words name at least two answers: "yes or no", "left or not"."""
    return ("or" in found and bool(ANSWERS & set(found))) or len(ANSWERS & set(found)) > 1


def manner(word: str) -> bool:
    """Whether a word says how: "carefully"."""
    return word.endswith("ly") and word not in ORDERS


@lru_cache(maxsize=8192)
def orders(word: str) -> bool:
    """Whether a word, or its like, is a verb of an order."""
    return word in ORDERS or any(alike(word, o) for o in ORDERS)
