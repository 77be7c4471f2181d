"""Alpaca: instruction, input, output. It knows no images; a row that has one keeps its text."""

from __future__ import annotations

from instraug.training_set.formats.base import Fields, Format, Options, json_format


def make(options: Options) -> Format:
    """Return the format; the prompt is the instruction, the input stays empty."""
    return json_format(options, _shape, notes_dates=True)


def _shape(row: Fields) -> Fields:
    return {
        "instruction": row["prompt"],
        "input": "",
        "output": row["target"],
        "id": row["unique_id"],
        "instruction_id": row["instruction_id"],
    }
