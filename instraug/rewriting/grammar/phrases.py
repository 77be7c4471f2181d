"""Noun phrases and clauses of instructions, found by their function words.

There is no tagger here: a phrase that no rule is sure of is not found, and what holds it is left
as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from instraug.rewriting.grammar.inflection import BY_PARTICIPLE, BY_THIRD, KNOWN, is_plural, third
from instraug.rewriting.grammar.lexicon import bag

UNIT = re.compile(r"[\"(]*\{[A-Z]+\d*\}[\")]*[,:;]?|\"[^\"]*\"[,:;]?")
"""A word that stands for a thing: a mask, quoted or not, or a quoted word."""

PREPOSITIONS = bag(
    """in of for on at with from to by within inside about between among near around under over
    into as than without regarding through against during like behind across concerning outside
    per via"""
)

DETERMINERS = bag(
    "the a an this these those each every all both any some one two three no another your its their"
)

_BE = bag("is are was were")

_MODALS = bag("can could should would will may might must")

_STOPS = (
    PREPOSITIONS
    | DETERMINERS
    | _BE
    | _MODALS
    | bag(
        """that which who whom whose where when why how what and or but nor if whether because so
        do does did has have had be been being not you it they there he she we i me us them then
        while before after until once since though"""
    )
)

_PRONOUNS = bag("you it they there we he she")

_LATE = bag(
    """true false correct right wrong accurate able visible present clear legible readable complete
    possible likely similar identical related connected done shown seen found given described called
    named black white bad poor good too very still also most exactly really correctly rightly part
    actually properly partly completely fully well based mentioned depicted displayed used needed
    valid consistent best relevant supported covered located contained next closer available missing
    factually positive negative toxic spam sarcastic offensive equivalent"""
)
"""Words that follow a subject rather than belong to it."""

_MOST_NOUNS = 4


@dataclass(frozen=True)
class Declared:
    """A clause in the order of a statement."""

    subject: str
    verb: str
    """Finite: "is", "can", "shows"."""
    rest: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.subject, self.verb, self.rest) if part)


def is_unit(word: str) -> bool:
    """Whether a word stands for a thing; see `UNIT`."""
    return UNIT.fullmatch(word) is not None


def words_of(text: str) -> list[str]:
    """Split a text at spaces, quoted words and masks kept whole."""
    return re.findall(r"(?:[\"(]+[^\"]*?\"[).,:;?!]*|[^\s\"]+)(?=\s|$)|\S+", text)


def noun_phrase(words: Sequence[str], at: int = 0, *, verb: bool = False) -> int:
    """Return the index behind the noun phrase that begins at ``at``; ``at`` itself if none does.

    Phrases with "of", "in" and the like belong to it, and so does one joined with "and"; relative
    clauses do not.

    Args:
        words: A clause.
        at: Where the phrase begins.
        verb: Whether a verb must follow, so that "show" or "match" is no noun behind another one.
    """
    end = _simple(words, at, verb=verb)
    while end > at and end < len(words):
        word, after = words[end].lower(), end
        if word in ("of", "in", "for", "inside", "within", "between", "about", "on", "and", "or"):
            after = _simple(words, end + 1, verb=verb)
            if after == end + 1:
                return end
        elif word in ("below", "above"):
            after = end + 1
        elif word == "next" and words[end + 1 : end + 2] == ["to"]:
            after = _simple(words, end + 2, verb=verb)
        if after == end or words[end - 1][-1] in ",:;":
            return end
        end = after
    return end


def _simple(words: Sequence[str], at: int, *, verb: bool = False) -> int:
    """Return the index behind a noun phrase without attachments."""
    if at >= len(words):
        return at
    if is_unit(words[at]):
        return at + 1
    if words[at].lower() in _PRONOUNS:
        return at + 1
    end = at
    while end < len(words) and words[end].lower() in DETERMINERS:
        end += 1
    start = end
    while end < len(words) and end - start < _MOST_NOUNS and _is_noun(words, start, end, verb=verb):
        end += 1
        if words[end - 1][-1] in ",:;":
            break
    if end == start:
        alone = words[at].lower() in ("this", "these", "each", "both", "one")
        return at + 1 if alone and end == at + 1 else at  # "one of the boxes"
    if end < len(words) and is_unit(words[end]):
        end += 1
    return end


def _is_noun(words: Sequence[str], start: int, at: int, *, verb: bool) -> bool:
    word = words[at].lower().strip(",:;")
    if at > start and (word in ("two", "three") or (word == "one" and _ranks(words[at - 1]))):
        return True
    if is_unit(words[at]) or word in _STOPS or not re.fullmatch(r"[a-z][\w'-]*", word):
        return False
    if at == start:
        return True
    either = not verb and (word in _NOUNS_TOO or BY_THIRD.get(word) in _NOUNS_TOO)
    acts = word in BY_THIRD or word in KNOWN or word in BY_PARTICIPLE
    acts = acts or (word.endswith("ing") and word not in _ING_NOUNS)
    return word not in _LATE and (either or not acts)


def _ranks(word: str) -> bool:
    return word.lower() in ("first", "second", "third", "last", "next", "other", "left", "right")


_ING_NOUNS = bag(
    """building painting drawing meaning setting string thing something anything everything ending
    beginning reading writing clothing heading ceiling ring wing rating feeling understanding
    warning wedding evening morning spelling saying listing ranking being"""
)


_NOUNS_TOO = bag(
    """answer reason list name state label mark object score group rate match order study use point
    report place type need play work review question sum note show guess view output summary
    text caption image title claim step share present complete display cause support correct"""
)
"""Verbs that are nouns as well."""


def declared(words: Sequence[str]) -> Declared | None:
    """Return a yes/no question ("Is the dog black", "Does it bark") as a statement.

    Args:
        words: Without the question mark; the first is an auxiliary.
    """
    head = words[0].lower()
    end = noun_phrase(words, 1, verb=head not in _BE)
    if end < len(words) and end > 1 and words[end - 1][-1] == ",":
        close = (i for i in range(end, len(words)) if words[i][-1] == ",")
        end = next(close, end - 1) + 1  # "Does the note, together with the map, show"
    if head in _BE or head in _MODALS:
        end = _before_predicate(words, end, modal=head in _MODALS)
    if end <= 1 or end >= len(words):
        return None
    subject, rest = " ".join(words[1:end]), list(words[end:])
    if head in ("does", "do"):
        return _done(head, subject, rest)
    if head in _MODALS and rest[0].lower() not in KNOWN | {"be", "rightly", "also"}:
        return None
    if head in ("has", "have") and rest[0].lower() not in BY_PARTICIPLE.keys() | {"been"}:
        return None
    known = head in _BE | _MODALS | {"has", "have"}
    return Declared(subject, head, " ".join(rest)) if known else None


def _before_predicate(words: Sequence[str], end: int, *, modal: bool) -> int:
    """Return where the subject ends, so that a predicate is left: "the dog | in {A}"."""
    if end < len(words) or modal:
        return end
    # All was taken for the subject. Its last phrase is the predicate.
    for at in range(len(words) - 1, 1, -1):
        word = words[at].lower()
        if word in ("in", "on", "inside", "within"):
            return at
        if word in ("the", "a", "an", "this") and words[at - 1].lower() not in PREPOSITIONS | {
            "and"
        }:
            return at
    if is_unit(words[-1]) and len(words) > 2 and words[-2].lower() not in PREPOSITIONS:
        return len(words) - 1
    return len(words)


def _done(head: str, subject: str, rest: list[str]) -> Declared | None:
    first = rest[0].lower().strip(",")
    base = first if first in KNOWN else BY_THIRD.get(first)
    if base is None:
        return None
    if head == "does" and any(map(_is_another_verb, rest[1:], rest[2:])):
        return None
    verb = third(base) if head == "does" and not joined(subject) else base
    return Declared(subject, verb + rest[0][len(first) :], " ".join(rest[1:]))


def _is_another_verb(before: str, word: str) -> bool:
    """Whether a word is one more verb of a list, as in "hold it or touch it"."""
    return (before[-1] == "," or before in ("or", "and")) and word.lower() in KNOWN


def joined(subject: str) -> bool:
    """Whether a subject is several things by "and"."""
    return " and " in f" {subject} " and not re.search(r"\b(?:of|in|between) .* and ", subject)


def asked(clause: str) -> str | None:
    """Return a statement ("the dog in {A} is black") as a yes/no question, without its mark."""
    words = words_of(clause)
    end = noun_phrase(words)
    if end >= len(words) or words[end].lower() not in _BE | _MODALS | {"has"}:
        end = noun_phrase(words, verb=True)
    if end < 1 or end >= len(words):
        return None
    subject, verb, rest = " ".join(words[:end]), words[end].lower(), " ".join(words[end + 1 :])
    if not rest and verb not in KNOWN and verb not in BY_THIRD:
        return None
    if verb in _BE or verb in _MODALS:
        return f"{verb.capitalize()} {subject} {rest}"
    if verb == "has" or verb in BY_THIRD:
        base = "have" if verb == "has" else BY_THIRD[verb]
        return f"Does {subject} {base} {rest}".rstrip()
    if verb in KNOWN:
        several = joined(subject) or plural(subject)
        return f"Do {subject} {verb} {rest}".rstrip() if several else None
    return None


def head_noun(phrase: str) -> str:
    """Return the main noun of a noun phrase, lower-case: "regions" of "the regions in {A}"."""
    words = words_of(phrase)
    end = _simple(words, 0)
    while end and (is_unit(words[end - 1])):
        end -= 1
    return words[end - 1].lower().strip(",:;") if end else ""


def plural(phrase: str) -> bool:
    """Whether a noun phrase takes "are"."""
    first = phrase.split(" ", 1)[0].lower()
    one, _, other = phrase.partition(" and ")
    several = re.match(r"an? |the ", other) and not PREPOSITIONS & set(one.split())
    if first in ("this", "each", "every") or (first in ("a", "an", "one") and not several):
        return False
    return (
        joined(phrase)
        or first in ("these", "those", "both", "you", "they")
        or is_plural(head_noun(phrase))
    )


_AGENT = {
    "contain": "contained in", "hold": "held by", "include": "included in",
    "support": "supported by", "describe": "described by", "show": "shown by",
    "depict": "depicted by", "cover": "covered by", "express": "expressed by",
    "explain": "explained by", "mention": "mentioned in", "answer": "answered by",
    "convey": "conveyed by", "summarize": "summarized by", "back": "backed by",
}  # fmt: skip
"""Verb -> its passive, with the word before the one who acts."""


def turned(statement: Declared) -> Declared | None:
    """Return a statement as seen from its object: "{B} is described by {A}"; None if unsure."""
    rest = words_of(statement.rest)
    modal = statement.verb in _MODALS
    verb = rest[0] if modal and rest else statement.verb
    thing = rest[1:] if modal else rest
    base = verb if verb in KNOWN else BY_THIRD.get(verb, "")
    if not thing or noun_phrase(thing) != len(thing) or thing[0].lower() in _PRONOUNS:
        return None
    if statement.subject.lower() in _PRONOUNS:
        return None
    other = " ".join(thing)
    if base == "match":
        several = plural(other)
        return Declared(
            other, verb if modal else base if several else third(base), statement.subject
        )
    if base not in _AGENT:
        return None
    if modal:
        return Declared(other, statement.verb, f"be {_AGENT[base]} {statement.subject}")
    be = "are" if plural(other) else "is"
    return Declared(other, be, f"{_AGENT[base]} {statement.subject}")


def stated(clause: str) -> Declared | None:
    """Split a statement at its verb; None if no rule is sure."""
    words = words_of(clause)
    end = noun_phrase(words)
    if end >= len(words) or words[end].lower() not in _BE | _MODALS:
        end = noun_phrase(words, verb=True)
    if end < 1 or end >= len(words):
        return None
    if words[end] not in _BE | _MODALS and words[end] not in BY_THIRD and words[end] not in KNOWN:
        return None
    return Declared(" ".join(words[:end]), words[end], " ".join(words[end + 1 :]))


def question(statement: Declared) -> str:
    """Return a statement with "is" or "can" as a question, without its mark."""
    return f"{statement.verb.capitalize()} {statement.subject} {statement.rest}"
