"""Files as bytes, compressed by their suffix (.gz, .zst)."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

from instraug.errors import InputError, Problem, StorageError
from instraug.files.atomic import atomic_writer
from instraug.files.disk import open_regular, refusals

PACKED = (".gz", ".zst")
"""Suffixes of compressed files."""

_WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")

_BUFFER = 1 << 20


def refuse_workbook(path: Path) -> None:
    """Raise InputError where a path is, by its suffix, of a spreadsheet's own format."""
    if path.suffix.lower() in _WORKBOOKS:
        fix = "save its sheet as CSV (UTF-8), or as JSON lines"
        raise InputError([Problem(str(path), "is a spreadsheet's own format", fix)])


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed as it is read.

    Raises:
        InputError: a spreadsheet's own format; (also while reading) compressed data that is cut
            short or damaged.
        StorageError: the file is missing, no regular file or cannot be read, or zstandard is not
            installed.
    """
    refuse_workbook(path)
    with refusals(path, "read"), os.fdopen(open_regular(path), "rb") as raw:
        if path.suffix not in PACKED:
            yield raw
            return
        compressed = cast("BinaryIO", _NotEmpty(raw))
        source: Any
        if path.suffix == ".gz":
            source = gzip.GzipFile(fileobj=compressed, mode="rb")
        else:
            source = _ZstdFrames(compressed, _zstandard(path))
        with io.BufferedReader(_Whole(source, path), _BUFFER) as file:
            yield cast("BinaryIO", file)


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, compressed by its suffix; it appears complete or not at all.

    Equal content makes equal bytes: no time or name goes into the archive.

    Raises:
        StorageError: see `atomic_writer`; also where zstandard is not installed.
    """
    zstandard = _zstandard(path) if path.suffix == ".zst" else None
    with atomic_writer(path) as file:
        if zstandard is not None:
            compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
            with compressor.stream_writer(file, closefd=False) as zst:
                yield zst
        elif path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as gz:
                yield cast("BinaryIO", gz)
        else:
            yield file


def _zstandard(path: Path) -> ModuleType:
    try:
        import zstandard
    except ImportError:
        raise StorageError(
            f"{path}: .zst files need zstandard; pip install '.[zstd]', or use .gz"
        ) from None
    return zstandard


class _NotEmpty(io.RawIOBase):
    """Raises EOFError where a compressed file holds nothing at all, which gzip takes for whole."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._seen = False

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(size)
        self._seen = self._seen or bool(data)
        if not self._seen:
            raise EOFError
        return data


class _ZstdFrames:
    """Reads zstd frames one after the other; zstandard's own reader takes a cut one for whole."""

    def __init__(self, raw: BinaryIO, zstandard: ModuleType) -> None:
        self._raw = raw
        self._frame: Callable[[], Any] = zstandard.ZstdDecompressor().decompressobj
        self._open: Any = None
        self._error = zstandard.ZstdError
        self._held = memoryview(b"")

    def read(self, size: int) -> memoryview:
        """Return at most ``size`` bytes, none at the end."""
        while not self._held:
            # A kilobyte decompresses to at most 32 MiB, however hostile.
            chunk = (self._open.unused_data if self._ended() else b"") or self._raw.read(1024)
            if not chunk:
                if not self._ended():
                    raise EOFError
                break
            if self._open is None or self._ended():
                self._open = self._frame()
            try:
                self._held = memoryview(self._open.decompress(chunk))
            except self._error as error:
                raise zlib.error(str(error)) from error
        data, self._held = self._held[:size], self._held[size:]
        return data

    def _ended(self) -> bool:
        return self._open is not None and self._open.eof


class _Whole(io.RawIOBase):
    """Bytes of a decompressor; damage becomes an InputError."""

    def __init__(self, source: Any, path: Path) -> None:
        self._source = source
        self._path = path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            data = self._source.read(len(buffer))
        except EOFError:
            raise self._damaged("the compressed data is cut short") from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise self._damaged(f"the compressed data is damaged ({error})") from None
        buffer[: len(data)] = data
        return len(data)

    def _damaged(self, what: str) -> InputError:
        fix = "copy or make the file again; nothing of it was used"
        return InputError([Problem(str(self._path), what, fix)])
