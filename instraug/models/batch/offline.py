"""Batch files for an engine without the API, such as vLLM's run-batch: nothing is sent."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from instraug.errors import EndpointUnavailable, InputError, Problem, UsageError, grouped, printable
from instraug.files.atomic import atomic_writer
from instraug.files.compression import open_input
from instraug.files.disk import refusals
from instraug.files.jsonl import LINE_CAP
from instraug.files.replacing import check_replaceable
from instraug.models.batch.asking import Lacks, Look, request_folder
from instraug.models.batch.book import Book, Wave
from instraug.models.batch.lines import Failure, Outline, parsed, result, result_key
from instraug.models.batch.requests import RequestFile, RequestFiles
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Chat
from instraug.models.endpoint.quirks import Quirks
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex

ASKED = "offline"
"""Who answered, as the journal notes it."""

_REFUSALS = (400, 413, 422)
"""HTTP statuses of a request that would be refused again."""

_NO_LIMIT = 2**63
"""An engine of one's own takes a file of any size, and is started once for it."""


@dataclass(frozen=True)
class ByFiles:
    """A run that is asked by way of files."""

    look: Look
    """Finds what is lacking."""
    book: Book
    """Of the run's journal."""
    out: Path
    """The output folder, which this process has locked."""
    quirks: Quirks
    """What the requests may hold."""


def check_requests_path(dest: Path) -> None:
    """Raise UsageError where a file of requests cannot be written, or would replace another one."""
    check_replaceable(dest, "file of requests", _is_requests)
    if dest.suffix in (".gz", ".zst"):
        raise UsageError(f"{dest}: engines read plain lines; choose a name without {dest.suffix}")
    if not dest.parent.is_dir():
        raise UsageError(f"{dest}: the folder {dest.parent} does not exist; make it")


def check_replies_paths(paths: Sequence[Path]) -> None:
    """Raise InputError or StorageError where a file of replies cannot be opened."""
    for path in paths:
        with open_input(path):
            pass


async def write_lacking(run: ByFiles, budget: BudgetTracker, dest: Path) -> int:
    """Write what is lacking as one file, empty where nothing is; return how many requests.

    Raises:
        BudgetReached: not all of it fits; the rest is written.
        EndpointUnavailable: all that is lacking is in a batch that is open.
        StorageError: the file is as it was.
    """
    with request_folder(run.out) as folder:
        files, lacks = await _lacking(run, budget, folder)
        with atomic_writer(dest) as out:
            for file in files:
                with file.path.open("rb") as part:
                    shutil.copyfileobj(part, out)
        book = run.book
        for file in files:
            if not any(b.digest == file.digest for b in book):
                book.uploaded(book.name(file), "", file, Wave(book.wave(fresh=True)), ASKED)
    if lacks.budget:
        raise lacks.budget
    if lacks.unanswered and not lacks.written:
        what = f"{lacks.unanswered} requests are in a batch that is open, so none is written"
        raise EndpointUnavailable(f"{what}; run again with --batch to fetch their replies")
    return lacks.written


async def read_lacking(run: ByFiles, journal: Journal, paths: Sequence[Path]) -> ReadReplies:
    """Record the replies in result files to what was written, or would be written now.

    Raises:
        InputError: no file has a line of a request that this run knows.
        StorageError: a file cannot be read, or the journal not written.
    """
    with request_folder(run.out) as folder:
        files, _ = await _lacking(run, BudgetTracker(), folder)
        return read_replies(paths, Known(run.book, files), journal)


async def _lacking(
    run: ByFiles, budget: BudgetTracker, folder: Path
) -> tuple[list[RequestFile], Lacks]:
    with RequestFiles(folder, run.quirks, budget.worst, _NO_LIMIT, _NO_LIMIT) as files:

        def add(chat: Chat) -> None:
            budget.take(budget.worst(chat))
            files.add(chat)

        lacks = await run.look(add, {})
    return files.files, lacks


def _is_requests(path: Path) -> bool:
    """Whether a file is one of requests."""
    with refusals(path, "read"), path.open("rb") as file:
        return file.read(1 << 12).startswith(b'{"custom_id":')


