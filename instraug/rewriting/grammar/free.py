"""A GBNF grammar for each template: the embedded model can write nothing else.

The grammar is a deterministic automaton with one rule a state, so that sampling stays cheap. An
answer holds every mask exactly as often as the template, in any order, on one line of a length that
the length rule accepts. It begins with a given opening (see `openings`), has the mark at its end
that the opening needs, and uses only the template's words, their near-synonyms and function words
(see `lexicon`).

Each route has other openings, and other words that must be replaced by a near-synonym. So the
route brings the variety, and a low temperature keeps the meaning.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from instraug.rewriting.grammar.close import follow
from instraug.rewriting.grammar.gbnf import alternatives, literal
from instraug.rewriting.grammar.lexicon import OPEN_ENDED, SWAPS, WORD, bag, vocabulary
from instraug.rewriting.grammar.openings import MASK, later_openings, openings, sentences
from instraug.tasks.placeholders import Masked

_LONGEST = 1.1
"""Most words of a rewrite as a share of its source's, its opening not counted."""

_LEAST = 3

_ANY_ORDER = 3
"""More distinct units than this keep the source's order: one state for each set is too many."""

_LONG = 40
"""In a rewrite of more words than this they keep it too."""

_COMMA = '","? '

_OPENINGS_A_ROUTE = 2

_SWAPS_A_ROUTE = 2

_QUESTIONS = bag("is are does do did can could what which where who how why when in")

Used = tuple[int, ...]
"""How often each unit is placed so far."""


def build(masked: Masked, route: int = 0) -> str:
    """Return the grammar of one sample of a masked template.

    Args:
        masked: The template; ``prefix`` and ``suffix`` count towards its length.
        route: The number of the sample (0, 1, ...): each has other openings and replaces other
            words. Every second one follows the template closely where it can (see `close`): it
            keeps what the free ones lose.
    """
    text = " ".join(masked.text.split())
    half, close = divmod(route, 2)
    followed = follow(text, half, _lengths(masked, text, 0)[1])
    if followed is None:
        return _Automaton(_sketch(masked, text, route)).gbnf()
    return followed if close else _Automaton(_sketch(masked, text, half)).gbnf()


@dataclass(frozen=True)
class _Sketch:
    """What a rewrite of one template may look like."""

    units: Mapping[str, int]
    """What must appear, spelled exactly, and how often: masks and quoted words."""
    order: tuple[str, ...]
    """The units in the source's order, which is kept if there are many."""
    least: int
    """The fewest words of a rewrite, units included."""
    most: int
    """The most."""
    openings: tuple[str, ...]
    later: tuple[str, ...]
    """Openings of the sentences after the first."""
    starts_with_unit: bool
    final: frozenset[str]
    """Words that may end it."""
    inner: frozenset[str]
    """Words that may not end it."""
    breaks: int
    """Sentence ends before the last one, at most."""
    colons: bool
    """Whether a colon may come before a unit."""
    closed: bool
    """Whether the last sentence ends in a mark."""


def _sketch(masked: Masked, text: str, route: int) -> _Sketch:
    units = _units(text, masked.pattern)
    bare = re.sub(masked.pattern, MASK, text)
    words = _words(bare, text, units)
    opened = _chosen(openings(bare), route)
    least, most = _lengths(masked, text, max(len(o.split()) for o in opened))
    usable = _swapped(words, vocabulary(words), route)
    closed = text[-1] in ".?!"
    final = frozenset(w for w in usable if not closed or w.lower() not in OPEN_ENDED)
    forced = sum(len(u.split()) for u in units)
    # A very short template may have room for nothing; the length rule then rejects.
    most = max(most, forced + 2)
    fitting = [o for o in opened if len(o.split()) + forced < most] or ["This"]
    return _Sketch(
        units=Counter(units),
        order=tuple(units),
        least=min(least, most),
        most=most,
        openings=tuple(fitting),
        later=tuple(later_openings(bare)),
        starts_with_unit=bool(units) and (text.startswith(units[0]) or not closed),
        final=final,
        inner=frozenset(usable) - final,
        breaks=max(0, len(sentences(text)) - 1),
        colons=any(f": {u}" in text for u in units),
        closed=closed,
    )


