"""Chat messages as TRL and chat templates take them, whole or as prompt and completion.

Every content is a list of parts and images are a list, empty for a row of text alone, so that all
rows have one schema.
"""

from __future__ import annotations

from instraug.formats.base import Fields, Format, Options, image_of, json_format


def make(options: Options, kind: str) -> Format:
    """Return rows of ``messages``, or of ``prompt`` and ``completion`` (kind prompt-completion)."""
    return json_format(_split if kind == "prompt-completion" else _whole, options)


def _whole(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    image = image_of(fields)
    return {
        "messages": [_question(prompt, image), _answer(target)],
        **_rest(fields, image, instruction),
    }


def _split(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    image = image_of(fields)
    return {
        "prompt": [_question(prompt, image)],
        "completion": [_answer(target)],
        **_rest(fields, image, instruction),
    }


def _question(prompt: str, image: str) -> Fields:
    text = {"type": "text", "text": prompt}
    return {"role": "user", "content": [{"type": "image"}, text] if image else [text]}


def _answer(target: str) -> Fields:
    return {"role": "assistant", "content": [{"type": "text", "text": target}]}


def _rest(fields: Fields, image: str, instruction: str) -> Fields:
    return {
        "images": [image] if image else [],
        "id": fields["unique_id"],
        "instruction_id": instruction,
    }
