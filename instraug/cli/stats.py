"""``instraug stats``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import click

from instraug.cli.options import PATH, ManyValues, Number
from instraug.errors import UsageError, printable
from instraug.tasks.pool import INSTRUCTIONS

_DIVERSITY = ("distinct_1", "distinct_2", "distinct_3", "self_rouge_l")

_POOL = ("before", "after", "factor", *_DIVERSITY, "origin_rouge_l")

_ROWS = ("rows", "instructions", "original_share", "instance_text_proportion", *_DIVERSITY)

_LENGTHS = ("texts", "min", "q1", "median", "q3", "max", "mean")

_SHORT = {"original_share": "originals", "instance_text_proportion": "instance_text"}

_BAR = 40

_HELD = ("id", "task", "instruction", "source", "origin")
"""What is held of a row of a large pool."""


@click.command(cls=ManyValues)
@click.argument("out", type=PATH)
@click.option(
    "--tasks", type=PATH, help="The task folder, for a built set's share of instance text."
)
@click.option(
    "--instructions", type=PATH, help="The pool, or the run's folder, that the set was built with."
)
@click.option(
    "--evaluation", type=PATH, multiple=True, help="Evaluation rows to compare with; one or more."
)
@click.option(
    "--near-duplicates", "near", is_flag=True, help="Count instructions of a pool that are near."
)
@click.option(
    "--threshold",
    type=Number(0, 1, min_open=True),
    metavar="R",
    help="With --near-duplicates: ROUGE-L from which on two are near (0.95).",
)
@click.option(
    "--pairs", type=PATH, metavar="FILE", help="With --near-duplicates: list every near pair."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def stats(
    out: Path,
    tasks: Path | None,
    instructions: Path | None,
    evaluation: tuple[Path, ...],
    near: bool,
    threshold: float | None,
    pairs: Path | None,
    as_json: bool,
) -> None:
    """Print the figures of OUT: an output folder of expand, an instructions.jsonl or a built set.

    Of a pool: growth, lengths and diversity of its instructions. Of a built set: rows, lengths,
    diversity and duplicates; with --tasks the share of instance text; with --evaluation what it
    shares with evaluation rows. --near-duplicates takes a pool of any size.
    """
    import json

    if (threshold or pairs) and not near:
        option = "--pairs" if pairs else "--threshold"
        raise UsageError(f"{option} goes with --near-duplicates; add it")

    pool = out / INSTRUCTIONS if out.is_dir() else out
    if pool.name == INSTRUCTIONS and pool.exists():
        if tasks or instructions or evaluation:
            raise UsageError("--tasks, --instructions and --evaluation go with a built set only")
        figures = _pool(pool, near=near, threshold=threshold, pairs=pairs)
    elif near:
        raise UsageError("--near-duplicates goes with a pool, an instructions.jsonl or its folder")
    else:
        figures = _built(out, tasks, instructions, evaluation)
    if as_json:
        click.echo(json.dumps(figures))
    elif figures["total"].get("rows", figures["total"].get("after")):
        click.echo("\n".join(_report(figures)))
    else:
        click.echo(printable(f"{out}: no rows"))


def _pool(path: Path, *, near: bool, threshold: float | None, pairs: Path | None) -> dict[str, Any]:
    from instraug.evaluation.stats.pool import NEEDED, pool_figures
    from instraug.evaluation.stats.rows import rows

    if not near:
        return {**pool_figures(rows(path, NEEDED)), "near_duplicates": None}
    from instraug.evaluation.stats.near import check_pairs_path, near_figures
    from instraug.tasks.near_duplicates import NEAR

    if pairs:
        check_pairs_path(pairs)
    held = [{name: row.get(name) for name in _HELD} for row in rows(path, NEEDED)]
    found = near_figures(held, threshold or NEAR, pairs)
    return {**pool_figures(held), "near_duplicates": found}


def _built(
    out: Path, tasks: Path | None, instructions: Path | None, evaluation: Iterable[Path]
) -> dict[str, Any]:
    from instraug.evaluation.stats import built, pool
    from instraug.evaluation.stats.overlap import Overlap
    from instraug.evaluation.stats.rows import rows
    from instraug.tasks.load import load_tasks

    if instructions and instructions.is_dir():
        instructions /= INSTRUCTIONS
    if instructions and not tasks:
        raise UsageError("--instructions needs --tasks, which states the constants")
    grown = rows(instructions, (*pool.NEEDED, "id")) if instructions else ()
    knowledge = built.known(load_tasks(tasks), grown) if tasks else None
    overlap = Overlap(row for path in evaluation for row in rows(path)) if evaluation else None
    return built.built_figures(rows(out, built.NEEDED), knowledge, overlap)


def _report(figures: dict[str, Any]) -> Iterator[str]:
    columns = _POOL if figures["kind"] == "pool" else _ROWS
    every = [*figures["tasks"], {**figures["total"], "task": "all"}]
    yield from _table(
        ["task", *columns], [[row["task"], *(row[c] for c in columns)] for row in every]
    )
    lengths = {name: spread for name, spread in figures["lengths"].items() if spread}
    yield "\nlengths in words"
    yield from _table(
        ["", *_LENGTHS],
        [[name, *(spread[c] for c in _LENGTHS)] for name, spread in lengths.items()],
    )
    for name, spread in lengths.items():
        yield f"\n{name}: texts by length"
        yield from _histogram(spread["histogram"])
    yield from _shared(figures) if figures["kind"] == "pool" else _repeated(figures)


def _shared(figures: dict[str, Any]) -> Iterator[str]:
    across = figures["across_tasks"]
    count, instructions = across["texts"], across["instructions"]
    yield f"\ntexts that several tasks share: {count} ({instructions} instructions)"
    for example in across["examples"]:
        yield printable(f"  {', '.join(example['tasks'])}: {example['text']}")
    if near := figures["near_duplicates"]:
        yield from _near(near)


def _near(near: dict[str, Any]) -> Iterator[str]:
    threshold = f"{near['threshold']:g}"
    yield f"\nnear-duplicates: ROUGE-L of {threshold} or more"
    yield f"  pairs: {near['pairs']} ({near['across_tasks']} across tasks)"
    yield f"  instructions that are in one: {near['instructions']}"
    yield f"  build --near-duplicates {threshold} leaves out: {near['left_out']} rewrites"
    for example in near["examples"]:
        for which in ("one", "other"):
            text = example[which]
            score = f"{example['rouge_l']:.3f}" if which == "one" else "     "
            yield printable(f"  {score}  {text['task']}: {text['instruction']}")


def _repeated(figures: dict[str, Any]) -> Iterator[str]:
    duplicates, overlap = figures["duplicates"], figures["overlap"]
    yield "\nsame picture and prompt"
    yield f"  in several tasks: {duplicates['across']} ({duplicates['rows']} rows)"
    yield f"  again within a task: {duplicates['repeated']} rows"
    if overlap:
        yield f"\nrows that share with {overlap['evaluation_rows']} evaluation rows"
        for kind in ("image", "text", "prompt", "any"):
            yield f"  {kind}: {overlap[kind]}"
        for e in overlap["examples"]:
            yield printable(f"  {e['task_name']} {e['unique_id']}: {', '.join(e['shared'])}")


def _histogram(bins: Iterable[tuple[int, int, int]]) -> Iterator[str]:
    bins = list(bins)
    most = max(n for _, _, n in bins)
    spans = [f"{first}-{last}" if last > first else str(first) for first, last, _ in bins]
    for span, (_, _, n) in zip(spans, bins, strict=True):
        bar = "#" * ceil(n * _BAR / most)
        yield f"  {span:>{max(map(len, spans))}}  {n:>{len(str(most))}}  {bar}".rstrip()


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Align a table: the first column to the left, figures to the right, ``-`` for what is None."""
    cells = [[_SHORT.get(name, name) for name in header]]
    cells += [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *rest in cells:
        figures = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *figures])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else printable(str(value))


COMMANDS = {"stats": stats}
