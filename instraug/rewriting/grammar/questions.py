"""Other ways to ask or order what is left open by "whether ...", "what ..." and "which ..."."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from instraug.rewriting.grammar.inflection import BY_THIRD, KNOWN, participle
from instraug.rewriting.grammar.lexicon import bag
from instraug.rewriting.grammar.phrases import (
    asked,
    noun_phrase,
    question,
    stated,
    turned,
    words_of,
)


@dataclass(frozen=True)
class Way:
    """One way to say a sentence."""

    text: str
    """With its final mark."""
    points: int
    """How far it is from the source: 0 another opening, 1 a verb moved, 2 another structure."""


HEAVY = 13
"""Words of a subject, at most."""

_TURNED = (
    "Decide whether {}.", "Is it true that {}?", "Tell me if {}.", "Would you say that {}?",
    "Whether {} has to be decided.", "You have to check whether {}.",
)  # fmt: skip


def capital(text: str) -> str:
    """Return a text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def small(text: str) -> str:
    """Return a text with a small first letter, but for names in capitals."""
    return text if text[1:2].isupper() or text[:2] == "I " else text[:1].lower() + text[1:]


def whether(clause: str) -> Iterator[Way]:
    """Yield ways to ask or order whether a statement is true, or which side of its "or" is."""
    if direct := asked(clause):
        yield Way(f"{direct}?", 1)
    if " or " not in clause:
        yield from _true(clause)
    yield Way(f"It has to be checked whether {clause}.", 1)
    yield Way(f"What has to be decided is whether {clause}.", 2)
    if len(clause.split()) <= HEAVY and ":" not in clause:
        yield Way(f"Whether {clause} is what you have to decide.", 2)
        yield Way(f"Whether {clause} has to be determined.", 2)
        yield Way(f"Whether {clause} is the question to answer.", 2)
        yield Way(f"Whether {clause} is for you to decide.", 2)
        yield Way(f"Whether {clause} needs to be checked.", 2)


def _true(clause: str) -> Iterator[Way]:
    statement = stated(clause)
    if other := statement and turned(statement):
        if other.verb in ("is", "are", "can", "could", "would"):
            yield Way(f"{question(other)}?", 2)
        yield from (Way(text.replace("{}", str(other)), 2) for text in _TURNED)
    yield Way(f"Is it true that {clause}?", 1)
    yield Way(f"Would you say that {clause}?", 1)
    yield Way(f"Is it the case that {clause}?", 1)
    yield Way(f"Can it be said that {clause}?", 1)
    yield Way(f"Is it correct that {clause}?", 1)
    if len(clause.split()) <= HEAVY:
        yield Way(f"Whether or not {clause} should be decided.", 2)
    if statement and statement.subject.lower() not in ("it", "they", "you", "this", "there"):
        yield Way(f"{capital(clause)}. Is that right?", 2)
        yield Way(f"{capital(clause)}. Is this true?", 2)
        yield Way(f"{capital(clause)}. Is that so?", 2)
        yield Way(f"{capital(clause)}. Is this correct?", 2)


ASKING = bag("tell say state determine decide find identify name judge answer check give count")
"""Verbs that only ask for what is behind them; "describe" and "explain" ask for more."""


DECIDING = ASKING | bag(
    """verify assess predict guess infer recognize detect evaluate see classify conclude report
    indicate output return estimate establish examine test confirm consider think suggest mark"""
)
"""Verbs that ask for no more than the answer behind "whether"; "explain" and "discuss" do."""


def whatever(clause: str, verb: str = "tell") -> Iterator[Way]:
    """Yield ways to ask or order what "what ..." leaves open.

    Args:
        clause: "what is wrong with the map", its words in the order of a statement.
        verb: The order's, which stays if it asks for more than to tell.
    """
    words = words_of(clause)
    if len(words) < 3:
        return
    if verb not in ASKING:
        done = participle(verb) if verb in KNOWN else ""
        if done and len(words) <= HEAVY and ":" not in clause:
            yield Way(f"{capital(clause)} should be {done}.", 2)
            yield Way(f"{capital(clause)} has to be {done}.", 2)
            yield Way(f"What you should {verb} is {clause}.", 2)
        return
    yield from _direct(words)
    yield Way(f"Can you work out {clause}?", 1)
    yield Way(f"What has to be determined is {clause}.", 2)
    if len(words) <= HEAVY and ":" not in clause:
        yield Way(f"{capital(clause)} is what you should find out.", 2)
        yield Way(f"{capital(clause)} has to be determined.", 2)
        yield Way(f"{capital(clause)} is the thing to find out.", 2)
        yield Way(f"{capital(clause)} needs to be worked out.", 2)


def _direct(words: list[str]) -> Iterator[Way]:
    """Yield the question that a clause answers."""
    head, second, last = words[0].lower(), words[1].lower(), words[-1].lower()
    clause = " ".join(words)
    if head in ("what", "which") and second in BY_THIRD.keys() | {"is", "can", "has"}:
        copular = second == "is" and noun_phrase(words, 2) == len(words)
        if last not in ("is", "are", "says", "shows"):
            yield Way(f"{capital(clause)}?", 0 if copular else 1)
    turns = head in ("where", "how", "why", "when", "what") and last in ("is", "are")
    if turns and second not in ("many", "much") and noun_phrase(words, 1) == len(words) - 1:
        yield Way(f"{capital(head)} {last} {' '.join(words[1:-1])}?", 1)


def which(words: list[str]) -> tuple[str, str] | None:
    """Return what "which N ..." asks for as the object of an order.

    Args:
        words: The question's words, "which" or "what" first, without its mark.

    Returns:
        The thing as a noun phrase ("the box that overlaps most with {A}"), and its "from the
        options" part or ""; None if no rule is sure.
    """
    if words[1].lower() == "of":
        end = noun_phrase(words, 2)
        said = " ".join(words[end:])
        if end <= 2 or not finite(said):
            return None
        return f"the one that {said}", f" from {' '.join(words[2:end])}"
    clause = ["the", *words[1:]]
    among = re.search(
        r" (?:from|among|in|out of) (?:the |these |given )*(?:options|choices|list)\b",
        " ".join(clause),
    )
    tail = among[0] if among else ""
    if among:
        clause = " ".join(clause).replace(among[0], "", 1).split(" ")
    end = noun_phrase(clause, verb=True)
    said = re.sub(r"^that ", "", " ".join(clause[end:]))
    first, _, after = said.partition(" ")
    if (
        end < 2
        or not finite(said)
        or (re.match(r"(?:the|a|an|this|these|you|it|\S*\{)", after) and first in ("is", "are"))
    ):
        return None
    return f"{' '.join(clause[:end])} that {said}", tail


def finite(said: str) -> bool:
    """Whether a text begins with a finite verb, perhaps behind an adverb."""
    word = re.sub(r"^(?:[a-z]+ly|best|better) ", "", said).split(" ", 1)[0]
    helping = bag("is are has have can must should")
    return word in helping or ((word in BY_THIRD or word in KNOWN) and word not in ("do", "does"))
