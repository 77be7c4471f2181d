"""``instraug predict``."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from instraug.cli.options import (
    FOLDER,
    NAME,
    PATH,
    ManyValues,
    api_key,
    batch_options,
    model_options,
    sections,
)
from instraug.cli.output import summarise
from instraug.models.chat import Reply

if TYPE_CHECKING:
    from instraug.cli.batch import BatchOptions
    from instraug.evaluation.predict.job import Loaded, PredictJob, PredictWatch
    from instraug.evaluation.predict.run import PredictRun


@click.command(cls=ManyValues)
@click.argument("rows", type=PATH, nargs=-1, required=True, metavar="ROWS...")
@click.option("-o", "--out", type=FOLDER, required=True, help="The output folder.")
@model_options
@click.option("--images", type=NAME, metavar="DIR", help="Folder that image paths start from.")
@click.option(
    "--resize", type=int, metavar="N", help="Send images with at most N pixels on a side."
)
@click.option("--system", metavar="TEXT", help="A system message before each prompt.")
@click.option("--temperature", type=float, metavar="T", help="Of sampling (0).")
@click.option("--answer-tokens", type=int, metavar="N", help="Tokens one answer may have (512).")
@click.option("--seed", type=int, metavar="N", help="Seed of sampling.")
@click.option("--skip-bad", is_flag=True, default=None, help="Leave out rows that cannot be asked.")
@click.option("--journal", type=PATH, help="A journal of replies shared among output folders.")
@click.option(
    "--dry-run", is_flag=True, help="Print what would be asked and its cost; send nothing."
)
@click.option("--frozen", is_flag=True, help="Take every reply from the journal; open no socket.")
@batch_options
@click.option("--force", is_flag=True, help="Drop predictions, or buy again what a journal lacks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
def predict(
    rows: tuple[Path, ...],
    out: Path,
    config_file: str | None,
    journal: Path | None,
    api_key_file: Path | None,
    dry_run: bool,
    frozen: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Put built ROWS to a model and keep its predictions, for `score`.

    ROWS are files or folders that `build` made as multiinstruct (.jsonl), tsv or parquet. Without
    --model, --base-url and OPENAI_API_KEY, the embedded model is asked, which sees no images. Run
    again after any interruption: replies that are in the journal are never bought twice.
    """
    from instraug.cli.batch import take_batch_options
    from instraug.evaluation.predict.config import (
        PredictConfig,
        load_predict_config,
        with_given,
        with_known_prices,
    )
    from instraug.evaluation.predict.forecast import forecast
    from instraug.evaluation.predict.job import PredictJob, PredictWatch, load_rows
    from instraug.evaluation.predict.run import PredictRun
    from instraug.files.presets import find
    from instraug.models.opening import chosen

    key = api_key(api_key_file)
    batch = take_batch_options(given, **{"--frozen": frozen})
    config = load_predict_config(find(config_file)) if config_file else PredictConfig()
    config = with_given(config, sections(given))
    model = chosen(config.model, config.base_url, has_key=key is not None)
    config = with_known_prices(config, model)
    by_batch = batch.by_batch
    job = PredictJob(rows, out, model, config, journal, frozen, key, force, by_batch)
    loaded = load_rows(job)
    if dry_run:
        summarise(forecast(job, loaded), as_json=as_json, quiet=False)
        return
    with _Bar(loaded.checked.rows, shown=not quiet and sys.stderr.isatty()) as bar:
        progress = bar.silent if quiet else bar.notice
        run = _started(job, batch, loaded, PredictWatch(bar.reply, bar.notice, progress))
    if not isinstance(run, PredictRun):
        summarise(run, as_json=as_json, quiet=quiet)
        return
    summarise(run.summary(), as_json=as_json, quiet=quiet)
    run.raise_unless_done()


def _started(
    job: PredictJob, batch: BatchOptions, loaded: Loaded, watch: PredictWatch
) -> PredictRun | dict[str, Any]:
    """Run a job as it is to be asked; return the run, or the counts of a file of requests."""
    from instraug.chain.predict import predict
    from instraug.evaluation.predict.by_files import read_replies, write_requests

    if batch.write:
        return write_requests(job, batch.write, loaded)
    if batch.read:
        return read_replies(job, batch.read, loaded, watch)
    return predict(job, loaded, watch)


class _Bar:
    """Rows that have a reply, of all of them."""

    def __init__(self, total: int, *, shown: bool) -> None:
        # tqdm's own lock is for several processes: a named semaphore, which a kill would leak.
        tqdm.set_lock(RLock())
        self._bar = tqdm(total=total, unit="row", disable=not shown, file=sys.stderr)

    def reply(self, _reply: Reply, _bought: bool) -> None:
        self._bar.update()

    def notice(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    def silent(self, _text: str) -> None:
        """Say nothing."""

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


COMMANDS: dict[str, click.Command] = {"predict": predict}
