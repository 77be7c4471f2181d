"""Puts a family's spelling in place of a raw row's regions, before anything is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orjson import loads

from instraug.training_set.boxes.base import (
    NO_AREA,
    OUTSIDE,
    SEVERAL,
    UPSIDE_DOWN,
    Box,
    Family,
    Size,
    Spell,
    unusable,
)
from instraug.training_set.boxes.registry import load
from instraug.training_set.boxes.sizes import Sizes
from instraug.training_set.config import BuildConfig
from instraug.training_set.formats.base import Fields

TURNED, SAME = "turned_pictures", "same_boxes"
"""What is noted of a row: its picture's EXIF data turns it; two of its options, different in source
pixels, are spelled alike."""

BEYOND = 1.0
"""Pixels: a region that reaches less far over its picture's edge is taken as rounding."""

_NUMBER = r"(-?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)"

_box = re.compile(rf"\s*{_NUMBER}" + rf"(?:\s*,\s*|\s+){_NUMBER}" * 3 + r"\s*").fullmatch

_SIZES = 1024
"""Sizes of pictures whose spellings are kept at hand."""

Draw = Callable[[str], str]
"""A region as text -> its spelling; other text -> itself."""


def regions_of(config: BuildConfig, images: Path | None) -> Regions | None:
    """Return what spells regions as a fitted config asks; None where they stay as they are."""
    if config.boxes is None:
        return None
    family = load(config.boxes, config.box_settings())
    sizes = Sizes(images, turns=config.turns(), needed=family.needs_size)
    return Regions(family, sizes, lenient=config.ofa_bins)


class Regions:
    """Spells the regions of rows.

    Changed are ``region`` and ``meta_data.object_regions``; ``options`` and ``target_txt`` too
    where the task's answer is a region. Text that is not a region stays as it is.

    Args:
        family: What spells them.
        sizes: The pictures' sizes.
        lenient: Take what lies outside a picture for its edge, and check nothing else.
    """

    def __init__(self, family: Family, sizes: Sizes, *, lenient: bool = False) -> None:
        self._family, self._sizes = family, sizes
        self._sound = _at_the_edge if lenient else _checked
        self._draws: dict[Size, Draw] = {}

    def begin(self) -> None:
        """Begin a batch of rows."""
        self._sizes.begin()

    def speller(self, *, answers: bool) -> Callable[[Fields], Sequence[str]]:
        """Return the function that spells a raw row's regions, in place.

        It returns what there is to note of the row, `TURNED` or `SAME`, and raises BadRow where a
        region is no region of the row's picture, or its size is not known.

        Args:
            answers: Whether the answer of the rows' task is a region.
        """
        draws, draw_of, spell_answer = self._draws, self._draw, self._spell_answer

        def spell(row: Fields) -> Sequence[str]:
            region, meta = row.get("region"), row.get("meta_data")
            named = meta.get("object_regions") if meta and type(meta) is dict else None
            if not (region or named or answers):
                return ()
            size, draw = row.get("image_size") or (row.get("width"), row.get("height")), None
            if not ("images" in row or "image" in row or type(row.get("image_path")) is list):
                try:
                    draw = draws.get(tuple(size))  # most rows' sizes were seen before
                except TypeError:
                    draw = None
            noted: Sequence[str] = ()
            if draw is None:
                draw, noted = draw_of(row)
            if region:
                if type(region) is list and len(region) == 1 and type(region[0]) is str:
                    row["region"] = [draw(region[0])]
                else:
                    row["region"] = _spelled(region, draw)
            if named:
                meta["object_regions"] = _spelled(named, draw)  # type: ignore[index]
            return [*noted, *spell_answer(row, draw)] if answers else noted

        return spell

    def _spell_answer(self, row: Fields, draw: Draw) -> Sequence[str]:
        """Spell options and target; the target is mostly one of the options."""
        options: Any = row.get("options")
        target, spelled = row.get("target_txt"), _spelled(options, draw) if options else options
        if options:
            row["options"] = spelled
        if target:
            known = type(options) is list and target in options
            row["target_txt"] = spelled[options.index(target)] if known else _spelled(target, draw)
        alike = type(spelled) is list and len(set(map(str, spelled))) < len(set(map(str, options)))
        return (SAME,) if alike else ()

    def _draw(self, row: Fields) -> tuple[Draw, Sequence[str]]:
        """Return what spells the regions of a row's picture, and what there is to note."""
        _refuse_several(row)
        size, turned = self._sizes.of(row)
        return self._draws.get(size) or self._remembered(size), (TURNED,) if turned else ()

    def _remembered(self, size: Size) -> Draw:
        if len(self._draws) >= _SIZES:
            self._draws.clear()
        self._draws[size] = self._drawer(size)
        return self._draws[size]

    def _drawer(self, size: Size) -> Draw:
        spell, sound, (width, height) = self._family.spelling(size), self._sound, size
        wrap = self._family.wrap

        def draw(text: str) -> str:
            try:
                x1, y1, x2, y2 = loads(f"[{text.replace(' ', ',')}]")
                usual = 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
            except (ValueError, TypeError):
                usual = False
            if not usual:
                return _unusual(text, size, spell, sound)
            return wrap(text) if wrap else spell(x1, y1, x2, y2)

        return draw


def _spelled(value: Any, draw: Draw) -> Any:
    if type(value) is str:
        return draw(value)
    if type(value) is list:
        if len(value) == 4 and all(type(v) in (int, float) for v in value):
            return draw(" ".join(map(repr, value)))
        return [draw(v) if type(v) is str else _spelled(v, draw) for v in value]
    if type(value) is dict:
        return {name: _spelled(inner, draw) for name, inner in value.items()}
    return value


def _unusual(text: str, size: Size, spell: Spell, sound: Callable[[Box, Size], Box]) -> str:
    """Spell a region that is written oddly or reaches over the edge; text that is none stays."""
    match = _box(text)
    if not match:
        return text
    x1, y1, x2, y2 = map(float, match.groups())
    return spell(*sound((x1, y1, x2, y2), size))


def _checked(box: Box, size: Size) -> Box:
    """Return a region, what lies over the edge by rounding cut off.

    Raises:
        BadRow: it is upside down, has no area, or lies outside its picture.
    """
    x1, y1, x2, y2 = box
    if x1 > x2 or y1 > y2:
        what = "a region is upside down, or is x y width height"
        raise unusable(UPSIDE_DOWN, what, "give x1 y1 x2 y2, or leave the row out")
    if x1 == x2 or y1 == y2:
        raise unusable(NO_AREA, "a region has no area")
    inside = _at_the_edge(box, size)
    over = max(abs(a - b) for a, b in zip(box, inside, strict=True))
    if over >= BEYOND or inside[0] >= inside[2] or inside[1] >= inside[3]:
        what = "a region reaches outside its picture"
        raise unusable(OUTSIDE, what, "fix the row or its picture's size, or leave the row out")
    return inside


def _at_the_edge(box: Box, size: Size) -> Box:
    (x1, y1, x2, y2), (width, height) = box, size
    return (
        min(max(x1, 0.0), width),
        min(max(y1, 0.0), height),
        min(max(x2, 0.0), width),
        min(max(y2, 0.0), height),
    )


def _refuse_several(row: Fields) -> None:
    """Refuse a row of several pictures: nothing states which of them a region is on."""
    for name in ("image_path", "images", "image"):
        if type(pictures := row.get(name)) is list and len(pictures) > 1:
            what = "the row has several pictures, and nothing states which one a region is on"
            raise unusable(SEVERAL, what, "give rows of one picture, or leave the row out")
