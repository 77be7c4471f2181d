"""What people write for boxes: four numbers, however they are parted and bracketed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from instraug.training_set.boxes.base import Box

_NUMBER = r"(-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"

_number = re.compile(rf"\s*{_NUMBER}\s*").fullmatch

_box = re.compile(
    rf"[\s\[\](){{}}<>]*{_NUMBER}" + rf"[\s,;\[\](){{}}<>]+{_NUMBER}" * 3 + r"[\s\[\](){}<>]*"
).fullmatch

_bracketed = re.compile(r"[\])}>]\s*[,;]?\s*[\[({<]").split
"""Cuts between a closing bracket and an opening one."""

BETWEEN = ", "
"""What is put between boxes that stood in brackets of their own."""


def read_box(text: str) -> Box | None:
    """Return the one box that a text is; None where it is something else."""
    match = _box(text)
    if not match:
        return None
    x1, y1, x2, y2 = map(float, match.groups())
    return (x1, y1, x2, y2) if isfinite(x1 + y1 + x2 + y2) else None


def read_boxes(text: str, separators: Sequence[str]) -> tuple[list[Box], str]:
    """Return the boxes that a text is, none where it is something else, and what parts them.

    Args:
        text: The text.
        separators: What may part boxes, besides brackets.
    """
    for mark in ("", *separators, BETWEEN):
        if mark and mark != BETWEEN and mark not in text:
            continue
        parts = _bracketed(text) if mark == BETWEEN else text.split(mark) if mark else [text]
        boxes = [box for part in parts if (box := read_box(part))]
        if boxes and len(boxes) == len(parts):
            return boxes, mark
    return [], ""


def as_box(value: Sequence[Any]) -> str:
    """Return the box that a list of four numbers is, as text; "" where it is none."""
    if len(value) != 4 or not all(map(_is_number, value)):
        return ""
    return " ".join([v.strip() if type(v) is str else repr(v) for v in value])


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or (type(value) is str and bool(_number(value)))


def found(value: Any, separators: Sequence[str]) -> Iterator[Box]:
    """Yield the boxes of a field: text, numbers, or lists or a mapping of those."""
    if type(value) is str:
        yield from read_boxes(value, separators)[0]
    elif type(value) is list:
        if text := as_box(value):
            yield from read_boxes(text, separators)[0]
        else:
            for inner in value:
                yield from found(inner, separators)
    elif type(value) is dict:
        for inner in value.values():
            yield from found(inner, separators)
