"""How the journal spells a record, and how intact records are found in a damaged file.

A record is one line, ``{"crc":"xxxxxxxx",...}``: the CRC-32 covers every byte behind its comma.
Those first bytes cannot occur inside a JSON string, where quotes are escaped, so that records can
be told apart even where a newline between them is lost.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

MARK = b'{"crc":"'

_BODY = len(MARK) + len('xxxxxxxx",')

_HEAD = re.compile(rb'\{"crc":"[0-9a-f]{8}",')


def frame(row: Mapping[str, Any]) -> bytes:
    """Spell a record, newline included.

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
    """Spell each text that holds a lone surrogate, which UTF-8 cannot, as its code points."""
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
    """Undo `frame`'s spelling of a text with lone surrogates; anything else comes back as it is."""
    if isinstance(value, dict) and "code_points" in value:
        return "".join(map(chr, value["code_points"]))
    return value


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a journal that are no intact record."""

    offset: int
    """Bytes from the start of the file."""
    data: bytes
    line: int
    """The line (from 1) it begins on."""


class Found(NamedTuple):
    """One intact record."""

    kind: str
    key: str
    offset: int
    """Bytes from the start of the file."""
    line: bytes
    """The record, with its newline where it has one."""


def is_head(data: bytes) -> bool:
    """Tell whether a file's first bytes begin a record, which may be cut short at any byte."""
    return bool(_HEAD.match(data + (MARK + b'00000000",')[len(data) :]))


def scan(lines: Iterable[bytes]) -> Iterator[Found | Damage]:
    """Tell records from damage; each intact record is found, whatever stands around it.

    Args:
        lines: The journal's lines from its start, newlines kept, as a binary file yields them.
    """
    offset = 0
    for number, line in enumerate(lines, 1):
        found = _record(line, offset)
        if found is not None:
            yield found
        elif not line.isspace():
            yield from _salvage(line, offset, number)
        offset += len(line)


def _record(line: bytes, offset: int) -> Found | None:
    """Read a piece of the file as one record; None where it is none.

    Takes no regular expression and parses no JSON, which keeps replay near the speed of the disk.
    """
    body = line[_BODY:-1] if line.endswith(b"\n") else line[_BODY:]
    if line[:_BODY] != b'%s%08x",' % (MARK, zlib.crc32(body)):
        return None
    _, kind, _, key, *_ = *body.split(b'"', 4), b"", b"", b""
    return Found(kind.decode("utf-8", "replace"), key.decode("utf-8", "replace"), offset, line)


def _salvage(line: bytes, offset: int, number: int) -> Iterator[Found | Damage]:
    """Look for whole records glued to each other, or to garbage, on one line."""
    starts = [m.start() for m in re.finditer(re.escape(MARK), line)]
    for start, end in zip([0, *starts], [*starts, len(line)], strict=True):
        piece = line[start:end]
        found = _record(piece, offset + start)
        # Where the newline itself was hit, a whole record is followed by one stray byte.
        whole = found or _record(piece[:-1], offset + start)
        if whole is not None:
            yield whole
        if found is None and piece:
            rest = piece[-1:] if whole is not None else piece
            yield Damage(offset + end - len(rest), rest, number)
