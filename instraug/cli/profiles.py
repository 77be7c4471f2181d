"""``instraug formats``, and the options of ``build`` that say what a model wants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import click

from instraug.cli.options import F

STYLE_NAMES = ("released", "lines", "1.", "(1)", "(a)", "(A)", "A.", "Option 1:")
"""Those of `option_styles.STYLES`, without its import."""


def split_names(given: str | None, every: tuple[str, ...]) -> list[str] | None:
    """Return the names of an option's value; ``all`` stands for every one."""
    if not given:
        return None
    return list(every) if given == "all" else [name.strip() for name in given.split(",")]


_OPTIONS = [
    click.option(
        "--for",
        "profile",
        metavar="MODEL[:TRAINER]",
        help="Set boxes, format and options style for a model: see instraug formats.",
    ),
    click.option(
        "--boxes", metavar="FAMILY", help="How regions are spelled: a model, pixels or ms-swift."
    ),
    click.option(
        "--options-style",
        metavar="STYLE,...",
        callback=lambda _context, _option, given: split_names(given, tuple(STYLE_NAMES)),
        help="How options are shown: lines, '1.', '(1)', '(a)', '(A)', 'A.', 'Option 1:', released;"
        " several are drawn from, all is every one.",
    ),
    click.option(
        "--answers",
        metavar="KIND,...",
        callback=lambda _context, _option, given: split_names(given, ("text", "letter", "number")),
        help="What answers are: text, letter or number; several are drawn from, all is every one.",
    ),
    click.option(
        "--min-pixels",
        type=int,
        metavar="N",
        help="Least pixels of a resized picture (Qwen2.5-VL).",
    ),
    click.option(
        "--max-pixels", type=int, metavar="N", help="Most pixels of a resized picture (Qwen2.5-VL)."
    ),
    click.option("--patch-size", type=int, metavar="N", help="Side of OFA's pictures (512)."),
    click.option("--max-image-size", type=int, metavar="N", help="What OFA divides by (512)."),
    click.option("--box-digits", type=int, metavar="N", help="Digits of LLaVA's boxes (2)."),
    click.option(
        "--box-pad/--no-box-pad", default=None, help="LLaVA's pictures are padded to a square."
    ),
    click.option("--ofa-bins", is_flag=True, default=None, help="As --boxes ofa, edges clipped."),
]


def box_options(command: F) -> F:
    """Add the options that say how a model wants regions."""
    return reduce(lambda f, option: option(f), reversed(_OPTIONS), command)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def formats(as_json: bool) -> None:
    """List the formats of --format, the families of --boxes and the profiles of --for."""
    from instraug.training_set.boxes.registry import FAMILIES
    from instraug.training_set.formats.registry import FORMATS
    from instraug.training_set.profiles import PROFILES, facts

    if as_json:
        listed: dict[str, Any] = {
            "formats": {name: list(entry.suffixes) for name, entry in FORMATS.items()},
            "boxes": list(FAMILIES),
            "profiles": {name: facts(name) for name in PROFILES},
        }
        click.echo(json.dumps(listed, indent=2))
        return
    _table(("format", "files"), [(n, " ".join(e.suffixes)) for n, e in FORMATS.items()])
    click.echo(f"\nboxes: {', '.join(FAMILIES)}\n")
    heads = ("profile", "boxes", "format", "image", "options", "EXIF", "tokens a picture")
    _table(
        heads,
        [
            (
                *(name, p.boxes, p.format, p.marker, p.options_style),
                *("turned" if p.turns else "as stored", p.tokens),
            )
            for name, p in PROFILES.items()
        ],
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


COMMANDS: dict[str, click.Command] = {"formats": formats}
