"""Alpaca: instruction, input, output. It knows no images; a row that has one keeps its text."""

from __future__ import annotations

from instraug.formats.base import Fields, Format, Options, json_format


def make(options: Options) -> Format:
    """Return the format; the prompt is the instruction, the input stays empty."""
    return json_format(_shape, options)


def _shape(fields: Fields, prompt: str, target: str, instruction: str) -> Fields:
    return {
        "instruction": prompt,
        "input": "",
        "output": target,
        "id": fields["unique_id"],
        "instruction_id": instruction,
    }
