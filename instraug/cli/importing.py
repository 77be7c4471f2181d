"""``instraug import``: other projects' templates become a task folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from instraug.cli.options import FOLDER, PATH, ManyValues

if TYPE_CHECKING:
    from instraug.tasks.records import AnswerForm, Task


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


@import_group.command("natural-instructions")
@click.argument("source", metavar="SRC", type=PATH)
@click.option("-o", "--out", metavar="TASKS", type=FOLDER, required=True, help="The task folder.")
@click.option(
    "--language",
    "languages",
    metavar="NAME",
    multiple=True,
    help="Languages of tasks to take (English); any takes all.",
)
@click.option(
    "--per-task", type=click.IntRange(1), metavar="N", help="Most rows of a task to train on."
)
@click.option("--strict", is_flag=True, help="Write nothing and end 1 if anything is left out.")
@click.option("--force", is_flag=True, help="Overwrite files of the same names in TASKS.")
def natural_instructions(
    source: Path,
    out: Path,
    languages: tuple[str, ...],
    per_task: int | None,
    strict: bool,
    force: bool,
) -> None:
    """Import tasks of Natural Instructions, with their rows.

    SRC is a checkout of the public repository, its folder tasks, or one task's file. A task's
    definition becomes its template. Rows go to TASKS/instances: a task's first 100, which are to
    evaluate on, into testing_data. `build TASKS --instances TASKS` reads both, by --split.
    """
    from instraug.errors import InputError
    from instraug.tasks import save as taskfile
    from instraug.tasks.importers.natural_instructions import Choice, Outcome, import_tasks

    wanted = frozenset(name.strip().casefold() for name in languages) or Choice().languages
    outcome = Outcome()

    def make(folder: Path) -> list[Task]:
        tasks = import_tasks(source, Choice(wanted, per_task), folder, outcome)
        if strict and outcome.left_out:
            raise InputError(outcome.problems())
        return tasks

    taskfile.write_made(make, out, force=force)
    for problem in outcome.problems():
        click.echo(str(problem), err=True)
    left_out = sum(map(len, outcome.left_out.values()))
    counts = f"{outcome.tasks} tasks ({outcome.evaluation} to evaluate on) written to {out}"
    rows = f"{outcome.rows} rows, {outcome.testing} more to evaluate on"
    click.echo(f"{counts}: {rows}; {left_out} left out", err=True)


@import_group.command("questions", cls=ManyValues)
@click.argument("files", metavar="FILE ...", type=PATH, nargs=-1, required=True)
@click.option("-o", "--out", metavar="TASKS", type=FOLDER, required=True, help="The task folder.")
@click.option(
    "--form",
    type=click.Choice(["choice", "short", "yes-no", "rationale"]),
    help="How answers are asked for (default: by the targets).",
)
@click.option(
    "--rationales", type=PATH, metavar="FILE", help="A JSON object, id: rationale (default: rows')."
)
@click.option(
    "--source",
    "sources",
    metavar="NAME",
    multiple=True,
    help="Data set that the questions are of (default: the file's name).",
)
@click.option("--strict", is_flag=True, help="Write nothing and end 1 if anything is left out.")
@click.option("--force", is_flag=True, help="Overwrite files of the same names in TASKS.")
def questions(
    files: tuple[Path, ...],
    out: Path,
    form: AnswerForm | None,
    rationales: Path | None,
    sources: tuple[str, ...],
    strict: bool,
    force: bool,
) -> None:
    """Import sets of questions in MLAN's answer forms: one task a FILE, with its rows.

    FILE is JSONL or JSON in the shape of SQuAD, ARC, CommonsenseQA, CosmosQA, StrategyQA, BoolQ,
    A-OKVQA or VQAv2, or with the same keys. Rows go to TASKS/instances.
    """
    from instraug.errors import InputError
    from instraug.tasks import save as taskfile
    from instraug.tasks.importers.answer_forms import Outcome, import_questions

    outcome = Outcome()

    def make(folder: Path) -> list[Task]:
        tasks = import_questions(files, form, rationales, sources, folder, outcome)
        if strict and outcome.left_out:
            raise InputError(outcome.problems())
        return tasks

    taskfile.write_made(make, out, force=force)
    for problem in outcome.problems():
        click.echo(str(problem), err=True)
    forms = ", ".join(f"{name} ({found})" for name, found in outcome.forms.items())
    left_out = sum(map(len, outcome.left_out.values()))
    click.echo(f"{outcome.rows} rows of {forms} written to {out}; {left_out} left out", err=True)


COMMANDS: dict[str, click.Command] = {"import": import_group}
