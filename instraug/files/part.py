"""One of N shares of a command's work: ``--shard I/N``, and the folder that it leaves for `join`.

A part's folder holds what its command found, and a manifest of the kind ``shard``:

    of      the command whose work it is
    shard   [I, N]
    same    what all N have to have alike: version, settings, inputs
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

import instraug
from instraug.errors import InputError, Problem, UsageError, printable
from instraug.files.decode import differences
from instraug.files.manifest import MANIFEST, Kind, read_manifest, sha256

T = TypeVar("T")

MOST = 1 << 20
"""Most parts of a whole."""

_NAMED = 5
"""Most numbers, or differences, that a line names."""

_FIX = "make it again, with the same options, inputs and version as the others"


@dataclass(frozen=True)
class Part:
    """The share ``number`` (from 1) ``of`` so many."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read ``I/N``.

        Raises:
            UsageError: it is not that, or I is not one of 1 to N.
        """
        found = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", text)
        part = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= part.number <= part.of <= MOST:
            fix = f"give I/N, with I from 1 to N and N up to {MOST}, such as 3/16"
            raise UsageError(f"--shard {printable(text)!r:.40}: {fix}")
        return part

    def take(self, items: Sequence[T], weights: Sequence[int]) -> list[T]:
        """Return this part's items: a run of neighbours, of about as much weight as each other's.

        Args:
            items: Of the whole, in order; each is in exactly one of the parts.
            weights: Of each item, 0 or more.
        """
        total, before, own = max(1, sum(weights)), 0, []
        for item, weight in zip(items, weights, strict=True):
            # What weighs nothing, at the end, is the last part's.
            if min(before * self.of // total, self.of - 1) == self.number - 1:
                own.append(item)
            before += weight
        return own


@dataclass(frozen=True)
class PartFolder:
    """What a part left, and its manifest."""

    path: Path
    body: Mapping[str, Any]

    @property
    def part(self) -> Part:
        """Which one it is."""
        return Part(*self.body["shard"])

    @property
    def same(self) -> Mapping[str, Any]:
        """What it has in common with the others."""
        same: Mapping[str, Any] = self.body["same"]
        return same

    def file(self, name: str) -> Path:
        """Return the path of one of its files, which is as it was written.

        Raises:
            InputError: it is another one, or gone.
        """
        path = self.path / name
        if not path.is_file() or sha256(path) != self.body["outputs"].get(name):
            self.refuse(name)
        return path

    def refuse(self, name: str) -> None:
        """Raise InputError: a file is not the one that the manifest describes."""
        what = "the file is not the one that the shard's manifest describes"
        raise InputError(
            [Problem(str(self.path / name), what, f"make the shard again: {self.fix}")]
        )

    @property
    def fix(self) -> str:
        """What makes it anew."""
        return f"--shard {self.part} --force"


def is_of(paths: Sequence[Path]) -> Kind:
    """Return the command that a first part is of, before all are looked at.

    Raises:
        InputError: it is none.
    """
    kind: Kind = _read(paths[0]).body["of"]
    return kind


def read_parts(paths: Iterable[Path]) -> tuple[PartFolder, ...]:
    """Return the parts that folders hold, by their numbers: each one, once, all of one whole.

    Raises:
        InputError: a folder holds none; parts are missing or doubled, or were made with other
            settings, of other inputs, or by another version.
    """
    found: list[PartFolder] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(_read(path))
        except InputError as error:
            problems += error.problems
    problems += [] if problems else _misfits(found)
    if problems:
        raise InputError(problems)
    return tuple(sorted(found, key=lambda folder: folder.part.number))


def _read(path: Path) -> PartFolder:
    fix = "give the folders that --shard left; a shard that was killed left none, and is done again"
    manifest = read_manifest(path / MANIFEST) if path.is_dir() else None
    if manifest is None or manifest.problem or not _is_part(manifest.body):
        what = "holds no shard" if path.exists() else "there is no such shard"
        raise InputError([Problem(str(path), what, fix)])
    return PartFolder(path, manifest.body)


def _is_part(body: Mapping[str, Any]) -> bool:
    shard = body.get("shard")
    return (
        body.get("kind") == "shard"
        and body.get("of") in ("build", "expand")
        and isinstance(shard, list)
        and [type(n) for n in shard] == [int, int]
        and 1 <= shard[0] <= shard[1] <= MOST
        and isinstance(body.get("same"), dict)
        and isinstance(body.get("outputs"), dict)
    )


def _misfits(found: Sequence[PartFolder]) -> Iterator[Problem]:
    """Yield what keeps parts from being one whole."""
    wholes = [
        orjson.dumps([f.body["of"], f.part.of, f.same], option=orjson.OPT_SORT_KEYS) for f in found
    ]
    first = found[wholes.index(Counter(wholes).most_common(1)[0][0])]
    for folder in found:
        if folder is first:
            continue
        where = str(folder.path)
        if folder.body["of"] != first.body["of"]:
            yield Problem(where, f"is a shard of another command than {first.path}", "leave it out")
        elif folder.part.of != first.part.of:
            what = f"is shard {folder.part}, and {first.path} {first.part}"
            yield Problem(where, what, "give the shards of one whole")
        elif other := differences(first.same, folder.same):
            shown = ", ".join(other[:_NAMED]) + (", ..." if len(other) > _NAMED else "")
            yield Problem(where, f"is not of one whole with {first.path}: {shown}", _FIX)
    seen: dict[int, Path] = {}
    for folder in found:
        if other_path := seen.get(folder.part.number):
            what = f"is shard {folder.part}, and so is {other_path}"
            yield Problem(str(folder.path), what, "leave one of them out")
        seen[folder.part.number] = folder.path
    if lost := [n for n in range(1, first.part.of + 1) if n not in seen]:
        named = ", ".join(map(str, lost[:_NAMED])) + (", ..." if len(lost) > _NAMED else "")
        what = f"shards {named} of {first.part.of} are missing ({len(lost)})"
        yield Problem("join", what, f"give them too; --shard {lost[0]}/{first.part.of} makes one")
    if (version := first.same.get("instraug")) != instraug.__version__:
        what = f"was made by instraug {version}, and this is {instraug.__version__}"
        yield Problem(str(first.path), what, "join with the version that made the shards")
