"""LAVIS and InstructBLIP: annotations of their VQA datasets, in one JSON list.

Source:
    salesforce/LAVIS, lavis/datasets: version 1.0.2 reads a file as one JSON document; later ones
    take any path that contains "csv" or "tsv" for CSV, so an output of such a name is refused. Its
    caption datasets read no instruction, so that there is no format for them.
"""

from __future__ import annotations

import re

from instraug.training_set.formats.base import Fields, Format, Options, json_format, picture_of

CLASHES = ("csv", "tsv")
"""What no path of an annotation file may contain."""


def make(options: Options) -> Format:
    """Return the format of VQA annotations; every row has an image."""
    return json_format(options, _shape, notes_dates=True)


_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]+)?"

_boxes = re.compile(rf"(?<![\w.-]){_NUMBER}(?: {_NUMBER}){{3,}}(?![\w]|\.[0-9])").sub


def rounded(text: str) -> str:
    """Round the numbers of boxes, four or more in a row: LAVIS's text processor drops the points.

    >>> rounded("Is 10.5 20.0 30.49 41.0 of 1.5 m?")
    'Is 10 20 30 41 of 1.5 m?'
    """
    if "." not in text:
        return text
    return _boxes(lambda box: " ".join([str(round(float(n))) for n in box[0].split(" ")]), text)


def _shape(row: Fields) -> Fields:
    return {
        "image": picture_of(row),
        "question": rounded(row["prompt"]),
        "question_id": row["unique_id"],
        "answer": [rounded(row["target"])],
        "instruction_id": row["instruction_id"],
    }
