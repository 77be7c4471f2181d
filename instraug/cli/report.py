"""``instraug report``."""

from __future__ import annotations

from pathlib import Path

import click

from instraug.cli.options import PATH, ManyValues
from instraug.errors import StorageError, UsageError

_LACKS = "report needs the extra `report`; pip install '.[report]'"


@click.command(cls=ManyValues)
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="OUT|SET|SCORES ...")
@click.option("-o", "--out", type=PATH, metavar="FILE", help="The page, one HTML file.")
@click.option(
    "--plots", type=PATH, metavar="DIR", help="Also draw the figures for papers, as SVG and PNG."
)
@click.option("--tasks", type=PATH, help="The task folder, for tasks that no OUT holds.")
def report(
    paths: tuple[Path, ...], out: Path | None, plots: Path | None, tasks: Path | None
) -> None:
    """Write runs, built sets and scores as one HTML page that needs no network.

    OUT is an output folder of expand, SET a built set with its manifest, SCORES a file of what
    `score --json` printed. SCORES are of a model that was tuned on the SET named last before them,
    and the texts of their instructions come from the OUT or SET.
    """
    from instraug.evaluation.report.contents import gather
    from instraug.evaluation.report.sources import open_sources
    from instraug.evaluation.report.writing import check_page, check_plots, write_page, write_plots

    if out is None and plots is None:
        raise UsageError("name the page: -o FILE; or a folder of figures: --plots DIR")
    if out is not None:
        check_page(out, paths)
    if plots is not None:
        check_plots(plots)
    contents = gather(open_sources(paths), tasks)
    try:
        if out is not None:
            write_page(out, contents)
        for notice in write_plots(plots, contents) if plots is not None else ():
            click.echo(notice, err=True)
    except ImportError:
        raise StorageError(_LACKS) from None


COMMANDS = {"report": report}
