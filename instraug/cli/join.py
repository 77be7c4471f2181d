"""``instraug join``: what ``--shard I/N`` left, as one."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from instraug.cli.build import _Bar, _stop, show_summary
from instraug.cli.options import PATH, ManyValues
from instraug.cli.output import summarise


@click.command(cls=ManyValues)
@click.argument("shards", type=PATH, metavar="SHARDS ...", nargs=-1, required=True)
@click.option("-o", "--dest", type=PATH, required=True, help="What the whole would be written to.")
@click.option("--force", is_flag=True, help="Replace DEST.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
def join(shards: tuple[Path, ...], dest: Path, force: bool, as_json: bool, quiet: bool) -> None:
    """Join the SHARDS that build --shard or filter --shard left, in any order.

    Writes what one process would have written of the whole. A shard that is missing, is there
    twice, or was made of other inputs, with other settings or by another version is refused.
    """
    from instraug.chain.join import join_run, join_set
    from instraug.files.part import is_of

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    if is_of(shards) == "expand":
        run = join_run(shards, dest, force=force)
        summarise(run.summary(), as_json=as_json, quiet=quiet)
        run.raise_unless_done()
        return
    with _Bar(shown=not quiet and sys.stderr.isatty()) as bar:
        summary, config = join_set(shards, dest, force=force, progress=bar.show)
    show_summary(summary, config, dest, as_json=as_json, quiet=quiet)


COMMANDS: dict[str, click.Command] = {"join": join}
