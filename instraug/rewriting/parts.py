"""The folder that ``filter --shard I/N`` leaves: the rows and the figures of some of the tasks.

    instructions.jsonl   their rows, as the whole has them
    rejected.jsonl       likewise
    outcomes.jsonl       what became of each task
    manifest.json        see `files.part`

Judging looks at one task at a time, so that the whole is its tasks, one after the other.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import instraug
from instraug.errors import InputError, Problem
from instraug.files.atomic import atomic_writer
from instraug.files.disk import refusals
from instraug.files.jsonl import read_jsonl, write_jsonl
from instraug.files.manifest import MANIFEST, sha256, write_manifest
from instraug.files.part import Part, PartFolder
from instraug.files.spool import Stretch
from instraug.models.journal.paths import beside
from instraug.rewriting.config import Config, as_plain, from_plain
from instraug.rewriting.outcome import Outcome, ShortTemplate
from instraug.rewriting.output import Kept, read_output
from instraug.rewriting.run import Run
from instraug.tasks.pool import INSTRUCTIONS, REJECTED
from instraug.tasks.records import Task

_OUTCOMES = "outcomes.jsonl"

_FIGURES = ("prompt_tokens", "completion_tokens", "reused")
"""Of a run, those that are added up."""

_PLAIN = ("task", "templates", "skipped", "answers", "accepted")

_DAMAGED = (LookupError, TypeError, ValueError, AttributeError)


def write_part(folder: Path, dest: Path, run: Run, out: Path, kept: Kept, part: Part) -> None:
    """Write what a part of a run's tasks came to.

    Args:
        folder: Where to, for now.
        dest: Where that will be.
        run: The part, judged.
        out: The folder of the run that is judged again.
        kept: Its manifest.
        part: Which part.

    Raises:
        StorageError: a file cannot be written.
    """
    rows = {
        INSTRUCTIONS: [o.instructions for o in run.outcomes],
        REJECTED: [o.rejected for o in run.outcomes],
    }
    for name, stretches in rows.items():
        with atomic_writer(folder / name) as file:
            run.spool.copy(stretches, file)
    write_jsonl(folder / _OUTCOMES, map(_as_json, run.outcomes))
    body = {
        "kind": "shard",
        "of": "expand",
        "python": platform.python_version(),
        "shard": [part.number, part.of],
        "same": {
            "instraug": instraug.__version__,
            "config": as_plain(run.config),
            "model": kept.model,
            "scorer": run.scorer,
            "outputs": dict(kept.outputs),
        },
        "made_from": beside(out, dest),
        "figures": {name: getattr(run, name) for name in _FIGURES},
        "endpoints": dict(run.endpoints),
        "outputs": {name: sha256(folder / name) for name in (*rows, _OUTCOMES)},
        "run": {"seconds": run.summary()["run"]["seconds"]},
    }
    write_manifest(folder / MANIFEST, body)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        **{name: getattr(outcome, name) for name in _PLAIN},
        "broken": dict(outcome.broken),
        "written": list(outcome.written.items()),
        "generated": list(outcome.generated.items()),
        "sent_otherwise": [[*what, n] for what, n in outcome.sent_otherwise.items()],
        "short": [
            [s.template.origin, s.accepted, s.answers, s.asked, s.unanswered, s.broken]
            for s in outcome.short
        ],
        "bytes": [outcome.instructions.size, outcome.rejected.size],
    }


def judged_run(folders: Sequence[PartFolder]) -> tuple[Path, Kept, Config]:
    """Return the folder of the run that parts were judged of, its manifest, and their settings.

    Raises:
        InputError: it is not there any more, or another one is.
    """
    first = folders[0]
    try:
        out = first.path / str(first.body["made_from"])
        plain, outputs = dict(first.same["config"]), dict(first.same["outputs"])
    except _DAMAGED:
        raise _damaged(first) from None
    kept = read_output(out)
    if outputs != kept.outputs:
        what = "is not the run any more that the shards were judged of"
        raise InputError([Problem(str(out), what, "judge all shards again")])
    return out, kept, from_plain(plain, str(first.path / MANIFEST))


def read_part(folder: PartFolder, tasks: Mapping[str, Task], run: Run) -> list[Outcome]:
    """Return what became of a part's tasks, and add its figures to a run's.

    Args:
        folder: The part.
        tasks: Those of all parts, by name.
        run: Takes the rows into its spool.

    Raises:
        InputError: a file is not the one that the part wrote.
        StorageError: one cannot be read.
    """
    places = []
    for name in (INSTRUCTIONS, REJECTED):
        path = folder.file(name)
        with refusals(path, "read"), path.open("rb") as file:
            places.append(run.spool.take(file))
    instructions, rejected = (place.start for place in places)
    outcomes = []
    try:
        for _, row in read_jsonl(folder.file(_OUTCOMES)):
            own, others = map(int, row["bytes"])
            stretches = Stretch(instructions, own), Stretch(rejected, others)
            outcomes.append(_outcome(row, tasks[row["task"]], *stretches))
            instructions, rejected = stretches[0].end, stretches[1].end
        for name in _FIGURES:
            setattr(run, name, getattr(run, name) + int(folder.body["figures"][name]))
        run.endpoints.update({str(k): int(n) for k, n in folder.body["endpoints"].items()})
    except _DAMAGED:
        raise _damaged(folder) from None
    if [instructions, rejected] != [place.end for place in places]:
        raise _damaged(folder)
    return outcomes


def check_all(found: Sequence[str], tasks: Sequence[str], last: PartFolder) -> None:
    """Raise InputError where parts together hold not each task of a run, once, in its order."""
    if found != tasks:
        raise _damaged(last)


def _outcome(
    row: Mapping[str, Any], task: Task, instructions: Stretch, rejected: Stretch
) -> Outcome:
    return Outcome(
        task=task.name,
        templates=int(row["templates"]),
        skipped=int(row["skipped"]),
        answers=int(row["answers"]),
        accepted=int(row["accepted"]),
        broken=Counter({str(rule): int(n) for rule, n in row["broken"].items()}),
        written=Counter({int(words): int(n) for words, n in row["written"]}),
        generated=Counter({int(words): int(n) for words, n in row["generated"]}),
        sent_otherwise=Counter({(str(p), a, s): int(n) for p, a, s, n in row["sent_otherwise"]}),
        short=tuple([_short(task, *values) for values in row["short"]]),
        instructions=instructions,
        rejected=rejected,
    )


def _short(
    task: Task,
    origin: int,
    accepted: int,
    answers: int,
    asked: int,
    unanswered: str | None,
    broken: Sequence[Sequence[Any]],
) -> ShortTemplate:
    rules = tuple([(str(rule), int(n)) for rule, n in broken])
    return ShortTemplate(task.templates[origin], accepted, answers, asked, rules, unanswered)


def _damaged(folder: PartFolder) -> InputError:
    fix = f"make it again: {folder.fix}"
    return InputError([Problem(str(folder.path), "the shard is damaged", fix)])
