"""What an earlier run left in an output folder: nothing of it goes, or is bought again, unasked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.disk import refusals
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import MANIFEST, Manifest, read_manifest
from instraug.files.replacing import check_replaceable
from instraug.models.journal.paths import POINTER
from instraug.models.journal.pointer import noted_journal
from instraug.models.journal.replay import Replay, spare
from instraug.tasks.pool import INSTRUCTIONS, REJECTED, REPLIES

_ROWS = (INSTRUCTIONS, REJECTED)


@dataclass(frozen=True)
class Earlier:
    """The run whose files stand in a folder; an empty one where there is none."""

    out: Path
    manifest: Manifest

    @property
    def is_there(self) -> bool:
        """Whether there is any file of one."""
        return any((self.out / name).exists() for name in (*_ROWS, MANIFEST))

    @property
    def journal(self) -> Path:
        """Where its replies are: as a run that did not end or its manifest says, else its own."""
        named = noted_journal(self.out) or self.manifest.body.get("journal")
        path = self.out / (named if isinstance(named, str) else REPLIES)
        plain = Path(os.path.normpath(path))  # without ``..``, unless the folder is a link
        return plain if os.path.realpath(plain) == os.path.realpath(path) else path

    @property
    def named_by(self) -> Path:
        """What says where they are."""
        return self.out / (POINTER if noted_journal(self.out) else MANIFEST)

    @property
    def shares_journal(self) -> bool:
        """Whether its journal is another one than the folder's own."""
        return os.path.realpath(self.journal) != os.path.realpath(self.out / REPLIES)

    @property
    def tasks(self) -> list[str]:
        """The names of its tasks, by its manifest, or by its rows where that is lost."""
        with suppress(LookupError, TypeError):
            return [str(task["name"]) for task in self.manifest.body["inputs"]["tasks"]]
        return list(dict.fromkeys(str(row.get("task")) for row in self._rows))

    @property
    def _replies(self) -> Iterator[str]:
        """Yield the key of the reply that each row comes from."""
        return (str(row["reply"]) for row in self._rows if row.get("reply"))

    @property
    def _rows(self) -> Iterator[Mapping[str, Any]]:
        """Yield its rows; what is damaged is written anew in any case, and passed over."""
        for path in (self.out / name for name in _ROWS):
            with suppress(InputError):
                if path.is_file():
                    yield from (row for _, row in read_jsonl(path, on_problem=lambda _: None))

    def check_tasks(self, names: Iterable[str]) -> None:
        """Raise InputError, naming each, where tasks would no longer be in the folder."""
        if lost := sorted(set(self.tasks) - set(names)):
            fix = "choose another folder, name them too, or give --force to drop their rows"
            where = str(self.out / MANIFEST)
            raise InputError(
                Problem(where, f"this run would not write the task {name!r} of the run there", fix)
                for name in lost
            )

    def check_there(self, journal: Path) -> None:
        """Raise InputError where rows count on replies, and no journal of any stands at a path."""
        with refusals(journal, "read"):
            there = journal.is_file() and journal.stat().st_size > 0
        if not there and (lost := len(set(self._replies))):
            self._raise_lost(journal, lost)

    def check_replies(self, journal: Replay, path: Path) -> None:
        """Raise InputError where a journal lacks replies, and neither damage nor a kill says why.

        A key that was asked for without an outcome, and whatever was on a damaged line, is asked
        for again as it is after any crash.
        """
        if not journal.damage:
            known = (journal, journal.unknown, journal.broken)
            if lost := {key for key in self._replies if not any(key in keys for keys in known)}:
                self._raise_lost(path, len(lost))

    def _raise_lost(self, journal: Path, lost: int) -> None:
        what = f"lacks {lost} replies that the rows in {self.out} count on"
        other = "give --journal PATH if they are elsewhere, or put the journal back"
        raise InputError([Problem(str(journal), what, f"{other}; --force buys them again")])


def read_earlier(out: Path) -> Earlier:
    """Read what stands in an output folder, there or not.

    Raises:
        UsageError: a path of the outputs is taken by anything but an output of a run.
        StorageError: it cannot be read.
    """
    for name, is_own in ((INSTRUCTIONS, _is_rows), (REJECTED, _is_rows), (MANIFEST, _is_manifest)):
        spare(out / name)
        check_replaceable(out / name, "output of `instraug expand`", is_own)
    return Earlier(out, read_manifest(out / MANIFEST))


_KEYS = {"kind", "instraug", "config", "inputs", "outputs"}
"""Of which every manifest of a run has some, whatever version wrote it."""


def _is_manifest(path: Path) -> bool:
    """Whether a file is a run's manifest, or a damaged one, which a run writes anew."""
    found = read_manifest(path)
    return not found.body or (found.is_of("expand") and bool(_KEYS & found.body.keys()))


def _is_rows(path: Path) -> bool:
    """Whether a file holds rows of a run: its first sound line says it."""
    with suppress(InputError):
        for _, row in read_jsonl(path, on_problem=lambda _: None):
            return {"task", "instruction", "source"} <= row.keys()
    return False
