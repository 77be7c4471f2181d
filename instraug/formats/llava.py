"""LLaVA's conversations; a row of text alone has no key ``image``.

Source:
    haotian-liu/LLaVA, llava/train/train.py: one ``<image>`` in the text for each image.
"""

from __future__ import annotations

from instraug.formats.base import Fields, Format, Options, Unfit, image_of, json_format

IMAGE = "<image>"


def make(options: Options) -> Format:
    """Return the format: one JSON list, which is what LLaVA loads, or an object a line."""
    return json_format(_shape, options)


def _shape(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    image = image_of(fields)
    row: Fields = {"id": fields["unique_id"]}
    if image:
        row["image"] = image
    row["conversations"] = turns(prompt, target, image)
    row["instruction_id"] = instruction
    return row


def turns(prompt: str, target: str, image: str) -> list[Fields]:
    """Return a question and its answer, with one image token where there is an image.

    Raises:
        Unfit: the text itself holds the token, which would count as one more image.
    """
    if IMAGE in prompt or IMAGE in target:
        raise Unfit(f"the text holds {IMAGE}, which stands for a picture here", "reword it")
    question = f"{IMAGE}\n{prompt}" if image else prompt
    return [{"from": "human", "value": question}, {"from": "gpt", "value": target}]
