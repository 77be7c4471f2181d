"""What readers of sets take for something else than it is: found in built rows, and reported.

A `Look` gives a note for each such row. What a note means to the user is in `REMARKS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from instraug.training_set.formats.base import Fields, images_of

DATES, MISSING, RESPELLED = "date_targets", "missing_targets", "respelled_targets"

MEDIA, NO_IMAGE, SUFFIX = "media_words", "no_image", "image_suffixes"

REMARKS = {
    DATES: (
        "their target is a date: datasets reads a column of dates as times, and one of words and "
        "dates as either; take parquet, or write the dates in words"
    ),
    MISSING: (
        "pandas, with which INSTRAUG's loaders read, takes their target for a missing value, and "
        "whole numbers beside it for 4.0; write them in another way"
    ),
    RESPELLED: (
        "pandas, with which INSTRAUG's loaders read, may spell their target anew, such as 007 as "
        "7; write them in another way"
    ),
    MEDIA: (
        "their text holds <image>, <video> or <audio>, which stands for a picture, video or sound "
        "to many models; write it in another way"
    ),
    NO_IMAGE: "they have no image, and INSTRAUG's loaders open one in every row",
    SUFFIX: (
        "INSTRAUG's loaders for OFA find a picture by .jpg, .jpeg or .png, which they replace by "
        ".txt; rename these"
    ),
}
"""Note -> what it means, after a count of rows."""

WORDS = ("<image>", "<video>", "<audio>")
"""What chat models and trainers take for a picture, a video or a sound."""

MISSING_WORDS = frozenset(
    [
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    ]
)
"""Whole cells that pandas reads as missing."""

_date = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}(?::?[0-9]{2})*(?:\.[0-9]+)?(?:Z|[+-][0-9:]+)?)?"
).fullmatch

_NUMBER_STARTS = frozenset("0123456789+-.iItTfF")

_number = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,17})").fullmatch
"""A whole number that pandas spells as it is."""

_OTHERS = frozenset(["true", "false", "TRUE", "FALSE", "+inf", "Inf", "-Inf", "infinity"])
"""Truth values, and the infinite, that it spells in another way."""


def is_date(target: str) -> bool:
    """Return whether a reader of JSON may take a text for a time."""
    return _date(target) is not None


def media(rows: Sequence[Fields]) -> Iterator[tuple[str, int]]:
    """Find texts with a word for a picture, a video or a sound."""
    if True in ["<" in row["prompt"] or "<" in row["target"] for row in rows]:
        for at, row in enumerate(rows):
            if _holds_media(row["prompt"]) or _holds_media(row["target"]):
                yield MEDIA, at


def _holds_media(text: str) -> bool:
    return any(map(text.__contains__, WORDS))


EVALUATED = (".jpg", ".png", ".jpeg")
"""Image suffixes that INSTRAUG's loaders for OFA know when they evaluate."""

TRAINED = (*EVALUATED, ".jfif")
"""Those that they know when they train."""


def pandas(rows: Sequence[Fields], suffixes: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Find what INSTRAUG's loaders read otherwise, or cannot open.

    Args:
        rows: As of a `Look`.
        suffixes: Those of images that its loaders for OFA know.
    """
    targets = [row["target"] for row in rows]
    if not MISSING_WORDS.isdisjoint(targets):
        yield from ((MISSING, at) for at, target in enumerate(targets) if target in MISSING_WORDS)
    for at, target in enumerate(targets):
        if target[:1] in _NUMBER_STARTS and _is_respelled(target):
            yield RESPELLED, at
    for at, row in enumerate(rows):
        path = row.get("image_path")
        if type(path) is str and path[-4:] == ".jpg":
            continue
        paths = images_of(row)
        if not paths:
            yield NO_IMAGE, at
        elif not paths[0].endswith(suffixes):
            yield SUFFIX, at


def _is_respelled(target: str) -> bool:
    if not _number(target):
        return target in _OTHERS
    return not _PLAIN(target) and repr(float(target)) != target
