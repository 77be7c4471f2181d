"""Other ways to say a sentence of an instruction, by rules of transfer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from instraug.rewriting.grammar.frames import ASKS, DUTIES, IFS, STATEMENTS
from instraug.rewriting.grammar.inflection import KNOWN, gerund
from instraug.rewriting.grammar.lexicon import bag
from instraug.rewriting.grammar.orders import ORDERING, after_doing, coordinated, orders
from instraug.rewriting.grammar.phrases import declared, noun_phrase, plural, words_of
from instraug.rewriting.grammar.questions import (
    ASKING,
    DECIDING,
    Way,
    capital,
    small,
    whatever,
    whether,
    which,
)

_AUXILIARIES = bag("is are was were do does can could has have will would should")

_WH = bag("what which where who how why when whose")

_DUTY = re.compile(
    r"(?:(?:in|for) this task,? )?(?:you (?:are (?:asked|required|going|expected|supposed) to"
    r"|need to|will need to|have to|must|should|will)|(?:the|your) (?:goal|aim|task|job|objective)"
    r"(?: of this task| here)? is to|this task (?:asks|requires) you to) (?:first )?(?=[a-z]+ )",
    re.IGNORECASE,
)
"""Phrases that introduce an order."""

_BROKEN = re.compile(r",\s*[.?!:,]")
"""What is left where a part was taken out between two marks."""

_DOER = re.compile(
    r"(?:as an?|using|looking at|(?:by|after|before|when|while|without) (?!following )[a-z]+ing)\b"
)
"""Clauses in front that say how or as what somebody acts, so that the next words must name or order
who does."""

_NAMES_DOER = re.compile(r"(?<!asks )\byou\b|\byour (?:task|job)\b", re.IGNORECASE)

_SAYS_TASK = re.compile(r"\btask\b|^(?:Here|Given) ")
"""What says "in this task" once more."""

_POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|there|this|that|above)\b(?! \{)")
"""Words that may stand for something said before."""


_LONGEST = 1200
"""Characters of a sentence that rules are tried on; some take the square of its length."""


def ways(sentence: str) -> list[Way]:
    """Return other ways to say a sentence, those that no rule finds left out.

    Args:
        sentence: With its final mark, masks as words.

    Returns:
        Each text once, in a fixed order.
    """
    if len(sentence) > _LONGEST:
        return []
    mark = sentence[-1:] if sentence.endswith((".", "?", "!", ":")) else ""
    body = sentence.removesuffix(mark).strip()
    colon, mark = mark == ":", mark.removesuffix(":")
    if re.match(r"please ", body, re.IGNORECASE):
        body = capital(body[len("please ") :])
    found = {w.text: w for w in _clause(body, mark)}
    if colon:
        last = body.rsplit(" ", 1)[-1]
        kept = [w for w in found.values() if w.text.endswith(f"{last}.")]
        found = {w.text: w for w in (replace(w, text=re.sub(r"\.$", ":", w.text)) for w in kept)}
    found.pop(sentence, None)
    return [w for w in found.values() if not _BROKEN.search(w.text)]


def _clause(body: str, mark: str) -> Iterator[Way]:
    if duty := _DUTY.match(body):
        order = body[duty.end() :]
        if order.split(" ", 1)[0] in ORDERING:
            yield from _ordered(order)
            return
    yield from _stated(body)
    if gap := re.fullmatch(r"(The .+) (is|are)", body):
        yield from _gap(small(gap[1]), gap[2])
        return
    lead, clause = _split(body)
    if lead:
        yield from _led(lead, clause, mark)
        return
    words = words_of(clause)
    head = words[0].lower() if words else ""
    if len(words) < 3:
        return
    if head in (_AUXILIARIES if mark != "." else ("is", "are", "does", "can")):
        yield from _yes_or_no(words)
    elif head in _WH:
        yield from _which(words)
    elif head in ORDERING:
        yield from _ordered(clause)


def _stated(body: str) -> Iterator[Way]:
    for pattern, texts in STATEMENTS:
        if match := re.fullmatch(pattern, body, re.IGNORECASE):
            yield from (Way(capital(_filled(text, match.groups())), 2) for text in texts)
            return


def _filled(text: str, parts: Sequence[str]) -> str:
    for i, part in enumerate(parts, 1):
        text = text.replace(f"{{{i}}}", part)
    return text


def _gap(thing: str, be: str) -> Iterator[Way]:
    """Yield ways to ask for what "The region of it is" leaves open."""
    if noun_phrase(words_of(thing)) < 2:
        return
    yield Way(f"What {be} {thing}?", 1)
    for verb in ("find", "identify", "name"):
        yield Way(f"{capital(verb)} {thing}.", 1)
        yield from (w for w in orders(verb, thing) if w.points)


def _split(sentence: str) -> tuple[str, str]:
    """Split off the clause before an order or a question."""
    heads = _AUXILIARIES | _WH | ORDERING
    if sentence.split(" ", 1)[0].lower() in heads:
        return "", sentence
    for comma in re.finditer(r", (?:please )?(?:then )?", sentence):
        after = sentence[comma.end() :]
        if sentence[: comma.start()].count('"') % 2:
            continue
        if after.split(" ", 1)[0].lower() in heads or _DUTY.match(after):
            return sentence[: comma.start()], after
    return "", sentence


def _led(lead: str, clause: str, mark: str) -> Iterator[Way]:
    """Yield ways with another place for the clause in front."""
    low = small(lead)
    orders_it = clause.split(" ", 1)[0].lower() in ORDERING
    own = f"{capital(clause)}{'.' if orders_it else mark or '.'}"
    core = list(_clause(capital(clause), mark))
    moves = re.match(
        r"(?:given|based on|after|when|using|considering|without|with|from|looking|once|for|in) ",
        low,
    )
    pronoun = _POINTS_BACK.search(clause)
    if re.match(r"given (?:the |an? |this |these |\"?\{)", low) and noun_phrase(words_of(low[6:])):
        thing = low[6:]
        for way in [Way(own, 0), *core]:
            yield Way(f"You are given {thing}. {way.text}", max(way.points, 1) + (way.points > 1))
            here = "Here are" if plural(thing) else "Here is"
            if thing.startswith("the following"):
                continue
            yield Way(f"{here} {thing}. {way.text}", max(way.points, 1) + (way.points > 1))
    if moves and not pronoun and not re.match(r"(?:in|for) this task", low):
        for way in [Way(own, 0), *core]:
            if (
                not re.search("[,:]", way.text)
                and way.text[-1:] in ".?"
                and way.text.count(". ") == 0
            ):
                comma = "" if low.startswith(("in ", "for ", "from ", "with ")) else ","
                yield Way(f"{way.text[:-1]}{comma} {low}{way.text[-1]}", 2)
    for way in core:
        if ". " in way.text or re.match(r"(?:By|To|In|From|Before|After) [^,]*, ", way.text):
            continue
        again = low.endswith(" this task") and _SAYS_TASK.search(way.text)
        if not again and (not _DOER.match(low) or _orders(way.text)):
            yield Way(f"{lead}, {small(way.text)}", way.points)


def _orders(text: str) -> bool:
    """Whether a text speaks to somebody: an order, or one that says "you"."""
    return text.split(" ", 1)[0].lower() in ORDERING or bool(_NAMES_DOER.search(text))


def _ordered(order: str) -> Iterator[Way]:
    """Yield ways to give "VERB REST" as an order or a question."""
    verb, _, rest = order.partition(" ")
    verb = verb.lower()
    if verb in KNOWN and (several := coordinated(rest)):
        one, other, two = several
        yield from _several(verb, one, other, two)
        return
    words = words_of(rest)
    me = 1 if words and words[0].lower() in ("me", "us") else 0
    first = words[me].lower() if len(words) > me else ""
    if first in ("if", "whether"):
        clause = " ".join(words[me + 1 :])
        decides = verb in DECIDING
        frames, said = (_ifs(clause), clause) if decides else (DUTIES, f"{verb} {rest}")
        yield from (Way(t.replace("{}", said), 0) for t in frames if not _same(t, order))
    elif thing := re.match(r"what (?:is|are) (?=(?:the|an?|its|their) )", " ".join(words[me:])):
        yield from _turned_clause(thing[0], " ".join(words[me:])[thing.end() :])
        return
    elif first in _WH:
        clause, asks = " ".join(words[me:]), verb in ASKING or verb == "explain"
        texts = ASKS if asks else DUTIES
        said = clause if asks else f"{verb} {rest}"
        yield from (Way(t.replace("{}", said), 0) for t in texts if not _same(t, order))
    else:
        yield from (Way(t.replace("{}", f"{verb} {rest}"), 0) for t in DUTIES)
        yield Way(f"{capital(verb)} {rest}.", 0)
    yield from orders(verb, rest)


def _turned_clause(asks: str, thing: str) -> Iterator[Way]:
    """Yield ways to order "what is the box", which has the order of words of a question."""
    if not re.search(r"\}\"? the ", thing):
        yield Way(f"{capital(asks)}{thing}?", 0)
        yield Way(f"Identify {thing}.", 0)
        yield from (w for w in orders("identify", thing) if w.points)


def _ifs(clause: str) -> tuple[str, ...]:
    """Return orders to decide about a clause; "if" does not ask which of two is so."""
    return tuple(t for t in IFS if " or " not in clause or " whether " in t)


def _same(text: str, order: str) -> bool:
    return text.split(" ", 1)[0].lower() == order.split(" ", 1)[0].lower()


def _several(verb: str, one: str, other: str, two: str) -> Iterator[Way]:
    """Yield ways to give two orders, one after the other."""
    last = f"{other} {two}"
    yield Way(f"First {verb} {one}, then {last}.", 1)
    yield Way(f"Start by {gerund(verb)} {one}, then {last}.", 1)
    for clause, points in after_doing(verb, one):
        yield Way(f"{clause}, {last}.", points)
        if "," not in last and not _POINTS_BACK.search(two):
            yield Way(f"{capital(last)} {small(clause)}.", 2)
    for way in _ordered(last):
        if way.points or way.text[:4] in ("Your", "You "):
            yield Way(f"{capital(verb)} {one}. {way.text}", way.points)
    yield from (Way(t.replace("{}", f"{verb} {one} and {last}"), 0) for t in DUTIES)


def _yes_or_no(words: list[str]) -> Iterator[Way]:
    if words[0].lower() in ("can", "could", "would", "will") and words[1].lower() == "you":
        asked_for = [w for w in words[2:] if w != "please"]
        if asked_for and asked_for[0] in ORDERING:
            yield from _ordered(" ".join(asked_for))
            return
    statement = declared(words)
    if statement is None:
        return
    clause = str(statement)
    yield from (Way(t.replace("{}", clause), 1) for t in _ifs(clause))
    asked_as = f"{' '.join(words)}?".lower()
    yield from (w for w in whether(clause) if w.text.lower() != asked_as)


def _which(words: list[str]) -> Iterator[Way]:
    """Yield ways to say a question that begins with "what", "which", "where" and the like."""
    head, second, rest = words[0].lower(), words[1].lower(), " ".join(words[2:])
    end = noun_phrase(words, 2)
    whole = end == len(words) or not words[end].endswith(("ing", "ed", "en"))
    if second in ("is", "are") and head in ("what", "where") and (whole or words[-1][-1] in '}"'):
        if head == "where":
            yield from (Way(t.replace("{}", f"where {rest} {second}"), 1) for t in ASKS)
        elif end <= 2 or not re.match(r"(?:the|an?) ", rest):
            return
        for verb in _ASKED_BY[head]:
            yield Way(f"{capital(verb)} {rest}.", 0)
            yield from (w for w in orders(verb, rest) if w.points)
    elif head in ("which", "what") and (thing := which(words)):
        yield from _one_that(head, *thing)
    elif clause := _embedded(words):
        yield from (Way(t.replace("{}", clause), 1) for t in ASKS)
        yield from (w for w in whatever(clause) if not w.text.endswith("?") or w.points)


_ASKED_BY = {
    "what": ("identify", "determine", "state", "name"),
    "where": ("find", "locate"),
    "which": ("select", "find", "identify"),
}
"""Question word -> verbs that ask for the same."""


def _one_that(head: str, thing: str, tail: str) -> Iterator[Way]:
    """Yield ways to ask for "the box that overlaps"; see `questions.which`."""
    if thing.startswith("the one "):
        group = tail.removeprefix(" from ")
        for verb in ("choose", "name", "select", "identify", "find"):
            yield Way(f"From {group}, {verb} {thing}.", 2)
        return
    for verb in _ASKED_BY[head]:
        yield Way(f"{capital(verb)} {thing}{tail}.", 1)
        for way in orders(verb, thing + tail):
            if not way.text.startswith(("Which", "Where")):
                yield replace(way, points=max(way.points, 1))


def _embedded(words: list[str]) -> str | None:
    """Return a question as a clause: "What does it say" as "what it says"."""
    head = words[0].lower()
    if head == "who" and words[1].lower() not in _AUXILIARIES:
        return small(" ".join(words))
    for at in range(1, min(4, len(words) - 1)):
        helper = words[at].lower()
        if helper not in _AUXILIARIES - {"has", "have"}:
            continue
        if helper not in ("is", "are", "was", "were"):
            statement = declared(words[at:])
            return f"{small(' '.join(words[:at]))} {statement}" if statement else None
        return _with_be(words, at)
    return None


def _with_be(words: list[str], at: int) -> str | None:
    """Return a question with "is" or "are" as a clause; ``at`` is its place."""
    before, be, end = small(" ".join(words[:at])), words[at], noun_phrase(words, at + 1)
    if words[at + 1].endswith("ing") and (at > 1 or words[0].lower() in ("who", "what")):
        return small(" ".join(words))  # "how many people are waiting"
    if end == at + 1:
        return None
    thing, rest = " ".join(words[at + 1 : end]), " ".join(words[end:])
    if not rest:
        return f"{before} {thing} {be}" if at > 1 else None
    if re.match(r"[a-z]+ly |[a-z]+(?:ing|ed|en)\b|most likely ", f"{rest} "):
        return f"{before} {thing} {be} {rest}"
    return None
