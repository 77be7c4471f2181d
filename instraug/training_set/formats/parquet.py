"""Parquet with one declared schema, whatever keys a row has.

A field whose value is not of its column's type, or that has no column, goes into ``extra``, a JSON
object; ``meta_data`` is JSON text as well. Nothing is lost. A list of one picture is that picture;
for several there is no room.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import orjson

from instraug.errors import StorageError
from instraug.training_set.formats.base import Block, Fields, Format, Options, image_of

TEXTS = (
    "unique_id",
    "task_name",
    "image_source",
    "image_path",
    "question",
    "text",
    "context",
    "answer",
    "target_txt",
)

LISTS = ("region", "options")

BUILT = ("prompt", "target", "instruction_id")

_TEXTS = frozenset(TEXTS + BUILT)

GROUP, GROUP_BYTES = 16384, 32 << 20
"""Rows, or bytes of rows, of a row group, whichever come first; at least that many."""


def make(options: Options) -> Format:
    """Return the format; needs pyarrow.

    Raises:
        StorageError: pyarrow is not installed.
    """
    del options
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise StorageError(
            "Parquet needs pyarrow; pip install '.[parquet]', or use another format"
        ) from None
    return Format(_encode, _pack, lambda stream, _: _Sink(stream), block_rows=2048)


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            *[pa.field(name, pa.string()) for name in TEXTS],
            *[pa.field(name, pa.list_(pa.string())) for name in LISTS],
            pa.field("meta_data", pa.string()),
            pa.field("extra", pa.string()),
            *[pa.field(name, pa.string(), nullable=False) for name in BUILT],
        ]
    )


def _encode(row: Fields) -> Fields:
    cells: Fields = {}
    extra: Fields = {}
    for name, value in row.items():
        if (name in _TEXTS and isinstance(value, str)) or (name in LISTS and _is_texts(value)):
            cells[name] = value
        elif name == "meta_data" and value is not None:
            cells[name] = orjson.dumps(value).decode()
        elif name == "image_path":
            cells[name] = image_of(row) or None
        elif value is not None:
            extra[name] = value
    if extra:
        cells["extra"] = orjson.dumps(extra).decode()
    return cells


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)


def _pack(rows: Sequence[Fields]) -> bytes:
    import pyarrow as pa

    buffer = io.BytesIO()
    schema = _schema()
    columns = [
        pa.array([row.get(name) for row in rows], type=schema.field(name).type)
        for name in schema.names
    ]
    with pa.ipc.new_stream(buffer, schema) as stream:
        stream.write_batch(pa.record_batch(columns, schema=schema))
    return buffer.getvalue()


class _Sink:
    """Collects blocks into row groups."""

    def __init__(self, stream: BinaryIO) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(stream, _schema(), compression="zstd")
        self._tables: list[Any] = []
        self._rows = self._bytes = 0

    def write(self, block: Block) -> None:
        """Add a block; it is written out once there are enough for a row group."""
        import pyarrow as pa

        table = pa.ipc.open_stream(bytes(block)).read_all()
        self._tables.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= GROUP or self._bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the footer."""
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Keep the writer from ending the file when it is collected, as it does by itself."""
        self._writer.is_open = False

    def _flush(self) -> None:
        import pyarrow as pa

        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables))
        self._tables, self._rows, self._bytes = [], 0, 0
