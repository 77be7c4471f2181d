"""Whether options go up or down a scale: numbers, ordinals, dates, degrees, ratings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

_ORDERED = (
    "none/no/nothing few/little some/several/many/much most all/everything",
    "never rarely/seldom sometimes/occasionally often/frequently usually always",
    "hourly daily weekly monthly quarterly yearly/annually",
    "terrible/awful/worst bad/poor fair/average/ok/okay good great excellent/perfect/best",
    "tiny small medium large/big huge/enormous",
    "xs s m l xl xxl",
    "lowest low medium/middle/moderate high highest",
    "short medium long",
    "none/no/little minor/mild/light/slight moderate major/severe/serious critical/extreme",
    "disagree neutral/undecided/neither agree",
    "never/impossible unlikely/improbable possible/maybe likely/probable certain/definite",
    "dissatisfied/unhappy/sad neutral/neither satisfied/happy",
    "negative neutral/mixed positive",
    "easy medium/moderate hard/difficult",
    "freezing cold cool warm hot",
    "dark dim bright",
    "slow medium/moderate fast",
    "weak medium/moderate strong",
    "baby/infant toddler child teenager/teen adult elderly/senior",
    "dawn morning noon afternoon evening night midnight",
    "past present future",
    "yesterday today tomorrow",
    "beginner/novice intermediate advanced expert",
    "primary secondary tertiary",
    "before during after",
    "monday/mon tuesday/tue wednesday/wed thursday/thu friday/fri saturday/sat sunday/sun",
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "spring summer autumn/fall winter",
    "bottom middle top",
)
"""Words in their order, low to high; equal ones share a place."""

_CARDINALS = (
    "zero/none/no one/once/single two/twice/double three/thrice/triple four five six seven eight "
    "nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
)

_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"

_WORDS: Mapping[str, float] = {
    **{w: n for n, words in enumerate(_CARDINALS.split()) for w in words.split("/")},
    **{w: n for n, w in enumerate(_ORDINALS.split(), 1)},
    **dict.fromkeys(("several", "many", "last", "final"), 1e9),
}

_MORE = {"very": 1.5, "highly": 1.5, "strongly": 1.5, "mostly": 1.5, "really": 1.5, "so": 1.5}

_MOST = dict.fromkeys(
    ("extremely", "completely", "totally", "fully", "absolutely", "entirely"), 2.0
)

_LESS = dict.fromkeys(("slightly", "somewhat", "barely", "hardly", "partly"), 0.5)

_FAIRLY = dict.fromkeys(("fairly", "rather", "moderately", "quite", "pretty"), 0.75)

_DEGREES: Mapping[str, float] = {**_MORE, **_MOST, **_LESS, **_FAIRLY}

_MIDDLE = frozenset({"neutral", "neither", "undecided", "unsure", "average"})

_number = re.compile(
    r"\W*(?P<less>less|fewer|under|below|up|at most|before|younger|<|≤)?"
    r"(?P<more>more|over|above|at least|after|older|greater|>|≥)?(?: than| to)?\s*[$€£#~=]?\s*"
    r"(?P<n>[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?)(?::(?P<minutes>[0-9]{2}))?"
    r"(?:\s*(?:-|–|—|to|and)\s*[$€£]?[0-9][0-9,.:]*)?"
    r"(?P<unit>[^\w\s]?\s*(?:[^\W\d]+\W{0,2}){0,4})",
).fullmatch

WORDS, LONGEST = 5, 60
"""Spaces and characters in the longest step of a scale."""

_digit = re.compile("[0-9]").search

_word = re.compile(r"[^\W\d_]+").findall

Value = tuple[float, float]


def _table() -> dict[str, dict[int, float]]:
    table: dict[str, dict[int, float]] = {}
    for scale, line in enumerate(_ORDERED):
        steps = line.split()
        for at, words in enumerate(steps):
            for word in words.split("/"):
                # From the middle on, so that a degree ("very") leads away from it on either side.
                table.setdefault(word, {})[scale] = at - (len(steps) - 1) / 2
    return table


_SCALES = _table()

_DEGREE = frozenset([*_DEGREES, "not"])

_KNOWN = _DEGREE.union(_SCALES, _WORDS, _MIDDLE)


def on_scale(option: str) -> bool:
    """Return whether an option could be a step of a scale."""
    if len(option) > LONGEST or option.count(" ") > WORDS:
        return False
    folded = option.casefold()
    return not _KNOWN.isdisjoint(_word(folded)) or bool(_digit(folded) and _number(folded))


def has_degree(option: str) -> bool:
    """Return whether an option could make any other a step of its scale, as in "very striped"."""
    return not _DEGREE.isdisjoint(_word(option.casefold()))


def climbs(options: Sequence[str]) -> bool:
    """Return whether three or more options go up, or down, one scale step by step."""
    if len(options) < 3 or not (on_scale(options[0]) or on_scale(options[1])):
        return False
    if any(len(option) > LONGEST for option in options):
        return False
    folded = [option.casefold() for option in options]
    return any(map(_strict, _readings(folded)))


def _strict(values: Sequence[Value]) -> bool:
    steps = list(pairwise(values))
    return all(a < b for a, b in steps) or all(a > b for a, b in steps)


def _readings(options: Sequence[str]) -> Iterator[list[Value]]:
    """Yield the options' places on each scale that they are all on."""
    numbers = [v for option in options if (v := _of_number(option))]
    if len(numbers) == len(options):
        yield numbers
    words = [_word(option) for option in options]
    named = [{s for w in ws for s in _SCALES.get(w, ())} for ws in words if _MIDDLE.isdisjoint(ws)]
    for scale in set.intersection(*named) if named else ():
        yield [(_on(ws, scale) * _degree(ws), 0) for ws in words]
    bases = {base for ws in words if (base := _base(ws))}
    if len(bases) == 1:
        yield [(_degree(ws) if _base(ws) else 0, 0) for ws in words]


def _of_number(option: str) -> Value | None:
    """Return a number and whether less (-1) or more (1) than that is meant."""
    if match := _number(option):
        number = float(match["n"].replace(",", "")) + int(match["minutes"] or 0) / 60
        more = match["more"] or re.search(
            r"\+|\b(?:more|over|above|older|up|later)\b", match["unit"]
        )
        less = match["less"] or re.search(r"\b(?:less|fewer|under|below|younger)\b", match["unit"])
        return number, 1 if more else -1 if less else 0
    words = [w for w in _word(option) if w != "the"]
    if words and words[0] in _WORDS and len(words) <= 4:
        return _WORDS[words[0]], 1 if "more" in words else 0
    return None


def _on(words: Sequence[str], scale: int) -> float:
    return next((_SCALES[w][scale] for w in words if scale in _SCALES.get(w, ())), 0)


def _degree(words: Sequence[str]) -> float:
    """Return how far a degree leads from the middle: "slightly" half, "not" to the other side."""
    if "not" in words:
        return -2 if "all" in words else -1
    return next((_DEGREES[w] for w in words if w in _DEGREES), 1)


def _base(words: Sequence[str]) -> str:
    """Return what a degree is of: "important" of "not at all important"; "" for a middle word."""
    rest = [w for w in words if w not in _DEGREES and w not in {"not", "at", "all"}]
    return "" if not _MIDDLE.isdisjoint(rest) else " ".join(rest)
