"""What a report is made of: runs, built sets and scores, measured apart by what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import orjson

from instraug.errors import InputError, Problem
from instraug.evaluation.run_folder import RunFolder, open_run
from instraug.files.decode import decode
from instraug.files.disk import refusals
from instraug.files.manifest import MANIFEST, Manifest, read_manifest
from instraug.tasks.pool import INSTRUCTIONS

_KINDS = "give output folders of expand, built sets, and files of `instraug score --json`"

_AGAIN = "save what `instraug score --json` prints again"

Means = float | None

T = TypeVar("T")


@dataclass(frozen=True)
class Wording:
    """An instruction that was scored."""

    id: str
    mean: Means


@dataclass(frozen=True)
class TaskScores:
    """A task's scores, 0 to 1, over its instructions."""

    task: str
    protocol: str
    n: int
    instructions: tuple[Wording, ...]
    mean: Means
    max: Means
    min: Means
    std: Means
    gap: Means
    agreement: Means
    unparsed: int
    incomplete: int


@dataclass(frozen=True)
class Sensitivity:
    """How much scores vary with the wording, times 100."""

    raw: Means
    floor: Means
    corrected: Means
    p: Means
    interval: tuple[float, ...] | None


@dataclass(frozen=True)
class Side:
    """One set of predictions, scored."""

    mean: Means
    sensitivity: Sensitivity
    tasks: tuple[TaskScores, ...]


@dataclass(frozen=True)
class Gap:
    """A less B, with what chance would do."""

    value: Means
    interval: tuple[float, ...] | None
    p: Means
    holds: bool | None


@dataclass(frozen=True)
class Scores:
    """What ``score --json`` printed."""

    path: Path
    sides: Mapping[str, Side]
    """"" of a single set, or A and B."""
    mean_gap: Gap | None
    corrected_gap: Gap | None
    notices: tuple[str, ...]
    trained_on: BuiltSet | None
    """The set named before it: the one that the model was tuned on."""


@dataclass(frozen=True)
class BuiltSet:
    """A set that ``build`` made."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def epsilon(self) -> float | None:
        """The share of hand-written instructions that was asked for."""
        asked = members(self.manifest, "epsilon").get("asked")
        return float(asked) if isinstance(asked, int | float) else None

    @property
    def format(self) -> str:
        """The format of its rows."""
        return str(members(self.manifest, "config").get("format"))


@dataclass(frozen=True)
class Sources:
    """Everything that was named, in order."""

    runs: tuple[RunFolder, ...]
    sets: tuple[BuiltSet, ...]
    scores: tuple[Scores, ...]


def open_sources(paths: Sequence[Path]) -> Sources:
    """Open each path as what it is.

    A file of scores belongs to the set named last before it, if there is one.

    Raises:
        InputError: a path is missing, not finished, damaged, or of another kind.
        StorageError: a path cannot be read.
    """
    runs, sets, scores = list[RunFolder](), list[BuiltSet](), list[Scores]()
    for path in paths:
        if not path.exists():
            raise InputError([Problem(str(path), "does not exist", _KINDS)])
        if built := _built(path):
            sets.append(built)
        elif path.is_dir() or path.name == INSTRUCTIONS:
            runs.append(open_run(path))
        elif path.suffix == ".json":
            scores.append(_scores(path, sets[-1] if sets else None))
        else:
            what = "is neither a run, nor a built set with its manifest, nor scores"
            raise InputError([Problem(str(path), what, _KINDS)])
    return Sources(tuple(runs), tuple(sets), tuple(scores))


def members(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object of a manifest; an empty one where it is no object."""
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _built(path: Path) -> BuiltSet | None:
    """Return the built set that a path is, or that it is the data file of; None for no set."""
    if path.is_dir():
        manifest = read_manifest(path / MANIFEST)
        return None if manifest.problem else _set(path, manifest)
    beside = path.with_name(f"{path.name}.{MANIFEST}")
    if beside.exists():
        manifest = read_manifest(beside)
        if manifest.problem:
            raise InputError([manifest.problem])
        return _set(path, manifest)
    within = read_manifest(path.with_name(MANIFEST))
    return _set(path, within) if path.name in members(within.body, "outputs") else None


def _set(path: Path, manifest: Manifest) -> BuiltSet | None:
    return BuiltSet(path, manifest.body) if manifest.is_of("build") else None


def _scores(path: Path, trained_on: BuiltSet | None) -> Scores:
    with refusals(path, "read"):
        text = path.read_bytes()
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError([Problem(f"{path}:{error.lineno}", error.msg, _AGAIN)]) from None
    if not isinstance(body, dict) or not {"mean", "sensitivity", "tasks"} <= body.keys():
        raise InputError([Problem(str(path), "holds no scores", _KINDS)])
    problems = list[Problem]()
    parts = _Parts(path, problems)
    both = "difference" in body
    sides = {
        name.upper(): side
        for name in (("a", "b") if both else ("",))
        if (side := parts.side(body, name))
    }
    gaps = [parts.gap(body, key) if both else None for key in ("mean", "corrected")]
    notices = [
        ": ".join(str(one.get(key, "")) for key in ("where", "what"))
        for one in body.get("notices") or ()
        if isinstance(one, dict)
    ]
    if problems:
        what = f"the scores are damaged ({problems[0].where}: {problems[0].what})"
        raise InputError([Problem(str(path), what, _AGAIN)])
    return Scores(path, sides, gaps[0], gaps[1], tuple(notices), trained_on)


class _Parts:
    """Takes the objects of a file of scores apart; keys that are not known are passed over."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self._path, self._problems = path, problems

    def side(self, body: Mapping[str, Any], name: str) -> Side | None:
        """Return one set's scores."""
        mean, sensitivity, tasks = (
            _of(body.get(key), name) for key in ("mean", "sensitivity", "tasks")
        )
        listed = tasks if isinstance(tasks, list) else [tasks]
        shape = {
            "mean": mean,
            "sensitivity": _known(Sensitivity, sensitivity),
            "tasks": [_task(one) for one in listed],
        }
        return self._decoded(Side, shape, name)

    def gap(self, body: Mapping[str, Any], key: str) -> Gap | None:
        """Return how far the two sets are apart."""
        return self._decoded(Gap, _known(Gap, _of(body["difference"], key)), key)

    def _decoded(self, kind: type[T], shape: Any, name: str) -> T | None:
        def place(where: tuple[str | int, ...]) -> str:
            return ".".join(map(str, where)) or "scores"

        decoded, problems = decode(shape, kind, place, (name,) if name else ())
        self._problems.extend(problems)
        return decoded


def _of(value: Any, name: str) -> Any:
    return value.get(name) if name and isinstance(value, dict) else value


def _known(kind: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {field.name: value.get(field.name) for field in fields(kind)}


def _task(value: Any) -> Any:
    known = _known(TaskScores, value)
    if isinstance(known, dict) and isinstance(known["instructions"], list):
        known["instructions"] = [_known(Wording, one) for one in known["instructions"]]
    return known
