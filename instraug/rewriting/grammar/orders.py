"""Other ways to give an order: passive, cleft, another order of its parts, or a question."""

from __future__ import annotations

import re
from collections.abc import Iterator

from instraug.rewriting.grammar.inflection import (
    BY_GERUND,
    BY_PARTICIPLE,
    KNOWN,
    gerund,
    participle,
)
from instraug.rewriting.grammar.lexicon import bag
from instraug.rewriting.grammar.phrases import (
    DETERMINERS,
    PREPOSITIONS,
    asked,
    head_noun,
    is_unit,
    noun_phrase,
    plural,
    words_of,
)
from instraug.rewriting.grammar.questions import (
    DECIDING,
    HEAVY,
    Way,
    capital,
    finite,
    small,
    whatever,
    whether,
)

ORDERING = bag(
    """select choose pick find locate identify decide determine judge check tell say state name
    describe explain generate create produce make write compose look examine inspect view read
    listen analyze study answer reply extract cut fill complete finish predict guess output give use
    count compare summarize condense translate classify sort list rank label mark solve compute
    calculate rewrite add remove detect recognize verify assess consider point restore repair think
    imagine watch rate score match infer suggest return report assign group arrange convert draw
    provide paraphrase simplify correct observe localize evaluate estimate follow focus
    understand take pay note insert combine indicate categorize outline measure search edit
    transcribe copy change improve adjust modify polish extend clarify replace join connect trace
    highlight discuss interpret propose formulate express present retrieve delete expand shorten
    rephrase explore scan collect derive deduce prove justify visualize reconstruct distinguish"""
)
"""Verbs that an order may begin with."""

_INTRANSITIVE = bag("look listen reply think focus point refer search watch say tell imagine")

_NAMING = bag(
    "identify name state give determine find predict guess tell infer report provide output"
)

_SELECTING = bag("select choose pick")

_LIST = re.compile(
    r",? (?:from|among|out of|in) (?:the |these |those |given |following |listed |provided |answer "
    r"|two |three |four |five |available |possible |above |below )*"
    r"(?:options|choices|list|candidates)\b(?: (?:below|above))?"
)

_TAIL = re.compile(
    r",? (?:based on |on the basis of |by [a-z]+ing |using |with the help of |in order to |so that "
    r"|without [a-z]+ing |to (?=[a-z]+ )|by means of |according to |after [a-z]+ing "
    r"|before [a-z]+ing |(?:before|after|once|when|if) you "
    r"|as (?:the|a|an) )"
)

_MANNER = re.compile(
    r",? in (?:no more|no fewer|at most|at least|exactly|one|a single|two|three|a few|your own)\b"
)
"""How an answer is to be given; it may stand in front."""

_STYLE = re.compile(
    r",? (?:(?:in|as) (?:json|html|latex|markdown)\b|in (?:(?:great|more|full) )?detail\b"
    r"|in (?:plain|simple) [a-z]+\b|in (?:[a-z]*met(?:er|re)s|seconds|minutes|percent)\b"
    r"|in order$|in (?:(?!in |of |and )[a-z]+ ){0,4}(?<!\bin )"
    r"(?<!changes in the )(?<!change in the )(?<!differences in the )(?<!difference in the )"
    r"(?:order(?! to\b)|tone|style|format|manner)\b"
    r"|from (?:left|right|top|bottom|most|least) )",
    re.IGNORECASE,
)
"""The same, but behind a verb of `_SEEKING` it says what is looked for."""

_SEEKING = bag("find locate identify select choose pick detect check look read")

_WITH = bag(
    """label complete fill replace compare mark combine match rank rate sort translate convert
    summarize condense classify rewrite correct order arrange connect insert paraphrase assign
    remove add"""
)
"""Verbs that a phrase with "with", "from" or "to" belongs to, and not to the noun before it."""

_COMPLEMENT = re.compile(r" (?:with|(?<! score )from|into|to(?! \d)|on a|as|by(?! [a-z]+ing)) ")

