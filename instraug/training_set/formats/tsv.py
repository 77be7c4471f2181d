"""The tab-separated rows that INSTRAUG's OFA and InstructBLIP loaders read: a header, CSV quoting.

They take columns 0, 3, 5 and 6; ``instruction_id`` comes after those of the original layout.
"""

from __future__ import annotations

import re

from instraug.training_set.formats.base import Fields, Format, Options, image_of, text_format

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

# Spelled out, because the csv module of Python before 3.13 does not quote every line end.
_special = re.compile('[\t\n\r"]').search


def make(options: Options) -> Format:
    """Return the format; a field with a tab, line end or quote is quoted, quotes doubled."""
    del options
    head = "\t".join(COLUMNS).encode() + b"\n"
    return text_format(_encode, head=head)


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
    return ("\t".join([_quoted(v) if _special(v) else v for v in values]) + "\n").encode()


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
