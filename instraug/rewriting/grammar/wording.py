"""Words and phrases of an instruction that can be replaced where they stand; plain data."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from instraug.rewriting.grammar.inflection import (
    BY_PARTICIPLE,
    BY_THIRD,
    KNOWN,
    gerund,
    is_plural,
    participle,
    third,
    with_articles,
)
from instraug.rewriting.grammar.lexicon import SWAPS
from instraug.rewriting.grammar.phrase_table import MASK, PHRASES

_NORMAL = (
    (re.compile(r"\b(in|of|from|for|at) (image|picture|photo|options|choices)\b"), r"\1 the \2"),
    (re.compile(r"\b(Given|(?:are|is) given|[Bb]ased on) (image|picture|photo)\b"), r"\1 the \2"),
    (
        re.compile(r"\b(describes?|matches|match|fits?|shows?) (image|picture|photo)\b"),
        r"\1 the \2",
    ),
    (
        re.compile(
            r"\b([Ff]rom|in|of|with|and|Given|[Aa]nswer|[Rr]ead) (given|above|previous)"
            r" (?=[a-z]+\b)"
        ),
        r"\1 the \2 ",
    ),
    (
        re.compile(r"\b(What are|what are) the ([a-z]+s) (contain|have|show|include) "),
        r"\1 the \2 that \3 ",
    ),
    (re.compile(r"\bcount number of\b"), "count the number of"),
    (
        re.compile(
            r"\b(if|whether) (the|this|an?) ([a-z]*[a-rt-z]) "
            r"(describe|match|contain|support|show)\b"
        ),
        r"\1 \2 \3 \4s",
    ),
    (re.compile(r"\b([Tt]he|a|of|to|is) \1\b"), r"\1"),
    (re.compile(r"\s+([.?!,])"), r"\1"),
)
"""What hand-written instructions often get wrong; it is put right first."""


def normal(text: str) -> str:
    """Return a text with missing articles added."""
    for pattern, fix in _NORMAL:
        text = pattern.sub(fix, text)
    text = text.replace(" matchs", " matches")
    return _BY.sub(lambda m: f"by {gerund(m[1])} " if m[1] in KNOWN else m[0], text)


_BY = re.compile(r"\bby ([a-z]+) (?=(?:an?|the|your|one)\b)")


_REDUCED = re.compile(
    r"\b([a-z]+) that ([a-z]+) (?=\"?\{|the |an? |most |with |all |some |both |more |its )"
)

_AGENT = re.compile(rf"\bthat ({MASK}) ([a-z]+s)\b(?=$|[.?,]| (?:in|from|and|is|are)\b)")

_DONE = re.compile(rf"\b([a-z]+) ([a-z]+(?:ed|en|wn)) by ({MASK})(?=$|[.?,]| )")

_NO_GERUND = frozenset({"have", "do", "be", "mean", "need", "want", "belong", "lie"})

_LABEL = re.compile(r"\b([A-Za-z]+)(?: \d+)?:")


@dataclass(frozen=True)
class Spot:
    """A place of a text with more than one wording."""

    start: int
    end: int
    wordings: tuple[str, ...]
    points: int


def spots(text: str, kept: frozenset[str] = frozenset()) -> list[Spot]:
    """Return where a text can be worded in another way; no two places overlap.

    Args:
        text: A rewrite, masks in it.
        kept: Lower-case words that stay as they are.
    """
    found = [s for s in (*_phrases(text), *_clauses(text)) if not _in_question(text, s)]
    found.sort(key=lambda s: (s.start, -s.end))
    taken: list[Spot] = []
    for spot in found:
        if not taken or spot.start >= taken[-1].end:
            taken.append(spot)
    quoted = [m.span() for m in re.finditer(r'"[^"{}]*"', text)]
    own = frozenset(re.findall(r"[a-z]+", text.lower()))
    words = [
        Spot(m.start(), m.end(), others, 1)
        for m in re.finditer(r"\b[a-z]+\b", text)
        if m[0] not in kept and (others := tuple(w for w in SWAPS.get(m[0], ()) if w not in own))
    ]
    free = [w for w in words if not any(s.start < w.end and w.start < s.end for s in taken)]
    return sorted(
        (s for s in [*taken, *free] if not any(a <= s.start < b for a, b in quoted)),
        key=lambda s: s.start,
    )


def _in_question(text: str, spot: Spot) -> bool:
    """Whether a participle belongs to the "is" that a sentence begins with: "Is it shown by"."""
    participle = re.match(r"(?:[a-z]+ )?[a-z]+(?:ed|en|wn) by ", text[spot.start : spot.end])
    return bool(participle and re.search(r"(?:^|[.?] )(?:Is|Are) [^.?]*$", text[: spot.start]))


def _phrases(text: str) -> Iterator[Spot]:
    for pattern, wordings, points in PHRASES:
        for match in pattern.finditer(text):
            made = tuple(m for w in wordings if (m := _agreeing(match.expand(w))) != match[0])
            if made:
                yield Spot(match.start(), match.end(), made, points)


def _agreeing(text: str) -> str:
    return text.replace("has~", "has").replace("ha~", "have")


def _clauses(text: str) -> Iterator[Spot]:
    """Yield relative clauses that can be participles, and the other way round."""
    for match in _REDUCED.finditer(text):
        verb = BY_THIRD.get(match[2]) or (match[2] if is_plural(match[1]) else "")
        if verb and verb not in _NO_GERUND and match[1] not in ("everything", "so", "all", "is"):
            try:
                made = f"{match[1]} {gerund(verb)} "
            except KeyError:
                continue
            yield Spot(match.start(), match.end(), (made, f"{match[1]} which {match[2]} "), 2)
    for match in _AGENT.finditer(text):
        if verb := BY_THIRD.get(match[2]):
            made = f"{participle(verb)} by {match[1]}"
            yield Spot(match.start(), match.end(), (made, f"that is {made}"), 2)
    for match in _DONE.finditer(text):
        verb = BY_PARTICIPLE.get(match[2], "")
        if verb and match[1] not in ("is", "are", "be", "been", "was", "were"):
            made = f"{match[1]} that {match[3]} {third(verb)}"
            yield Spot(match.start(), match.end(), (made,), 2)


def labels(text: str) -> frozenset[str]:
    """Return the lower-case words that label something ("Region: {A}"); they name it elsewhere."""
    return frozenset(m[1].lower() for m in _LABEL.finditer(text))


def worded(text: str, kept: frozenset[str], least: int, most: int, seed: str) -> Iterator[str]:
    """Yield a text in other wordings, the same word always replaced by the same.

    Args:
        text: A rewrite.
        kept: As for `spots`.
        least: Points that a wording has at least.
        most: Texts, at most.
        seed: Decides which, where there are more.
    """
    places = spots(text, kept)
    own: dict[str, tuple[str, ...]] = {}
    for place in places:
        old = text[place.start : place.end]
        own.setdefault(old, (old, *place.wordings))
    points = {text[p.start : p.end]: p.points for p in places}
    every = list(own)
    count = 1
    for old in every:
        count *= len(own[old])
    choices = product(*own.values()) if count <= 4096 else _drawn(list(own.values()), seed)
    scored = []
    for chosen in choices:
        changed = [old for old, new in zip(every, chosen, strict=True) if old != new]
        if sum(points[old] for old in changed) >= least:
            scored.append((chosen, len(changed)))
    # A few words changed read better than all of them.
    scored.sort(key=lambda c: (abs(c[1] - 2), _shuffled(seed, c[0])))
    for chosen, _ in scored[:most]:
        yield with_articles(_put(text, places, dict(zip(every, chosen, strict=True))))


def _drawn(own: list[tuple[str, ...]], seed: str) -> list[tuple[str, ...]]:
    return [
        tuple(ways[_shuffled(f"{seed}{n}", ways) % len(ways)] for ways in own) for n in range(512)
    ]


def _shuffled(seed: str, texts: Iterable[str]) -> int:
    """Return a number for some texts that is the same everywhere, and without an order."""
    return zlib.crc32("\0".join([seed, *texts]).encode("utf-8", "surrogatepass"))


def _put(text: str, places: list[Spot], chosen: Mapping[str, str]) -> str:
    out, at = [], 0
    for place in places:
        out += [text[at : place.start], chosen[text[place.start : place.end]]]
        at = place.end
    return "".join([*out, text[at:]])
