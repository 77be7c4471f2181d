"""What to predict: the job, and its rows, which are looked at before anything is spent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem, UsageError
from instraug.evaluation.predict.config import PredictConfig, changed
from instraug.evaluation.predict.pictures import Pictures
from instraug.evaluation.predict.rows import Checked, SetNotes, TestRows, check
from instraug.files.disk import refusals
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import MANIFEST, check_spelled, read_manifest
from instraug.files.replacing import check_replaceable
from instraug.models.chat import Reply
from instraug.models.config import ByBatch
from instraug.models.endpoint.keys import check_url
from instraug.models.journal.paths import beside, check_journal_path
from instraug.models.journal.pointer import noted_journal
from instraug.models.journal.replay import spare
from instraug.models.opening import Address, is_local

PREDICTIONS, REPLIES = "predictions.jsonl", "replies.jsonl"
"""What a run leaves in its output folder, beside the manifest."""


@dataclass(frozen=True)
class PredictWatch:
    """Callbacks of a run."""

    reply: Callable[[Reply, bool], None] = lambda _reply, _bought: None
    """After each reply; True where it was bought just now."""
    notice: Callable[[str], None] = lambda _text: None
    """With each line that the user should read."""
    progress: Callable[[str], None] = lambda _text: None
    """With each line that says how far a run by batch is."""


UNWATCHED = PredictWatch()
"""Calls nothing."""


@dataclass(frozen=True)
class PredictJob:
    """Which rows to ask, whom, and where the predictions go."""

    rows: tuple[Path, ...]
    """Files of built rows, or their folders."""
    out: Path
    model: str
    """The model's name; see `models.opening.chosen`."""
    config: PredictConfig = field(default_factory=PredictConfig)
    journal: Path | None = None
    """A journal shared among output folders; None: see `replies`."""
    frozen: bool = False
    api_key: str | None = field(default=None, repr=False)
    force: bool = False
    """Drop predictions of rows that are not given, and buy again what a lost journal held."""
    by_batch: ByBatch | None = None
    """Ask by the Batch API of the endpoint; None: online."""

    @cached_property
    def replies(self) -> Path:
        """The journal's path: as named, or that of the run before in the folder, or its own."""
        if self.journal:
            return self.journal
        named = noted_journal(self.out) or self.before.get("journal")
        return Path(os.path.normpath(self.out / (named if isinstance(named, str) else REPLIES)))

    @cached_property
    def before(self) -> Mapping[str, Any]:
        """The manifest of the run before in the folder; empty where there is none."""
        found = read_manifest(self.out / MANIFEST)
        return found.body if found.is_of("predict") else {}

    @property
    def address(self) -> Address:
        """Where the model is."""
        config = self.config
        return Address(
            self.model,
            config.base_url,
            None,
            self.api_key,
            config.endpoint,
            config.answer_tokens,
            long_answers=True,
        )


@dataclass(frozen=True)
class Loaded:
    """What a run starts from."""

    rows: TestRows
    pictures: Pictures
    checked: Checked
    notes: SetNotes


def load_rows(job: PredictJob) -> Loaded:
    """Find and check the rows of a job; nothing is made or sent.

    Raises:
        InputError: every kind of row that cannot be asked, unless they are to be left out; no row
            is left; predictions in the folder count on a journal that is gone, or are of rows that
            are not given.
        UsageError: the journal's path, or an output's, is that of something else, or a manifest
            could not name it.
    """
    config = job.config
    _check_outputs(job)
    if config.base_url:  # also where no call is made: the manifest keeps it
        check_url(config.base_url, allow_http=True)
    rows, pictures = TestRows(job.rows), Pictures(config)
    names = [*rows.files, beside(job.replies, job.out)]
    check_spelled([config.plain(), job.model, *names])
    there = job.out / PREDICTIONS
    before = there if there.is_file() and not job.force else None
    checked = check(rows, pictures, sees=not is_local(job.model), before=before)
    if checked.problems and not config.skip_bad:
        raise InputError(checked.problems)
    if not checked.rows:
        where = ", ".join(map(str, job.rows))
        raise InputError([*checked.problems, Problem(where, "no row to ask", "give built rows")])
    if checked.lost:
        what = (
            f"holds {checked.lost} predictions of rows that are not given now (the first: "
            f"{checked.lost_first:.80})"
        )
        fix = "choose another folder, give those rows too, or --force to drop them"
        raise InputError([Problem(str(there), what, fix)])
    return Loaded(rows, pictures, checked, rows.notes())


def _check_outputs(job: PredictJob) -> None:
    outputs = {PREDICTIONS: _is_predictions, MANIFEST: _is_manifest}
    for name, is_own in outputs.items():
        spare(job.out / name)
        check_replaceable(job.out / name, "output of `instraug predict`", is_own)
    check_journal_path(job.replies, job.out, (PREDICTIONS,))
    real = set(map(os.path.realpath, job.rows))
    if not real.isdisjoint(map(os.path.realpath, (job.out, job.out / PREDICTIONS))):
        raise UsageError(f"{job.out}: the rows are there; choose another folder")
    with refusals(job.replies, "read"):
        there = job.replies.is_file() and job.replies.stat().st_size > 0
        predictions = job.out / PREDICTIONS
        lost = not there and predictions.is_file() and predictions.stat().st_size > 0
    if lost and not (job.force or job.frozen):
        what = f"is gone, which the predictions in {job.out} count on"
        fix = "put it back, or name it with --journal PATH; --force buys the replies again"
        raise InputError([Problem(str(job.replies), what, fix)])


def _is_predictions(path: Path) -> bool:
    with suppress(InputError):
        for _, row in read_jsonl(path, on_problem=lambda _: None):
            return {"key", "prediction", "unique_id"} <= row.keys()
    return False


def _is_manifest(path: Path) -> bool:
    """Whether a file is a manifest of predictions, or a damaged one, which is written anew."""
    found = read_manifest(path)
    return not found.body or found.is_of("predict")


def notices(job: PredictJob, loaded: Loaded) -> list[str]:
    """Return what the user should know before the run, a line each."""
    lines = [f"left out: {problem}" for problem in loaded.checked.problems]
    if count := loaded.checked.without_options:
        lines.append(f"{count} rows are tsv, which holds no options; build .jsonl to score by them")
    before = job.before.get("config")
    model = job.before.get("model")
    changes = changed(before, job.config) if isinstance(before, Mapping) else []
    if changes:
        again = "replies to requests that stay the same are used again"
        lines.append(f"changed since the last run: {', '.join(changes)}; {again}")
    if model and not job.journal and "journal" in job.before and job.replies.name != REPLIES:
        lines.append(f"the journal is {job.replies}, as {job.out / MANIFEST} says")
    return lines
