"""JSONL in and out: one object a line, split at line feeds and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import jsonlines
import orjson

from instraug.errors import InputError, Problem
from instraug.files.compression import open_input, open_output

LINE_CAP = 64 * 1024 * 1024
"""Bytes one line may have, decompressed; keeps a decompression bomb out of memory."""

OnProblem = Callable[[Problem], None]


def read_jsonl(
    path: Path, *, strict: bool = False, on_problem: OnProblem | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each line; blank lines are passed over.

    Args:
        path: The file; ``.gz`` and ``.zst`` are decompressed, a byte order mark is dropped.
        strict: Also refuse what the fast parser takes: duplicate keys, integers over 64 bits.
        on_problem: Called with a bad line, which is then left out; None: the first one is raised.

    Raises:
        InputError: a bad line; or, whatever ``on_problem``, compressed data that is damaged or
            cut short, or a line over `LINE_CAP`: then nothing that was read may be used.
        StorageError: the file cannot be read.
    """
    with open_input(path) as file:
        lines = _Lines(path, file)
        with jsonlines.Reader(lines, loads=_strict if strict else orjson.loads) as reader:
            while True:
                try:
                    row = reader.read(type=dict, skip_empty=True)
                except EOFError:
                    return
                except jsonlines.InvalidLineError as error:
                    problem = lines.problem(error)
                    if on_problem is None:
                        raise InputError([problem]) from None
                    on_problem(problem)
                else:
                    yield lines.number, row


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one object a line, keys in the order given; equal rows make equal bytes.

    A lone surrogate, which UTF-8 cannot spell, is written as its escape (U+D800: backslash, ud800).

    Args:
        path: The file; compressed where it ends in ``.gz`` or ``.zst``.
        rows: JSON-able objects.

    Returns:
        The number of rows.

    Raises:
        StorageError: the disk refused; the file is as it was before.
    """
    count = 0
    with open_output(path) as file:
        for row in rows:
            file.write(dump_line(row))
            count += 1
    return count


def dump_line(row: Any) -> bytes:
    """Spell one JSON value as a line, newline included."""
    return dumps(row, orjson.OPT_APPEND_NEWLINE)


def dumps(value: Any, option: int = 0) -> bytes:
    """Spell a JSON value, lone surrogates as `write_jsonl` does.

    Args:
        value: JSON-able.
        option: orjson's.
    """
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        return orjson.dumps(_utf8(value), option=option)


def _utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_utf8(k): _utf8(v) for k, v in value.items()}
    return [_utf8(v) for v in value] if isinstance(value, list | tuple) else value


class _Lines:
    """A file's lines, and where the last one stands."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self.number = 0
        self._start = 0
        self._end = 0

    def __iter__(self) -> Iterator[bytes]:
        readline = self._file.readline
        while line := readline(LINE_CAP + 1):
            self.number += 1
            self._start = self._end
            self._end += len(line)
            if len(line) > LINE_CAP:
                what = f"the line is longer than {LINE_CAP} bytes"
                raise InputError([Problem(self._where(), what, "split the file into lines")])
            yield line

    def problem(self, error: jsonlines.InvalidLineError) -> Problem:
        """Describe what is wrong with the line that was yielded last."""
        cause = error.__cause__
        if isinstance(cause, UnicodeDecodeError):
            byte = f"byte {self._start + cause.start} (0x{cause.object[cause.start]:02x})"
            return Problem(self._where(), f"{byte} is not UTF-8", "save the file as UTF-8")
        if isinstance(cause, json.JSONDecodeError):
            what = f"invalid JSON at column {cause.pos + 1}: {cause.msg}"
            return Problem(self._where(), what, "write one JSON object a line")
        if cause is not None:
            return Problem(self._where(), str(cause), "write one JSON object a line")
        fix = "write {...}, one a line, without a list around them"
        return Problem(self._where(), "not a JSON object", fix)

    def _where(self) -> str:
        return f"{self._path}:{self.number}"


def _strict(text: str | bytes) -> Any:
    """Parse as orjson does, but refuse what it passes over."""
    orjson.loads(text)
    try:
        return _decode(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"the key {key!r} occurs twice in one object")
        members[key] = value
    return members


def _exact(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"the integer {digits} has more than 64 bits")
    return number


_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_exact).decode
