"""ShareGPT conversations as LLaMA-Factory loads them, with their entry of dataset_info.json.

Source:
    hiyouga/LLaMA-Factory, data/README.md and src/llamafactory/data: as many ``<image>`` in the text
    as there are images, and no ``<video>`` or ``<audio>``; images are a list always, empty for a
    row without an image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from instraug.training_set.formats.base import Fields, Format, Options, images_of, json_format
from instraug.training_set.formats.images_first import ImagesFirst
from instraug.training_set.formats.llava import turns
from instraug.training_set.formats.readers import WORDS


def make(options: Options) -> Format:
    """Return the format; a folder of it gets a dataset_info.json too."""
    made = json_format(options, _shape, _dataset_info)
    if options.suffix == ".json":
        return made
    frame, key = (b"", b"", b""), b'"images":["'
    return replace(made, sink=lambda stream, folder: ImagesFirst(stream, folder, frame, key))


def _shape(row: Fields) -> Fields:
    images = images_of(row)
    return {
        "conversations": turns(row, len(images), WORDS),
        "images": images,
        "id": row["unique_id"],
        "instruction_id": row["instruction_id"],
    }


def _dataset_info(file: str) -> Mapping[str, bytes]:
    entry = {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "images": "images"},
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": "human",
            "assistant_tag": "gpt",
        },
    }
    info = {PurePosixPath(file).name.split(".")[0]: entry}
    return {"dataset_info.json": json.dumps(info, indent=2).encode() + b"\n"}
