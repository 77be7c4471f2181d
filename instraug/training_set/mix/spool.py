"""Sources that are no plain lines of JSON are copied to such lines, to read any row alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from instraug.errors import BadRow, InputError, Problem
from instraug.files.disk import refusals
from instraug.files.jsonl import dump_line
from instraug.training_set.mix.scanner import Lines
from instraug.training_set.mix.sources import Source
from instraug.training_set.mix.tables import read_rows

_LISTED = 1000


def lines_of(
    sources: Sequence[Source], folder: Path, leaks: Mapping[str, Mapping[str, str]]
) -> list[Lines]:
    """Return every source as lines of JSON: its own file, or a copy in a folder.

    Raises:
        InputError: rows that cannot be read.
        StorageError: a file cannot be read, or the copy cannot be written.
    """
    found = []
    for number, source in enumerate(sources):
        file = source.file
        if not source.is_plain:
            file = folder / f"{number}.jsonl"
            _copy(source, file)
        found.append(Lines(file, source.format, source.has_fields, leaks.get(source.name, {})))
    return found


def _copy(source: Source, to: Path) -> None:
    problems: list[Problem] = []
    with refusals(to, "write"), to.open("xb") as out:
        line = 0
        for number, row in read_rows(source.file, problems.append, is_ofa=source.is_ofa):
            try:
                out.write(b"\n" * (number - line - 1) + dump_line(source.adapted(row)))
            except BadRow as bad:
                problems.append(Problem(f"{source.file}:{number}", bad.what, bad.fix))
            else:
                line = number
    if problems:
        more = len(problems) - _LISTED
        shown = problems[:_LISTED]
        if more > 0:
            shown.append(Problem(str(source.file), f"{more} more rows cannot be used", "fix them"))
        raise InputError(shown)
