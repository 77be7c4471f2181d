"""``instraug import``: other projects' templates become a task folder."""

from __future__ import annotations

from pathlib import Path

import click

from instraug.cli.options import FOLDER, PATH


@click.group("import")
def import_group() -> None:
    """Turn other projects' templates into a task folder."""


@import_group.command()
@click.argument("source", metavar="SRC", type=PATH)
@click.option("-o", "--out", metavar="TASKS", type=FOLDER, required=True, help="The task folder.")
@click.option("--strict", is_flag=True, help="Write nothing and end 1 if anything is left out.")
@click.option("--force", is_flag=True, help="Overwrite files of the same names in TASKS.")
def multiinstruct(source: Path, out: Path, strict: bool, force: bool) -> None:
    """Import MultiInstruct's instruction templates.

    SRC is a checkout of the public repository, its instruction_templates.py, which is read and
    never run, or a table task_name<TAB>instructions with CSV quoting. What cannot be mapped is
    listed on stderr, with its line and the reason, and left out.
    """
    from instraug.errors import InputError, grouped
    from instraug.tasks import save as taskfile
    from instraug.tasks.importers.multiinstruct.templates import read_templates

    imported = read_templates(source)
    if strict and imported.left_out:
        raise InputError(imported.left_out)
    taskfile.write(imported.tasks, out, force=force)
    for problem in grouped(imported.left_out):
        click.echo(str(problem), err=True)
    templates = sum(len(task.templates) for task in imported.tasks)
    counts = f"{templates} templates of {len(imported.tasks)} tasks written to {out}"
    click.echo(f"{counts}, {len(imported.left_out)} left out", err=True)


COMMANDS: dict[str, click.Command] = {"import": import_group}
