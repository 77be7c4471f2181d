"""Where a set goes: one file with its manifest beside it, or a folder; complete, or not there."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from instraug.errors import StorageError, UsageError
from instraug.files.atomic import hidden_folder, put_folder
from instraug.files.compression import PACKED, open_output
from instraug.files.disk import refusals, sync_folder
from instraug.files.manifest import MANIFEST, Manifest, read_manifest, sha256, write_manifest
from instraug.files.replacing import check_replaceable
from instraug.training_set.formats.base import Block

_STRETCH = 32 << 20
"""Bytes of a file that are sent to the disk together."""


class Destination:
    """An output being written, under a hidden name."""

    def __init__(self, data: Path, manifest: Path) -> None:
        self.data = data
        """The data file."""
        self._manifest = manifest
        self._beside: list[Path] = []
        self._hash: Any = None
        """Of the data file, where it was hashed as it was written."""

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Open the data file, compressed by its suffix."""
        with open_output(self.data) as file:
            if self.data.suffix in PACKED:
                yield file
            else:
                hashed = _Hashed(file)
                yield cast("BinaryIO", hashed)
                self._hash = hashed.digest

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the data file, once it is written."""
        return str(self._hash.hexdigest()) if self._hash else sha256(self.data)

    def add(self, name: str, content: bytes) -> None:
        """Write another file beside the data file."""
        path = self.data.with_name(name)
        with open_output(path) as file:
            file.write(content)
        self._beside.append(path)

    def another(self, name: str) -> Destination:
        """Return another data file of the same folder; `finish` takes it."""
        return Destination(self.data.with_name(name), self._manifest)

    def finish(self, body: Mapping[str, Any], others: Iterable[Destination] = ()) -> dict[str, str]:
        """Write the manifest, with the SHA-256 of every output by name, and return those."""
        outputs = {data.data.name: data.digest() for data in (self, *others)}
        outputs |= {p.name: sha256(p) for p in self._beside}
        write_manifest(self._manifest, {**body, "outputs": outputs})
        return outputs


class _Hashed:
    """A file that is hashed as it is written, and goes to the disk meanwhile.

    To read it again, or to wait for all of it to be synced, would take a tenth of a build or so.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self._sent = self._size = 0

    def write(self, data: Block) -> int:
        self.digest.update(data)
        written = self._file.write(data)
        self._size += written
        if self._size - self._sent >= _STRETCH:
            self._send()
        return written

    def _send(self) -> None:
        """Ask the system to start writing its cached pages; DONTNEED does that."""
        if sys.platform == "linux":
            self._file.flush()
            with suppress(OSError):  # only a hint: syncing, at the end, is what must succeed
                length = self._size - self._sent
                os.posix_fadvise(self.fileno(), self._sent, length, os.POSIX_FADV_DONTNEED)
        self._sent = self._size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def check_free(dest: Path, *, is_file: bool, force: bool) -> None:
    """Refuse a destination that is there already, or that cannot be there.

    Raises:
        UsageError: it exists and may not be replaced: force is not given, or it is, or holds, what
            no build made, or it is a folder where a file is wanted, or the other way round.
        StorageError: its parent is not a folder that can be written to.
    """
    _check_place(dest)
    beside = dest.with_name(f"{dest.name}.{MANIFEST}")
    if is_file and os.path.lexists(beside):
        _check_own(beside)
    if not os.path.lexists(dest):
        return
    if dest.is_symlink():
        kind = "file" if is_file else "folder"
        raise UsageError(f"{dest}: is a symbolic link; give the {kind} that it stands for")
    if dest.is_dir() == is_file:
        kind = "folder" if is_file else "file"
        raise UsageError(f"{dest}: there is a {kind} of this name; choose another destination")
    if foreign := _foreign(dest, is_file=is_file):
        raise UsageError(f"{dest}: exists, and no build made {foreign}; choose another destination")
    for path in [dest] if is_file else dest.iterdir():  # a manifest vouches for names alone
        _spare(path)
    if not force and (is_file or any(dest.iterdir())):
        raise UsageError(f"{dest}: exists; give --force to replace it, or choose another one")


def _check_place(dest: Path) -> None:
    """Refuse a destination without a name of its own, or in a folder that cannot be written to."""
    if not dest.name:  # ``.`` or ``/``
        raise UsageError(f"{dest}: is a folder that is there; give a name in it, such as set.jsonl")
    parent = dest.absolute().parent
    if not parent.is_dir():
        raise StorageError(
            f"{parent}: is not a folder; make it first, or choose another destination"
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise StorageError(f"{parent}: cannot be written; check its permissions")


def _check_own(manifest: Path) -> None:
    """Refuse to replace what stands at the path of a file's manifest, but for one of a build."""
    _spare(manifest)
    check_replaceable(manifest, "manifest of a build", lambda p: _is_of_a_set(read_manifest(p)))


def _spare(path: Path) -> None:
    """Refuse to replace a journal; see `replay.spare`."""
    from instraug.models.journal.replay import spare  # most builds replace nothing, and do without

    spare(path)


def _is_of_a_set(manifest: Manifest) -> bool:
    return manifest.is_of("build") or manifest.is_of("mix") or manifest.is_of("shard")


def _foreign(dest: Path, *, is_file: bool) -> str | None:
    """Return the name of a file that no manifest of a build vouches for, if there is one."""
    manifest = dest.with_name(f"{dest.name}.{MANIFEST}") if is_file else dest / MANIFEST
    known = read_manifest(manifest)
    outputs = known.body.get("outputs") if _is_of_a_set(known) else None
    built = {*outputs, MANIFEST} if isinstance(outputs, dict) else set()
    names = [dest.name] if is_file else [p.name for p in dest.iterdir()]
    names.sort(key=lambda name: (name.startswith("."), name))  # one that `ls` shows
    return next((name for name in names if name not in built), None)


@contextmanager
def destination(dest: Path, data: str | None) -> Iterator[Destination]:
    """Open a destination that `check_free` has passed.

    Args:
        dest: The file, or the folder, which appears when the block ends well, with its manifest.
        data: Name of the data file of a folder; None: ``dest`` is the file.

    Raises:
        StorageError: the disk refused; what was there before is as it was.
    """
    manifest = MANIFEST if data else f"{dest.name}.{MANIFEST}"
    with refusals(dest, "write"), hidden_folder(dest) as temporary:
        try:
            yield Destination(temporary / (data or dest.name), temporary / manifest)
            if data:
                put_folder(temporary, dest)
            else:
                _put_pair(temporary / dest.name, temporary / manifest, dest.absolute().parent)
        except StorageError as error:
            made = temporary if data else temporary / dest.name
            raise StorageError(str(error).replace(str(made), str(dest))) from error
    sync_folder(dest.absolute().parent)


def _put_pair(data: Path, manifest: Path, folder: Path) -> None:
    """Give a finished file and its manifest their names.

    An older manifest goes first: whatever happens, none vouches for data that it does not describe.
    """
    (folder / manifest.name).unlink(missing_ok=True)
    data.rename(folder / data.name)
    manifest.rename(folder / manifest.name)


def check_apart(dest: Path, files: Iterable[Path]) -> None:
    """Refuse a destination that holds, or is, a file that the set is made of.

    Raises:
        UsageError: it does.
    """
    place = Path(os.path.realpath(dest))
    for file in files:
        real = Path(os.path.realpath(file))
        if place in (real, *real.parents):
            raise UsageError(f"{dest}: the set is made of it; choose another destination")
