"""What a format is: how one built row becomes bytes, and how blocks of rows become a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


def unfit(what: str, fix: str, name: str = "") -> BadRow:
    """Return what to raise for a row that a format has no room for; see `BadRow`."""
    return BadRow("unfit for the format", what, fix, name)


Look = Callable[[Sequence[Fields]], Iterable[tuple[str, int]]]
"""Built rows, before they are encoded -> what is to be reported of them: a note (see `readers`),
and the row's position."""

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
    sink: Callable[[BinaryIO, Path], Sink]
    """Stream, and a folder for what is only kept meanwhile -> what writes blocks to the stream."""
    block_rows: int
    """Rows of a block: few enough to stay in the processor's cache; 1 where rows are large."""
    companions: Callable[[str], Mapping[str, bytes]] = lambda _: {}
    """Data file's name -> further files of its folder, by name."""
    look: Look | None = None
    """Finds rows that readers take for something else than they are."""
    notes_dates: bool = False
    """Answers have a column of their own, so that a reader may take dates among them for times."""


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
    look: Look | None = None,
    notes_dates: bool = False,
) -> Format:
    """Make a format whose encoded rows are bytes, joined by ``joint``."""
    return Format(
        encode,
        joint.join,
        lambda stream, _: Joined(stream, head, joint, tail),
        block_rows,
        companions,
        look,
        notes_dates,
    )


def json_format(
    options: Options,
    shape: Callable[[Fields], Any] | None = None,
    companions: Callable[[str], Mapping[str, bytes]] = lambda _: {},
    look: Look | None = None,
    *,
    notes_dates: bool = False,
) -> Format:
    """Make a format whose rows are JSON: an object a line, or for ``.json`` one list of them.

    Args:
        options: Gives the suffix.
        shape: As `Encode`, but gives what is to be spelled as JSON; None: the row as it is.
        companions: See `Format`.
        look: See `Format`.
        notes_dates: See `Format`.
    """
    encode: Encode = (lambda row: orjson.dumps(shape(row))) if shape else orjson.dumps
    listed = options.suffix == ".json"
    head, joint, tail = LISTED if listed else (b"", b"", b"")
    made = text_format(
        encode,
        head=head,
        joint=joint,
        tail=tail,
        companions=companions,
        look=look,
        notes_dates=notes_dates,
    )
    return made if listed else replace(made, pack=_lines)


def _lines(rows: Sequence[bytes]) -> bytes:
    return b"\n".join([*rows, b""])


LISTED = (b"[\n", b",\n", b"\n]\n")
"""What stands before, between and after the rows of one JSON list."""


def images_of(fields: Fields) -> list[str]:
    """Return the row's image paths, none for a row without an image.

    Raises:
        BadRow: they are something else than a text, or a list of texts.
    """
    paths = fields.get("image_path") or []
    if type(paths) is str:
        return [paths]
    if isinstance(paths, list | tuple) and all(isinstance(p, str) and p for p in paths):
        return list(paths)
    raise unfit(f"image_path is {paths!r:.60}", "give the path as text, or several as a list")


SEVERAL = (
    "take messages, prompt-completion, sharegpt or ms-swift (or multiinstruct, which keeps raw "
    "rows), or leave the row out"
)
"""The fix for a row of more pictures than the format has room for."""


def image_of(fields: Fields) -> str:
    """Return the path of the row's one image; "" for a row without an image.

    Raises:
        BadRow: there are several, or it is something else than text.
    """
    paths = images_of(fields)
    if len(paths) > 1:
        what = f"the row has {len(paths)} images, and the format has room for one"
        raise unfit(what, SEVERAL)
    return paths[0] if paths else ""


def picture_of(fields: Fields) -> str:
    """Return the path of the row's one image, for a format whose readers open one in every row.

    Raises:
        BadRow: as `image_of` does; or there is none.
    """
    if path := image_of(fields):
        return path
    what = "the row has no image, and the format's readers open one in every row"
    raise unfit(what, "take another format, or leave the row out")
