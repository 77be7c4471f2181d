"""Whether options go up or down a scale: numbers, ordinals, dates, degrees, ratings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise

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
    "sunday/sun monday/mon tuesday/tue wednesday/wed thursday/thu friday/fri saturday/sat",
    "less/fewer same/equal/equally more",
    "young middle/middle-aged old",
    "spring summer autumn/fall winter",
    "bottom middle top",
)
"""Words in their order, low to high; equal ones share a place."""

_CARDINALS = (
    "zero/none/no one/once/single two/twice/double three/thrice/triple four five six seven eight "
    "nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
)

_TENTHS = "thirty forty fifty sixty seventy eighty ninety hundred"

_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"

_WORDS: Mapping[str, float] = {
    **{w: n for n, words in enumerate(_CARDINALS.split()) for w in words.split("/")},
    **{w: n for n, w in enumerate(_ORDINALS.split(), 1)},
    **{w: n * 10 for n, w in enumerate(_TENTHS.split(), 3)},
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

_ROMAN = dict(
    zip(
        ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"],
        range(1, 13),
        strict=True,
    )
)

_amount = re.compile(
    r"\s*(?P<bound>[<>])?\s*[$€£]?(?P<n>[-−+]?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[0-9]{1,2})?)"
    r"(?::(?P<minutes>[0-9]{2}))?(?:\s*[-–]\s*[0-9.,]+)?\s*"
    r"(?P<unit>[^\W\d_]{1,12}|[ap]\.m\.|%|°[cf]?)?\s*",
).fullmatch

_UNITS: Mapping[str, float] = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1,
    "million": 1e6,
    "b": 1e9,
    "billion": 1e9,
    "mm": 1e-3,
    "cm": 1e-2,
    "km": 1e3,
    "mg": 1e-3,
    "g": 1,
    "kg": 1e3,
    "ml": 1e-3,
    "l": 1,
    "second": 1,
    "seconds": 1,
    "minute": 60,
    "minutes": 60,
    "hour": 3600,
    "hours": 3600,
    "day": 86400,
    "days": 86400,
    "week": 604800,
    "weeks": 604800,
    "month": 2.6e6,
    "months": 2.6e6,
    "year": 3.2e7,
    "years": 3.2e7,
}

_iso = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?").fullmatch

_MONTHS = {
    name: n
    for n, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}

_stemmed = re.compile(r"([^\W\d][^\d]{0,40}?)\s*#?([0-9]{1,6})").fullmatch

_PHRASES: tuple[Mapping[str, float], ...] = tuple(
    {word: n for n, words in enumerate(line.split("|")) for word in words.split("/")}
    for line in (
        "not at all|a little/a bit/slightly|somewhat|quite a bit|a lot/very much|extremely",
        "never|hardly ever/almost never|rarely|sometimes|often|very often|almost always|always",
    )
)

_LISTED = frozenset(phrase for steps in _PHRASES for phrase in steps)

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
    if not _KNOWN.isdisjoint(_word(folded)) or _ROMAN.get(folded.rpartition(" ")[2]):
        return True
    if folded in _LISTED or _iso(folded):
        return True
    return bool(_digit(folded) and (_number(folded) or _stemmed(folded) or _amount(folded)))


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
    return any(map(_strict, chain(_quantities(folded), _steps(folded))))


def _strict(values: Sequence[Value]) -> bool:
    steps = list(pairwise(values))
    return all(a < b for a, b in steps) or all(a > b for a, b in steps)


def _quantities(options: Sequence[str]) -> Iterator[list[Value]]:
    """Yield the places on each scale of numbers, amounts and dates that all options are on."""
    numbers = [v for option in options if (v := _of_number(option))]
    if len(numbers) == len(options):
        yield numbers
    if any(option.endswith("k") for option in options):  # then M is a million, not a metre
        options = [re.sub(r"(?<=[0-9])\s*m$", " million", option) for option in options]
    for read in (_of_amount, _of_date):
        found = [value for option in options if (value := read(option)) is not None]
        if len(found) == len(options):
            yield [(value, 0) for value in found]
    if len({option.rpartition(" ")[0] for option in options}) == 1:
        ends = [_of_roman(option.rpartition(" ")[2]) for option in options]
        yield [(end or 0, 0) for end in ends]
    stems = [_stemmed(option) for option in options]
    if len({stem[1] for stem in stems if stem}) == 1 and all(stems):
        yield [(float(stem[2]), 0) for stem in stems if stem]


def _steps(options: Sequence[str]) -> Iterator[list[Value]]:
    """Yield the options' places on each scale of words that they are all on."""
    for steps in _PHRASES:
        if set(options) <= steps.keys():
            yield [(steps[option], 0) for option in options]
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


def _of_roman(text: str) -> float | None:
    return _ROMAN.get(text)


def _of_amount(option: str) -> float | None:
    """Return a signed amount in the smallest unit of its kind; None where it is none."""
    if not (match := _amount(option)):
        return None
    number = float(match["n"].replace(",", "").replace("−", "-"))
    unit = match["unit"]
    if match["minutes"]:
        number += int(match["minutes"]) / 60
        if unit in ("am", "a.m.", "pm", "p.m."):
            return number % 12 + (12 if unit[0] == "p" else 0)
    value = number * _UNITS.get(unit, 1)
    # Beside a bound, the number itself is not meant.
    return value + {"<": -1e-9, ">": 1e-9}.get(match["bound"], 0)


def _of_date(option: str) -> float | None:
    """Return a date as a number that grows with time: ISO, or with a month's name."""
    if match := _iso(option):
        year, month, day = match.groups()
        return int(year) * 372 + int(month) * 31 + int(day or 0)
    words = re.findall(r"[^\W\d_]+|[0-9]+", option)
    month = next((_MONTHS[w[:3]] for w in words if w[:3] in _MONTHS and len(w) >= 3), 0)
    numbers = [int(w) for w in words if w.isdecimal() and w.isascii() and len(w) <= 4]
    if not month or not numbers or len(words) > 4:
        return None
    year = next((n for n in numbers if n > 31), 0)
    return year * 372 + month * 31 + next((n for n in numbers if n <= 31), 0)


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
