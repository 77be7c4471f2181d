"""ms-swift's own rows: messages whose contents are text, images, and objects for regions.

Source:
    modelscope/ms-swift 3602360 (4.6), documentation of custom datasets: one ``<image>`` in the text
    for each image; ``objects`` with ``ref``, ``bbox`` and ``image_id``.
"""

from __future__ import annotations

from dataclasses import replace

from instraug.training_set.formats.base import Fields, Format, Options, images_of, json_format
from instraug.training_set.formats.images_first import ImagesFirst
from instraug.training_set.formats.llava import turns
from instraug.training_set.formats.readers import WORDS


def make(options: Options) -> Format:
    """Return the format: one JSON list, or an object a line, those with images first."""
    made = json_format(options, _shape)
    if options.suffix == ".json":
        return made
    frame, key = (b"", b"", b""), b'"images":["'
    return replace(made, sink=lambda stream, folder: ImagesFirst(stream, folder, frame, key))


def _shape(row: Fields) -> Fields:
    images = images_of(row)
    question, answer = turns(row, len(images), WORDS)
    shaped: Fields = {
        "messages": [
            {"role": "user", "content": question["value"]},
            {"role": "assistant", "content": answer["value"]},
        ],
        "images": images,
    }
    if "objects" in row:
        shaped["objects"] = row["objects"]
    return shaped | {"id": row["unique_id"], "instruction_id": row["instruction_id"]}
