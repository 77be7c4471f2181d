"""The tab-separated tables that INSTRAUG's OFA and InstructBLIP loaders read, with CSV quoting.

The training table has columns 0, 3, 5 and 6 where they look. The evaluation tables are wider: their
columns are the keys of the release's own rows, in its order, and the loaders know their places.
``instruction_id`` comes after those of the original layout.

Source:
    declare-lab/InstrAug 15242ef: OFA/data/instr_data, OFA/run_scripts/instr_eval,
    MultiInstruct/build_dataset.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from instraug.training_set.formats.base import (
    Fields,
    Format,
    Options,
    image_of,
    picture_of,
    text_format,
    unfit,
)
from instraug.training_set.formats.readers import EVALUATED, TRAINED, pandas

COLUMNS = (
    "unique_id",
    "image_source",
    "task_name",
    "image_path",
    "target_txt",
    "prompt",
    "target",
    "instruction_id",
)

_START = ("unique_id", "image_source", "task_name", "image_path")

_END = ("prompt", "target", "instruction_id")

_PAIR = ("unique_id", "task_name", "image_path", "text", "target_txt", "options", *_END)

WIDE = {
    "commonsense-vqa": (*_START, "target_txt", "question", "options", "meta_data", *_END),
    "disaster-types": (*_START, "target_txt", "options", "meta_data", *_END),
    "grounded-vqa": (*_START, "region", "question", "options", "meta_data", "target_txt", *_END),
    "nlvr": _PAIR,
    "text-vqa": (*_START, "target_txt", "question", "meta_data", *_END),
    "visual-dialog": (*_START, "question", "target_txt", "meta_data", *_END),
    "visual-nli": (*_START, "target_txt", "text", "options", "meta_data", *_END),
    "vsr": _PAIR,
    "vte": (*_START, "target_txt", "meta_data", *_END),
}
"""Evaluation table -> its columns."""

_NEEDED = {"grounded-vqa": ("options",), "text-vqa": ("question",)}
"""Evaluation table -> further columns that its loader reads."""

# Spelled out, because the csv module of Python before 3.13 does not quote every line end.
_special = re.compile('[\t\n\r"]').search


def make(options: Options, kind: str = "") -> Format:
    """Return the format; a field with a tab, line end or quote is quoted, quotes doubled.

    Args:
        options: Not used.
        kind: Which evaluation table, a name of `WIDE`; "": the training table.
    """
    del options
    head = "\t".join(WIDE.get(kind, COLUMNS)).encode() + b"\n"
    look = partial(pandas, suffixes=EVALUATED if kind else TRAINED)
    return text_format(_wide(kind) if kind else _encode, head=head, look=look)


def _encode(row: Fields) -> bytes:
    values = (
        row["unique_id"],
        str(row.get("image_source") or ""),
        row["task_name"],
        image_of(row),
        row["target_txt"],
        row["prompt"],
        row["target"],
        row["instruction_id"],
    )
    line = "\t".join(values)
    if '"' in line or "\n" in line or "\r" in line or line.count("\t") >= len(COLUMNS):
        line = "\t".join([_quoted(v) if _special(v) else v for v in values])
    return (line + "\n").encode()


def _wide(kind: str) -> Callable[[Fields], bytes]:
    columns, needed = WIDE[kind], _NEEDED.get(kind, ())

    def encode(row: Fields) -> bytes:
        path = picture_of(row)
        for name in needed:
            if not row.get(name):
                raise unfit(f"the row has no {name}, which the evaluation reads", "add it")
        cells = [path if name == "image_path" else _cell(row.get(name)) for name in columns]
        return ("\t".join([_quoted(v) if _special(v) else v for v in cells]) + "\n").encode()

    return encode


def _cell(value: Any) -> str:
    """Spell a value as pandas does, which wrote the original tables: lists as Python's own."""
    if isinstance(value, tuple):
        value = list(value)
    return "" if value is None else str(value)


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
