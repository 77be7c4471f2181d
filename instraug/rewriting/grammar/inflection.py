"""The forms of English words that instructions use: plain data and rules of spelling."""

from __future__ import annotations

import re

from instraug.rewriting.grammar.lexicon import bag

_IRREGULAR = """
write writing written; find finding found; choose choosing chosen; tell telling told
say saying said; give giving given; draw drawing drawn; make making made; read reading read
cut cutting cut; see seeing seen; show showing shown; take taking taken; think thinking thought
hold holding held; keep keeping kept; put putting put; get getting got; set setting set
do doing done; know knowing known; mean meaning meant; lie lying lain; come coming come
have having had; bear bearing borne; build building built; begin beginning begun
spot spotting spotted; crop cropping cropped; infer inferring inferred; map mapping mapped
refer referring referred; fit fitting fitted; tag tagging tagged; plan planning planned
leave leaving left; speak speaking spoken; stand standing stood
understand understanding understood; split splitting split; go going gone; hear hearing heard
sum summing summed; fill filling filled; focus focusing focused; follow following followed
rewrite rewriting rewritten; label labeling labeled; happen happening happened
answer answering answered; consider considering considered; order ordering ordered
correct correcting corrected; cover covering covered; help helping helped; appear appearing appeared
mention mentioning mentioned; render rendering rendered
output outputting output
discover discovering discovered
overlap overlapping overlapped
spell spelling spelled
"""

_REGULAR = """
select pick locate identify decide determine judge check describe explain generate create produce
compose look examine inspect view listen analyze study reply extract complete finish predict guess
use count compare summarize condense translate classify sort list rank mark solve compute
calculate add remove detect recognize verify assess restore repair imagine watch rate score match
suggest report assign group arrange convert contain include display depict share intersect
occur exist support agree correspond suit name need want play touch surround represent state
provide point distinguish observe categorize note work paraphrase simplify insert replace combine
merge review evaluate estimate measure search trace highlight outline discuss interpret propose
formulate paint type connect link relate express convey present perform ask return transcribe
visualize reconstruct retrieve delete expand shorten correct lack belong rephrase reason
pronounce link explore scan gather collect obtain derive deduce conclude prove justify satisfy
change copy improve adjust modify polish extend clarify
start try cause resemble reflect indicate specify require capture localize
"""


def _forms() -> dict[str, tuple[str, str]]:
    forms = {}
    for base in _REGULAR.split():
        if base.endswith("e"):
            forms[base] = (f"{base[:-1]}ing", f"{base}d")
        elif re.search(r"[^aeiou]y$", base):
            forms[base] = (f"{base}ing", f"{base[:-1]}ied")
        else:
            forms[base] = (f"{base}ing", f"{base}ed")
    for entry in re.split(r"[;\n]", _IRREGULAR):
        if entry.strip():
            base, gerund, participle = entry.split()
            forms[base] = (gerund, participle)
    return forms


_FORMS = _forms()

KNOWN = frozenset(_FORMS)
"""Verbs whose forms are known."""


def gerund(verb: str) -> str:
    """Return the -ing form of a known verb."""
    return _FORMS[verb][0]


def participle(verb: str) -> str:
    """Return the past participle of a known verb."""
    return _FORMS[verb][1]


def third(verb: str) -> str:
    """Return the form that follows "it"."""
    if verb in ("have", "do", "go", "be"):
        return {"have": "has", "do": "does", "go": "goes", "be": "is"}[verb]
    if re.search(r"(?:s|sh|ch|x|z)$", verb):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"


BY_THIRD = {third(v): v for v in KNOWN}
"""Form after "it" -> verb."""

BY_GERUND = {gerund(v): v for v in KNOWN}
"""-ing form -> verb."""

BY_PARTICIPLE = {participle(v): v for v in KNOWN}
"""Past participle -> verb."""


def base(word: str) -> str:
    """Return the verb that a lower-case word is a form of; any other word as it is."""
    return BY_THIRD.get(word) or BY_GERUND.get(word) or BY_PARTICIPLE.get(word) or word


_PLURALS = bag("people children men women data persons")

_SINGULARS = bag("this is was has its species series lens process class focus news basis analysis")


def is_plural(noun: str) -> bool:
    """Whether a lower-case noun looks like a plural."""
    if noun in _PLURALS:
        return True
    return noun.endswith("s") and noun[-2:] not in {"ss", "us", "is"} and noun not in _SINGULARS


_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z][\w-]*))")

_LIKE_CONSONANT = re.compile(r"(?:uni|use|usa|usu|eu|one\b|once)", re.IGNORECASE)

_LIKE_VOWEL = re.compile(r"(?:hour|honest|heir)", re.IGNORECASE)


def with_articles(text: str) -> str:
    """Return the text with each "a" and "an" as the word after it needs."""

    def article(match: re.Match[str]) -> str:
        word = match[2]
        vowel = word[0].lower() in "aeiou" and not _LIKE_CONSONANT.match(word)
        return match[1] + ("n " if vowel or _LIKE_VOWEL.match(word) else " ")

    return _ARTICLE.sub(article, text)
