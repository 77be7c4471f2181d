"""``instraug meta-prompts list`` and ``instraug meta-prompts bootstrap``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from instraug.cli.options import PATH, api_key, model_options, settings
from instraug.cli.output import refuse_existing, rows
from instraug.errors import printable


@click.group("meta-prompts")
def meta_prompts() -> None:
    """List the meta-prompts, or ask a model for more."""


@meta_prompts.command("list")
@click.option(
    "--meta-prompts", "source", type=PATH, metavar="FILE|DIR", help="Not the shipped ones."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_(source: Path | None, as_json: bool) -> None:
    """List meta-prompts: id, kind, number of worked examples, title."""
    from instraug.rewriting.prompts.meta_prompts import listing, load_meta_prompts

    rows("meta_prompts", listing(load_meta_prompts(source)), as_json=as_json)


@meta_prompts.command()
@click.option("-o", "--out", type=PATH, required=True, metavar="FILE", help="The file to write.")
@model_options
@click.option("--count", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option("--seed", type=int, metavar="N", help="Seed of sampling.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def bootstrap(out: Path, api_key_file: Path | None, count: int, force: bool, **given: Any) -> None:
    """Ask the model for ten meta-prompts of its own, and write a file that --meta-prompts takes.

    Its replies are kept in FILE.replies.jsonl and not bought again.
    """
    from instraug.models.opening import chosen
    from instraug.rewriting.prompts.bootstrap import bootstrap_file

    refuse_existing(out, force)
    key = api_key(api_key_file)
    config = settings(**given)
    model = chosen(config.model, config.base_url, has_key=key is not None)
    written = bootstrap_file(
        out, config, model, key, count, lambda text: click.echo(printable(text), err=True)
    )
    click.echo(f"{out}: {len(written)} meta-prompts", err=True)


COMMANDS = {"meta-prompts": meta_prompts}