_PLACED = bag("region area place object part box spot location thing regions areas objects parts")

_PARTICLE = re.compile(r"(out|in|down|up|off) (?=(?:the|an?|this|all|your|each|every)\b)")

_NO_PURPOSE = bag(
    """how what where when need needs have has able used order want asked required try likely going
    according due related next close similar ability help helps allow sure ready easy hard
    possible necessary corresponding belong belongs respect attention relative as it answer
    here question response reply access them question reference going prior"""
)

_CATAPHORIC = re.compile(r"\b(?:it|its|they|them|their|this|there|that)\b(?! \{)")

_NOMINAL = {
    "describe": (("description", "Give a"), ("description", "Write a")),
    "explain": (("explanation", "Give an"),),
    "summarize": (("summary", "Write a"), ("summary", "Give a")),
    "translate": (("translation", "Give a"),),
}


def _number(verb: str, phrase: str) -> str:
    """Return "is" or "has" as a phrase needs it."""
    if not plural(_core(phrase)):
        return verb
    return {"is": "are", "has": "have", "needs": "need"}[verb]


def _core(phrase: str) -> str:
    words = words_of(phrase)
    return " ".join(words[: noun_phrase(words)])


# ── orders ───────────────────────────────────────────────────────────────────────────────────────


def orders(verb: str, rest: str) -> Iterator[Way]:
    """Yield other ways to say "VERB REST.", the words in it as they are.

    Args:
        verb: Lower-case, of `ORDERING`.
        rest: What follows, without the final mark.
    """
    words = words_of(rest)
    if not words:
        return
    first = words[0].lower()
    me = first in ("me", "us") and verb in ("tell", "give", "show")
    if me and len(words) > 1:
        rest = " ".join(words[1:])
        words, first = words[1:], words[1].lower()
        if first == "the":
            verb = "give" if verb == "tell" else verb
    if first in ("if", "whether"):
        clause = " ".join(words[1:])
        yield from whether(clause) if verb in DECIDING else whatever(f"whether {clause}", verb)
    elif first in ("what", "which", "where", "how", "why", "when", "who"):
        yield from whatever(rest, verb)
    elif aside := re.match(
        r"(in (?:a|one|two) (?:few |short )?\w+) (what|which|how|why|where) ", rest
    ):
        said = f"{verb} {'me ' if me else ''}{rest[aside.end(1) + 1 :]}"
        yield Way(f"{capital(aside[1])}, {said}.", 2)
        yield Way(f"{capital(said)}, {aside[1]}.", 2)
    elif verb in KNOWN:
        yield from _transitive(verb, rest)


def _transitive(verb: str, rest: str) -> Iterator[Way]:
    thing, tail = divided(verb, rest)
    if particle := _PARTICLE.match(thing):
        yield from _passive(verb, thing[particle.end() :], tail, f" {particle[1]}")
        return
    front = capital(tail.lstrip(", "))
    moves = tail and thing and _loose(verb, tail) and not _CATAPHORIC.search(tail)
    if moves:
        yield Way(f"{front}, {verb} {thing}.", 2)
    if verb in _INTRANSITIVE or not _is_object(thing) or _orders_more(tail):
        return
    for noun, before in _NOMINAL.get(verb, ()):
        if thing.split(" ", 1)[0] in ("the", "a", "an", "this", "what", "each") or is_unit(thing):
            yield Way(f"{before} {noun} of {thing}{tail}.", 2)
    if _stays(verb, thing):
        return
    verb = "determine" if verb == "decide" else verb
    if moves and not front.startswith(("Using ", "By ")):
        yield Way(f"{front}, {thing} should be {participle(verb)}.", 2)
    if among := re.fullmatch(
        r" (?:from|among|out of) (the (?:\w+ )?(?:options|choices|list))", tail
    ):
        yield Way(f"Go through {among[1]} and {verb} {thing}.", 2)
        yield Way(f"Look through {among[1]} and {verb} {thing}.", 2)
    yield from _passive(verb, thing, tail)
    yield from _wondered(verb, thing, tail)


