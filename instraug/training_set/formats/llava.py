"""LLaVA's conversations; a row without an image has no key ``image``.

Source:
    haotian-liu/LLaVA, llava/train/train.py: one ``<image>`` in the text for each image.
"""

from __future__ import annotations

from instraug.training_set.formats.base import Fields, Format, Options, image_of, json_format, unfit

IMAGE = "<image>"


def make(options: Options) -> Format:
    """Return the format: one JSON list, which is what LLaVA loads, or an object a line."""
    return json_format(options, _shape)


def _shape(row: Fields) -> Fields:
    image = image_of(row)
    shaped = {"id": row["unique_id"]}
    if image:
        shaped["image"] = image
    return shaped | {
        "conversations": turns(row, image),
        "instruction_id": row["instruction_id"],
    }


def turns(row: Fields, image: str) -> list[Fields]:
    """Return a row's question and answer, with one image token where there is an image.

    Raises:
        BadRow: the text itself holds the token, which would count as one more image.
    """
    prompt, target = row["prompt"], row["target"]
    if IMAGE in prompt or IMAGE in target:
        raise unfit(f"the text holds {IMAGE}, which stands for a picture here", "reword it")
    question = f"{IMAGE}\n{prompt}" if image else prompt
    return [{"from": "human", "value": question}, {"from": "gpt", "value": target}]
