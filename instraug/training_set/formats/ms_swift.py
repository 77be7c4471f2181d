"""ms-swift's own rows: messages whose contents are text, images, and objects for regions.

Source:
    modelscope/ms-swift 3602360 (4.6), documentation of custom datasets: one ``<image>`` in the text
    for each image; ``objects`` with ``ref``, ``bbox`` and ``image_id``.
"""

from __future__ import annotations

from instraug.training_set.formats.base import Fields, Format, Options, image_of, json_format
from instraug.training_set.formats.llava import turns


def make(options: Options) -> Format:
    """Return the format; every row has the same keys."""
    return json_format(options, _shape)


def _shape(row: Fields) -> Fields:
    image = image_of(row)
    question, answer = turns(row, image)
    shaped: Fields = {
        "messages": [
            {"role": "user", "content": question["value"]},
            {"role": "assistant", "content": answer["value"]},
        ],
        "images": [image] if image else [],
    }
    if "objects" in row:
        shaped["objects"] = row["objects"]
    return shaped | {"id": row["unique_id"], "instruction_id": row["instruction_id"]}