def _orders_more(tail: str) -> bool:
    """Whether a tail has one more order: "into German and keep the commas"."""
    more = re.search(r" and (?:then )?([a-z]+) (?:the|an?|your|its|their|it|them|all|any)\b", tail)
    return bool(more and more[1] not in PREPOSITIONS | DETERMINERS | {"not"})


def _stays(verb: str, thing: str) -> bool:
    """Whether a thing stays behind its verb: what follows it may belong to the verb."""
    unit = is_unit(thing.split(" ", 1)[0]) and len(thing.split()) > 1
    again = head_noun(thing) == verb  # "The name should be named"
    return unit or again or thing.startswith(("the one ", "the ones ")) or verb == "answer"


def _passive(verb: str, thing: str, tail: str, particle: str = "") -> Iterator[Way]:
    """Yield passives and clefts; a particle is the "in" of "fill in"."""
    if not _is_object(thing):
        return
    done, be, head = f"{participle(verb)}{particle}", _number("is", thing), capital(thing)
    verb = f"{verb}{particle}"
    if len(thing.split()) <= HEAVY:
        yield Way(f"{head} should be {done}{tail}.", 2)
        yield Way(f"{head} {be} what you should {verb}{tail}.", 2)
        yield Way(f"{head} {_number('has', thing)} to be {done}{tail}.", 2)
        yield Way(f"{head} must be {done}{tail}.", 2)
        yield Way(f"{head} {be} to be {done}{tail}.", 2)
        yield Way(f"{head} {_number('needs', thing)} to be {done}{tail}.", 2)
        yield Way(f"{head} {be} what you have to {verb}{tail}.", 2)
    if not tail or _LIST.fullmatch(tail):
        yield Way(f"What you should {verb}{tail} {be} {thing}.", 2)
        yield Way(f"What you have to {verb}{tail} {be} {thing}.", 2)
        yield Way(f"What has to be {done}{tail} {be} {thing}.", 2)


def _loose(verb: str, tail: str) -> bool:
    """Whether a tail may stand in front."""
    if tail.startswith((" as ", " so that")) or tail == " in order":
        return False
    return verb not in _WITH or not _COMPLEMENT.match(tail) or bool(_LIST.fullmatch(tail))


def _is_object(thing: str) -> bool:
    words = words_of(thing)
    end = noun_phrase(words)
    if not end or re.search(r"[,:] ", thing):
        return False
    if words[0].lower() in ("you", "it", "they", "there", "we", "this", "any"):
        return False
    if end == len(words):
        return True
    after = words[end].lower()
    opens = after in ("that", "which", "who", "whose", "where") or after in BY_PARTICIPLE
    return opens or after in BY_GERUND or after in PREPOSITIONS - {"as", "by", "into", "to", "than"}


def _wondered(verb: str, thing: str, tail: str) -> Iterator[Way]:
    """Yield questions that ask for a thing."""
    optional = bool(re.search(r"(?:options|choices|list|candidates)$", tail))
    selects = verb in _SELECTING and (optional or re.match(r"(?:the|an?) [\w ]*?that ", thing))
    if (tail and not optional) or not (verb in _NAMING or verb == "locate" or selects):
        return
    be = _number("is", thing)
    if thing.startswith("the ") and not re.match(r"the (?:only|one)\b", thing):
        place = verb == "locate" or (verb == "find" and head_noun(thing) in _PLACED)
        if place and not tail:
            yield Way(f"Where {be} {thing}?", 1)
        if verb in _NAMING and not tail:
            yield Way(f"What {be} {thing}?", 0)
        if optional and be == "is" and not tail.endswith("list"):
            yield Way(f"Which of {tail.strip().split(' ', 1)[1]} is {thing}?", 1)
    yield from _which(thing, tail)
    inside = re.fullmatch(r"the ([a-z]+) ((?:in|inside|within) \S+)", thing)
    if inside and verb in _NAMING and is_unit(thing.split()[-1]):
        yield Way(f"Which {inside[1]} {be} {inside[2]}?", 1)


