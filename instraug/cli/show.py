"""``instraug show``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instraug.cli.options import PATH
from instraug.errors import printable

if TYPE_CHECKING:
    from instraug.evaluation.run_folder import Rejected
    from instraug.evaluation.show import Wordings
    from instraug.tasks.pool import InstructionRow

_NARROW = 60
"""Below this many cells a rewrite stands below its original."""


@click.command()
@click.argument("out", type=PATH)
@click.option("--task", metavar="T", help="Only tasks of this name, or that fit this pattern.")
@click.option(
    "--worst",
    type=click.IntRange(min=1),
    metavar="N",
    help="The N originals with the smallest share of accepted answers.",
)
@click.option("--rejected", is_flag=True, help="Also show rejected answers, each with its reasons.")
def show(out: Path, task: str | None, worst: int | None, rejected: bool) -> None:
    """Print the originals of OUT, an output folder of expand, beside their rewrites.

    Words that a rewrite changed are coloured; where stdout is no terminal they are marked [-so-]
    {+so+}, one rewrite a line.
    """
    from instraug.cli.wordings import is_styled, width_of_terminal
    from instraug.evaluation import show as shown
    from instraug.evaluation.run_folder import open_run

    run = open_run(out)
    some: Iterable[Wordings]
    if worst is not None:
        some = shown.worst(run, worst, task)
    else:
        some = shown.wordings(run, task, rejected=rejected)
    width = width_of_terminal() if is_styled(sys.stdout) else None
    for one in some:
        for line in _lines(one, width, rejected=rejected, counted=rejected or worst is not None):
            click.echo(line, color=width is not None)


def _lines(one: Wordings, width: int | None, *, rejected: bool, counted: bool) -> Iterator[str]:
    """Yield what is printed of one original; a width means a terminal."""
    from instraug.cli.wordings import spans, styled

    head = printable(f"{one.task} [{one.origin}]")
    accepted = len(one.rewrites)
    if width is not None:
        yield click.style("─" * width, dim=True)
    if not counted:
        yield f"{_bold(head, width)}  {accepted} rewrite{'' if accepted == 1 else 's'}"
    else:
        broken = ", ".join(f"{rule} {n}" for rule, n in one.broken.most_common())
        shares = f"{accepted} of {one.answers} answers accepted"
        yield f"{_bold(head, width)}  {printable('; '.join(filter(None, (shares, broken))))}"
    rows: list[Row] = [(row.instruction, _from(row), None) for row in one.rewrites]
    if rejected:
        rows += [(row.text, _from(row), _why(row)) for row in one.rejected]
    if width is None:
        yield f"= {printable(one.original)}"
        yield from _stacked(one.original, rows)
    elif width < _NARROW or not rows:
        yield styled(spans(one.original))
        yield from _beside([], one.original, rows, width)
    else:
        yield from _beside(spans(one.original), one.original, rows, width)
    if width is None:
        yield ""


Row = tuple[str, str, str | None]
"""Text, where it comes from, and why it was rejected (None: accepted)."""


def _stacked(original: str, rows: Iterable[Row]) -> Iterator[str]:
    from instraug.cli.wordings import marked

    for text, source, why in rows:
        if why is None:
            yield f"+ {marked(original, text)}  ({printable(source)})"
        else:
            yield f"- {printable(text)}  ({printable(source)}): {printable(why)}"


def _beside(
    left: list[tuple[str, dict[str, object]]], original: str, rows: Iterable[Row], width: int
) -> Iterator[str]:
    """Yield two columns: the original once at the left, its rewrites at the right."""
    from instraug.cli.wordings import changed, padded, styled, wrapped

    half = (width - 5) * 2 // 5 if left else 0
    lines = wrapped(left, half) if left else iter(())
    for text, source, why in rows:
        mark, body = ("+", changed(original, text)) if why is None else ("-", [])
        if why is not None:
            body = [(printable(text), {})]
        room = width - half - 5
        heading = [(printable(f"{source}: {why}" if why else source), {"dim": True})]
        right = [*wrapped(body, room), *wrapped(heading, room)]
        for at, part in enumerate(right):
            sign = click.style(mark if at == 0 else " ", fg="green" if why is None else "red")
            yield f"{padded(next(lines, []), half)}  {sign} {styled(part)}"
    for rest in lines:
        yield padded(rest, half).rstrip()


def _from(row: InstructionRow | Rejected) -> str:
    heat = None if row.temperature is None else f"T {row.temperature:g}"
    return ", ".join(filter(None, (row.meta_prompt, heat)))


def _why(row: Rejected) -> str:
    return "; ".join(f"{rule}: {detail}" if detail else rule for rule, detail in row.reasons)


def _bold(text: str, width: int | None) -> str:
    return text if width is None else click.style(text, bold=True)


COMMANDS = {"show": show}
