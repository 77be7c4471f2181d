"""What the embedded model may answer: a choice among rewrites that rules of transfer made.

A model this small copies its source, or loses the thread. So rules make rewrites of the template
(see `transfer` and `wording`), and the model chooses. Each *route* is one way to build the
sentences, in up to `TEXTS` wordings; the next sample takes the next route, so that the variety
comes from the route and the model decides by what it finds likely.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator
from itertools import product

from instraug.models.gbnf import one_of
from instraug.rewriting.grammar.questions import Way
from instraug.rewriting.grammar.transfer import ways
from instraug.rewriting.grammar.wording import labels, normal, worded
from instraug.tasks.placeholders import Masked
from instraug.tasks.words import rouge_l, words

TEXTS = 16
"""Wordings of a route that the model chooses from."""

_DEEP = 2
"""Points that make a rewrite more than another opening or another word."""

_ALIKE = 0.94
"""ROUGE-L with the source from which a text is no rewrite."""

_PASSES = 8
"""Times that a way may be taken, each with other wordings."""

_COMBINED = 400

_SPLIT = re.compile(
    r"(?<=[.?!])\s+|(?<=[.?!][\")])\s+|(?<=[}\":])\s+(?=(?:Please|Select|Decide|Answer|Choose|Tell"
    r"|Is|Are|Does|Do|Can|Which|What|Identify|Find|Determine|Look|Explain|Describe|Pick)\b [a-z])"
)


def routes(masked: Masked) -> Iterator[str]:
    """Yield a grammar for each sample of a template, the best ways first.

    Args:
        masked: The template; ``prefix`` and ``suffix`` count towards its length.
    """
    whole = f"{masked.prefix}{masked.text}{masked.suffix}"
    for texts in _texts(masked.text, whole):
        yield one_of(f"{text}\n" for text in texts)


def _texts(text: str, whole: str) -> Iterator[list[str]]:
    """Yield the texts of each route."""
    source = normal(" ".join(text.split()))
    kept = labels(whole)
    found = _arranged(_combined(source), source)

    def texts(way: Way, least: int, turn: int) -> tuple[list[str], bool]:
        """Return the next wordings of a way, and whether it has more."""
        several = list(worded(way.text, kept, least, TEXTS * (turn + 1), source))
        new = [t for t in several[TEXTS * turn :] if _is_new(t, source, text, whole)]
        return new, len(several) == TEXTS * (turn + 1)

    left = list(enumerate(found))
    for turn in range(_PASSES):
        lasting = []
        for number, way in left:
            new, more = texts(way, max(_DEEP - way.points, number % 2), turn)
            if not new and way.points >= _DEEP:
                new, more = texts(way, 0, turn)
            if new:
                yield new
            if more or (new and way.points >= _DEEP):
                lasting.append((number, way))
        left = lasting
    for way in found:
        if way.points < _DEEP and (new := texts(way, 1 - way.points, 0)[0]):
            yield new


def _is_new(rewrite: str, source: str, text: str, whole: str) -> bool:
    held = len(whole.split()) - len(text.split())
    count, own = len(rewrite.split()) + held, len(whole.split())
    fits = math.floor(0.5 * own) < count < math.ceil(1.5 * own)
    return fits and rouge_l(words(source), words(rewrite)) < _ALIKE


def _combined(source: str) -> list[Way]:
    """Return ways to say all sentences, at least one of them otherwise."""
    parts = [s for s in _SPLIT.split(source) if s]
    each = [[Way(part, 0), *ways(part)] for part in parts]
    sizes = math.prod(map(len, each))
    if sizes <= _COMBINED:
        combos = list(product(*each))
    else:
        combos = [
            tuple(of[_spread(source, n, i) % len(of)] for i, of in enumerate(each))
            for n in range(_COMBINED)
        ]
    return list(
        dict.fromkeys(
            Way(" ".join(w.text for w in combo), sum(w.points for w in combo)) for combo in combos
        )
    )


def _spread(source: str, n: int, i: int = 0) -> int:
    return zlib.crc32(f"{source}\0{n}\0{i}".encode("utf-8", "surrogatepass"))


def _arranged(found: list[Way], source: str) -> list[Way]:
    """Sort ways so that deep ones come first, and the same opening comes late again."""
    left = sorted(
        found, key=lambda w: zlib.crc32(f"{source}\0{w.text}".encode("utf-8", "surrogatepass"))
    )
    seen: dict[str, int] = {}
    ranked = []
    for way in sorted(left, key=lambda w: -min(w.points, _DEEP)):
        head = " ".join(way.text.split()[:2])
        seen[head] = seen.get(head, -1) + 1
        ranked.append((seen[head] + _DEEP - min(way.points, _DEEP), way))
    return [way for _, way in sorted(ranked, key=lambda r: r[0])]
