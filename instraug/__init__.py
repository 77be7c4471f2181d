"""Grow a few hand-written instruction templates into a large pool (INSTRAUG, arXiv:2402.14492).

    import instraug

    run = instraug.expand("tasks", "out", model="local", rewrites=2)
    built = instraug.build("tasks", ["rows.jsonl"], "train.jsonl", instructions="out")

Each function does what the command of its name does; docs/api.md shows them at work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from instraug.evaluation.predict.run import PredictRun
    from instraug.rewriting.run import Run
    from instraug.tasks.records import Task
    from instraug.training_set.mix.sets import Mixture
    from instraug.training_set.summary import Summary

__all__ = ["__version__", "build", "expand", "load_tasks", "mix", "predict", "refilter"]

__version__ = "0.1.0"


def load_tasks(folder: str | Path) -> tuple[Task, ...]:
    """Read every task file of a folder.

    Raises:
        InputError: everything that is wrong in any of them.
    """
    from instraug.tasks import load

    return load.load_tasks(Path(folder))


def expand(
    tasks: str | Path,
    out: str | Path,
    *,
    config: str | Path | None = None,
    api_key: str | None = None,
    journal: str | Path | None = None,
    frozen: bool = False,
    force: bool = False,
    **settings: Any,
) -> Run:
    """Grow every template of a task folder through a model, and write the output folder.

    Args:
        tasks: The task folder.
        out: The output folder; run again, it goes on where it stopped.
        config: A config file, or the name of a shipped one.
        api_key: The endpoint's key; None: OPENAI_API_KEY.
        journal: A journal shared among output folders; None: the one of the folder's last run.
        frozen: Take every reply from the journal; open no socket.
        force: Drop rows of tasks that are not among ``tasks``, and buy again what a journal lacks.
        settings: Any key of a config file, laid over it: ``model="local"``, ``rewrites=2``,
            ``budget={"max_cost": 5.0}``.

    Returns:
        The run, its files written: ``run.summary()`` has its figures, ``run.raise_unless_done()``
        raises what kept it from its targets.

    Raises:
        InstraugError: what ended the run; what was paid for is in the journal.
    """
    from instraug.chain import expand as command
    from instraug.models.opening import chosen, environment_key
    from instraug.rewriting.config import (
        Config,
        load_config,
        with_known_prices,
        with_overrides,
    )
    from instraug.rewriting.job import ExpandJob

    base = load_config(_config_file(config)) if config else Config()
    whole = with_known_prices(with_overrides(base, **settings))
    key = api_key or environment_key()
    model = chosen(whole.model, whole.base_url, has_key=key is not None)
    place = None if journal is None else Path(journal)
    job = ExpandJob(Path(tasks), Path(out), model, whole, place, frozen, key, force=force)
    return command.expand(job)


def refilter(
    out: str | Path,
    dest: str | Path | None = None,
    *,
    config: str | Path | None = None,
    force: bool = False,
) -> Run:
    """Judge the answers of a finished run again, by other rules; no call is made.

    Args:
        out: The run's output folder.
        dest: Where to write; None: ``out`` itself.
        config: A config file, whose rules are taken; None: the run's own.
        force: Replace rows in ``dest`` that were not made from ``out``.

    Returns:
        The run as it is judged now, its files written.

    Raises:
        InstraugError: the folder has no sound manifest, or the journal lacks what is needed.
    """
    from instraug.chain import refilter as command
    from instraug.rewriting.config import load_config

    rules = load_config(_config_file(config)).rules if config else None
    return command.refilter(Path(out), rules, Path(dest or out), force=force)


def build(
    tasks: str | Path,
    instances: Iterable[str | Path],
    dest: str | Path,
    *,
    instructions: str | Path | None = None,
    config: str | Path | None = None,
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    force: bool = False,
    **settings: Any,
) -> Summary:
    """Build a training set: instances rendered with sampled instructions (MIns+).

    Args:
        tasks: The task folder.
        instances: Row files, or folders in MultiInstruct's layout.
        dest: A file or folder to write.
        instructions: An output folder of `expand`, or its instructions.jsonl; None: hand-written
            instructions only.
        config: A config file, or the name of a shipped one.
        engine: Where rows are built: in processes of this machine, or by Ray.
        workers: Processes; None: one, or as many as the Ray cluster has. The rows do not depend on
            how many.
        force: Replace ``dest``.
        settings: Any key of a build's config file, laid over it: ``epsilon=0.3``.

    Returns:
        What became of it, the files in place: ``figures()`` counts its rows.

    Raises:
        InstraugError: nothing is written.
    """
    from dataclasses import replace

    from instraug.chain import build as command
    from instraug.tasks.pool import INSTRUCTIONS
    from instraug.training_set.build import BuildJob
    from instraug.training_set.config import BuildConfig, load_build_config, with_options

    base = load_build_config(_config_file(config)) if config else BuildConfig()
    pool = None if instructions is None else Path(instructions)
    if pool and pool.is_dir():
        pool /= INSTRUCTIONS
    files = tuple(map(Path, instances))
    whole = with_options(base, settings)
    job = BuildJob(Path(tasks), files, Path(dest), pool, whole, workers, force)
    return command.build(replace(job, engine=engine))


def predict(
    rows: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    config: str | Path | None = None,
    api_key: str | None = None,
    journal: str | Path | None = None,
    frozen: bool = False,
    force: bool = False,
    **settings: Any,
) -> PredictRun:
    """Put built rows to a model, one request each, and write its predictions for `score`.

    Args:
        rows: A file of built rows or a folder of them, or several.
        out: The output folder; run again, it goes on where it stopped.
        config: A config file, or the name of a shipped one.
        api_key: The endpoint's key; None: OPENAI_API_KEY.
        journal: A journal shared among output folders; None: the one of the folder's last run.
        frozen: Take every reply from the journal; open no socket.
        force: Drop predictions of rows that are not given, and buy again what a journal lacks.
        settings: Any key of a config file of predict, laid over it: ``images="pictures"``.

    Returns:
        The run, its files written: ``run.summary()`` has its figures, ``run.raise_unless_done()``
        raises where a row has no prediction.

    Raises:
        InstraugError: what ended the run; what was paid for is in the journal.
    """
    from instraug.chain import predict as command
    from instraug.evaluation.predict import config as configs
    from instraug.evaluation.predict.job import PredictJob
    from instraug.models.opening import chosen, environment_key

    base = configs.PredictConfig()
    if config:
        base = configs.load_predict_config(_config_file(config))
    whole = configs.with_given(base, settings)
    key = api_key or environment_key()
    model = chosen(whole.model, whole.base_url, has_key=key is not None)
    whole = configs.with_known_prices(whole, model)
    files = (rows,) if isinstance(rows, str | Path) else rows
    place = None if journal is None else Path(journal)
    given = tuple(map(Path, files))
    return command.predict(PredictJob(given, Path(out), model, whole, place, frozen, key, force))


def mix(
    sources: Mapping[str, float | None] | Iterable[str | Path],
    dest: str | Path,
    *,
    evaluation: Iterable[str | Path] = (),
    drop_leaks: bool = False,
    config: str | Path | None = None,
    workers: int = 1,
    force: bool = False,
    **settings: Any,
) -> Mixture:
    """Mix built sets, or any JSONL or Parquet with columns, to an exact total.

    Args:
        sources: Each one's share in percent, None for the config's shares; or just the sources.
        dest: A file or folder to write.
        evaluation: Sets that no row may be in, in whatever wording.
        drop_leaks: Leave such rows out, instead of ending.
        config: A config file, or the name of a shipped one.
        workers: Processes; the rows do not depend on how many.
        force: Replace ``dest``.
        settings: Any key of a mix's config file, laid over it: ``total=10_000``.

    Returns:
        What became of it, the files in place: ``sets`` has the figures of each set.

    Raises:
        InstraugError: nothing is written.
    """
    from instraug.chain import mix as command
    from instraug.training_set.mix.config import MixConfig, MixJob, load_mix_config, with_options
    from instraug.training_set.mix.shares import stated_share

    base = load_mix_config(_config_file(config)) if config else MixConfig()
    pairs = sources.items() if isinstance(sources, Mapping) else ((s, None) for s in sources)
    given = tuple((str(source), stated_share(str(source), share)) for source, share in pairs)
    whole, guard = with_options(base, settings), tuple(map(Path, evaluation))
    return command.mix(MixJob(given, Path(dest), whole, guard, drop_leaks, workers, force))


def _config_file(name: str | Path) -> Path:
    from instraug.files.presets import find

    return find(str(name))
