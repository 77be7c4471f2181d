"""``instraug check``: every problem of a task folder at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from instraug.cli.options import PATH
from instraug.errors import Problem, grouped
from instraug.tasks.load import read_tasks


@click.command()
@click.argument("tasks", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.pass_context
def check(ctx: click.Context, tasks: Path, as_json: bool) -> None:
    """Report every problem of a task folder, one a line on stdout; exit 1 if there is any.

    Nothing outside the folder TASKS is read, and nothing is written.
    """
    sound, problems = read_tasks(tasks)
    instructions = sum(len(task.templates) for task in sound)
    if as_json:
        counts = {"tasks": len(sound), "instructions": instructions}
        click.echo(json.dumps({**counts, "problems": [as_data(p) for p in problems]}))
    else:
        for problem in grouped(problems):
            click.echo(str(problem))
        counted = {"task": len(sound), "instruction": instructions, "problem": len(problems)}
        summary = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counted.items())
        click.echo(summary, err=True)
    ctx.exit(1 if problems else 0)


def as_data(problem: Problem) -> dict[str, str]:
    """Return a problem as JSON data."""
    return {"where": problem.where, "what": problem.what, "fix": problem.fix}


COMMANDS: dict[str, click.Command] = {"check": check}
