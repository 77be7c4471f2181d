"""An external sort: rows read in the order of their files come out in the order of a hash.

Rows go to buckets by the first bits of what orders them; a bucket is small enough to be sorted in
memory, and lies on the disk until then. So both sides read and write from front to back.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from instraug.files.disk import refusals
from instraug.training_set.mix.choice import Pool

_SIZE, _HELD = 8 << 20, 64 << 20
"""Bytes of a bucket, about; and bytes of all buckets that stay in memory."""

_READ = 1 << 19
"""Bytes of a source that are read together, at least."""


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
        self.orders = array("Q")
        """What each row is sorted by."""

    def spill(self) -> None:
        """Write the rows that are in memory to the disk."""
        with refusals(self._path, "write"):
            if self._file is None:
                self._file = self._path.open("x+b", 0)
            self._file.write(b"\n".join([*self.bodies, b""]))
        self.bodies.clear()

    def sorted(self) -> Sorted:
        """Return the rows in order, and forget them."""
        bodies = self.bodies
        if self._file is not None:
            with refusals(self._path, "read"), self._file as file:
                file.seek(0)
                bodies = file.read().split(b"\n")
            self._path.unlink()
            bodies[-1:] = self.bodies
        sources, numbers = list[int](), list[int]()
        for source, draws in enumerate(self.numbers):
            sources += [source] * len(draws)
            numbers += draws
        # Equal rows are of equal order, and the same bytes whichever comes first.
        order = sorted(range(len(bodies)), key=self.orders.__getitem__)
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
            add = [(b.bodies.append, b.numbers[source].append, b.orders.append) for b in buckets]
            for bodies, numbers, orders in _bodies(pool, files[source], most[source]):
                for body, number, order in zip(bodies, numbers, orders, strict=True):
                    keep, note, put = add[order >> shift]
                    keep(body)
                    note(number)
                    put(order)
                held += sum(map(len, bodies))
                if held > _HELD:
                    held = 0
                    for bucket in buckets:
                        bucket.spill()
        for bucket in buckets:
            yield bucket.sorted()
    finally:
        for bucket in buckets:
            bucket.close()


def _bodies(
    pool: Pool, file: BinaryIO, most: int
) -> Iterator[tuple[list[bytes], list[int], list[int]]]:
    """Yield bytes, number and order of every draw of a source, in the order of its file."""
    ranks, starts, sizes = pool.ranks, pool.rows.starts, pool.rows.sizes
    first = 0
    while most and first < len(ranks):
        begin = starts[first]
        last = max(first + 1, bisect_left(starts, begin + _READ, first))
        rows = slice(first, last)
        first = last
        numbers = [rank for rank in ranks[rows] if rank < most]
        if not numbers:
            continue
        file.seek(begin)
        data = file.read(starts[last - 1] + sizes[last - 1] - begin)
        found = zip(starts[rows], sizes[rows], ranks[rows], strict=True)
        bodies = [data[at - begin : at - begin + size] for at, size, rank in found if rank < most]
        both = zip(pool.rows.orders[rows], ranks[rows], strict=True)
        yield bodies, numbers, [order for order, rank in both if rank < most]
        for again in range(pool.available, most, pool.available):
            some = [
                (body, n + again)
                for body, n in zip(bodies, numbers, strict=True)
                if n + again < most
            ]
            more = [number for _, number in some]
            yield [body for body, _ in some], more, pool.orders(more)
