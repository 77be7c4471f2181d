"""Search texts for those that are nearly the same, without comparing with every one.

Texts are sequences of words. ROUGE-L of m and n words with a longest common subsequence of L is
2 L / (m + n), so it is t or more exactly where at most d = (1 - t)(m + n) words have to be put in
or left out to make one of the other: at 0.95, two texts of under 20 words differ by one word.

A text that is kept is cut into D + r pieces, D being the most differences that a near text of any
length can have. A difference damages one piece, so at least r pieces stand in a near text as they
are. For each choice of r pieces the text is filed under what they hold, and a search looks up what
stands in their places: in the places themselves before the first damage, shifted by the difference
of lengths behind the last, by a few words at most in between. What is found is then measured.

Source:
    Li et al. 2011, Pass-Join: A Partition-based Method for Similarity Joins (one piece of D + 1).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from itertools import combinations, groupby, product
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from rapidfuzz.distance import Indel
from rapidfuzz.process import extract

from instraug.tasks.words import words

T = TypeVar("T", bound=Hashable)

_FEW = (1, 3, 2, 2)
"""r by D, 1 for any larger D: more pieces tell texts apart better, but there are more choices."""

_MANY = (1, 3, 3, 3)
"""The same for a hundred thousand texts and more, which share more of their phrases."""

_TELLING = 4
"""Words that a choice of pieces has to hold: with fewer, a look at every text is faster."""

_FIRST, _LAST = 0x20, 0x10FFFF

_UNKNOWN = "\0"

FiledPlace = tuple[int, Callable[[str], Hashable]]
"""The number of a choice, under which is filed what a text holds here."""


class PieceRun(NamedTuple):
    """Adjacent pieces that are searched together."""

    start: int
    end: int
    first: bool
    """Whether it begins the text."""
    last: bool
    """Whether it ends the text."""


class PieceChoice(NamedTuple):
    """The pieces of a text that it is filed under."""

    damaged: frozenset[int]
    """The pieces left out."""
    runs: tuple[PieceRun, ...]
    held: Callable[[str], Hashable]
    """From a text to what those pieces of it hold."""


class Alphabet:
    """Spells each word as one character, so that texts are compared fast and kept small."""

    def __init__(self) -> None:
        self._letters = _Letters()

    def learn(self, text: str) -> str:
        """Spell a text's words; new ones get a character of their own."""
        letters = self._letters
        return "".join([letters[word] for word in words(text)])

    def spell(self, text: str) -> str:
        """Spell a text; words that were never learned are like no word of any learned text."""
        return "".join([self._letters.get(word, _UNKNOWN) for word in words(text)])


class _Letters(dict[str, str]):
    def __missing__(self, word: str) -> str:
        # A million words on, new ones share the last character.
        return self.setdefault(word, chr(min(_FIRST + len(self), _LAST)))


class _SameLength(Generic[T]):
    """Texts of one length."""

    def __init__(self) -> None:
        self.texts: dict[T, str] = {}
        self.filed: dict[int, tuple[T, str]] = {}
        self.more: dict[int, list[tuple[T, str]]] = {}
        """Filed under a key that had one already; a list for every key would double the memory."""


class Neighbours(Generic[T]):
    """Texts that can be searched for those of at least so much ROUGE-L.

    Args:
        threshold: The least ROUGE-L (0 to 1) of two near texts.
        many: Whether there are a hundred thousand texts or more; it changes the time alone.
    """

    def __init__(self, threshold: float, *, many: bool = False) -> None:
        self._threshold, self._intact = threshold, _MANY if many else _FEW
        self._by_length: dict[int, _SameLength[T]] = {}

    def near(self, one: str, other: str) -> bool:
        """Whether two texts are near, spelled with the same alphabet."""
        most = differences(self._threshold, len(one) + len(other))
        return int(Indel.distance(one, other, score_cutoff=most)) <= most

    def add(self, name: T, text: str) -> None:
        """Keep a text under a name of its own."""
        same = self._by_length.setdefault(len(text), _SameLength())
        same.texts[name] = text
        kept = (name, text)
        for key in self._keys(text):
            if key in same.filed:
                same.more.setdefault(key, []).append(kept)
            else:
                same.filed[key] = kept

    def remove(self, name: T, text: str) -> None:
        """Forget a text that was added."""
        same = self._by_length[len(text)]
        del same.texts[name]
        kept = (name, text)
        for key in self._keys(text):
            filed = [k for k in (same.filed.pop(key), *same.more.pop(key, ())) if k != kept]
            if filed:
                same.filed[key], *more = filed
                if more:
                    same.more[key] = more

    def forget_far(self, length: int) -> None:
        """Forget the texts that are too short to be near one of so many words, or of more."""
        for short in [n for n in self._by_length if n < length]:
            if differences(self._threshold, length + short) < length - short:
                del self._by_length[short]

    def search(self, text: str) -> set[T]:
        """Return the names of all near texts."""
        found: set[T] = set()
        for length, same in self._by_length.items():
            most, places = _places(self._threshold, self._intact, len(text), length)
            if places:
                _look_up(text, most, places, same, found)
            elif same.texts and most >= abs(len(text) - length):
                near = extract(
                    text, same.texts, scorer=Indel.distance, score_cutoff=most, limit=None
                )
                found.update(name for _, _, name in near)
        return found

    def _keys(self, text: str) -> set[int]:
        """Return what a text is filed under."""
        choices = _choices(self._threshold, self._intact, len(text))
        return {hash((i, choice.held(text))) for i, choice in enumerate(choices)}


