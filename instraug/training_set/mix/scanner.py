"""Rows of a source -> the few numbers of each that mixing needs."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from operator import add
from pathlib import Path
from sys import byteorder

import orjson

from instraug.errors import BadRow
from instraug.files.disk import refusals
from instraug.training_set.formats.base import Fields
from instraug.training_set.mix.config import MixConfig
from instraug.training_set.mix.image_tokens import image_tokens
from instraug.training_set.mix.leaks import DATASET, Guard, Leak
from instraug.training_set.mix.rows import FIELDS, View, reader
from instraug.training_set.mix.sizes import Sizes
from instraug.training_set.mix.text_tokens import counter
from instraug.training_set.shards import Shard

UNKNOWN = -1
"""Image tokens of a row whose pictures have no known size."""

LISTED = 1000
"""Bad rows, and leaks, that are listed one by one; all are counted."""

_FAULTS = (BadRow, LookupError, TypeError, AttributeError, ValueError)
"""What a row of another shape than expected raises; orjson's errors are of the last."""

_BLOCK = 1 << 17

_BOM = b"\xef\xbb\xbf"


@dataclass
class Rows:
    """The rows of one source, a number of each kind for every row; 36 bytes a row."""

    keys: array[int] = field(default_factory=lambda: array("Q"))
    """What decides which rows are taken: the smallest first."""
    orders: array[int] = field(default_factory=lambda: array("Q"))
    """What decides where they stand in a shuffled set."""
    starts: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    """Where a row's bytes stand in its file; its line end is left out."""
    text: array[int] = field(default_factory=lambda: array("I"))
    """Text tokens."""
    pictures: array[int] = field(default_factory=lambda: array("i"))
    """Image tokens; 0 for a row without a picture."""

    def extend(self, more: Rows) -> None:
        """Add the rows of the next piece."""
        for name in vars(self):
            getattr(self, name).extend(getattr(more, name))

    def __len__(self) -> int:
        return len(self.keys)


@dataclass
class Scan:
    """What a piece of a source, or all of it, holds."""

    rows: Rows = field(default_factory=Rows)
    lines: int = 0
    problems: list[tuple[int, BadRow]] = field(default_factory=list)
    """The first bad rows, by line within the piece."""
    bad: Counter[str] = field(default_factory=Counter)
    """What is wrong -> rows."""
    leaks: list[tuple[int, Leak]] = field(default_factory=list)
    """The first leaks, by line."""
    leaked: Counter[str] = field(default_factory=Counter)
    """Kind -> rows."""

    def add(self, more: Scan) -> None:
        """Add the next piece."""
        self.rows.extend(more.rows)
        self.problems += [(self.lines + line, bad) for line, bad in more.problems]
        self.leaks += [(self.lines + line, leak) for line, leak in more.leaks][:LISTED]
        self.bad += more.bad
        self.leaked += more.leaked
        self.lines += more.lines


@dataclass(frozen=True)
class Lines:
    """A source as lines of JSON: its own file, or the copy that was made of it."""

    file: Path
    form: str
    has_fields: bool
    leaking_tasks: Mapping[str, str]
    """Tasks whose rows are made of an evaluation's data set."""


@dataclass(frozen=True)
class Piece:
    """The lines of one source between two bytes, both starts of lines."""

    source: int
    shard: Shard


