"""The output folder of a run: written, and read back."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import instraug
from instraug.errors import InputError, Problem
from instraug.files.atomic import atomic_writer
from instraug.files.decode import decode
from instraug.files.disk import refusals
from instraug.files.manifest import MANIFEST, read_manifest, sha256, write_manifest
from instraug.models.journal.paths import beside
from instraug.models.journal.pointer import forget_journal, note_journal
from instraug.rewriting.card import write_card
from instraug.rewriting.config import Config, as_plain, from_plain
from instraug.rewriting.prompts.meta_prompts import MetaPrompt
from instraug.rewriting.run import JSON, Run
from instraug.tasks.pool import ANOTHER, INSTRUCTIONS, REJECTED, REPLIES
from instraug.tasks.records import Task, TaskKeys


def export(out: Path, run: Run, journal: Path, made_from: Path | None = None) -> None:
    """Write instructions.jsonl and rejected.jsonl, the card, then manifest.json.

    The manifest of an earlier run is removed first, so that no manifest ever describes files of
    another run.

    Args:
        out: The folder.
        run: The run.
        journal: Where the replies are; the manifest names it relative to ``out``.
        made_from: The folder whose run was judged again; None: the run is one of its own.

    Raises:
        StorageError: a file could not be written; none is left half-written.
    """
    manifest = out / MANIFEST
    note_journal(out, journal, REPLIES)
    with refusals(manifest, "remove"):
        manifest.unlink(missing_ok=True)
    files = {
        INSTRUCTIONS: [outcome.instructions for outcome in run.outcomes],
        REJECTED: [outcome.rejected for outcome in run.outcomes],
    }
    for name, rows in files.items():
        with atomic_writer(out / name) as file:
            run.spool.copy(rows, file)
    hashes = {name: sha256(out / name) for name in files}
    write_card(out, run, hashes[INSTRUCTIONS])
    inputs = run.inputs
    write_manifest(
        manifest,
        {
            "kind": "expand",
            "instraug": instraug.__version__,
            "python": platform.python_version(),
            "config": as_plain(run.config),
            "model": run.plan.model,
            "scorer": run.scorer,
            "journal": beside(journal, out),
            "made_from": made_from and beside(made_from, out),
            "inputs": {
                "tasks": [_as_kept(task) for task in inputs.tasks],
                "meta_prompts": [asdict(m) for m in inputs.meta_prompts],
            },
            "outputs": hashes,
            **{k: v for k, v in run.summary().items() if k != "model"},
            "short_templates": run.shortfalls,
        },
    )
    forget_journal(out)


@dataclass(frozen=True)
class Kept:
    """The part of a manifest that is needed to judge its run again."""

    config: Config
    tasks: tuple[Task, ...]
    meta_prompts: tuple[MetaPrompt, ...]
    model: str
    scorer: str | None
    journal: Path
    outputs: Mapping[str, str]
    """The row files' SHA-256 (hex), by name."""

    def same_run(self, other: Kept) -> bool:
        """Whether both are of one run, judged by whatever rules."""
        alike = replace(self, outputs={}, scorer=None, journal=Path())
        theirs = replace(other, outputs={}, scorer=None, journal=Path())
        same = replace(theirs, config=replace(theirs.config, rules=self.config.rules))
        return alike == same and os.path.realpath(self.journal) == os.path.realpath(other.journal)


def read_output(out: Path) -> Kept:
    """Read the manifest of an output folder.

    Raises:
        InputError: it is missing, damaged, of another command, or not of the shape that `export`
            writes.
        StorageError: it cannot be read.
    """
    path = out / MANIFEST
    manifest = read_manifest(path)
    if manifest.problem:
        raise InputError([manifest.problem])
    if other := manifest.is_other("expand", out, ANOTHER):
        raise InputError([other])
    known = {field.name: manifest.body.get(field.name) for field in fields(_Kept)}
    kept, problems = decode(known, _Kept, lambda _: str(path))
    tasks = [] if problems or kept is None else _tasks(kept.inputs.tasks, problems)
    if problems or kept is None:
        fix = "run the same `instraug expand` again to write it anew"
        raise InputError([Problem(str(path), f"the manifest is damaged ({problems[0].what})", fix)])
    return Kept(
        config=from_plain(kept.config, str(path)),
        tasks=tuple(tasks),
        meta_prompts=kept.inputs.meta_prompts,
        model=kept.model,
        scorer=kept.scorer,
        journal=out / kept.journal,
        outputs=kept.outputs,
    )


@dataclass(frozen=True)
class _KeptInputs:
    tasks: tuple[Mapping[str, Any], ...]
    meta_prompts: tuple[MetaPrompt, ...]


@dataclass(frozen=True)
class _Kept:
    """The same part as JSON data."""

    config: Mapping[str, Any]
    inputs: _KeptInputs
    model: str
    scorer: str | None
    journal: str
    outputs: Mapping[str, str]


# A task file says "instructions" where a manifest says "templates". Keys that are newer than a
# manifest get their defaults.


def _as_kept(task: Task) -> JSON:
    return {"templates" if k == "instructions" else k: v for k, v in task.keys().items()}


def _as_file(kept: Mapping[str, Any]) -> JSON:
    return {"instructions" if k == "templates" else k: v for k, v in kept.items()}


def _tasks(kept: Iterable[Mapping[str, Any]], problems: list[Problem]) -> list[Task]:
    """Return the tasks of a manifest; what is wrong with them is added to the problems."""
    tasks = []
    for number, body in enumerate(kept):
        where = ("inputs", "tasks", number)
        draft, wrong = decode(_as_file(body), TaskKeys, lambda _: MANIFEST, where)
        problems += wrong
        if draft is not None:
            tasks.append(Task(**draft.keys()))
    return tasks
