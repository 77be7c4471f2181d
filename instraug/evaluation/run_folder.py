"""What a finished run left in its output folder: the manifest, the rows, the rejected answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import MANIFEST, read_manifest
from instraug.tasks.pool import (
    ANOTHER,
    INSTRUCTIONS,
    REJECTED,
    REPLIES,
    InstructionRow,
    read_instructions,
)
from instraug.tasks.records import Task

_AGAIN = "run the same `instraug expand` again; replies already bought are reused"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line of rejected.jsonl, as far as it is shown."""

    task: str
    origin: int
    text: str
    """What the model answered."""
    reasons: tuple[tuple[str, str], ...]
    """Each rule that it breaks, and the detail."""
    meta_prompt: str | None
    temperature: float | None
    reply: str | None


@dataclass(frozen=True)
class RunFolder:
    """An output folder of ``expand`` whose run is finished."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def journal(self) -> Path:
        """Where its replies are."""
        named = self.manifest.get("journal")
        return self.path / (named if isinstance(named, str) else REPLIES)

    @property
    def tasks(self) -> list[Task]:
        """Its tasks, as far as the manifest states what figures need."""
        with suppress(LookupError, TypeError, AttributeError):
            return [
                Task(
                    str(kept["name"]),
                    tuple(map(str, kept["templates"])),
                    constants={str(k): str(v) for k, v in (kept.get("constants") or {}).items()},
                )
                for kept in self.manifest["inputs"]["tasks"]
            ]
        return []

    def instructions(self) -> Iterator[InstructionRow]:
        """Yield the rows of instructions.jsonl, as they are read.

        Raises:
            InputError: a line is not an instruction row.
            StorageError: the file cannot be read.
        """
        path = self.path / INSTRUCTIONS
        if not path.exists():
            raise InputError([Problem(str(path), "the file is missing", _AGAIN)])
        problems = list[Problem]()
        for _, row in read_instructions(path, problems, fix=_AGAIN, whole=False):
            if problems:
                break
            yield row
        if problems:
            raise InputError(problems)

    def rejected(self) -> Iterator[Rejected]:
        """Yield the rows of rejected.jsonl, as they are read.

        Raises:
            InputError: a line is not one of a rejected answer.
            StorageError: the file cannot be read.
        """
        path = self.path / REJECTED
        if not path.exists():
            raise InputError([Problem(str(path), "the file is missing", _AGAIN)])
        for number, body in read_jsonl(path):
            row = _rejected(body)
            if row is None:
                what = "this row is not a rejected answer"
                raise InputError([Problem(f"{path}:{number}", what, _AGAIN)])
            yield row


def open_run(path: Path) -> RunFolder:
    """Open an output folder of ``expand``, or the one that an instructions.jsonl stands in.

    Raises:
        InputError: it is missing, not finished, damaged, or of another kind.
        StorageError: its manifest cannot be read.
    """
    folder = path.parent if path.name == INSTRUCTIONS and not path.is_dir() else path
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError([Problem(str(path), what, ANOTHER)])
    manifest = read_manifest(folder / MANIFEST)
    if not manifest.problem:
        if other := manifest.is_other("expand", path, ANOTHER):
            raise InputError([other])
        return RunFolder(folder, manifest.body)
    if (folder / MANIFEST).exists():
        raise InputError([manifest.problem])
    if any((folder / name).exists() for name in (INSTRUCTIONS, REJECTED, REPLIES)):
        what = "the run there is not finished: it has no manifest.json"
        raise InputError([Problem(str(path), what, _AGAIN)])
    raise InputError([Problem(str(path), "holds no run", ANOTHER)])


def _rejected(body: Mapping[str, Any]) -> Rejected | None:
    """Return the row; None where a member that is shown is missing or of another type."""
    task, origin, text, reasons = (body.get(k) for k in ("task", "origin", "text", "reasons"))
    meta_prompt, temperature, reply = (body.get(k) for k in ("meta_prompt", "temperature", "reply"))
    if not (isinstance(task, str) and type(origin) is int and isinstance(text, str)):
        return None
    if not isinstance(meta_prompt, str | None) or not isinstance(reply, str | None):
        return None
    if not isinstance(temperature, int | float | None) or not isinstance(reasons, list):
        return None
    broken = list[tuple[str, str]]()
    for reason in reasons:
        if not isinstance(reason, dict) or not isinstance(reason.get("rule"), str):
            return None
        broken.append((reason["rule"], str(reason.get("detail", ""))))
    return Rejected(task, origin, text, tuple(broken), meta_prompt, temperature, reply)