class Scanner:
    """Reads pieces; made once in every process."""

    def __init__(self, sources: Sequence[Lines], config: MixConfig, guard: Guard | None) -> None:
        self._sources, self._guard, self._made_of = sources, guard, (sources, config, guard)
        self._begin = sha256(config.seed.to_bytes(8, "little")).copy
        self._count = counter(config.tokenizer)
        self._family = image_tokens(config.image_tokens, config.pixels)
        self._of_size = lru_cache(1 << 14)(self._family.of_size)
        self._sizes = Sizes(Path(config.images) if config.images else None)
        self._strict = config.by == "tokens"

    def __reduce__(self) -> tuple[object, ...]:
        return Scanner, self._made_of

    def scan(self, piece: Piece, seen: Callable[[bytes], object] | None = None) -> Scan:
        """Read a piece, and show its bytes to ``seen``.

        Raises:
            StorageError: the file cannot be read.
        """
        source, found, start = self._sources[piece.source], Scan(), piece.shard.start
        for block in blocks(piece.shard):
            if seen:
                seen(block)
            lines = block.split(b"\n")
            starts = list(accumulate([len(line) + 1 for line in lines], initial=start))
            start += len(block)
            if not lines[-1]:  # behind the last line's end
                lines.pop()
            starts = starts[: len(lines)]
            if not starts[0] and lines[0].startswith(_BOM):
                starts[0], lines[0] = len(_BOM), lines[0][len(_BOM) :]
            bodies = [line.rstrip() for line in lines]
            try:
                found.rows.extend(self._all_rows(source, starts, bodies))
            except _FAULTS:
                self._row_by_row(source, starts, bodies, found)
            found.lines += len(lines)
        return found

    def _all_rows(self, source: Lines, starts: list[int], bodies: list[bytes]) -> Rows:
        """Return the rows of lines that hold nothing else; all at once, which is fast.

        Raises one of `_FAULTS` where a line has to be looked at by itself.
        """
        if self._guard:
            raise LookupError
        rows = list(map(orjson.loads, bodies))
        images: list[tuple[str, ...]] | None = None
        if source.form in FIELDS:
            prompts = [row["prompt"] for row in rows]
            targets = [row["target"] for row in rows]
            if {*map(type, prompts), *map(type, targets)} != {str}:
                raise LookupError
            paths = [row.get("image_path") for row in rows]
            if any(paths):
                images = [(str(path),) if path else () for path in paths]
        else:
            views = list(map(reader(source.form), rows))
            prompts, targets = [v.prompt for v in views], [v.target for v in views]
            images = [v.images for v in views]
        found, count, pictures = Rows(), self._count, self._tokens_of_pictures
        found.text.extend(map(add, count(prompts), count(targets)))
        if images is None:
            found.pictures.frombytes(bytes(found.pictures.itemsize * len(rows)))
        else:
            each = zip(rows, images, strict=True)
            found.pictures.extend([pictures(row, paths) if paths else 0 for row, paths in each])
        found.starts.extend(starts)
        found.sizes.extend(map(len, bodies))
        found.keys, found.orders = self._hashes(bodies)
        return found

    def _hashes(self, bodies: Iterable[bytes]) -> tuple[array[int], array[int]]:
        """Return two numbers of 64 bits for each row, which seed and row alone decide."""
        begin, digests = self._begin, []
        for body in bodies:
            state = begin()
            state.update(body)
            digests.append(state.digest())
        numbers = array("Q", b"".join(digests))
        if byteorder == "big":
            numbers.byteswap()
        return numbers[::4], numbers[1::4]

    def _row_by_row(
        self, source: Lines, starts: list[int], bodies: list[bytes], found: Scan
    ) -> None:
        """Note every row, or what is wrong with it, or where it leaks from."""
        read = reader(source.form)
        for number, (start, body) in enumerate(zip(starts, bodies, strict=True), found.lines + 1):
            if not body:
                continue
            try:
                row = orjson.loads(body)
                if type(row) is not dict:
                    raise BadRow("broken", "not a JSON object", "write one JSON object a line")
                view = read(row)
                if self._guard and (leak := self._leak(self._guard, source, row, view)):
                    found.leaked[leak.kind] += 1
                    if found.leaked[leak.kind] <= LISTED:
                        found.leaks.append((number, leak))
                else:
                    self._note(found.rows, start, body, row, view)
            except _FAULTS as fault:
                bad = _bad(fault)
                found.bad[bad.what] += 1
                if found.bad[bad.what] == 1:
                    found.problems.append((number, bad))

    def _note(self, rows: Rows, start: int, body: bytes, row: Fields, view: View) -> None:
        pictures = self._tokens_of_pictures(row, view.images) if view.images else 0
        rows.text.append(sum(self._count([view.prompt, view.target])))
        rows.pictures.append(pictures)
        rows.starts.append(start)
        rows.sizes.append(len(body))
        keys, orders = self._hashes([body])
        rows.keys.extend(keys)
        rows.orders.extend(orders)

    def _tokens_of_pictures(self, row: Fields, images: tuple[str, ...]) -> int:
        if self._family.constant is not None:
            return self._family.constant * len(images)
        try:
            return sum(map(self._of_size, self._sizes.of(row, images)))
        except BadRow:
            if self._strict:
                raise
            return UNKNOWN

    def _leak(self, guard: Guard, source: Lines, row: Fields, view: View) -> Leak | None:
        if tasks := source.leaking_tasks:
            task = row.get("task_name") if source.form in FIELDS else next(iter(tasks))
            if isinstance(task, str) and task in tasks:
                return Leak(DATASET, tasks[task])
        return guard.leak(row, view, has_fields=source.has_fields)


def _bad(fault: Exception) -> BadRow:
    if isinstance(fault, BadRow):
        return fault
    if isinstance(fault, orjson.JSONDecodeError):
        what = f"invalid JSON: {fault.msg}"
        return BadRow("broken", what, "write one JSON object a line")
    return BadRow("broken", f"the row is of another shape ({fault})"[:200], "fix the row")


def blocks(shard: Shard) -> Iterator[bytes]:
    """Yield the bytes of a piece, as many together as stay in the processor's cache.

    Each block ends where a line does.
    """
    with refusals(shard.path, "read"), shard.path.open("rb", _BLOCK) as file:
        file.seek(shard.start)
        left = (shard.end or 0) - shard.start
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            if len(block) < left:
                block += file.readline()
            left -= len(block)
            yield block