def _look_up(
    text: str, most: int, places: Iterable[FiledPlace], same: _SameLength[T], found: set[T]
) -> None:
    for choice, held in places:
        key = hash((choice, held(text)))
        if key not in same.filed:
            continue
        for name, other in (same.filed[key], *same.more.get(key, ())):
            if name not in found and Indel.distance(text, other, score_cutoff=most) <= most:
                found.add(name)


def differences(threshold: float, total: int) -> int:
    """Return the most differences of two near texts of so many words together.

    Args:
        threshold: The least ROUGE-L; one that is met exactly counts, whatever the rounding.
        total: Words of both.
    """
    return int((1 - threshold) * total + 1e-9)


@lru_cache(maxsize=1024)
def _choices(threshold: float, intact: tuple[int, ...], length: int) -> tuple[PieceChoice, ...]:
    """Return every choice of pieces of a text of that length; none where they hold too little."""
    if threshold <= 0 or not length:
        return ()
    damaged = differences(threshold, length + int(length * (2 - threshold) / threshold + 1e-9))
    whole = intact[damaged] if damaged < len(intact) else 1
    pieces = min(damaged + whole, length)
    if (pieces - damaged) * length < _TELLING * pieces:
        return ()
    ends = [length * i // pieces for i in range(pieces + 1)]
    found = []
    for chosen in combinations(range(pieces), pieces - damaged):
        runs = _runs(ends, chosen)
        found.append(PieceChoice(frozenset(range(pieces)) - set(chosen), runs, _held(runs)))
    return tuple(found)


@lru_cache(maxsize=4096)
def _enough(
    threshold: float, intact: tuple[int, ...], length: int, most: int
) -> tuple[tuple[int, tuple[PieceRun, ...]], ...]:
    """Return numbered choices, one of which leaves out whatever so many differences damage."""
    choices = _choices(threshold, intact, length)
    pieces = frozenset[int]().union(*(c.damaged for c in choices))
    if len(choices[0].damaged) == len(pieces) - 1:  # one piece each: any that is whole will do
        return tuple((i, c.runs) for i, c in enumerate(choices[: most + 1]))
    found: dict[int, tuple[PieceRun, ...]] = {}
    for damaged in combinations(pieces, most):
        if not any(choices[i].damaged.issuperset(damaged) for i in found):
            i = next(i for i, c in enumerate(choices) if c.damaged.issuperset(damaged))
            found[i] = choices[i].runs
    return tuple(found.items())


def _runs(ends: list[int], intact: tuple[int, ...]) -> tuple[PieceRun, ...]:
    runs = []
    for _, group in groupby(enumerate(intact), key=lambda pair: pair[1] - pair[0]):
        pieces = [piece for _, piece in group]
        first, last = pieces[0], pieces[-1]
        runs.append(PieceRun(ends[first], ends[last + 1], first == 0, last == len(ends) - 2))
    return tuple(runs)


def _held(runs: tuple[PieceRun, ...]) -> Callable[[str], Hashable]:
    """Return the function from a text to what those runs of it hold."""
    return itemgetter(*[slice(run.start, run.end) for run in runs])


@lru_cache(maxsize=65536)
def _places(
    threshold: float, intact: tuple[int, ...], length: int, other: int
) -> tuple[int, tuple[FiledPlace, ...]]:
    """Return where to look for near texts of another length, in a text of some length.

    Returns:
        The most differences, and places at one of which a near text is found if there is one; no
        places where there can be none, or where they would hold too little.
    """
    most, longer = differences(threshold, length + other), length - other
    if most < abs(longer) or not _choices(threshold, intact, other):
        return most, ()
    spare = (most - abs(longer)) // 2
    within = range(min(0, longer) - spare, max(0, longer) + spare + 1)
    found = []
    for i, runs in _enough(threshold, intact, other, abs(longer) + 2 * spare):
        for shifts in product(*[_shifts(run, longer, within) for run in runs]):
            moved = tuple(
                run._replace(start=run.start + shift, end=run.end + shift)
                for run, shift in zip(runs, shifts, strict=True)
            )
            if all(run.start >= 0 and run.end <= length for run in moved):
                found.append((i, _held(moved)))
    return most, tuple(found)


def _shifts(run: PieceRun, longer: int, within: range) -> range | tuple[int, ...]:
    """Return by how many words a run may stand further on in the text than in the one sought."""
    if run.first:
        return () if run.last and longer else (0,)
    return (longer,) if run.last else within
