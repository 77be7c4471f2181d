"""``instraug expand`` and ``instraug filter``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from instraug.cli.options import FOLDER, PATH, ManyValues, api_key, model_options, settings
from instraug.cli.output import summarise

_VARIANTS = ["single", "multi-temp", "iterative"]


@click.command(cls=ManyValues)
@click.argument("tasks", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, help="The output folder.")
@model_options
@click.option("--variant", type=click.Choice(_VARIANTS), help="How templates are rewritten.")
@click.option("--meta-prompts", metavar="FILE|DIR", help="Instead of the shipped ones.")
@click.option("--rewrites", type=int, metavar="N", help="Accepted rewrites wanted per template.")
@click.option(
    "--temperature", "temperatures", type=float, multiple=True, metavar="T", help="One or more."
)
@click.option("--journal", type=PATH, help="A journal of replies shared among output folders.")
@click.option("--include-eval", is_flag=True, default=None, help="Expand evaluation tasks too.")
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Only tasks of these names; one or more."
)
@click.option("--seed", type=int, metavar="N", help="Seed of sampling.")
@click.option(
    "--dry-run", is_flag=True, help="Print what would be asked and its cost; send nothing."
)
@click.option("--frozen", is_flag=True, help="Take every reply from the journal; open no socket.")
@click.option("--force", is_flag=True, help="Drop tasks of OUT, or buy again what a journal lacks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
@click.option("-v", "--verbose", is_flag=True, help="A line after each round of a task.")
def expand(
    tasks: Path,
    out: Path,
    journal: Path | None,
    api_key_file: Path | None,
    dry_run: bool,
    frozen: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **given: Any,
) -> None:
    """Grow every instruction template of the task folder TASKS through a model.

    Without --model, --base-url and OPENAI_API_KEY, the embedded model is asked: no key, no network.
    Run again after any interruption: replies that are in the journal are never bought twice.
    """
    from dataclasses import replace

    from instraug import chain
    from instraug.cli.progress import Progress
    from instraug.models.opening import chosen
    from instraug.rewriting.forecast import forecast, wanted
    from instraug.rewriting.job import ExpandJob, Watch, load

    key = api_key(api_key_file)
    config = settings(**given)
    model = chosen(config.model, config.base_url, has_key=key is not None)
    job = ExpandJob(tasks, out, model, config, journal, frozen, key, force=force)
    inputs = load(job)
    if dry_run:
        summarise(forecast(job, inputs), as_json=as_json, quiet=False)
        return
    # Judging what a journal holds takes long, and the run does it anyway.
    foreseen = None if job.replies.exists() else forecast(job, inputs)
    price = config.prices.get(model)
    with Progress(wanted(job, inputs), price, quiet=quiet, verbose=verbose) as progress:
        watch = Watch(progress.reply, progress.round, progress.notice)
        run = chain.expand(replace(job, foreseen=foreseen), inputs, watch)
    summarise(run.summary(), as_json=as_json, quiet=quiet)
    run.raise_unless_done()


@click.command("filter")
@click.argument("out", type=FOLDER)
@click.option("-c", "--config", "config_file", metavar="FILE", help="Judge by its rules section.")
@click.option("-o", "--out", "dest", type=FOLDER, metavar="OUT2", help="Default: OUT itself.")
@click.option("--force", is_flag=True, help="Replace another run in OUT2.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def filter_(
    out: Path,
    config_file: str | None,
    dest: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Judge the answers of the finished run in OUT again, by other rules; makes no call."""
    from instraug.chain import refilter

    rules = settings(config_file).rules if config_file else None
    run = refilter(out, rules, dest or out, force=force)
    summarise(run.summary(), as_json=as_json, quiet=quiet)
    run.raise_unless_done()


COMMANDS = {"expand": expand, "filter": filter_}
