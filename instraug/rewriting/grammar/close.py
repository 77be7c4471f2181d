"""A GBNF grammar that follows its source: another opening, then the source's own words.

Under the free grammar (`free`) the model may lose the thread of a long template. Under this one it
chooses only synonyms, and where the verb of a question goes when the question becomes an order: "Is
the dog in {A} black?" becomes "Check whether the dog in {A} is black." The answer keeps all that
the source says; each route has other openings and other synonyms.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from instraug.rewriting.grammar.gbnf import alternatives, literal
from instraug.rewriting.grammar.lexicon import SWAPS, forms
from instraug.rewriting.grammar.openings import (
    AUXILIARIES,
    IF,
    JUDGE,
    TASK,
    VERBS,
    WH,
    near_verbs,
    sentences,
)

_REPORT = ("Tell me", "State", "Say", "Determine", "Find out", "You need to say")

_DO = frozenset({"do", "does"})

_BE = frozenset({"is", "are", "was", "were", "can", "could", "will", "would", "should"})

_OPENINGS = 2

_SWAPS = 3

_NEAR_HEAD = 4
"""A question's verb is among this many of its first words."""

_DUTY = re.compile(
    r"(?:(?:in|for) this task,? you (?:are (?:asked|required) to|need to|will need to|have to|must"
    r"|should|will)|the (?:goal|aim) of this task is to) (?=[a-z]+ )",
    re.IGNORECASE,
)
"""Phrases that introduce an order."""

_TELL = ("Give", "State", "Identify", "Determine", "Name", "You need to state")

_SAY = ("State", "Say", "You need to say", "You have to state")

_GIVEN_TASK = ("Here you have to", "You need to", "Your task is to", "Your job is to", "You must")

_CORE = re.compile(r"([A-Za-z]+)([,;:]?)")


def follow(text: str, route: int, most: int) -> str | None:
    """Return the grammar of one sample, or None if the source has no known shape.

    Args:
        text: One line, each placeholder as its mask.
        route: The number of the sample (0, 1, ...).
        most: The most words of a rewrite.
    """
    if text.count('"') % 2:
        return None
    parts = sentences(text)
    for at, part in enumerate(parts):
        turned = _turned(part)
        if turned:
            before, after = " ".join(parts[:at]), " ".join(parts[at + 1 :])
            others = f"{before} {turned.lead} {after}".split()
            moving = 1 if turned.moving else 0
            room = most - len(others) - len(turned.body) - moving
            fitting = tuple(o for o in turned.openings if len(o.split()) <= room)
            turned = replace(turned, openings=fitting)
            return _gbnf(turned, before, after, route) if fitting else None
    return None


@dataclass(frozen=True)
class _Turned:
    """A sentence split into parts, for rewording."""

    lead: str
    """A clause that stays in front."""
    openings: tuple[str, ...]
    body: tuple[str, ...]
    """The words that follow the opening."""
    moving: str = ""
    """The verb that gets a new place among them."""
    inflects: bool = False
    """Whether one of them may change its number, because a "does" was removed."""
    last: bool = False
    """Whether the moving verb may be the last word."""
    mark: str = "."


def _turned(sentence: str) -> _Turned | None:
    """Split a question or an order into parts; None for anything else."""
    mark = sentence[-1] if sentence[-1] in ".?!" else ""
    lead, clause = _split(sentence.removesuffix(mark))
    duty = _DUTY.match(clause)
    if duty:
        return _Turned(lead, _GIVEN_TASK, tuple(clause[duty.end() :].split()), mark=mark)
    words = clause.split()
    head = words[0].lower() if words else ""
    if len(words) < 3:
        return None
    if head in AUXILIARIES and mark in {"?", ""}:
        return _yes_or_no(lead, words)
    if head in WH and mark in {"?", ""}:
        return _which(lead, words)
    return _order(lead, words, mark) if head in VERBS and mark != "?" else None


def _split(sentence: str) -> tuple[str, str]:
    """Split off the clause before an order or a question."""
    if sentence.lower().startswith("please "):
        return "", sentence[len("please ") :]
    heads = AUXILIARIES | WH | VERBS
    if sentence.split(" ", 1)[0].lower() in heads:
        return "", sentence
    for comma in re.finditer(r", (?:please )?", sentence):
        if sentence[comma.end() :].split(" ", 1)[0].lower() in heads:
            return sentence[: comma.start() + 1], sentence[comma.end() :]
    return "", sentence


def _yes_or_no(lead: str, words: Sequence[str]) -> _Turned | None:
    head, body = words[0].lower(), tuple(words[1:])
    if head in _DO:
        return _Turned(lead, JUDGE, body, inflects=head == "does")
    return _Turned(lead, JUDGE, body, head) if head in _BE else None


