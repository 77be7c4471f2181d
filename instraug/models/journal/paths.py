"""Where a run's journal may be: at no path that holds, or will hold, something else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from instraug.errors import UsageError
from instraug.files.disk import refusals
from instraug.files.lock import FOLDER_LOCK
from instraug.files.manifest import MANIFEST
from instraug.files.yaml_folder import SUFFIXES
from instraug.models.journal.replay import check_journal, spare

POINTER = ".replies.jsonl.at"
"""What names the journal of a run that is not over; see `models.journal.pointer`."""


def check_journal_path(
    journal: Path, out: Path, outputs: Iterable[str], *read: Path | None
) -> None:
    """Refuse a journal's path that holds something else, before anything is changed.

    Args:
        journal: The path, there or not; links are followed.
        out: The output folder, there or not.
        outputs: Names of what the run writes there, beside the manifest.
        read: Folders, or files, whose YAML files the run reads; None is skipped.

    Raises:
        UsageError: the path holds, or will hold, something else.
    """
    keep_apart(out, journal, outputs)
    check_journal(journal)
    parent = Path(os.path.realpath(journal)).parent
    if not parent.is_dir() and _real(parent) != _real(out):
        raise UsageError(
            f"{journal}: the folder {parent} does not exist; choose another path, or make it"
        )
    path = _real(journal)
    for folder in read:
        if folder and path.suffix in SUFFIXES and path.is_relative_to(_real(folder)):
            what = f"would be read as a file of {folder}"
            raise UsageError(f"{journal}: {what}; choose another path for the journal")


def keep_apart(out: Path, journal: Path, outputs: Iterable[str]) -> None:
    """Make sure that writing the outputs replaces no journal, neither the run's nor another's.

    Args:
        out: The output folder, there or not.
        journal: The run's journal, there or not; links are followed.
        outputs: Names of what is written there, beside the manifest.

    Raises:
        UsageError: the journal's path is an output's, or holds the folder; or a journal is at an
            output's path.
        StorageError: the system cannot look there, as where a name is too long for it.
    """
    replies, folder = _real(journal), _real(out)
    if folder.is_relative_to(replies):
        raise UsageError(f"{journal}: is, or holds, the output folder; choose another journal")
    for name in (*outputs, MANIFEST, FOLDER_LOCK, POINTER):
        path = out / name
        with refusals(journal, "read"):
            same = path.exists() and journal.exists() and path.samefile(journal)
        if same or _real(path) == replies:
            raise UsageError(f"{journal}: a run writes its {name} there; choose another journal")
        spare(path)


def beside(journal: Path, out: Path) -> str:
    """Return a journal's path relative to where an output folder really is.

    The journal's folder is resolved, and a link as the journal itself stays one.
    """
    place = Path(os.path.realpath(journal.parent), journal.name)
    return os.path.relpath(place, os.path.realpath(out))


def _real(path: Path) -> Path:
    """Follow links and fold case, which some file systems do; for comparing paths."""
    return Path(os.path.realpath(path).casefold())
