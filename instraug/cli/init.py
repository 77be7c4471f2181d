"""``instraug init``: a task folder, a config and a CI workflow to start from."""

from __future__ import annotations

from pathlib import Path

import click

from instraug.cli.options import FOLDER
from instraug.errors import UsageError
from instraug.files.atomic import atomic_writer
from instraug.files.disk import refusals
from instraug.files.presets import folder

_WORKFLOW = {"workflow.yml": ".github/workflows/instructions.yml"}
"""What ships under another name than it gets."""


@click.command()
@click.argument("directory", metavar="DIR", type=FOLDER)
def init(directory: Path) -> None:
    """Write two commented tasks, a config and a CI workflow into DIR, there or not.

    No file that exists is changed.
    """
    shipped = folder("configs") / "start"
    names = sorted(p.relative_to(shipped).as_posix() for p in shipped.rglob("*.y*ml"))
    files = {directory / _WORKFLOW.get(name, name): shipped / name for name in names}
    if taken := [str(path) for path in files if path.exists()]:
        raise UsageError(f"{', '.join(taken)}: exists already; choose another folder")
    for path, source in files.items():
        with refusals(path.parent, "make"):
            path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_writer(path) as file:
            file.write(source.read_bytes())
        click.echo(path)
    then = "instraug check tasks && instraug expand tasks -o instructions -c config.yaml"
    click.echo(f"next, in {directory}: {then}", err=True)


COMMANDS: dict[str, click.Command] = {"init": init}
