"""LLaVA's conversations; a row without an image has no key ``image``.

Source:
    haotian-liu/LLaVA c121f04, llava/train/train.py: one JSON list, ``image`` is one path, and the
    text holds one ``<image>`` for it.
"""

from __future__ import annotations

from dataclasses import replace

from instraug.training_set.formats.base import (
    Fields,
    Format,
    Options,
    image_of,
    json_format,
    unfit,
)
from instraug.training_set.formats.images_first import ImagesFirst

IMAGE = "<image>"


def make(options: Options) -> Format:
    """Return the format: one JSON list, which is what LLaVA loads, or an object a line."""
    made = json_format(options, _shape)
    if options.suffix == ".json":
        return made
    return replace(made, sink=lambda out, at: ImagesFirst(out, at, (b"", b"", b""), b'"image":"'))


def _shape(row: Fields) -> Fields:
    image = image_of(row)
    shaped = {"id": row["unique_id"]}
    if image:
        shaped["image"] = image
    return shaped | {
        "conversations": turns(row, 1 if image else 0, (IMAGE,)),
        "instruction_id": row["instruction_id"],
    }


def turns(row: Fields, images: int, words: tuple[str, ...]) -> list[Fields]:
    """Return a row's question and answer, with one image token for each image.

    Args:
        row: The row.
        images: How many it has.
        words: What stands for a picture, a video or a sound to the reader.

    Raises:
        BadRow: the text itself holds one of the words, which would count as one more.
    """
    prompt, target = row["prompt"], row["target"]
    if "<" in prompt or "<" in target:
        for word in words:
            if word in prompt or word in target:
                kind = {"<video>": "video", "<audio>": "sound"}.get(word, "picture")
                raise unfit(f"the text holds {word}, which stands for a {kind} here", "reword it")
    question = f"{IMAGE * images}\n{prompt}" if images else prompt
    return [{"from": "human", "value": question}, {"from": "gpt", "value": target}]
