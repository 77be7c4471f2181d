"""A run by way of files, for an engine without the Batch API: nothing is sent."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from instraug.errors import EndpointUnavailable, UsageError
from instraug.files.atomic import atomic_writer
from instraug.files.compression import open_input
from instraug.files.disk import refusals
from instraug.files.replacing import check_replaceable
from instraug.files.spool import Spool
from instraug.models.batch.asking import Lacks, request_folder
from instraug.models.batch.book import Wave
from instraug.models.batch.offline import ASKED, Known
from instraug.models.batch.offline import read_replies as record_replies
from instraug.models.batch.requests import RequestFile, RequestFiles
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat
from instraug.models.endpoint.quirks import Quirks
from instraug.models.journal.journal import Journal
from instraug.models.journal.pointer import note_journal
from instraug.models.opening import Model, is_local, offline
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
    check_replaceable(dest, "file of requests", _is_requests)
    if not dest.parent.is_dir():
        raise UsageError(f"{dest}: the folder {dest.parent} does not exist; make it")
    with session(job.out), Journal.open(job.replies) as journal, Spool(job.out) as spool:
        note_journal(job.out, job.replies, REPLIES)
        run, chain = begun(job, inputs, _offline(job.model), journal, watch, spool)
        budget = BudgetTracker(job.config.budget, job.config.prices, job.models)
        written = finish(_write(job, Looker(run, chain, journal), budget, dest))
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
    for file in files:
        with open_input(file):  # before anything is made
            pass
    with session(job.out):
        notices = check_folder(job, inputs)
        with Journal.open(job.replies) as journal, Spool(job.out) as spool:
            check_replies(job, journal)
            note_journal(job.out, job.replies, REPLIES)
            for notice in (*journal.notices, *notices):
                watch.notice(notice)
            run, chain = begun(job, inputs, _offline(job.model), journal, watch, spool)
            count = partial(counted, run, watch, lambda _: None)
            finish(_read(job, Looker(run, chain, journal), files, watch, count))
            journal.sync()
            export(job.out, run, job.replies)
    return run


def _is_requests(path: Path) -> bool:
    """Whether a file is one of requests."""
    with refusals(path, "read"), path.open("rb") as file:
        return file.read(1 << 12).startswith(b'{"custom_id":')


def _offline(name: str) -> Model:
    """Return the model that an offline engine is asked for.

    Raises:
        UsageError: it is the embedded one.
    """
    if is_local(name):
        raise UsageError("an offline engine needs --model NAME, the name that it is asked by")
    return offline(name)


async def _write(job: ExpandJob, looker: Looker, budget: BudgetTracker, dest: Path) -> int:
    """Write what the next round lacks as one file, empty where nothing does; return how much.

    Raises:
        BudgetReached: not all of it fits; the rest is written.
    """
    with request_folder(job.out) as folder:
        files, lacks = await _lacking(job, looker, budget, folder)
        with atomic_writer(dest) as out:
            for file in files:
                with file.path.open("rb") as part:
                    shutil.copyfileobj(part, out)
        book = looker.book
        for file in files:
            if not any(b.digest == file.digest for b in book):
                book.uploaded(book.name(file), "", file, Wave(book.wave(fresh=True)), ASKED)
    if lacks.budget:
        raise lacks.budget
    return lacks.written


async def _read(
    job: ExpandJob, looker: Looker, paths: Sequence[Path], watch: Watch, count: Count
) -> None:
    """Record the replies in result files, and judge what is there.

    Raises:
        InputError: no file has a line of a request that this run knows.
    """
    with request_folder(job.out) as folder:
        files, _ = await _lacking(job, looker, BudgetTracker(), folder)
        read = record_replies(paths, Known(looker.book, files), looker.journal)
    for problem in read.problems:
        watch.notice(str(problem))
    lacks = await looker.end(count, read.recorded, {})
    if lacks.unanswered:
        what = f"{lacks.unanswered} requests have no reply yet"
        looker.run.stopped = EndpointUnavailable(f"{what}; --write-requests writes what lacks")


async def _lacking(
    job: ExpandJob, looker: Looker, budget: BudgetTracker, folder: Path
) -> tuple[list[RequestFile], Lacks]:
    most = 2**63  # an engine of one's own takes a file of any size
    quirks = Quirks(job.config.endpoint)
    with RequestFiles(folder, quirks, budget.worst, most, most) as files:

        def add(chat: Chat) -> None:
            budget.take(budget.worst(chat))
            files.add(chat)

        lacks, _ = await looker.look(Limits(add), {}, nothing)
    return files.files, lacks
