"""Verify an output folder: files, journal, and every generated instruction proved again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from instraug.errors import PlaceholderError, Problem
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import MANIFEST, Manifest, read_manifest, sha256
from instraug.files.spool import Spool
from instraug.models.journal.replay import Replay
from instraug.tasks.placeholders import multiset
from instraug.tasks.pool import (
    ANOTHER,
    INSTRUCTIONS,
    REJECTED,
    REPLIES,
    InstructionRow,
    RowsByTask,
)
from instraug.tasks.records import instruction_id
from instraug.tasks.rendering import prove

_AGAIN = "run the same `instraug expand` again; replies already bought are reused"

Placed = tuple[str, InstructionRow]
"""``file:line`` and what stands there."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was verified."""

    name: str
    """``manifest``, ``journal``, ``instructions`` (the file as such) or ``task NAME``."""
    problems: tuple[Problem, ...]
    """Everything wrong with it; empty where it is well."""


@dataclass(frozen=True)
class _Rejected:
    """The rejected rewrites of a run, read if they are asked for.

    Stricter rules reject a rewrite of the first step, and keep what the second made of it.
    """

    path: Path

    def __contains__(self, parent: tuple[str, str | None]) -> bool:
        return parent in self._ids

    @cached_property
    def _ids(self) -> frozenset[tuple[object, object]]:
        if not self.path.exists():
            return frozenset()
        rows = read_jsonl(self.path, on_problem=lambda _: None)
        return frozenset((row.get("task"), row.get("id")) for _, row in rows if row.get("id"))


def verify(folder: Path, journal: Path | None = None) -> list[Check]:
    """Check an output folder of expand, and prove every generated instruction again.

    Args:
        folder: The output folder.
        journal: The journal; None: the one that the manifest names, or the folder's own.

    Returns:
        Manifest, journal and instructions, then each task by name; of a folder that another command
        wrote, the manifest alone. Never an empty list.

    Raises:
        StorageError: a file exists but cannot be read.
    """
    manifest = read_manifest(folder / MANIFEST)
    if other := manifest.is_other("expand", folder, ANOTHER):
        return [Check("manifest", (other,))]
    named = manifest.body.get("journal")
    journal = journal or folder / (named if isinstance(named, str) else REPLIES)
    path, problems = folder / INSTRUCTIONS, list[Problem]()
    with Replay.read(journal) as replies, Spool() as spool:
        rows = RowsByTask(path, spool, problems, _AGAIN) if path.exists() else None
        if rows is None:
            problems.append(Problem(str(path), "the file is missing", _AGAIN))
        originals, rejected = _originals(manifest.body), _Rejected(folder / REJECTED)
        checks = [
            Check("manifest", tuple(_manifest(folder, manifest))),
            Check("journal", tuple(_journal(journal, replies))),
            Check("instructions", tuple(problems)),
        ]
        for name in sorted({*originals, *(rows.tasks if rows else ())}):
            placed = list(rows.of(name)) if rows else []
            lost = _lost(path, placed, originals.get(name, []))
            checks.append(Check(f"task {name}", (*lost, *_task(name, placed, replies, rejected))))
    return checks


def _manifest(folder: Path, manifest: Manifest) -> Iterator[Problem]:
    """Compare the files' hashes with the manifest's."""
    own = str(folder / MANIFEST)
    if manifest.problem:
        yield manifest.problem
        return
    outputs = manifest.body.get("outputs")
    if not outputs or not isinstance(outputs, Mapping):
        yield Problem(own, "the manifest lists no output files", _AGAIN)
        return
    for name, digest in outputs.items():
        path = folder / name
        if path.parent != folder:
            what = f"the manifest lists {name!r}, which is not in this folder"
            yield Problem(own, what, _AGAIN)
        elif not path.is_file():
            yield Problem(str(path), "the file is missing", _AGAIN)
        elif sha256(path) != digest:
            yield Problem(str(path), "the file is not the one that the manifest describes", _AGAIN)


def _originals(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return task -> hand-written instructions, as far as the manifest lists them."""
    with suppress(LookupError, TypeError):
        return {str(t["name"]): list(map(str, t["templates"])) for t in body["inputs"]["tasks"]}
    return {}


def _lost(path: Path, rows: list[Placed], originals: list[str]) -> Iterator[Problem]:
    """Report hand-written instructions of the run's input that are not in its output."""
    present = {(row.origin, row.instruction) for _, row in rows if not row.generated}
    for position, text in enumerate(originals):
        if (position, text) not in present:
            what = f"the hand-written instruction {position} is missing: {text!r:.60}"
            yield Problem(str(path), what, _AGAIN)


def _journal(path: Path, replies: Replay) -> Iterator[Problem]:
    """Report each stretch that is not an intact record."""
    if not path.exists():
        yield Problem(str(path), "there is no journal", "give it by --journal PATH")
    fix = "run `instraug expand` again: it sets the damage aside and asks for what is missing"
    for damage in replies.damage:
        what = f"{len(damage.data)} bytes are not an intact record"
        yield Problem(f"{path}:{damage.line}", what, fix)


def _task(name: str, rows: list[Placed], replies: Replay, rejected: _Rejected) -> Iterator[Problem]:
    """Prove one task's instructions."""
    originals = {row.origin: row for _, row in rows if not row.generated}
    ids = Counter(row.id for _, row in rows)
    for where, row in rows:
        if row.id != instruction_id(name, row.instruction):
            what = "the id is not the hash of task and instruction"
            yield Problem(where, what, _AGAIN)
        if row.generated:
            for what in _generated(row, originals.get(row.origin), ids, replies):
                yield Problem(where, what, _AGAIN)
            if row.parent not in ids and (name, row.parent) not in rejected:
                yield Problem(where, "its parent is missing", _AGAIN)


def _generated(
    row: InstructionRow, origin: InstructionRow | None, ids: Counter[str], replies: Replay
) -> Iterator[str]:
    """Yield what is wrong with one generated instruction."""
    if ids[row.id] > 1:
        yield "the instruction occurs more than once in its task"
    if origin is None:
        yield f"its original, number {row.origin} of the task, is missing"
    elif (difference := _unlike(row.instruction, origin.instruction)) is not None:
        yield difference
    reply = None if row.reply is None else replies.get(row.reply)
    if reply is None:
        yield "its reply is missing from the journal"
    elif row.choice is None or not 0 <= row.choice < len(reply.choices):
        yield f"its reply has no choice {row.choice}"


def _unlike(instruction: str, origin: str) -> str | None:
    """Prove that an instruction holds its origin's placeholders; else return how it differs."""
    try:
        ours, theirs = multiset(instruction), multiset(origin)
    except PlaceholderError as error:
        return f"it does not parse: {error.problems[0].what}"
    if ours != theirs:
        lost, new = sorted((theirs - ours).elements()), sorted((ours - theirs).elements())
        return f"placeholders differ from its original's: lost {lost}, new {new}"
    return prove(instruction, origin)
