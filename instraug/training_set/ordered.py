"""Lists of options whose order or place carries meaning, by rule.

Three kinds keep their order: lists with an option that refers to others or to its place ("all of
the above", "both A and C"), lists that number themselves ("A. cat", "B. dog"), and three or more
options that go up or down one scale: numbers, ranges, ordinals, dates, degrees, ratings. Of two
options any order goes up or down, so that it means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from instraug.training_set.scales import LONGEST, climbs, on_scale

_ALL = "(?:all|none|any|both|neither|either)"

_SOME = "(?:all|none|any|both|neither|either|some|most|several|two|three|one|more|part)"

_OTHERS = "(?:above|below|following|preceding|previous|others?)"

_LIST = r"(?:options|option|choices|choice|answers)"

_refers = re.compile(
    rf"\b{_SOME} of (?:these|those|them|the {_OTHERS})\b"
    rf"|\b{_ALL} (?:the )?(?:above|below)\b|\bthe above\b"
    r"|\b(?:all|none|any) (?:except|but) \(?(?:[a-z]|[0-9])\b"
    rf"|\b(?:{_OTHERS}|no|no correct|no right) answer\b|\banswer (?:above|below)\b"
    rf"|\b(?:the|these|those|no|both|all|other|correct|first|last) {_LIST}\b|\b{_LIST} [a-h1-9]\b"
    r"|^(?:the )?(?:first|last) (?:two|three|one and)\b|^(?:the )?first and (?:the )?second\b"
    r"|^the (?:former|latter)\b|\bsame as (?:the )?(?:above|below|[a-h])\b|^not [a-h]$"
    r"|\b(?:none|all|any) of the listed\b|^i, ?ii(?:,? and iii)?$|^i and ii$",
    re.MULTILINE,
).search

_TRIGGERS = (
    "above",
    "below",
    "following",
    "previous",
    "preced",
    "other",
    " of th",
    "except",
    " but ",
    "option",
    "choice",
    "answer",
    "first",
    "last ",
    "former",
    "latter",
    "same as",
    "not ",
    "i, ii",
    "i and ii",
)
"""One of these is in whatever `_refers` finds."""

_LABEL = r"\(?(?:[a-z]|[0-9]{1,2})[).]?"

_JOIN = r"(?:\s*(?:,|/|&|\+)\s*(?:and |or )?|\s+(?:and|or|nor|but not)\s+)"

_points = re.compile(
    rf"(?:(?:both|either|neither|only|just|{_LIST})\s+)*"
    rf"(?:{_LABEL}(?:{_JOIN}(?:not |only )?{_LABEL})+|only {_LABEL}|{_LABEL} only)"
    r"(?:\s+(?:only|both|together|(?:are|is) \w+))?\W*"
).fullmatch

_embeds = re.compile(rf"\b(?:both|either|neither) {_LABEL} (?:and|or|nor) {_LABEL}(?!\w)").search

_PAIRS = ("both", "either", "neither")

_JOINERS = (" and ", " or ", " nor ", "only", "&", "/", ",", "+", " but not ")

_NUMERAL = "[a-z]|[0-9]{1,2}|[ivx]{1,5}"

_labelled = re.compile(
    rf"\s*(?:option |choice )?(?:\(({_NUMERAL})\)|({_NUMERAL})[.):](?=\s))\s*(.*)",
    re.IGNORECASE | re.DOTALL,
).match

_OF_NUMBERS = b"-+0123456789.,eE<bin_>"

_spelled = re.compile(
    r"<\|box_start\|>\(N,N\),\(N,N\)<\|box_end\|>"
    r'|\{"bbox_2d": \[N, N, N, N\]\}'
    r"|<box>\[\[N, N, N, N\]\]</box>"
    r"|\[N, N, N, N\]"
    r"|(?:<loc_?N>){4}"
    r"|<object>(?:<patch_index_N>){2}</object>"
    r"|\ue000N N N N\ue001".replace("N", r"-?[0-9][0-9.e+-]*")
).fullmatch

_BEGIN = ("<", "{", "[", "\ue000")
"""What the spellings of `_spelled` begin with."""


def labels(options: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return each option's label in lower case, and its text, where all begin with labels."""
    pairs = []
    for option in options:
        match = _labelled(option)
        if not match:
            return None
        pairs.append(((match[1] or match[2]).lower(), match[3]))
    return pairs if len({label for label, _ in pairs}) == len(pairs) else None


def are_regions(options: Sequence[str]) -> bool:
    """Return whether options are regions, in any family's spelling: they may stand in any order.

    Raises:
        TypeError: an option is not text.
    """
    first = options[0] if options else ""
    if type(first) is str and first[:1].isalpha():  # as nearly all that are none
        return False
    between = " ".join(options).encode().translate(None, _OF_NUMBERS)
    if between == b" " * (4 * len(options) - 1):
        return True
    return options[0][:1] in _BEGIN and all(map(_spelled, options))


def keeps_order(options: Sequence[str]) -> bool:
    """Return whether a list of options has to keep its order.

    Any option may require that by referring to others; see `is_step` for the rest.

    Raises:
        TypeError: an option is not text.
    """
    whole = "\n".join(options)
    if len(options) < 2:
        return False
    if _refers_to_others(whole.casefold()) or labels(options):
        return True
    return climbs(options)


def is_step(option: str) -> bool:
    """Return whether an option could be one of a scale, or of a list that numbers itself.

    Apart from what `has_degree` covers, lists keep their order for either only where all of
    their options are such.
    """
    return on_scale(option) or _labelled(option) is not None


def _refers_to_others(whole: str) -> bool:
    """Return whether one of the options (a line each, case folded) names others, or places."""
    return bool(any(map(whole.__contains__, _TRIGGERS)) and _refers(whole)) or _names_places(whole)


def names_labels(options: Sequence[str]) -> bool:
    """Return whether options number themselves, or name others by labels: "only B", "A and C".

    Raises:
        TypeError: an option is not text.
    """
    return labels(options) is not None or _names_places("\n".join(options).casefold())


def _names_places(whole: str) -> bool:
    """Return whether one of the options (a line each, case folded) names places by labels."""
    if not any(map(whole.__contains__, _JOINERS)):
        return False
    options = whole.split("\n")
    # R&B or Q and A name no options: few lists are longer than from A to J.
    if any(
        len(o) <= LONGEST and _points(o) and all(c <= "j" for c in re.findall(r"\b[a-z]\b", o))
        for o in options
    ):
        return True
    return any(map(whole.__contains__, _PAIRS)) and _embeds(whole) is not None
