"""LAVIS and InstructBLIP: annotations of their VQA and caption datasets.

Source:
    salesforce/LAVIS, lavis/datasets; its loader takes any path that contains "csv" or "tsv" for
    CSV, so an output of such a name is refused.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from instraug.training_set.formats.base import Fields, Format, Options, image_of, json_format

CLASHES = ("csv", "tsv")
"""What no path of an annotation file may contain."""


def make(options: Options, kind: str) -> Format:
    """Return the format of VQA annotations (``vqa``) or of caption annotations (``caption``).

    A caption's prompt, which LAVIS's caption dataset does not read, is kept as text_input.
    """
    return json_format(options, _caption if kind == "caption" else _vqa)


def _vqa(row: Fields) -> Fields:
    return {
        "image": image_of(row),
        "question": row["prompt"],
        "question_id": row["unique_id"],
        "answer": [row["target"]],
        "instruction_id": row["instruction_id"],
    }


def _caption(row: Fields) -> Fields:
    image = image_of(row)
    return {
        "image": image,
        "caption": row["target"],
        "image_id": PurePosixPath(image).stem or row["unique_id"],
        "text_input": row["prompt"],
        "id": row["unique_id"],
        "instruction_id": row["instruction_id"],
    }