def _units(text: str, pattern: str) -> list[str]:
    """Return what a rewrite keeps unchanged: masks, with their quotes if any, and short quotes.

    Adjacent masks stay together. Quotes are read in pairs, left to right.
    """
    run = rf"(?:{pattern})+"
    quoted = rf"\"[^\"\n]{{0,60}}?{run}[^\"\n]{{0,60}}\"|\"[^\"\n]{{1,30}}\"|\({run}\)"
    if text.count('"') % 2:
        quoted = rf"\({run}\)"
    return [m[0] for m in re.finditer(f"{quoted}|{run}", text)]


def _words(bare: str, text: str, units: Iterable[str]) -> list[str]:
    """Return the source's words outside units; lower case but for names and acronyms."""
    for unit in units:
        text = text.replace(unit, " ", 1)
    text = text.replace(MASK, " ")
    starts = {s[:1] and (WORD.findall(s) or [""])[0] for s in sentences(bare)}
    words = WORD.findall(re.sub(r"\{[^{}]*\}", " ", text))
    return [w.lower() if (w in starts and w[1:].islower()) or len(w) == 1 else w for w in words]


def _lengths(masked: Masked, text: str, opening: int) -> tuple[int, int]:
    """Return the least and most words of a rewrite.

    Strictly between half and one and a half times the whole template, as the length rule counts;
    and what is asked for grows by a tenth at most, behind an opening of that many words.
    """
    own = len(text.split())
    whole = len(f"{masked.prefix}{masked.text}{masked.suffix}".split())
    held = whole - own
    least = max(math.floor(0.5 * whole) + 1 - held, _LEAST)
    most = math.ceil(1.5 * whole) - 1 - held
    return least, min(most, int(_LONGEST * own) + opening) if opening else most


