"""A run by way of files, for an engine without the Batch API: nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from instraug.errors import EndpointUnavailable
from instraug.files.spool import Spool
from instraug.models.batch.asking import Lacks
from instraug.models.batch.offline import (
    ByFiles,
    check_replies_paths,
    check_requests_path,
    read_lacking,
    write_lacking,
)
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat
from instraug.models.endpoint.quirks import Quirks
from instraug.models.journal.journal import Journal
from instraug.models.journal.pointer import note_journal
from instraug.models.opening import offline_engine
from instraug.models.session import finish, session
from instraug.rewriting.batched import Limits
from instraug.rewriting.beginning import begun, counted
from instraug.rewriting.job import (
    QUIET,
    ExpandJob,
    Inputs,
    Watch,
    check_folder,
    check_replies,
    load,
)
from instraug.rewriting.output import export
from instraug.rewriting.run import Run
from instraug.rewriting.waves import Count, Looker, nothing
from instraug.tasks.pool import REPLIES


def write_requests(
    job: ExpandJob, dest: Path, inputs: Inputs | None = None, watch: Watch = QUIET
) -> dict[str, Any]:
    """Write the requests that a job's next round lacks as a batch file; nothing is sent or judged.

    Returns:
        Counts, as ``--json`` prints them (docs/json-summary.md).

    Raises:
        InputError, UsageError, LockedError, StorageError: the file is as it was.
        BudgetReached: the file holds what the budget allows.
    """
    inputs = inputs or load(job)
    check_requests_path(dest)
    with session(job.out), Journal.open(job.replies) as journal, Spool(job.out) as spool:
        note_journal(job.out, job.replies, REPLIES)
        run, chain = begun(job, inputs, offline_engine(job.model), journal, watch, spool)
        budget = BudgetTracker(job.config.budget, job.config.prices, job.models)
        by_files = _by_files(job, Looker(run, chain, journal))
        written = finish(write_lacking(by_files, budget, dest))
    return {"model": job.model, "requests": written, "file": str(dest)}


def read_replies(
    job: ExpandJob, files: Sequence[Path], inputs: Inputs | None = None, watch: Watch = QUIET
) -> Run:
    """Record the replies in result files of a batch, judge them, and write the output folder.

    Returns:
        The run; `Run.raise_unless_done` raises where replies are still lacking.

    Raises:
        InputError: no line of the files answers a request of the job.
        UsageError, LockedError, StorageError: nothing that was recorded is lost.
    """
    inputs = inputs or load(job)
    check_replies_paths(files)  # before anything is made
    with session(job.out):
        notices = check_folder(job, inputs)
        with Journal.open(job.replies) as journal, Spool(job.out) as spool:
            check_replies(job, journal)
            note_journal(job.out, job.replies, REPLIES)
            for notice in (*journal.notices, *notices):
                watch.notice(notice)
            run, chain = begun(job, inputs, offline_engine(job.model), journal, watch, spool)
            count = partial(counted, run, watch, lambda _: None)
            finish(_read(job, Looker(run, chain, journal), files, watch, count))
            journal.sync()
            export(job.out, run, job.replies)
    return run


def _by_files(job: ExpandJob, looker: Looker) -> ByFiles:
    async def look(add: Callable[[Chat], None], refused: Mapping[str, str]) -> Lacks:
        return (await looker.look(Limits(add), refused, nothing))[0]

    return ByFiles(look, looker.book, job.out, Quirks(job.config.endpoint))


async def _read(
    job: ExpandJob, looker: Looker, paths: Sequence[Path], watch: Watch, count: Count
) -> None:
    """Record the replies in result files, and judge what is there.

    Raises:
        InputError: no file has a line of a request that this run knows.
    """
    read = await read_lacking(_by_files(job, looker), looker.journal, paths)
    for problem in read.problems:
        watch.notice(str(problem))
    lacks = await looker.end(count, read.recorded, read.refused)
    if lacks.unanswered:
        what = f"{lacks.unanswered} requests have no reply yet"
        looker.run.stopped = EndpointUnavailable(f"{what}; --write-requests writes what lacks")
