"""An external sort: rows read in the order of their files come out in the order of a hash.

Rows go to buckets by the first bits of what orders them; a bucket is small enough to be sorted in
memory, and lies on the disk until then. So both sides read and write from front to back.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from instraug.files.disk import refusals
from instraug.training_set.mix.choice import Pool

_SIZE, _HELD = 8 << 20, 64 << 20
"""Bytes of a bucket, about; and bytes of all buckets that stay in memory."""

_READ, _TOGETHER = 1 << 20, 1024


class Sorted(NamedTuple):
    """Some rows, in order; one item of each list a row."""

    bodies: list[bytes]
    sources: list[int]
    numbers: list[int]
    """The draw of its source: a set that takes more of it holds it."""


class _Bucket:
    """Rows that go to the disk now and then."""

    def __init__(self, path: Path, sources: int) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.bodies: list[bytes] = []
        """Those in memory: of all rows, the last ones."""
        self.numbers = [array("I") for _ in range(sources)]
        """The draws of each source, which come one source after the other."""

    def spill(self) -> None:
        """Write the rows that are in memory to the disk."""
        with refusals(self._path, "write"):
            if self._file is None:
                self._file = self._path.open("x+b", 0)
            self._file.write(b"\n".join([*self.bodies, b""]))
        self.bodies.clear()

    def sorted(self, pools: Sequence[Pool]) -> Sorted:
        """Return the rows in order, and forget them."""
        bodies = self.bodies
        if self._file is not None:
            with refusals(self._path, "read"), self._file as file:
                file.seek(0)
                bodies = file.read().split(b"\n")
            self._path.unlink()
            bodies[-1:] = self.bodies
        sources, numbers, orders = list[int](), list[int](), list[int]()
        for source, draws in enumerate(self.numbers):
            sources += [source] * len(draws)
            numbers += draws
            orders += pools[source].orders(draws)
        # Equal rows are of equal order, and the same bytes whichever comes first.
        order = sorted(range(len(bodies)), key=orders.__getitem__)
        return Sorted(
            [bodies[at] for at in order],
            [sources[at] for at in order],
            [numbers[at] for at in order],
        )

    def close(self) -> None:
        """Close the file, where the rows are not wanted any more."""
        if self._file is not None:
            self._file.close()


def in_order(
    pools: Sequence[Pool],
    files: Sequence[BinaryIO],
    most: Sequence[int],
    group: Sequence[int],
    folder: Path,
) -> Iterator[Sorted]:
    """Yield the rows of some sources in the order of their hashes.

    Args:
        pools: Of every source.
        files: The file of each source's lines.
        most: The draws that are wanted of each.
        group: Which sources.
        folder: Takes the buckets.
    """
    size = sum(
        sum(pools[at].rows.sizes) * (most[at] / len(pools[at].rows)) for at in group if most[at]
    )
    bits = min(8, int(size / _SIZE).bit_length())
    buckets = [_Bucket(folder / f"bucket-{number}", len(pools)) for number in range(1 << bits)]
    try:
        held = 0
        for source in group:
            pool, shift = pools[source], 64 - bits
            add = [(b.bodies.append, b.numbers[source].append) for b in buckets]
            for bodies, numbers in _bodies(pool, files[source], most[source]):
                for body, number, order in zip(bodies, numbers, pool.orders(numbers), strict=True):
                    keep, note = add[order >> shift]
                    keep(body)
                    note(number)
                held += sum(map(len, bodies))
                if held > _HELD:
                    held = 0
                    for bucket in buckets:
                        bucket.spill()
        for bucket in buckets:
            yield bucket.sorted(pools)
    finally:
        for bucket in buckets:
            bucket.close()


def _bodies(pool: Pool, file: BinaryIO, most: int) -> Iterator[tuple[list[bytes], list[int]]]:
    """Yield the bytes and the number of every draw of a source, in the order of its file."""
    ranks, starts, sizes = pool.ranks, pool.rows.starts, pool.rows.sizes
    for first in range(0, len(ranks) if most else 0, _TOGETHER):
        last = min(first + _TOGETHER, len(ranks))
        rows = [row for row in range(first, last) if ranks[row] < most]
        bodies: list[bytes] = []
        begin = end = 0
        data = b""
        for row in rows:
            start, size = starts[row], sizes[row]
            if start + size > end:
                file.seek(start)
                whole = starts[last - 1] + sizes[last - 1] - start
                data = file.read(max(size, min(whole, _READ)))
                begin, end = start, start + len(data)
            bodies.append(data[start - begin : start - begin + size])
        numbers = [ranks[row] for row in rows]
        yield bodies, numbers
        for again in range(pool.available, most, pool.available):
            some = [
                (body, n + again)
                for body, n in zip(bodies, numbers, strict=True)
                if n + again < most
            ]
            yield [body for body, _ in some], [number for _, number in some]
