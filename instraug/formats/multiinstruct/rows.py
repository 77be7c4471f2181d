"""MultiInstruct's own built rows: the raw row's fields, then prompt, target and instruction_id."""

from __future__ import annotations

import orjson

from instraug.formats.base import Fields, Format, Options, json_format, text_format


def make(options: Options) -> Format:
    """Return the format; keys differ from row to row, as they do in the release."""
    return json_format(_shape, options) if options.suffix == ".json" else text_format(_line)


def _shape(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    fields["prompt"] = prompt
    fields["target"] = target
    fields["instruction_id"] = instruction
    return fields


# As `json_format` would have it, less two calls: in this format sets are measured.
def _line(fields: Fields, prompt: str, target: str, instruction: str) -> bytes:
    fields["prompt"] = prompt
    fields["target"] = target
    fields["instruction_id"] = instruction
    return orjson.dumps(fields, None, orjson.OPT_APPEND_NEWLINE)
