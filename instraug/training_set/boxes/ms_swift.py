"""ms-swift: ``<bbox>`` in the text, and the regions beside it in source pixels.

It scales and spells by itself, as the model at hand wants it: a row has ``objects`` with ``ref``
(empty: names stand in the text), ``bbox`` in the order of the text, prompt first, and ``image_id``,
always: without it every region is measured on the first picture.

Source:
    modelscope/ms-swift 3602360 (4.6), swift/template/base.py (normalize_bbox) and its documentation
    of custom datasets, grounding.
"""

from __future__ import annotations

from typing import Any

from orjson import loads

from instraug.training_set.boxes.base import Box, Family, Settings, Size, Spell
from instraug.training_set.formats.base import Fields, image_of, unfit

_TAG, _REF = "<bbox>", "<ref-object>"
"""What ms-swift replaces; no text may hold it by itself."""

# Private characters keep a region recognisable until its prompt is rendered.
_OPEN, _CLOSE = "\ue000", "\ue001"


def make(_: Settings) -> Family:
    """Return the family, whose spelling is for `finish` to replace."""
    return Family(_spelling, _back, lambda _: (1, 1), needs_size=False, wrap=wrapped)


def wrapped(text: str) -> str:
    """Return a region's own text, marked as a region."""
    return f"{_OPEN}{text}{_CLOSE}"


def _spelling(_: Size) -> Spell:
    def spell(x1: float, y1: float, x2: float, y2: float) -> str:
        return wrapped(f"{x1} {y1} {x2} {y2}")

    return spell


def _back(text: str, _: Size) -> Box:
    if text[:1] != _OPEN:
        raise ValueError(f"{text!r:.60} is not a region")
    x1, y1, x2, y2 = _numbers(text[1:-1])
    return x1, y1, x2, y2


def _numbers(text: str) -> list[float]:
    found: list[float] = loads(f"[{text.replace(' ', ',')}]")
    return found


def finish(row: Fields) -> None:
    """Put the tag in place of every region of a built row's prompt and target, and add ``objects``.

    In the row's other fields regions stand as numbers, as they came.

    Raises:
        BadRow: the text itself holds one of the tags, or a mark of ours; or regions stand in a row
            without a picture.
    """
    regions: list[list[float]] = []
    for name in ("prompt", "target"):
        text = row[name]
        if _TAG in text or _REF in text:
            raise unfit(f"the text holds {_TAG} or {_REF}, a tag of ms-swift", "reword it")
        if _OPEN in text:
            row[name] = _tagged(text, regions)
    if regions and not image_of(row):
        raise unfit("the row has regions and no picture", "give its image_path, or leave it out")
    if regions or "region" in row or "meta_data" in row:
        for name in ("region", "options", "target_txt", "meta_data"):
            if name in row:
                row[name] = _bare(row[name])
    row["objects"] = {"ref": [], "bbox": regions, "image_id": [0] * len(regions)}


def _tagged(text: str, regions: list[list[float]]) -> str:
    """Return a text with the tag in place of its regions, which are added to the others."""
    first, *rest = text.split(_OPEN)
    try:
        for part in rest:
            region, _, after = part.partition(_CLOSE)
            regions.append(_numbers(region))
            first += _TAG + after
    except ValueError:
        raise unfit("the text holds the private character U+E000", "reword it") from None
    return first


def _bare(value: Any) -> Any:
    """Return a field without the marks of regions."""
    if type(value) is str:
        return value.replace(_OPEN, "").replace(_CLOSE, "") if value[:1] == _OPEN else value
    if type(value) is list or type(value) is tuple:
        return [v if type(v) is str and v[:1] != _OPEN else _bare(v) for v in value]
    if type(value) is dict:
        return {name: _bare(inner) for name, inner in value.items()}
    return value
