"""What commands print: one JSON object on stdout, or a few plain lines; notices on stderr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from instraug.errors import UsageError, printable
from instraug.files.jsonl import dumps


def summarise(summary: Mapping[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Print a summary: as one JSON object on stdout, or as aligned lines on stderr."""
    if as_json:
        click.echo(dumps(summary))
    elif not quiet:
        for line in _lines(summary):
            click.echo(printable(line), err=True)


def _lines(summary: Mapping[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in summary.items():
        if value in (None, {}, [], ""):
            continue
        name = key if "." in key else key.replace("_", " ")  # a file keeps its own
        label = f"{indent}{name}"
        if isinstance(value, Mapping):
            lines += [label, *_lines(value, indent + "  ")]
        elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            lines += [label, *(f"{indent}  {_line(item)}" for item in value)]
        else:
            lines.append(f"{label:<24} {value}")
    return lines


def _line(item: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in item.items())


def rows(name: str, records: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print a list on stdout: one JSON object, or aligned columns with a heading."""
    if as_json:
        click.echo(dumps({name: records}))
        return
    heads = list(records[0]) if records else []
    widths = [max(len(str(r[h])) for r in [*records, {h: h for h in heads}]) for h in heads]
    for row in [{h: h for h in heads}, *records]:
        cells = (f"{row[h]!s:<{w}}" for h, w in zip(heads, widths, strict=True))
        click.echo(printable("  ".join(cells).rstrip()))


def refuse_existing(path: Path, force: bool) -> None:
    """Raise UsageError where the path exists and ``--force`` was not given."""
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already; choose another name, or add --force")
