"""``instraug build``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from instraug.cli.options import FOLDER, NAME, PATH, ManyValues, config_option, pairs, shard_option
from instraug.cli.output import summarise
from instraug.cli.profiles import box_options
from instraug.errors import Interrupted
from instraug.training_set.formats.registry import FORMATS

if TYPE_CHECKING:
    from instraug.files.part import Part
    from instraug.training_set.config import BuildConfig
    from instraug.training_set.engines.opening import EngineName
    from instraug.training_set.summary import Summary


@click.command(cls=ManyValues)
@click.argument("tasks", type=FOLDER)
@click.option(
    "--instances",
    type=PATH,
    multiple=True,
    required=True,
    help="Files of rows (JSON, CSV, TSV, Parquet), datasets saved to disk, or folders in or of "
    "MultiInstruct's layout.",
)
@click.option("-o", "--dest", type=PATH, required=True, help="A file (by its suffix), or a folder.")
@click.option(
    "--instructions",
    type=PATH,
    metavar="FILE",
    help="Rewrites: an instructions.jsonl, or its folder.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "eval", "all"]),
    help="Rows to train on (default), those of evaluation tasks and testing_data/, or both.",
)
@click.option(
    "--epsilon", type=float, metavar="P", help="Probability of a hand-written instruction (0.5)."
)
@click.option("--per-task", type=int, metavar="N", help="Most instances of one task.")
@click.option("--per-source", type=int, metavar="N", help="Most instances of one source.")
@click.option(
    "--source-by",
    metavar="KEY,...",
    callback=lambda _context, _option, given: given and [k.strip() for k in given.split(",")],
    help="Row keys whose values name a source (default: each file is one).",
)
@click.option(
    "--columns",
    metavar="FIELD=COLUMN,...",
    callback=lambda _context, _option, given: given and pairs(given),
    help="Columns, or keys, that hold fields under other names; a.b leads into an object.",
)
@click.option(
    "--draw-by",
    type=click.Choice(["id", "content"]),
    help="What draws a row's instruction: its unique_id (default), or all that it holds.",
)
@click.option(
    "--per-instance",
    type=click.Choice(["sample", "all"]),
    help="One instruction an instance, or all of its pool.",
)
@click.option("--first", type=int, metavar="N", help="Only the first N instances of each task.")
@click.option(
    "--instruction", type=int, metavar="I", help="Only hand-written instruction I of each task."
)
@click.option(
    "--instruction-split",
    type=click.Choice(["train", "eval"]),
    help="Only instructions that are held out (eval), or only the others.",
)
@click.option(
    "--hold-out", type=float, metavar="P", help="Share of each pool that is held out, 0 to 1."
)
@click.option(
    "--near-duplicates",
    type=float,
    metavar="R",
    help="Leave out rewrites of a ROUGE-L of R or more with one that stays; 0.95, say.",
)
@click.option(
    "--shuffle-options/--no-shuffle-options", default=None, help="The order of a row's options."
)
@click.option("--format", type=click.Choice(list(FORMATS)), help="Default: by the suffix of DEST.")
@click.option("--seed", type=int, metavar="N", help="Seed of every random choice (0).")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Where rows are built: in processes of this machine, or by Ray.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Processes (1; with Ray as many as its cluster has processors).",
)
@shard_option
@click.option("--skip-bad", is_flag=True, default=None, help="Leave out rows that cannot be used.")
@click.option(
    "--as-released", is_flag=True, default=None, help="Keep MultiInstruct's known faults."
)
@box_options
@click.option(
    "--images",
    type=NAME,
    metavar="DIR",
    help="Folder that image paths start from, to embed or measure images.",
)
@click.option("--force", is_flag=True, help="Replace DEST.")
@config_option("A config file, or a shipped one's name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
def build(
    tasks: Path,
    instances: tuple[Path, ...],
    dest: Path,
    instructions: Path | None,
    engine: EngineName,
    workers: int | None,
    shard: Part | None,
    force: bool,
    config_file: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Build a training set (MIns+): render instances of the task folder TASKS with instructions.

    Each instance gets one instruction of its task's pool, drawn by a hash of seed, task and
    unique_id: hand-written with probability epsilon, else a rewrite from --instructions. The rows
    depend on nothing else, so that they are the same in any order and with any number of workers.
    """
    from dataclasses import replace

    from instraug.chain.build import build as build_set
    from instraug.files.presets import find
    from instraug.training_set.build import BuildJob
    from instraug.training_set.config import BuildConfig, load_build_config, with_options

    if instructions and instructions.is_dir():
        instructions /= "instructions.jsonl"
    config = load_build_config(find(config_file)) if config_file else BuildConfig()
    config = with_options(config, options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    with _Bar(shown=not quiet and sys.stderr.isatty()) as bar:
        job = BuildJob(tasks, instances, dest, instructions, config, workers, force, bar.show)
        job = replace(job, engine=engine, part=shard)
        summary = build_set(job)
    show_summary(summary, config, dest, as_json=as_json, quiet=quiet)


def show_summary(
    summary: Summary, config: BuildConfig, dest: Path, *, as_json: bool, quiet: bool
) -> None:
    """Print what became of a set."""
    if not quiet:
        for line in _notices(summary, config):
            click.echo(line, err=True)
    figures = summary.figures()
    if not as_json:
        for name in (
            "tasks",
            "left_out",
            "near_duplicates",
            "options",
            "boxes",
            "options_style",
            "answers",
            "readers",
        ):
            figures.pop(name)
    shown = {"dest": str(dest), **figures, "outputs": summary.outputs}
    summarise(shown, as_json=as_json, quiet=quiet)


def _notices(summary: Summary, config: BuildConfig) -> Iterator[str]:
    """Yield what the user should know of a build, a line each."""
    yield from (f"left out: {problem}" for problem in summary.listed.values())
    yield from summary.remarks()
    if other := summary.other_split():
        yield f"left out: {other}; --split all takes them"
    if near := sum(pool.near_duplicates for pool in summary.pools):
        yield f"left out: {near} rewrites that are near-duplicates of instructions that stay"
    yield from (f"left out: {problem}" for problem in summary.without_instruction())
    whole = config.instruction is None and config.instruction_split is None
    if whole and config.epsilon < 1 and not any(pool.generated for pool in summary.pools):
        yield "no rewrites for these tasks: every row has a hand-written instruction"


def _stop(number: int, _frame: Any) -> None:
    raise Interrupted(number, "nothing was written")


class _Bar:
    """A progress bar, made when building begins: it starts a thread, so forking must be over."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._bar: tqdm[Any] | None = None

    def show(self, done: int, total: int) -> None:
        if self._shown:
            self._bar = self._bar or tqdm(total=total, unit="part", file=sys.stderr)
            self._bar.update(done - self._bar.n)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


COMMANDS: dict[str, click.Command] = {"build": build}
