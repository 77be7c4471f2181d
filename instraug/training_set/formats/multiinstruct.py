"""MultiInstruct's own built rows: the raw row's fields, then prompt, target and instruction_id."""

from __future__ import annotations

from instraug.training_set.formats.base import Format, Options, json_format


def make(options: Options) -> Format:
    """Return the format; keys differ from row to row, as they do in the release."""
    return json_format(options, notes_dates=True)
