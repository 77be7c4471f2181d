"""Which files hold predictions, and which task and instruction their names state."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from instraug.errors import InputError, Problem
from instraug.files.manifest import MANIFEST, read_manifest

PREDICTIONS = "predictions.jsonl"
"""The file of answers in a folder of ``instraug predict``."""

_KINDS = (".jsonl", ".jsonl.gz", ".jsonl.zst")

_SAMPLES = (
    # lm-evaluation-harness: samples_TASK_2026-01-31T12-30-00.123456.jsonl
    re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)?"),
    # lmms-eval: 20260131_123000_samples_TASK.jsonl
    re.compile(r"\d{8}_\d{6}_samples_(?P<task>.+)"),
)

_NUMBERED = re.compile(
    r"(?P<task>.+?)(?:[_\-. ]+prompt)?[_\-. ]*(?P<instruction>\d+)", re.IGNORECASE
)

ONLY = "0"
"""The instruction of a file whose name states none."""


def prediction_files(path: Path) -> list[Path]:
    """Return the files of predictions that a path stands for, by name.

    Args:
        path: A file, a folder of ``instraug predict``, or a folder that holds samples files of a
            harness at any depth; else every JSONL file of the folder counts.

    Raises:
        InputError: there is none.
    """
    if not path.is_dir():
        if not path.exists():
            raise InputError([Problem(str(path), "does not exist", "check the path")])
        return [path]
    if (path / PREDICTIONS).exists():
        return [path / PREDICTIONS]
    files = sorted(p for p in path.rglob("*") if p.name.endswith(_KINDS) and p.is_file())
    files = [p for p in files if not p.name.startswith(".")]
    if not files:
        what = f"no file here ends in {', '.join(_KINDS)}"
        raise InputError([Problem(str(path), what, "give the folder that holds the predictions")])
    return [p for p in files if is_samples(p)] or files


def rows_missing(predictions: Path) -> tuple[int, int] | None:
    """Return how many rows of a run of ``instraug predict`` lack a prediction, and of how many.

    Args:
        predictions: Its file; of another name or without a manifest, it states nothing: None.

    Raises:
        StorageError: the manifest cannot be read.
    """
    if predictions.name != PREDICTIONS:
        return None
    found = read_manifest(predictions.with_name(MANIFEST))
    rows, there = found.body.get("rows"), found.body.get("predictions")
    if not (found.is_of("predict") and isinstance(rows, int) and isinstance(there, int)):
        return None
    return (rows - there, rows) if rows > there else None


def is_samples(path: Path) -> bool:
    """Whether the name is one that an evaluation harness gives its samples."""
    return any(pattern.fullmatch(_stem(path)) for pattern in _SAMPLES)


def stated(files: Sequence[Path]) -> dict[Path, tuple[str, str]]:
    """Return the task and the instruction that each file's name states.

    Names that differ in a last ``_prompt_N``, or only in a last number, are one task, and the
    number is the instruction. A name without such a sibling is a task of its own.
    """
    names = {path: _task(path) for path in files}
    siblings = defaultdict[str, set[str]](set)
    for name in names.values():
        if match := _NUMBERED.fullmatch(name):
            siblings[match["task"]].add(name)
    return {path: _split(name, siblings) for path, name in names.items()}


def _split(name: str, siblings: dict[str, set[str]]) -> tuple[str, str]:
    match = _NUMBERED.fullmatch(name)
    if match and len(siblings[match["task"]]) > 1:
        return match["task"], match["instruction"]
    return name, ONLY


def one_set(a: Path, b: Path) -> bool:
    """Whether two paths are samples of one model: other tasks, or other prompts of one task."""
    if not (is_samples(a) and is_samples(b)) or a.is_dir() or b.is_dir():
        return False
    return _task(a) != _task(b)


def _task(path: Path) -> str:
    stem = _stem(path)
    for pattern in _SAMPLES:
        if match := pattern.fullmatch(stem):
            return match["task"]
    return stem.removesuffix("_answers") or stem


def _stem(path: Path) -> str:
    for kind in sorted(_KINDS, key=len, reverse=True):
        if path.name.endswith(kind):
            return path.name[: -len(kind)]
    return path.stem


def merged(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the tasks that several files stand for, with their instructions in order."""
    instructions = defaultdict[str, set[str]](set)
    for task, instruction in names:
        instructions[task].add(instruction)
    return {task: sorted(some, key=natural) for task, some in instructions.items() if len(some) > 1}


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names by the numbers in them: p2 before p10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
