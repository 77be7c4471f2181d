"""How a rewrite may open: a yes/no question turns into "Decide whether", and so on.

A small base model that is free to choose its first word copies its source. After another opening it
continues with the rest of the source; most of its good rewrites arise in this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from instraug.rewriting.grammar.lexicon import NEAR, bag

MASK = "\0"
"""Replaces each placeholder in the texts below."""

AUXILIARIES = bag("is are do does did can could has have was were will would should")

WH = bag("what which where who how why when whose")

IF = bag("if whether")

JUDGE = (
    "Decide whether", "Tell me if", "Check whether", "Determine if", "Say whether", "Judge if",
    "Find out whether", "You have to decide whether", "Your task is to check whether",
    "You need to say if",
)  # fmt: skip

_ASK = (
    "Tell me", "Name", "Identify", "Find", "Can you tell me", "State", "Your task is to identify",
    "You need to find", "You have to name",
)  # fmt: skip

TASK = ("Your task is to", "You need to", "You have to", "Your job is to", "You must")

_LAST_RESORT = ("The", "What", "This", "For", "With")

VERBS = bag(
    """select choose pick find locate identify decide determine judge check tell say state name
    describe explain generate create produce make write compose draw look examine inspect view read
    listen analyze study answer reply extract cut fill complete finish predict guess output give use
    count compare summarize condense translate classify sort list rank label mark solve compute
    calculate rewrite add remove detect recognize verify assess consider point restore repair think
    imagine watch rate score match infer suggest return report assign group arrange convert
    """
)

_NOT_ALONE = bag("tell say make give cut draw list state view consider study reply respond")
"""Verbs that cannot replace another one at the start of a sentence."""

_ASKED_BY = {
    **dict.fromkeys(("select", "choose", "pick"), ("Which",)),
    **dict.fromkeys(
        ("identify", "find", "name", "determine", "decide", "give", "predict", "guess", "state"),
        ("What", "Which"),
    ),
    "locate": ("Where", "What"),
    "describe": ("What",),
    "explain": ("Why",),
}
"""Verb -> question words that can ask for the same."""

_BEFORE_VERB = bag("to please then and must will should you")

_WORD = re.compile(r"[A-Za-z]+")


def sentences(text: str) -> list[str]:
    """Split a text after ``.``, ``?`` and ``!``, closing quotes included."""
    return [s for s in re.split(r"(?<=[.?!])[\"\u201d]?\s+", text) if s]


def openings(text: str) -> list[str]:
    """Return openings for a rewrite, none of which is the text's own.

    Args:
        text: One line of natural language, each placeholder as `MASK`.

    Returns:
        At least one opening of one to six words; those that work best with small models first.
    """
    made: list[str] = []
    parts = sentences(text) or [text]
    for sentence in parts:
        # A sentence without an order or a question only prepares a later one.
        for rule in (_asked, _ordered, _tasked, _turned):
            made += rule(sentence)
        if sentence is parts[0] and re.match(r"(?:in|for) this task", text, re.IGNORECASE):
            made += ("You will", "Here you", "You are going to")
        if made:
            break
    if text[-1:] not in (".", "?", "!", '"') or not made:
        made += _LAST_RESORT
    return _differing(dict.fromkeys(made), text) or ["This", "For"]


def later_openings(text: str) -> list[str]:
    """Return openings for the later sentences of a rewrite, like those of the text's own.

    Args:
        text: As for `openings`.

    Returns:
        The openings, each once; none for a single sentence.
    """
    made: list[str] = []
    parts = sentences(text)
    for sentence in parts if len(parts) > 1 else ():
        if head := re.match(r"[A-Za-z]+(?= )", sentence):
            made.append(head[0].capitalize())
        made += near_verbs(sentence)
    return list(dict.fromkeys(made))


def _differing(openings: Iterable[str], text: str) -> list[str]:
    low = text.lower()
    head = _WORD.findall(low)[:1]
    return [
        o
        for o in openings
        if not low.startswith(o.lower().rstrip(",") + " ")
        and (len(o.split()) > 1 or [o.lower()] != head)
        and not (head == ["from"] and o.startswith("From"))
    ]


def _asked(sentence: str) -> Iterator[str]:
    """Yield openings that order what a question asks."""
    asks = sentence.rstrip().endswith("?")
    for at, clause in enumerate(re.split(r",\s+", sentence)):
        word = (_WORD.findall(clause.lower()) or [""])[0]
        if clause[:1] == MASK or word not in AUXILIARIES | WH or (at and not asks):
            continue
        if word in AUXILIARIES:
            yield from JUDGE
        else:
            yield from _ASK
            yield "Which" if word == "what" else "What"


def _ordered(sentence: str) -> Iterator[str]:
    """Yield openings that order the same, or ask what an ``if`` or ``which`` leaves open."""
    plain = True
    for verb, rest in _verbs(sentence):
        after = [w.lower().strip(",") for w in rest.split()[:2]] + ["", ""]
        follows = after[1] if verb == "tell" else after[0]
        if follows in IF:
            yield from JUDGE
            yield from _questions(rest)
        elif follows in WH:
            yield from _ASK
            yield follows.capitalize()
        elif plain:
            yield from near_verbs(sentence)
            yield verb.capitalize()
        plain = False


def near_verbs(sentence: str) -> Iterator[str]:
    """Yield verbs that order the same as the first one of a sentence."""
    for verb, _ in _verbs(sentence):
        near = sorted((NEAR.get(verb, frozenset()) & VERBS) - _NOT_ALONE)
        yield from (w.capitalize() for w in near)
        return


def _tasked(sentence: str) -> Iterator[str]:
    """Yield openings that give an order as a task ("You need to ..."), with its near verbs."""
    for verb, rest in _verbs(sentence):
        after = (rest.split() or [""])[0].lower()
        verbs = [w.lower() for w in near_verbs(sentence)] + [verb]
        if after not in IF | WH and verb != "tell":
            yield from (f"{task} {verbs[i % len(verbs)]}" for i, task in enumerate(TASK))
        elif after in WH:
            yield from (f"{task} {verb}" for task in TASK)
        return


def _verbs(sentence: str) -> Iterator[tuple[str, str]]:
    """Yield (verb, what follows) for each verb that orders something."""
    for match in _WORD.finditer(sentence):
        verb = match[0].lower()
        before = sentence[: match.start()].rstrip()
        last = re.search(r"[A-Za-z]+$", before)
        orders = not before or before[-1] in ",.?!:" or (last and last[0].lower() in _BEFORE_VERB)
        if verb in VERBS and orders:
            yield verb, sentence[match.end() :]


def _questions(rest: str) -> Iterator[str]:
    """Yield auxiliaries that can open a question about an ``if``-clause."""
    patterns = {
        "Are": r"\bare\b",
        "Do": r"\b(?:do|have|appear|match|overlap|share|contain)\b",
        "Is": r"\b(?:is|in)\b",
        "Does": r"\b(?!is\b|this\b)\w+s\b",
        "Can": r"\bcan\b",
    }
    return (word for word, pattern in patterns.items() if re.search(pattern, rest))


def _turned(sentence: str) -> Iterator[str]:
    """Yield openings that move a phrase of the sentence to its front, or ask instead of order."""
    low = sentence.lower()
    if re.search(r"\boptions\b", low):
        yield "From the options,"
    if re.search(r"(?<!^)\bbased on\b", low):
        yield "Based on"
    for verb, _ in _verbs(sentence):
        yield from _ASKED_BY.get(verb, ())
        return
