"""Chat messages as TRL and chat templates take them, whole or as prompt and completion.

Every content is a list of parts. Where any row has an image, images are a list in all of them,
empty for a row without one, so that all rows have one schema; where none has, there is no such key.
"""

from __future__ import annotations

from dataclasses import replace

from instraug.training_set.formats.base import (
    LISTED,
    Fields,
    Format,
    Options,
    images_of,
    json_format,
)
from instraug.training_set.formats.images_first import ImagesFirst
from instraug.training_set.formats.readers import media


def make(options: Options, kind: str) -> Format:
    """Return rows of ``messages``, or of ``prompt`` and ``completion`` (kind prompt-completion)."""
    halves = kind == "prompt-completion"
    # A column of texts of questions and answers is never one of dates alone.
    made = json_format(options, _split if halves else _whole, look=media, notes_dates=halves)
    frame = LISTED if options.suffix == ".json" else (b"", b"", b"")
    key, empty = b'"images":["', b'"images":[],'
    return replace(made, sink=lambda stream, folder: ImagesFirst(stream, folder, frame, key, empty))


def _whole(row: Fields) -> Fields:
    images = images_of(row)
    return {"messages": [_question(row, len(images)), _answer(row)], **_rest(row, images)}


def _split(row: Fields) -> Fields:
    images = images_of(row)
    return {"prompt": [_question(row, len(images))], "completion": [_answer(row)]} | _rest(
        row, images
    )


def _question(row: Fields, images: int) -> Fields:
    text = {"type": "text", "text": row["prompt"]}
    return {"role": "user", "content": [*[{"type": "image"}] * images, text]}


def _answer(row: Fields) -> Fields:
    return {"role": "assistant", "content": [{"type": "text", "text": row["target"]}]}


def _rest(row: Fields, images: list[str]) -> Fields:
    return {
        "images": images,
        "id": row["unique_id"],
        "instruction_id": row["instruction_id"],
    }
