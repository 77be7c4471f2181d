"""What a format is: how one built row becomes bytes, and how blocks of rows become a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson

from instraug.errors import BadRow

Fields = dict[str, Any]
"""A row: its fields as its file has them, and what building adds.

That is ``prompt``, ``target`` and ``instruction_id``: texts, as ``unique_id`` is. Options stand in
the order that the prompt shows.
"""

Encode = Callable[[Fields], Any]
"""Built row -> the row in the format's terms; may change its fields.

Raises `unfit` for a row that the format has no room for.
"""


def unfit(what: str, fix: str) -> BadRow:
    """Return what to raise for a row that a format has no room for; see `BadRow`."""
    return BadRow("unfit for the format", what, fix)


Block = bytes | memoryview
"""What a format's ``pack`` made, or a view of it, which shows something else later."""


class Sink(Protocol):
    """Takes the blocks of one file, in order."""

    def write(self, block: Block) -> None:
        """Add a block."""

    def close(self) -> None:
        """Write what ends the file; the stream itself stays open."""

    def abandon(self) -> None:
        """Write nothing more: the file is given up."""


@dataclass(frozen=True)
class Options:
    """The settings of formats."""

    suffix: str
    """The data file's, compression taken off: ``.jsonl``."""
    images: Path | None = None
    """The folder that image paths start at; None: images are not looked at."""


@dataclass(frozen=True)
class Format:
    """One format, ready to write files of one suffix."""

    encode: Encode
    pack: Callable[[Sequence[Any]], bytes]
    """Encoded rows -> a block."""
    sink: Callable[[BinaryIO], Sink]
    """Stream -> what writes blocks to it."""
    block_rows: int
    """Rows of a block: few enough to stay in the processor's cache; 1 where rows are large."""
    companions: Callable[[str], Mapping[str, bytes]] = lambda _: {}
    """Data file's name -> further files of its folder, by name."""


class Joined:
    """Blocks one after the other, with something before, between and after them."""

    def __init__(self, stream: BinaryIO, head: bytes, joint: bytes, tail: bytes) -> None:
        self._stream = stream
        self._next, self._joint, self._tail = head, joint, tail
        self._head = head

    def write(self, block: Block) -> None:
        """Add a block."""
        if self._next:
            self._stream.write(self._next)
        self._stream.write(block)
        self._next = self._joint

    def close(self) -> None:
        """Write the end; a file without any block has the beginning, too."""
        if self._next is self._head:
            self._stream.write(self._head)
        self._stream.write(self._tail)

    def abandon(self) -> None:
        """Nothing is held back."""


def text_format(
    encode: Encode,
    *,
    head: bytes = b"",
    joint: bytes = b"",
    tail: bytes = b"",
    block_rows: int = 128,
    companions: Callable[[str], Mapping[str, bytes]] = lambda _: {},
) -> Format:
    """Make a format whose encoded rows are bytes, joined by ``joint``."""
    return Format(
        encode,
        joint.join,
        lambda stream: Joined(stream, head, joint, tail),
        block_rows,
        companions,
    )


def json_format(
    options: Options,
    shape: Callable[[Fields], Any] | None = None,
    companions: Callable[[str], Mapping[str, bytes]] = lambda _: {},
) -> Format:
    """Make a format whose rows are JSON: an object a line, or for ``.json`` one list of them.

    Args:
        options: Gives the suffix.
        shape: As `Encode`, but gives what is to be spelled as JSON; None: the row as it is.
        companions: See `Format`.
    """
    listed = options.suffix == ".json"
    dumps: Encode = partial(orjson.dumps, option=0 if listed else orjson.OPT_APPEND_NEWLINE)

    encode: Encode = (lambda row: dumps(shape(row))) if shape else dumps
    head, joint, tail = (b"[\n", b",\n", b"\n]\n") if listed else (b"", b"", b"")
    return text_format(encode, head=head, joint=joint, tail=tail, companions=companions)


def image_of(fields: Fields) -> str:
    """Return the row's image path; "" for a row without an image.

    Raises:
        BadRow: it is something else than text.
    """
    path = fields.get("image_path") or ""
    if not isinstance(path, str):
        raise unfit(f"image_path is {path!r:.60}", "give the path as text")
    return path
