"""Rows that are put by until they are needed: in memory while they are few, then on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import orjson

from instraug.files.disk import refusals
from instraug.files.jsonl import dump_line

if TYPE_CHECKING:
    from typing_extensions import Self

IN_MEMORY = 1 << 23
"""Bytes that are kept in memory."""

_BLOCK = 1 << 20


class Stretch(NamedTuple):
    """Where rows stand in a spool."""

    start: int
    """Bytes from its start."""
    size: int
    """Bytes."""

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.start + self.size


class Spool:
    """A file without a name, so that nothing of it is left however the process ends.

    Args:
        folder: Where there is room for it; None: the system's own place for such files.

    Raises:
        StorageError: (any method) the disk refused.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(gettempdir())
        self._file = SpooledTemporaryFile(IN_MEMORY, dir=str(self._folder))  # noqa: SIM115 - see close
        self._end = 0
        self._at_end = True

    def put(self, rows: Iterable[Any]) -> Stretch:
        """Put rows (JSON-able) by, a line each as `write_jsonl` spells it."""
        start = self._end
        for row in rows:
            line = dump_line(row)
            with refusals(self._folder, "write"):
                if not self._at_end:  # a seek flushes, so there is none between two rows
                    self._file.seek(self._end)
                    self._at_end = True
                self._file.write(line)
            self._end += len(line)
        return Stretch(start, self._end - start)

    def take(self, file: BinaryIO) -> Stretch:
        """Put all lines of a file by, as they are spelled there."""
        start = self._end
        with refusals(self._folder, "write"):
            self._file.seek(start)
            self._at_end = True
            while block := file.read(_BLOCK):
                self._file.write(block)
                self._end += len(block)
        return Stretch(start, self._end - start)

    def copy(self, stretches: Iterable[Stretch], to: BinaryIO) -> None:
        """Write the lines of some stretches, in their order, to a file."""
        for stretch in stretches:
            to.writelines(self._blocks(stretch))

    def rows(self, stretch: Stretch) -> Iterator[Any]:
        """Yield the rows of a stretch."""
        rest = b""
        for block in self._blocks(stretch):
            *lines, rest = (rest + block).split(b"\n")
            yield from map(orjson.loads, lines)

    def _blocks(self, stretch: Stretch) -> Iterator[bytes]:
        for at in range(stretch.start, stretch.end, _BLOCK):
            self._at_end = False
            with refusals(self._folder, "read"):
                self._file.seek(at)
                block = self._file.read(min(_BLOCK, stretch.end - at))
            yield block

    def close(self) -> None:
        """Drop it all."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Groups:
    """Rows by a name each, whatever order they come in; only the names stay in memory.

    Args:
        spool: Holds the rows; it must outlive this.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._places: dict[str, list[Stretch]] = {}

    def add(self, name: str, row: Any) -> None:
        """Add a row (JSON-able) to those of a name."""
        places, new = self._places.setdefault(name, []), self._spool.put([row])
        if places and places[-1].end == new.start:
            places[-1] = Stretch(places[-1].start, places[-1].size + new.size)
        else:
            places.append(new)

    def names(self) -> KeysView[str]:
        """Return the names, in the order in which they first came."""
        return self._places.keys()

    def rows(self, name: str) -> Iterator[Any]:
        """Yield the rows of a name, in the order in which they came; none for an unknown one."""
        for place in self._places.get(name, ()):
            yield from self._spool.rows(place)
