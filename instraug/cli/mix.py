"""``instraug mix``."""

from __future__ import annotations

import signal
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instraug.cli.build import _Bar, _stop
from instraug.cli.options import NAME, PATH, ManyValues
from instraug.cli.output import rows, summarise
from instraug.errors import UsageError
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.mix.image_tokens import DEFAULT, FAMILIES

if TYPE_CHECKING:
    from instraug.training_set.mix.sets import Mixture


def _pairs(kind: type[Any]) -> Any:
    """Return the callback of an option that takes NAME=VALUE, commas between several."""

    def read(_context: object, option: click.Parameter, given: Any) -> dict[str, Any] | None:
        pairs: dict[str, Any] = {}
        for item in given if isinstance(given, tuple) else (given or "").split(","):
            name, sign, value = item.rpartition("=") if kind is int else item.partition("=")
            if not item:
                continue
            try:
                pairs[name.strip()] = kind(value.strip())
            except ValueError:
                sign = ""
            if not (sign and name and value):
                raise click.BadParameter(f"{item!r} is not {option.metavar}")
        return pairs or None

    return read


def _percents(_context: object, _option: object, given: str | None) -> tuple[float, ...] | None:
    try:
        return (
            tuple([float(p.strip().removesuffix("%")) for p in given.split(",")]) if given else None
        )
    except ValueError:
        raise click.BadParameter(
            f"{given!r} is not a list of percentages, such as 0,12.5,25"
        ) from None


@click.command(cls=ManyValues)
@click.argument("sources", metavar="SOURCE[=SHARE] ...", nargs=-1, required=True)
@click.option("-o", "--dest", type=PATH, required=True, help="A file (by its suffix), or a folder.")
@click.option("--total", type=int, metavar="N", help="Rows or tokens of the set, to the last one.")
@click.option(
    "--by", type=click.Choice(["instances", "tokens"]), help="What shares count (instances)."
)
@click.option(
    "--sweep",
    metavar="SHARE,...",
    callback=_percents,
    help="One set for each share of the first source, nested.",
)
@click.option(
    "--order",
    type=click.Choice(["shuffled", "sequential"]),
    help="By a hash (default), or one source after the other.",
)
@click.option(
    "--cap",
    "caps",
    metavar="SOURCE=N",
    multiple=True,
    callback=_pairs(int),
    help="Most rows of a source that take part.",
)
@click.option(
    "--replace", is_flag=True, default=None, help="Rows of a source that is too small come again."
)
@click.option(
    "--columns",
    metavar="F=C,...",
    callback=_pairs(str),
    help="Columns of sources that no build made: prompt=C,target=C[,image_path=C,...].",
)
@click.option("--format", type=click.Choice(list(FORMATS)), help="Default: that of the sources.")
@click.option(
    "--tokenizer", type=NAME, metavar="FILE", help="A tokenizer's file, or whitespace (default)."
)
@click.option(
    "--image-tokens",
    metavar="FAMILY",
    help=f"What counts pictures: {', '.join(FAMILIES)}, or a number ({DEFAULT}).",
)
@click.option("--min-pixels", type=int, metavar="N", help="Least area of a resized picture.")
@click.option("--max-pixels", type=int, metavar="N", help="Largest area of a resized picture.")
@click.option("--patch-size", type=int, metavar="N", help="Pixels along a side of one token.")
@click.option("--max-tiles", type=int, metavar="N", help="Most tiles of a picture.")
@click.option("--images", type=NAME, metavar="DIR", help="Folder that image paths start from.")
@click.option(
    "--evaluation",
    type=PATH,
    multiple=True,
    metavar="SET",
    help="Sets that no row may be in, in whatever wording.",
)
@click.option("--drop-leaks", is_flag=True, help="Leave such rows out, instead of ending.")
@click.option("--seed", type=int, metavar="N", help="Seed of every choice (0).")
@click.option("--workers", type=click.IntRange(1), default=1, metavar="N", help="Processes (1).")
@click.option("--force", is_flag=True, help="Replace DEST.")
@click.option(
    "-c",
    "--config",
    "config_file",
    type=NAME,
    metavar="FILE",
    help="A config file, or a shipped one's name.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
def mix(
    sources: tuple[str, ...],
    dest: Path,
    evaluation: tuple[Path, ...],
    drop_leaks: bool,
    workers: int,
    force: bool,
    config_file: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Mix sets to an exact total: built sets, or any JSONL or Parquet with --columns.

    Shares are percentages that sum to 100. Which rows are taken goes by a hash of seed and row, so
    that a set of a larger share holds the rows of a smaller one. Sources without any share, and
    without --total, are taken whole.
    """
    from instraug.chain.mix import mix as mix_sets
    from instraug.files.presets import find
    from instraug.training_set.mix.config import MixConfig, MixJob, load_mix_config, with_options

    config = load_mix_config(find(config_file)) if config_file else MixConfig()
    config = with_options(config, options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    given = tuple(map(_source, sources))
    with _Bar(shown=not quiet and sys.stderr.isatty()) as bar:
        job = MixJob(given, dest, config, evaluation, drop_leaks, workers, force, bar.show)
        mixture = mix_sets(job)
    _show(mixture, given, dest, as_json=as_json, quiet=quiet)


def _source(text: str) -> tuple[str, Fraction | None]:
    """Split ``SOURCE=SHARE``; a path may hold ``=`` itself."""
    from instraug.training_set.mix.shares import parse_share

    path, sign, share = text.rpartition("=")
    if not sign or Path(text).exists():
        return text, None
    percent = parse_share(share)
    if percent is None or not path:
        raise UsageError(f"{text}: {share!r} is not a percentage; write SOURCE=12.5")
    return path, percent


def _show(
    mixture: Mixture,
    sources: tuple[tuple[str, Any], ...],
    dest: Path,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from instraug.training_set.mix.sets import row_of

    if not quiet:
        for leak in mixture.leaks:
            click.echo(f"left out: {leak}", err=True)
    shown: dict[str, Any] = {"dest": str(dest)}
    if as_json:
        shown |= {"sets": mixture.sets}
    elif len(mixture.sets) > 1:
        if not quiet:
            rows("sets", [row_of(figures) for figures in mixture.sets], as_json=False)
    else:
        shown |= mixture.sets[0] | {"trainers": _for_trainers(mixture.sets[0], sources)}
    shown |= {"left_out": mixture.left_out, "outputs": mixture.outputs}
    summarise(shown, as_json=as_json, quiet=quiet)


def _for_trainers(figures: dict[str, Any], sources: tuple[tuple[str, Any], ...]) -> dict[str, str]:
    """Return the same weights for those who mix in the trainer, where totals are not exact."""
    probabilities = ",".join(f"{p:g}" for p in figures["interleave_probs"])
    names = ",".join(Path(name).name.split(".")[0] for name, _ in sources)
    return {
        "datasets": f"interleave_datasets(..., probabilities=[{probabilities}])",
        "LLaMA-Factory": (
            f"dataset: {names}; mix_strategy: interleave_over; interleave_probs: {probabilities}"
        ),
    }


COMMANDS: dict[str, click.Command] = {"mix": mix}