def _which(lead: str, words: Sequence[str]) -> _Turned | None:
    body = (words[0].lower(), *words[1:])
    for at, word in enumerate(body[1:_NEAR_HEAD], 1):
        rest = (*body[:at], *body[at + 1 :])
        if word in _DO:
            return _Turned(lead, _REPORT, rest, inflects=word == "does")
        if word in _BE:
            return _Turned(lead, _REPORT, rest, word, last=True)
        if word in AUXILIARIES and word not in {"has", "have"}:
            return None
    return _Turned(lead, _REPORT, body)


def _order(lead: str, words: Sequence[str], mark: str) -> _Turned | None:
    verb, rest = words[0].lower(), list(words[1:])
    if verb == "tell" and rest[0] == "me":
        rest.pop(0)
    if rest[0] in IF:
        return _Turned(lead, _others(JUDGE, verb), tuple(rest[1:]), mark=mark)
    if rest[0] in WH:
        return _Turned(lead, _others(_REPORT, verb), tuple(rest), mark=mark)
    if verb == "tell":
        openings = _TELL if rest[0] in {"the", "a", "an"} else _SAY
        return _Turned(lead, openings, tuple(rest), mark=mark)
    # No other verb takes the "at" that follows "look".
    near = [] if verb == "look" else [v.lower() for v in near_verbs(" ".join(words))]
    verbs = [*near, verb]
    tasks = [f"{task} {verbs[i % len(verbs)]}" for i, task in enumerate(TASK)]
    orders = [v.capitalize() for v in near] + tasks
    return _Turned(lead, tuple(orders), tuple(rest), mark=mark)


def _others(openings: Iterable[str], verb: str) -> tuple[str, ...]:
    return tuple(o for o in openings if o.split()[0].lower() != verb)


# ── the grammar as text ──────────────────────────────────────────────────────────────────────────


def _gbnf(turned: _Turned, before: str, after: str, route: int) -> str:
    """Write a rule for each word: ``a`` after the verb is placed, ``b`` before."""
    opened = _chosen(turned.openings, route)
    if turned.lead:
        opened = [o[0].lower() + o[1:] for o in opened]
    words = [*turned.body, *f"{turned.lead} {before} {after}".split()]
    forced = _forced(words, route)
    lead = _choices(before.split(), forced) + _choices(turned.lead.split(), forced)
    body = _choices(turned.body, forced, inflects=turned.inflects)
    count = len(body)
    begin = "".join(f'{word} " " ' for word in lead) + f"({alternatives(opened)})"
    rules = [f"root ::= {begin} {'b' if turned.moving else 'a'}0"]
    rules += [f'a{i} ::= " " {word} a{i + 1}' for i, word in enumerate(body)]
    closing = [literal(turned.mark)] if turned.mark else ['"."?']
    closing += [f'" " {word}' for word in _choices(after.split(), forced)]
    rules.append(f"a{count} ::= {' '.join(closing)} " + r'"\n"')
    if turned.moving:
        verb = literal(f" {turned.moving}")
        for i, word in enumerate(body):
            put = f" | {verb} a{i}" if i and _between(turned.body[:i]) else ""
            if i == count - 1 and not turned.last:
                rules.append(f"b{i} ::= {verb} a{i}")
                break
            rules.append(f'b{i} ::= " " {word} b{i + 1}{put}')
        else:
            rules.append(f"b{count} ::= {verb} a{count}")
    return "\n".join(rules) + "\n"


def _between(words: Sequence[str]) -> bool:
    """Whether a verb may follow these words: not after a label, nor inside quotes."""
    return words[-1][-1] not in ":," and " ".join(words).count('"') % 2 == 0


def _chosen(openings: Sequence[str], route: int) -> list[str]:
    take = min(_OPENINGS, len(openings))
    return [openings[(route * take + i) % len(openings)] for i in range(take)]


def _forced(words: Iterable[str], route: int) -> frozenset[str]:
    """Choose words that must be replaced by a synonym: on each route the other half."""
    able = [m[1] for w in words if (m := _CORE.fullmatch(w)) and m[1] in SWAPS]
    turn = [w for w in dict.fromkeys(able) if (zlib.crc32(w.encode()) >> 3) % 2 == route % 2]
    return frozenset(turn[:_SWAPS])


def _choices(words: Sequence[str], forced: frozenset[str], *, inflects: bool = False) -> list[str]:
    """Return the choices for each word, as GBNF."""
    spelled = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        core = _CORE.fullmatch(word)
        if core is None:
            spelled.append(literal(word))
            continue
        own, stop = core[1], core[2]
        ways = {own, *SWAPS.get(own, ())}
        if own in forced:
            ways.discard(own)
        if own in {"a", "an"} and following.strip(",;:") in SWAPS:
            ways = {"a", "an"}
        if inflects:
            ways |= {form for way in tuple(ways) for form in forms(way)}
        spelled.append(f"({alternatives(sorted(ways))}){f' {literal(stop)}' if stop else ''}")
    return spelled
