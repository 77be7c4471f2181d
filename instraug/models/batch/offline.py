"""Batch files for an engine without the API, such as vLLM's run-batch: nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from instraug.errors import InputError, Problem, grouped, printable
from instraug.files.compression import open_input
from instraug.files.jsonl import LINE_CAP
from instraug.models.batch.book import Book
from instraug.models.batch.lines import Failure, Outline, parsed, result, result_key
from instraug.models.batch.requests import RequestFile
from instraug.models.journal.journal import Journal
from instraug.models.journal.record_index import RecordIndex

ASKED = "offline"
"""Who answered, as the journal notes it."""


@dataclass
class ReadReplies:
    """What was read from result files."""

    recorded: RecordIndex
    """Keys whose reply was recorded just now."""
    problems: list[Problem]
    """One a kind of line that gave no reply."""


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
    if problems and not reader.known:
        raise InputError(problems)
    return ReadReplies(reader.recorded, problems)


class _Reader:
    def __init__(self, known: Known, journal: Journal) -> None:
        self._known, self._journal = known, journal
        self._seen, self.recorded = RecordIndex(), RecordIndex()
        self.known = 0

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
            return f"no reply: {printable(got.why)[:200]}", "its request is written again"
        if key in self._seen:
            return "a second reply to one request", "left out; the first one counts"
        self._seen.add(key, 0, 0)
        if key not in self._journal:
            self._journal.record(replace(got, endpoint=ASKED))
            self.recorded.add(key, 0, 0)
        return None
