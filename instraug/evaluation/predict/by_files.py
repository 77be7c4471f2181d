"""Rows by way of files, for an engine without the Batch API: nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instraug.errors import EndpointUnavailable
from instraug.evaluation.predict.asking import noting
from instraug.evaluation.predict.batched import RowLooker
from instraug.evaluation.predict.job import (
    REPLIES,
    UNWATCHED,
    Loaded,
    PredictJob,
    PredictWatch,
    load_rows,
    notices,
)
from instraug.evaluation.predict.output import write_predictions
from instraug.evaluation.predict.run import PredictRun
from instraug.models.batch.offline import (
    ByFiles,
    check_replies_paths,
    check_requests_path,
    read_lacking,
    write_lacking,
)
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Reply
from instraug.models.endpoint.quirks import Quirks
from instraug.models.journal.journal import Journal
from instraug.models.journal.pointer import note_journal
from instraug.models.opening import offline_engine
from instraug.models.session import finish, session


def write_requests(job: PredictJob, dest: Path, loaded: Loaded | None = None) -> dict[str, Any]:
    """Write the requests of rows that have no reply as one batch file; nothing is sent.

    Returns:
        Counts, as ``--json`` prints them (docs/predicting.md).

    Raises:
        InputError, UsageError, LockedError, StorageError: the file is as it was.
        BudgetReached: the file holds what the budget allows.
    """
    loaded = loaded or load_rows(job)
    check_requests_path(dest)
    with session(job.out), Journal.open(job.replies) as journal:
        note_journal(job.out, job.replies, REPLIES)
        budget = BudgetTracker(job.config.budget, job.config.prices, (job.model,))
        written = finish(write_lacking(_by_files(job, _looker(job, loaded, journal)), budget, dest))
    return {"model": job.model, "requests": written, "file": str(dest)}


def read_replies(
    job: PredictJob,
    files: Sequence[Path],
    loaded: Loaded | None = None,
    watch: PredictWatch = UNWATCHED,
) -> PredictRun:
    """Record the replies in result files of a batch, and write the predictions.

    Returns:
        The run; `PredictRun.raise_unless_done` raises where replies are still lacking.

    Raises:
        InputError: no line of the files answers a row of the job.
        UsageError, LockedError, StorageError: nothing that was recorded is lost.
    """
    loaded = loaded or load_rows(job)
    check_replies_paths(files)  # before anything is made
    with session(job.out), Journal.open(job.replies) as journal, noting(job.out) as noted:
        note_journal(job.out, job.replies, REPLIES)
        for notice in (*journal.notices, *notices(job, loaded)):
            watch.notice(notice)
        looker = _looker(job, loaded, journal)
        run = looker.run
        read = finish(read_lacking(_by_files(job, looker), journal, files))
        for problem in read.problems:
            watch.notice(str(problem))

        def count(reply: Reply, bought: bool) -> None:
            run.count(reply, bought)
            watch.reply(reply, bought)

        if lost := looker.end(noted, count, read.recorded, read.refused):
            what = f"{lost} requests have no reply yet"
            run.stopped = EndpointUnavailable(f"{what}; --write-requests writes what lacks")
        journal.sync()
        write_predictions(job, run, noted, journal)
    return run


def _looker(job: PredictJob, loaded: Loaded, journal: Journal) -> RowLooker:
    model = offline_engine(job.model)
    return RowLooker(PredictRun(job.config, loaded, model.name, job.model), journal)


def _by_files(job: PredictJob, looker: RowLooker) -> ByFiles:
    return ByFiles(looker.look, looker.book, job.out, Quirks(job.config.endpoint))
