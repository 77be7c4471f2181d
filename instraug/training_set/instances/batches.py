"""Text of files, and lines in batches: what the readers of other files than lines share."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from instraug.files.compression import open_input


@contextmanager
def decoded(path: Path, errors: str = "strict") -> Iterator[io.TextIOWrapper]:
    """Open a file, packed or not, as text of UTF-8 with its own line ends; see `open_input`."""
    with open_input(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors=errors, newline="")
        try:
            yield text
        finally:
            text.detach()


def batches(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield lines in batches of at least so many bytes, and at least one line."""
    batch: list[bytes] = []
    length = 0
    for line in lines:
        batch.append(line)
        length += len(line)
        if length >= size:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch
