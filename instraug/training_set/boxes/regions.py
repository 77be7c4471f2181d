"""Puts a family's spelling in place of a raw row's regions, before anything is rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from orjson import loads

from instraug.tasks.records import Answers, Task
from instraug.tasks.rendering import DEFAULT_SEPARATOR
from instraug.training_set.answers import PLACES, places
from instraug.training_set.boxes.base import (
    NO_AREA,
    NO_BOX,
    OUTSIDE,
    SAME,
    SEVERAL,
    SHARES,
    TEXT,
    TURNED,
    UPSIDE_DOWN,
    Box,
    Family,
    Size,
    Spell,
    unusable,
)
from instraug.training_set.boxes.reading import as_box, found, read_boxes
from instraug.training_set.boxes.registry import load
from instraug.training_set.boxes.sizes import Sizes
from instraug.training_set.config import BuildConfig
from instraug.training_set.formats.base import Fields

BEYOND = 1.0
"""Pixels: a region that reaches less far over its picture's edge is taken as rounding."""

FEW = 8
"""Pixels of a side: boxes within the first pixel of a larger picture are taken for shares of it."""

_SIZES = 1024
"""Sizes of pictures whose spellings are kept at hand."""

Draw = Callable[[str], str]
"""A region as text -> its spelling; other text -> itself."""


def regions_of(
    boxes: str, config: BuildConfig, images: Path | None, tasks: Iterable[Task] = ()
) -> Regions:
    """Return what spells regions as a fitted config asks.

    Args:
        boxes: The family that it names.
        config: How.
        images: The folder that image paths start at.
        tasks: Their separators may part boxes.
    """
    family = load(boxes, config.box_settings())
    sizes = Sizes(images, turns=config.turns(), needed=family.needs_size)
    marks = {mark for task in tasks for mark in task.separators.values()} | {DEFAULT_SEPARATOR}
    separators = sorted(marks - {""}, key=lambda mark: (-len(mark), mark))
    return Regions(family, sizes, lenient=config.ofa_bins, separators=separators)


class Regions:
    """Spells the regions of rows.

    Changed are ``region`` and ``meta_data.object_regions``; ``options`` and ``target_txt`` too
    where the task's answer is a region. What is not a box stays as it is, and is noted; as the
    answer of such a task it is a fault.

    Args:
        family: What spells them.
        sizes: The pictures' sizes.
        lenient: Take what lies outside a picture for its edge, and regions without area.
        separators: What may part several boxes in one text, the longest first.
    """

    def __init__(
        self,
        family: Family,
        sizes: Sizes,
        *,
        lenient: bool = False,
        separators: Sequence[str] = (DEFAULT_SEPARATOR,),
    ) -> None:
        self._family, self._sizes, self._lenient = family, sizes, lenient
        self._sound = _at_the_edge if lenient else _checked
        self._separators = separators
        self._draws: dict[Size, Draw] = {}
        self._texts: list[Any] = []
        """Of the row at hand: what stands for a region, and is no box."""
        self._small: list[tuple[bool, bool]] = []
        """Of the row at hand, for each box of hardly any size: whether its spelling has no area,
        and whether its picture has more than a few pixels."""

    def begin(self) -> None:
        """Begin a batch of rows."""
        self._sizes.begin()
        self._texts.clear()
        self._small.clear()

    def speller(
        self, *, answers: bool, kind: Answers | None = None
    ) -> Callable[[Fields], Sequence[str]]:
        """Return the function that spells a raw row's regions, in place.

        It returns what there is to note of the row, and raises BadRow where a region is no region
        of the row's picture, or its size is not known.

        Args:
            answers: Whether the answer of the rows' task is a region.
            kind: What the task says that its targets are.
        """
        draws, draw_of, spell_answer = self._draws, self._draw, self._spell_answer
        texts, small, spelled = self._texts, self._small, self._spelled

        def spell(row: Fields) -> Sequence[str]:
            region, meta = row.get("region"), row.get("meta_data")
            named = meta.get("object_regions") if meta and type(meta) is dict else None
            if not (region or named or answers):
                return ()
            given = [region, named, row.get("options"), row.get("target_txt")]
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
                row["region"] = spelled(region, draw)
            if named:
                meta["object_regions"] = spelled(named, draw)  # type: ignore[index]
            if answers:
                noted = [*noted, *spell_answer(row, draw, kind)]
            if small or texts:
                return [*noted, *self._odd(given, answers)]
            return noted

        return spell

    def _spell_answer(self, row: Fields, draw: Draw, kind: Answers | None) -> Sequence[str]:
        """Spell options and target; the target is mostly one of the options."""
        options: Any = row.get("options")
        target, texts, spelled = row.get("target_txt"), self._texts, options
        if type(options) is list:
            spelled = [draw(o) if type(o) is str else self._spelled(o, draw) for o in options]
        elif options:
            spelled = self._spelled(options, draw)
        if options:
            row["options"] = spelled
        if target is not None:
            known = type(options) is list and target in options
            row["target_txt"] = (
                spelled[options.index(target)] if known else self._spelled(target, draw)
            )
            if target in texts:
                if not _names_place(target, options, kind):
                    what = "the target of a task whose output is region is no box"
                    fix = "give x1 y1 x2 y2 in pixels, or leave the row out"
                    raise unusable(NO_BOX, what, fix)
                if not known:
                    texts.remove(target)
        alike = type(spelled) is list and len(set(map(str, spelled))) < len(set(map(str, options)))
        return (SAME,) if alike else ()

    def _odd(self, given: Sequence[Any], answers: bool) -> Sequence[str]:
        """Return what to note of a row with text for boxes; refuse boxes of hardly any size.

        Args:
            given: Region, named regions, options and target, before they were spelled.
            answers: Whether the last two are regions.

        Raises:
            BadRow: they are shares of the picture, or vanish in the family's grid.
        """
        small, noted = list(self._small), (TEXT,) if self._texts else ()
        self._small.clear()
        self._texts.clear()
        held, marks = given[: 4 if answers else 2], self._separators
        boxes = (box for field in held for box in found(field, marks))
        if any(large for _, large in small) and all(max(box) <= 1 for box in boxes):
            what = "no number of the row's boxes is above 1, as where they are shares of the sides"
            raise unusable(SHARES, what, "give pixels of the picture, or leave the row out")
        if any(flat for flat, _ in small):
            what = "a region is too small for the family's grid, and has no area in it"
            fix = "leave the row out, or take a finer grid (llava has one: --box-digits)"
            raise unusable(NO_AREA, what, fix)
        return noted

    def _spelled(self, value: Any, draw: Draw) -> Any:
        if type(value) is str:
            return draw(value)
        if type(value) is list:
            if len(value) == 1 and type(value[0]) is str:
                return [draw(value[0])]
            if box := as_box(value):
                return draw(box)
            return [draw(v) if type(v) is str else self._spelled(v, draw) for v in value]
        if type(value) is dict:
            return {name: self._spelled(inner, draw) for name, inner in value.items()}
        if value is not None:
            self._texts.append(value)
        return value

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
        spell, unusual, (width, height) = self._family.spelling(size), self._unusual, size
        wrap, small = self._family.wrap, self._small
        least_x, least_y = (max(step, 1.0) for step in self._family.step(size))

        def draw(text: str) -> str:
            try:
                x1, y1, x2, y2 = loads(f"[{text.replace(' ', ',')}]")
                usual = 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
            except (ValueError, TypeError):
                usual = False
            if not usual:
                return unusual(text, size, spell)
            made = wrap(text) if wrap else spell(x1, y1, x2, y2)
            if x2 - x1 <= least_x or y2 - y1 <= least_y:
                small.append((self._is_flat(made, size), max(size) > FEW))
            return made

        return draw

    def _unusual(self, text: str, size: Size, spell: Spell) -> str:
        """Spell regions that are written oddly or reach over the edge; other text stays."""
        boxes, mark = read_boxes(text, self._separators)
        if not boxes:
            self._texts.append(text)
            return text
        made = []
        for box in boxes:
            x1, y1, x2, y2 = self._sound(box, size)
            made.append(spell(x1, y1, x2, y2))
            if min(x2 - x1, y2 - y1) <= max(1.0, *self._family.step(size)):
                self._small.append((self._is_flat(made[-1], size), max(size) > FEW))
        return mark.join(made)

    def _is_flat(self, made: str, size: Size) -> bool:
        """Return whether a spelling has no area once it is read back."""
        if self._lenient or self._family.wrap:
            return False
        x1, y1, x2, y2 = self._family.read(made, size)
        return x1 >= x2 or y1 >= y2


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


def _names_place(target: Any, options: Any, kind: Answers | None) -> bool:
    """Return whether a target could be the letter or the number of one of a row's options."""
    if type(options) is not list or kind == "text":
        return False
    texts = list(map(str, options))
    return any(places(str(target), texts, k) for k in ((kind,) if kind else PLACES))
