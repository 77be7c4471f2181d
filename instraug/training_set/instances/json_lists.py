"""One JSON list of objects, read an object at a time."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from instraug.errors import InputError, Problem
from instraug.files.jsonl import LINE_CAP
from instraug.training_set.instances.batches import batches, decoded
from instraug.training_set.shards import Shard

_CHUNK = 1 << 16

_MARGIN = 16
"""Characters before the end of what is read so far where an error may be for want of the rest."""

_blank = cast("Callable[[str, int], re.Match[str]]", re.compile(r"[ \t\r\n]*").match)

_decode = json.JSONDecoder().raw_decode


def split(path: Path) -> list[Shard]:
    """Return the file as one shard."""
    return [Shard(path, 0, None)]


@contextmanager
def opened(shard: Shard, batch: int) -> Iterator[Iterator[list[bytes]]]:
    """Open a list's objects; see `reading.opened`."""
    with decoded(shard.path) as text:
        yield batches(_Elements(shard.path, text), batch)


class _Elements:
    """The spelling of each element of a list, in order."""

    def __init__(self, path: Path, file: io.TextIOWrapper) -> None:
        self._path, self._file = path, file
        self._text, self._at = "", 0
        self._number = 0
        """Elements read so far."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            self._past("[")
            if self._next() == "]":
                self._at += 1
            else:
                yield from self._elements()
            if self._next():
                raise self._wrong("something follows the list", "leave one list alone in the file")
        except UnicodeDecodeError as error:
            what = f"a byte (0x{error.object[error.start]:02x}) is not UTF-8"
            raise self._wrong(what, "save the file as UTF-8") from None

    def _elements(self) -> Iterator[bytes]:
        while True:
            self._next()
            end = self._end()
            yield self._text[self._at : end].replace("\n", " ").replace("\r", " ").encode() + b"\n"
            self._number += 1
            self._at = end
            if self._past(",]") == "]":
                return

    def _end(self) -> int:
        """Return where the element ends that starts here, reading on as far as it takes."""
        while True:
            try:
                end = _decode(self._text, self._at)[1]
            except json.JSONDecodeError as error:
                open_text = error.msg.startswith("Unterminated string")
                whole = error.pos < len(self._text) - _MARGIN and not open_text
                if whole or not self._more():
                    what = f"invalid JSON: {error.msg}"
                    raise self._wrong(what, "write one list of objects") from None
            except RecursionError:
                raise self._wrong("the JSON is nested too deeply", "flatten it") from None
            else:
                if end < len(self._text) or not self._more():
                    return end

    def _past(self, marks: str) -> str:
        """Step over one of some marks, and return it."""
        mark = self._next()
        if not mark or mark not in marks:
            what = f"{mark!r} where one of {marks!r} is wanted" if mark else "the list is cut short"
            raise self._wrong(what, "write one list of objects")
        self._at += 1
        return mark

    def _next(self) -> str:
        """Return the next character that is no white space; "" at the end."""
        while True:
            self._at = _blank(self._text, self._at).end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, twice as much as is at hand; forget what is before this place."""
        self._text = self._text[self._at :]
        self._at = 0
        if len(self._text) > LINE_CAP:
            raise self._wrong(f"the row is longer than {LINE_CAP} characters", "take it out")
        more = self._file.read(max(_CHUNK, len(self._text)))
        self._text += more
        return bool(more)

    def _wrong(self, what: str, fix: str) -> InputError:
        return InputError([Problem(f"{self._path}:{self._number + 1}", what, fix)])
