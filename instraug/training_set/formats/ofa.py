"""Upstream OFA's files: tab-separated, no header, no quoting, split on raw tabs and line ends.

The prompt stands where a column is text that OFA reads (question, text, hypothesis), the target in
the column of the answer. OFA unescapes nothing: an escaped line end would reach the model as a
backslash and a letter, so white space that OFA splits on becomes a space. OFA's own settings name
the columns they read, so the instruction id, put last, is passed over.

Source:
    OFA-Sys/OFA, data/file_dataset.py and data/mm_data.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath

from instraug.training_set.formats.base import (
    Fields,
    Format,
    Options,
    picture_of,
    text_format,
    unfit,
)
from instraug.training_set.formats.images import read_image

# What ends a line or a column for a Python reader in text mode.
_blank = partial(re.compile("\r\n|[\t\r\n]").sub, " ")

_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"

_box = re.compile(rf"\s*{_NUMBER}" + rf"[\s,]+{_NUMBER}" * 3 + r"\s*").fullmatch

_LABELS = {
    "entailment": "entailment",
    "contradiction": "contradiction",
    "neutral": "neutral",
    "yes": "entailment",
    "no": "contradiction",
    "maybe": "neutral",
    "not sure": "neutral",
}
"""A target -> the label in OFA's file, which OFA asks for as yes, no or maybe."""


def _caption(row: Fields, image: str) -> list[str]:
    return [row["target"], "", image]


def _vqa(row: Fields, image: str) -> list[str]:
    target = row["target"]
    if "&&" in target or "|!+" in target:
        raise unfit("the target holds && or |!+, which split OFA's answers", "use another format")
    return [row["prompt"], f"1.0|!+{target}", "", image]


def _refcoco(row: Fields, image: str) -> list[str]:
    box = _box(row["target"])
    if not box:
        what = f"the target {row['target']!r:.60} is not a region"
        raise unfit(what, "give tasks whose answer is one")
    return [row["prompt"], ",".join(box.groups()), image]


def _snli_ve(row: Fields, image: str) -> list[str]:
    label = _LABELS.get(row["target"])
    if label is None:
        what = f"the target {row['target']!r:.60} is none of {', '.join(_LABELS)}"
        raise unfit(what, "give rows with these labels")
    context = row.get("context")
    return [image, row["prompt"], context if isinstance(context, str) else "", label]


_KINDS: dict[str, Callable[[Fields, str], list[str]]] = {
    "caption": _caption,
    "vqa": _vqa,
    "refcoco": _refcoco,
    "snli-ve": _snli_ve,
}
"""Kind -> (row, its image in base64 or "") -> the columns after id and image id."""


def make(options: Options, kind: str) -> Format:
    """Return one of OFA's formats: caption, vqa, refcoco or snli-ve.

    With ``options.images`` a row's image is put in as base64; without, that column is empty.
    """
    columns, images = _KINDS[kind], options.images

    def encode(row: Fields) -> bytes:
        path = picture_of(row)
        image = base64.b64encode(read_image(images, path)).decode() if images else ""
        cells = [row["unique_id"], PurePosixPath(path).stem]
        cells += [*columns(row, image), row["instruction_id"]]
        return ("\t".join([_blank(cell) for cell in cells]) + "\n").encode()

    return text_format(encode, block_rows=1) if images else text_format(encode)
