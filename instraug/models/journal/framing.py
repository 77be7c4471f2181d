"""How the journal writes a record, and how intact records are read from a damaged file.

A record is one line, ``{"crc":"xxxxxxxx",...}``: the CRC-32 covers every byte behind its comma.
Those first bytes cannot occur inside a JSON string, where quotes are escaped. So records can be
split even where the newline between them is lost.
"""

from __future__ import annotations

import re
import zlib
from binascii import hexlify, unhexlify
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

MARK = b'{"crc":"'

_BODY = len(MARK) + len('xxxxxxxx",')

_HEAD = re.compile(rb'\{"crc":"[0-9a-f]{8}",')


def frame(row: Mapping[str, Any]) -> bytes:
    """Return a record as bytes, newline included.

    Args:
        row: JSON-able; its first item is the kind and the key of the record, ``{"reply": KEY}``.
            Text may hold lone surrogates (see `plain`), integers have at most 64 bits.
    """
    try:
        body = orjson.dumps(row)
    except orjson.JSONEncodeError:
        body = orjson.dumps(_listed(row))
    return b'%s%08x",%s\n' % (MARK, zlib.crc32(body[1:]), body[1:])


def _listed(value: Any) -> Any:
    """Write each text with a lone surrogate, which UTF-8 cannot hold, as its code points."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return {"code_points": list(map(ord, value))}
    elif isinstance(value, Mapping):
        return {k: _listed(v) for k, v in value.items()}
    elif isinstance(value, list | tuple):
        return [_listed(v) for v in value]
    return value


def plain(value: Any) -> Any:
    """Read a text with lone surrogates as `frame` wrote it; return anything else unchanged."""
    if isinstance(value, dict) and "code_points" in value:
        return "".join(map(chr, value["code_points"]))
    return value


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a journal that are not an intact record."""

    offset: int
    """Bytes from the start of the file."""
    data: bytes
    line: int
    """The line (from 1) it begins on."""


class IntactRecord(NamedTuple):
    """One intact record."""

    kind: str
    key: str
    offset: int
    """Bytes from the start of the file."""
    line: bytes
    """The record, with its newline where it has one."""


def is_head(data: bytes) -> bool:
    """Whether a file's first bytes begin a record, which may be cut short at any byte."""
    return bool(_HEAD.match(data + (MARK + b'00000000",')[len(data) :]))


def is_intact(line: bytes) -> bool:
    """Whether a line is one intact record, with its newline.

    It uses no regular expression and parses no JSON, so replay is nearly as fast as the disk.
    """
    return line[:_BODY] == b'%s%08x",' % (MARK, zlib.crc32(line[_BODY:-1])) and line[-1:] == b"\n"


def key_of(line: bytes, kind: bytes) -> bytes | None:
    """Return the key of an intact record of that kind where it is a SHA-256, packed.

    Returns:
        32 bytes; None where kind or key are others.
    """
    start = _BODY + len(kind)
    if line[_BODY:start] != kind or line[start + 64 : start + 65] != b'"':
        return None
    digits = line[start : start + 64]
    try:
        key = unhexlify(digits)
    except ValueError:
        return None
    return key if hexlify(key) == digits else None  # it takes upper case too


def scan(lines: Iterable[bytes]) -> Iterator[IntactRecord | Damage]:
    """Yield every intact record and every piece of damage, in order.

    Args:
        lines: The journal's lines from its start, newlines kept, as a binary file yields them.
    """
    offset = 0
    for number, line in enumerate(lines, 1):
        yield from pieces(line, offset, number)
        offset += len(line)


def pieces(line: bytes, offset: int, number: int) -> Iterator[IntactRecord | Damage]:
    """Yield what is on one line, see `scan`.

    Args:
        line: The line.
        offset: Bytes before it.
        number: Its number, from 1.
    """
    record = _record(line, offset)
    if record is not None:
        yield record
    elif not line.isspace():
        yield from _salvage(line, offset, number)


def _record(line: bytes, offset: int) -> IntactRecord | None:
    """Read a piece of the file as one record; None if it is not one."""
    body = line[_BODY:-1] if line.endswith(b"\n") else line[_BODY:]
    if line[:_BODY] != b'%s%08x",' % (MARK, zlib.crc32(body)):
        return None
    parts = body.split(b'"', 4)
    kind = parts[1].decode("utf-8", "replace") if len(parts) > 1 else ""
    key = parts[3].decode("utf-8", "replace") if len(parts) > 3 else ""
    return IntactRecord(kind, key, offset, line)


def _salvage(line: bytes, offset: int, number: int) -> Iterator[IntactRecord | Damage]:
    """Look for whole records on one line that also holds other records or garbage."""
    starts = [m.start() for m in re.finditer(re.escape(MARK), line)]
    for start, end in zip([0, *starts], [*starts, len(line)], strict=True):
        piece = line[start:end]
        record = _record(piece, offset + start)
        # If the newline itself was damaged, one stray byte follows a whole record.
        whole = record or _record(piece[:-1], offset + start)
        if whole is not None:
            yield whole
        if record is None and piece:
            rest = piece[-1:] if whole is not None else piece
            yield Damage(offset + end - len(rest), rest, number)
