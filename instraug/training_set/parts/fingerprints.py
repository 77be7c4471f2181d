"""What each part states of the input files that it read, so that `join` knows that all are alike.

A file of lines is read by several parts, a range of bytes each. Whoever has its first range states
the SHA-256 of the file, and a digest of every range; the others state digests of their own ranges.
So no file is read by more than two, however many parts there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from threading import Event
from typing import Any

from instraug.errors import InputError, Problem
from instraug.files.disk import open_regular, refusals
from instraug.files.manifest import sha256
from instraug.training_set.shards import Shard

_BUFFER = 1 << 16

_SHORT = 16
"""Hex digits of a range's digest: enough to notice a change."""

_FIX = "build all shards of the same files"


@dataclass(frozen=True)
class Look:
    """What of a file a part hashes."""

    path: Path
    ranges: tuple[Shard, ...]
    whole: bool
    """Also the file."""

    def fingerprint(self, stop: Event) -> dict[str, Any]:
        """Return the file's SHA-256 or None, and range -> digest.

        Args:
            stop: Once it is set the rest is not read, and what is returned means nothing.

        Raises:
            StorageError: the file cannot be read.
        """
        if not self.ranges:
            return {"sha256": sha256(self.path, stop), "ranges": {}}
        digests: dict[str, str] = {}
        all_of_it = hashlib.sha256()
        with refusals(self.path, "read"), FileIO(open_regular(self.path)) as file:
            for shard in self.ranges:
                file.seek(shard.start)
                left = (shard.end or 1 << 62) - shard.start
                digest = hashlib.sha256()
                while not stop.is_set() and (block := file.read(min(_BUFFER, left))):
                    digest.update(block)
                    left -= len(block)
                    if self.whole:
                        all_of_it.update(block)
                digests[str(shard.start)] = digest.hexdigest()[:_SHORT]
        return {"sha256": all_of_it.hexdigest() if self.whole else None, "ranges": digests}


def looks(own: Iterable[Shard], all_of_them: Iterable[Shard]) -> list[Look]:
    """Return what a part hashes of the files that it reads.

    Args:
        own: The part's shards.
        all_of_them: Those of all parts.
    """
    by_file: dict[Path, list[Shard]] = {}
    for shard in own:
        by_file.setdefault(shard.path, []).append(shard)
    theirs: dict[Path, list[Shard]] = {path: [] for path in by_file}
    for shard in all_of_them:
        if shard.path in theirs:
            theirs[shard.path].append(shard)
    found = []
    for path, shards in by_file.items():
        if not shards[0].in_bytes or len(theirs[path]) == 1:
            found.append(Look(path, (), True))
        elif shards[0].start:
            found.append(Look(path, tuple(shards), False))
        else:
            found.append(Look(path, tuple(theirs[path]), True))
    return found


@dataclass
class Fingerprints:
    """Those of all parts, taken in one after the other."""

    files: dict[str, str] = field(default_factory=dict)
    """File -> SHA-256."""
    _ranges: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, part: Path, stated: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in what a part states.

        Raises:
            InputError: another part read another file of that name.
        """
        for path, of_file in stated.items():
            alike = [self._alike(path, of_file["sha256"])]
            for start, digest in of_file["ranges"].items():
                alike.append(self._ranges.setdefault((path, start), digest) == digest)
            if not all(alike):
                what = f"{path} was another file when other shards were built"
                raise InputError([Problem(str(part), what, _FIX)])

    def _alike(self, path: str, digest: str | None) -> bool:
        return digest is None or self.files.setdefault(path, digest) == digest

    def of(self, names: Sequence[str]) -> dict[str, str]:
        """Return file -> SHA-256, of files in order.

        Raises:
            InputError: no part states one of them.
        """
        if lost := [name for name in names if name not in self.files]:
            raise InputError(Problem(name, "no shard read its beginning", _FIX) for name in lost)
        return {name: self.files[name] for name in names}
