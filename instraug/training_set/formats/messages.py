"""Chat messages as TRL and chat templates take them, whole or as prompt and completion.

Every content is a list of parts. Images are a list, empty for a row without an image, so that all
rows have one schema.
"""

from __future__ import annotations

from instraug.training_set.formats.base import Fields, Format, Options, image_of, json_format


def make(options: Options, kind: str) -> Format:
    """Return rows of ``messages``, or of ``prompt`` and ``completion`` (kind prompt-completion)."""
    return json_format(options, _split if kind == "prompt-completion" else _whole)


def _whole(row: Fields) -> Fields:
    return {"messages": [_question(row), _answer(row)], **_rest(row)}


def _split(row: Fields) -> Fields:
    return {"prompt": [_question(row)], "completion": [_answer(row)], **_rest(row)}


def _question(row: Fields) -> Fields:
    text = {"type": "text", "text": row["prompt"]}
    return {"role": "user", "content": [{"type": "image"}, text] if image_of(row) else [text]}


def _answer(row: Fields) -> Fields:
    return {"role": "assistant", "content": [{"type": "text", "text": row["target"]}]}


def _rest(row: Fields) -> Fields:
    image = image_of(row)
    return {
        "images": [image] if image else [],
        "id": row["unique_id"],
        "instruction_id": row["instruction_id"],
    }