def _which(thing: str, tail: str) -> Iterator[Way]:
    """Yield "Which boxes overlap?" for "the boxes that overlap"."""
    relative = re.fullmatch(
        r"(?:(?:the|an?|all the|all) ((?:[a-z]+ ){1,3}?)|([a-z]+s ))(?:that|which) (.+)", thing
    )
    if relative is None:
        return
    noun, said = (relative[1] or relative[2]).strip(), relative[3]
    if finite(said) or said.split(" ", 1)[0] in ("do", "does"):
        yield Way(f"Which {noun}{tail} {said}?", 1)
    elif (direct := asked(said)) and direct.startswith("Does "):
        yield Way(f"Which {noun}{tail} {small(direct)}?", 2)


def divided(verb: str, rest: str) -> tuple[str, str]:
    """Split what follows a verb into its object and the tail: "from the options", "by ...ing"."""
    among = _LIST.search(rest)
    if among and among.start() and not re.search(r"\b[a-z]+ing ", rest[: among.start()]):
        thing, after = rest[: among.start()], rest[among.end() :]
        if not after or re.match(r" (?:that|which) ", after):
            return thing + after, among[0]
        return rest, ""
    if found := _adverbial(verb, rest):
        return found
    for match in _TAIL.finditer(rest):
        thing = rest[: match.start()]
        if not thing or thing.count('"') % 2:
            continue
        last = thing.split()[-1].lower()
        if match[0].lstrip(", ").startswith("to "):
            other = rest[match.end() :].split(" ", 1)[0]
            short = is_unit(last) or len(thing.split()) < 2
            if other not in KNOWN or last in _NO_PURPOSE or short or _relative_in(thing):
                continue
        if re.match(r",? (?:using|based on|according)", match[0]) and _relative(thing):
            continue
        return thing, rest[match.start() :]
    return rest, ""


def _adverbial(verb: str, rest: str) -> tuple[str, str] | None:
    """Split off a phrase that says how something is to be done: "in one word", "with a label"."""
    patterns = [_COMPLEMENT] if verb in _WITH else []
    for pattern in [*patterns, _MANNER, *([] if verb in _SEEKING else [_STYLE])]:
        found = pattern.search(rest)
        if found and found.start():
            thing = rest[: found.start()]
            if thing.count('"') % 2 == 0 and not _relative_in(thing):
                return thing, rest[found.start() :]
    return None


def _relative_in(text: str) -> bool:
    return bool(re.search(r"\b(?:that|which|who|whose)\b", text))


def _relative(thing: str) -> bool:
    return bool(re.search(r"\b(?:that|which|who) \S+$", thing))


# ── several orders ───────────────────────────────────────────────────────────────────────────────


def coordinated(rest: str) -> tuple[str, str, str] | None:
    """Split "VERB ONE and OTHER TWO" into ("ONE", "OTHER", "TWO"); None for a single order."""
    for match in re.finditer(r",? (?:and (?:then )?|then )([a-z]+) ", rest):
        one, other, two = rest[: match.start()], match[1], rest[match.end() :]
        within = re.search(r"\bby (?:first )?[a-z]+ing ", one)
        if other in ORDERING and one and two and one.count('"') % 2 == 0 and not within:
            return one, other, two
    return None


def after_doing(verb: str, one: str) -> Iterator[tuple[str, int]]:
    """Yield clauses that put an order before another one: "After looking at the map"."""
    yield f"After {gerund(verb)} {one}", 2
    yield f"Once you have {participle(verb)} {one}", 2
    yield f"When you have {participle(verb)} {one}", 2
