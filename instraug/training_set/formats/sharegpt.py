"""ShareGPT conversations as LLaMA-Factory loads them, with their entry of dataset_info.json.

Source:
    hiyouga/LLaMA-Factory, data/README.md and src/llamafactory/data: as many ``<image>`` in the text
    as there are images; images are a list always, empty for a row without an image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from instraug.training_set.formats.base import Fields, Format, Options, image_of, json_format
from instraug.training_set.formats.llava import turns


def make(options: Options) -> Format:
    """Return the format; a folder of it gets a dataset_info.json too."""
    return json_format(options, _shape, _dataset_info)


def _shape(row: Fields) -> Fields:
    image = image_of(row)
    return {
        "conversations": turns(row, image),
        "images": [image] if image else [],
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