@dataclass
class ReadReplies:
    """What was read from result files."""

    recorded: RecordIndex
    """Keys whose reply was recorded just now."""
    problems: list[Problem]
    """One a kind of line that gave no reply."""
    refused: dict[str, str]
    """Keys that the engine refused while it answered others, and why."""


class Known:
    """The requests that a result file may answer.

    Args:
        book: Those that were written or sent before, by this journal.
        files: Those that would be written now.
    """

    def __init__(self, book: Book, files: Iterable[RequestFile]) -> None:
        self._index, self._outlines = RecordIndex(), list[Outline]()
        for batch in book:
            self._add(batch, batch.outline)
        for file in files:
            each = (file.keys[i : i + 32].hex() for i in range(0, len(file.keys), 32))
            self._add(each, file.outline)

    def get(self, key: str) -> Outline | None:
        """Return what is known of a request; None if it is not one."""
        place = self._index.get(key)
        return self._outlines[place[0]] if place else None

    def _add(self, keys: Iterable[str], outline: Outline) -> None:
        self._outlines.append(outline)
        for key in keys:
            self._index.add(key, len(self._outlines) - 1, 0)


def read_replies(paths: Sequence[Path], known: Known, journal: Journal) -> ReadReplies:
    """Record the replies in result files; a request that has a reply keeps it.

    Args:
        paths: The files; ``.gz`` and ``.zst`` are decompressed.
        known: The requests that they may answer.
        journal: Takes the replies.

    Raises:
        InputError: there is not one line of a known request; or a file is cut short.
        StorageError: a file cannot be read, or the journal not written.
    """
    reader = _Reader(known, journal)
    problems = grouped(problem for path in paths for problem in reader.read(path))
    if not reader.known:
        fix = "give the engine's output file"
        empty = [Problem(str(path), "holds no line of a reply", fix) for path in paths]
        raise InputError(problems or empty)
    refused = reader.refused if reader.answered else {}
    return ReadReplies(reader.recorded, problems, refused)


class _Reader:
    def __init__(self, known: Known, journal: Journal) -> None:
        self._known, self._journal = known, journal
        self._seen, self.recorded = RecordIndex(), RecordIndex()
        self.known = self.answered = 0
        self.refused: dict[str, str] = {}

    def read(self, path: Path) -> Iterator[Problem]:
        with open_input(path) as file:
            lines = iter(lambda: file.readline(LINE_CAP + 1), b"")  # they end at \n only
            for number, line in enumerate(lines, 1):
                if len(line) > LINE_CAP:
                    what = f"the line is longer than {LINE_CAP} bytes"
                    raise InputError([Problem(f"{path}:{number}", what, "give the whole file")])
                bare = line if number > 1 else line.removeprefix(b"\xef\xbb\xbf")
                if wrong := self._line(bare):
                    yield Problem(f"{path}:{number}", *wrong)

    def _line(self, line: bytes) -> tuple[str, str] | None:
        """Record a line's reply; or return what is wrong with it, and what becomes of it."""
        try:
            row = parsed(line)
        except ValueError:
            return "the line is damaged (no JSON)", "left out; its request is written again"
        if row is None:
            return None
        if (key := result_key(row)) is None:
            return "the line has no custom_id", "left out"
        if (outline := self._known.get(key)) is None:
            return "the custom_id is none of this plan's requests", "left out; give the file's plan"
        self.known += 1
        got = result(row, outline)
        if isinstance(got, Failure):
            if "response" not in row and "error" not in row:
                return "the line is a request, not a result", "give the engine's output file"
            why = f"no reply: {printable(got.why)[:200]}"
            if got.status not in _REFUSALS:
                return why, "its request is written again"
            self.refused[key] = got.why
            return why, "left out, unless nothing else was answered"
        if key in self._seen:
            return "a second reply to one request", "left out; the first one counts"
        self._seen.add(key, 0, 0)
        self.answered += 1
        if key not in self._journal:
            self._journal.record(replace(got, endpoint=ASKED))
            self.recorded.add(key, 0, 0)
        return None