def _chosen(every: Sequence[str], route: int) -> tuple[str, ...]:
    """Return the openings of a route; each is used once before any is used again."""
    take = min(_OPENINGS_A_ROUTE, max(1, len(every) // 2))
    return tuple(every[(route * take + i) % len(every)] for i in range(take))


def _swapped(words: Sequence[str], usable: set[str], route: int) -> set[str]:
    """Remove words that this route must replace by near-synonyms; none on the first route."""
    if not route:
        return usable
    able = [w for w in dict.fromkeys(words) if w in SWAPS]
    turn = [w for w in able if (zlib.crc32(w.encode()) >> 3) % 2 == route % 2]
    for word in turn[:_SWAPS_A_ROUTE]:
        usable = (usable - {word}) | set(SWAPS[word])
    return usable


@dataclass(frozen=True)
class _State:
    """A state of the automaton: how far a rewrite has come."""

    words: int
    used: Used
    may_end: bool
    """Whether the last word can end a sentence."""
    breaks: int
    """Sentences that may still follow."""
    asks: bool | None
    """Whether the sentence is a question; None if either mark may end it."""

    @property
    def name(self) -> str:
        """The state's rule; GBNF names take letters, digits and hyphens."""
        used = "-".join(map(str, self.used))
        mood = "" if self.asks is None else "q" if self.asks else "s"
        end = "e" if self.may_end else ""
        return f"s{self.words}-{used}x{self.breaks}{mood}{end}"


Move = tuple[str, _State]
"""What is written next, as GBNF, and the state that follows."""


class _Automaton:
    """Writes a sketch as GBNF."""

    def __init__(self, sketch: _Sketch) -> None:
        self._sketch = sketch
        self._kinds = tuple(sketch.units)
        self._all: Used = tuple(sketch.units.values())
        self._keep_order = len(self._kinds) > _ANY_ORDER or sketch.most > _LONG
        self._first, self._later = _by_kind(sketch.openings), _by_kind(sketch.later)

    def gbnf(self) -> str:
        """Return the grammar."""
        start = _State(0, tuple(0 for _ in self._kinds), False, self._sketch.breaks, None)
        first = self._opened(start)
        if self._sketch.starts_with_unit:
            first += self._with_unit(start)
        rules, seen = [f"root ::= {_either(first)}"], set[_State]()
        waiting = [state for _, state in first]
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                rule, following = self._rule(state)
                rules.append(f"{state.name} ::= {rule}")
                waiting += following
        return "\n".join(rules + self._lists()) + "\n"

    def _lists(self) -> list[str]:
        lists = {_rule_name("f", kind): o for kind, o in self._first.items()}
        lists |= {_rule_name("l", kind): o for kind, o in self._later.items()}
        lists |= {"wf": sorted(self._sketch.final), "wn": sorted(self._sketch.inner)}
        return [f"{name} ::= {alternatives(words)}" for name, words in lists.items() if words]

    def _rule(self, state: _State) -> tuple[str, list[_State]]:
        """Return what may follow in a state, and the states after it."""
        marks = {None: "[.?]", True: '"?"', False: '"."'}[state.asks]
        ways = []
        if state.may_end and state.used == self._all and state.words >= self._sketch.least:
            ways.append(marks + ("" if self._sketch.closed else "?") + ' "\\n"')
        units = self._with_unit(state)
        onward = units + self._with_word(state)
        if units and self._sketch.colons and state.may_end:
            ways.append(f'": " ({_either(units)})')
        if onward:
            ways.append(f'{_COMMA if state.may_end else ""}" " ({_either(onward)})')
        again = self._opened(state) if state.may_end and state.breaks and state.words else []
        if again:
            ways.append(f'{marks} " " ({_either(again)})')
        return " | ".join(ways), [s for _, s in onward + again]

    def _opened(self, state: _State) -> list[Move]:
        """Return the sentences that may begin; all but the first use up a break."""
        later = state.words > 0
        prefix, kinds, left = ("l", self._later, 1) if later else ("f", self._first, 0)
        moves = []
        for kind in kinds:
            words, asks = state.words + kind[0], kind[1]
            after = _State(words, state.used, False, state.breaks - left, asks)
            if self._finishes(after):
                moves.append((_rule_name(prefix, kind), after))
        return moves

    def _with_word(self, state: _State) -> list[Move]:
        moves = []
        for rule, words, may_end in (
            ("wf", self._sketch.final, True),
            ("wn", self._sketch.inner, False),
        ):
            after = replace(state, words=state.words + 1, may_end=may_end)
            if words and self._finishes(after):
                moves.append((rule, after))
        return moves

    def _with_unit(self, state: _State) -> list[Move]:
        """Return the units that may follow; there is always room for them."""
        moves = []
        for i, unit in enumerate(self._kinds):
            if state.used[i] == self._all[i]:
                continue
            if self._keep_order and self._sketch.order[sum(state.used)] != unit:
                continue
            used = (*state.used[:i], state.used[i] + 1, *state.used[i + 1 :])
            after = replace(state, words=state.words + len(unit.split()), used=used, may_end=True)
            moves.append((literal(unit), after))
        return moves

    def _finishes(self, state: _State) -> bool:
        """Whether a rewrite can still end within its length from this state."""
        missing = sum(
            (want - have) * len(unit.split())
            for unit, want, have in zip(self._kinds, self._all, state.used, strict=True)
        )
        if not missing and not state.may_end:
            missing = 1  # a word that may end it
        return state.words + missing <= self._sketch.most


OpeningKind = tuple[int, bool]
"""Words of an opening, and whether it opens a question."""


def _by_kind(openings: Iterable[str]) -> dict[OpeningKind, list[str]]:
    kinds: dict[OpeningKind, list[str]] = {}
    for opening in openings:
        head = opening.split()
        asks = head[0].lower() in _QUESTIONS and not opening.endswith(",")
        kinds.setdefault((len(head), asks), []).append(opening)
    return kinds


def _rule_name(prefix: str, kind: OpeningKind) -> str:
    return f"{prefix}{kind[0]}{'q' if kind[1] else 's'}"


def _either(moves: Iterable[Move]) -> str:
    return " | ".join(f"{text} {state.name}" for text, state in moves)
