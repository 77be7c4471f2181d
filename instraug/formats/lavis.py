"""LAVIS and InstructBLIP: annotations of their VQA and caption datasets.

Source:
    salesforce/LAVIS, lavis/datasets; its loader takes any path that contains "csv" or "tsv" for
    CSV, so an output of such a name is refused.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from instraug.formats.base import Fields, Format, Options, image_of, json_format

CLASHES = ("csv", "tsv")
"""What no path of an annotation file may contain."""


def make(options: Options, kind: str) -> Format:
    """Return the format of VQA annotations (``vqa``) or of caption annotations (``caption``).

    A caption's prompt, which LAVIS's caption dataset does not read, is kept as text_input.
    """
    return json_format(_caption if kind == "caption" else _vqa, options)


def _vqa(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    return {
        "image": image_of(fields),
        "question": prompt,
        "question_id": fields["unique_id"],
        "answer": [target],
        "instruction_id": instruction,
    }


def _caption(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    image = image_of(fields)
    return {
        "image": image,
        "caption": target,
        "image_id": PurePosixPath(image).stem or fields["unique_id"],
        "text_input": prompt,
        "id": fields["unique_id"],
        "instruction_id": instruction,
    }
