"""``instraug expand`` and ``instraug filter``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instraug.cli.options import (
    FOLDER,
    NAME,
    PATH,
    ManyValues,
    api_key,
    batch_options,
    config_option,
    model_options,
    other_sections,
    settings,
    shard_option,
)
from instraug.cli.output import summarise
from instraug.errors import UsageError, printable
from instraug.rewriting.config import Config

if TYPE_CHECKING:
    from instraug.cli.batch import BatchOptions
    from instraug.files.part import Part
    from instraug.rewriting.job import ExpandJob, Inputs, Watch
    from instraug.rewriting.run import Run

_VARIANTS = ["single", "multi-temp", "iterative"]


def about_price(config: Config, model: str) -> str:
    """Say in one line what a model's tokens cost, and where the price is from."""
    from instraug.models.opening import is_local
    from instraug.models.prices import as_of, known_prices

    if is_local(model):
        return "the embedded model costs nothing"
    price = config.prices.get(model)
    if price is None:
        fix = "give one under prices: in a config file (-c)"
        return f"no price of {printable(model)} is known, so no cost is shown; {fix}"
    source = "of the config"
    if known_prices(config.base_url, [model]).get(model) == price:
        source = f"as of {as_of()}; prices: in a config file (-c) overrides it"
    return f"price: ${price.input:g} in, ${price.output:g} out per million tokens, {source}"


@click.command(cls=ManyValues)
@click.argument("tasks", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, help="The output folder.")
@model_options
@click.option("--variant", type=click.Choice(_VARIANTS), help="How templates are rewritten.")
@click.option("--meta-prompts", type=NAME, metavar="FILE|DIR", help="Instead of the shipped ones.")
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
@batch_options
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

    from instraug.cli.batch import take_batch_options
    from instraug.cli.progress import Progress
    from instraug.models.config import Prices
    from instraug.models.opening import chosen, is_local
    from instraug.rewriting.forecast import forecast, wanted
    from instraug.rewriting.job import ExpandJob, Watch, load
    from instraug.rewriting.run import Run

    key = api_key(api_key_file)
    batch = take_batch_options(given, **{"--frozen": frozen})
    config = settings(**given)
    model = chosen(config.model, config.base_url, has_key=key is not None)
    by_batch = batch.by_batch
    job = ExpandJob(tasks, out, model, config, journal, frozen, key, force=force, by_batch=by_batch)
    inputs = load(job)
    if dry_run:
        summarise(forecast(job, inputs), as_json=as_json, quiet=False)
        for line in (*inputs.notices(), about_price(config, model)):
            click.echo(printable(line), err=True)
        return
    # Judging what a journal holds takes long, and the run does it anyway.
    foreseen = None if job.replies.exists() else forecast(job, inputs)
    price = Prices(0, 0) if is_local(model) else config.prices.get(model)
    with Progress(wanted(job, inputs), price, quiet=quiet, verbose=verbose) as progress:
        for line in _not_sent(inputs) if verbose else ():
            progress.notice(line)
        watch = Watch(progress.reply, progress.round, progress.notice, progress.state)
        run = _started(replace(job, foreseen=foreseen), batch, inputs, watch)
    if not isinstance(run, Run):
        summarise(run, as_json=as_json, quiet=quiet)
        return
    # The error says it all where nothing came.
    quiet = quiet or not (run.bought or run.reused)
    for line in () if quiet else inputs.notices():
        click.echo(printable(line), err=True)
    summarise(run.summary(), as_json=as_json, quiet=quiet)
    run.raise_unless_done()


def _started(
    job: ExpandJob, batch: BatchOptions, inputs: Inputs, watch: Watch
) -> Run | dict[str, Any]:
    """Run a job as it is to be asked; return the run, or the counts of a file of requests."""
    from instraug.chain.expand import expand

    if not (batch.write or batch.read):
        return expand(job, inputs, watch)
    # Imported here, as in chain/expand.py: what knows of batches imports the openai package.
    from instraug.rewriting.by_files import read_replies, write_requests

    if batch.write:
        return write_requests(job, batch.write, inputs, watch)
    return read_replies(job, batch.read, inputs, watch)


def _not_sent(inputs: Inputs) -> Iterator[str]:
    """Name each instruction that no model is asked about, and why."""
    from instraug.rewriting.prompts.plan import skipped

    for task in inputs.tasks:
        for origin, why in skipped(task).items():
            text = task.templates[origin].text
            yield printable(f"{task.name}: instruction {origin} is not sent: {why}: {text!r:.60}")


@click.command("filter")
@click.argument("out", type=FOLDER)
@config_option("Judge by its rules section.")
@click.option("-o", "--out", "dest", type=FOLDER, metavar="OUT2", help="Default: OUT itself.")
@shard_option
@click.option("--force", is_flag=True, help="Replace another run, or shard, in OUT2.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def filter_(
    out: Path,
    config_file: str | None,
    dest: Path | None,
    shard: Part | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Judge the answers of the finished run in OUT again, by other rules; makes no call."""
    from instraug.chain.refilter import refilter

    if shard and dest is None:
        raise UsageError("filter --shard writes a part, and not over the run; give -o")
    rules = settings(config_file).rules if config_file else None
    if config_file and (ignored := other_sections(config_file, "rules")):
        line = f"{config_file}: filter reads rules alone; ignored: {', '.join(ignored)}"
        click.echo(printable(line), err=True)
    run = refilter(out, rules, dest or out, force=force, part=shard)
    summarise(run.summary(), as_json=as_json, quiet=quiet)
    if not shard:  # a part may accept nothing
        run.raise_unless_done()


COMMANDS = {"expand": expand, "filter": filter_}
