"""Parquet, and the Arrow files of a Hugging Face dataset that was saved to disk.

Nulls are fields that a row lacks. Labels that the schema names are given by name, images by path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from instraug.errors import InputError, Problem, StorageError
from instraug.files.disk import refusals
from instraug.training_set.instances.base import Unreadable
from instraug.training_set.instances.batches import batches
from instraug.training_set.shards import SHARD, Shard

_ROWS = 512
"""Rows that are turned into lines together."""

_BUFFER = 1 << 18
"""Bytes of a column that are read together."""

_NO_STREAM = b"ARROW1"
"""What an Arrow file starts with that is not a stream."""


def split(path: Path) -> list[Shard]:
    """Cut a Parquet file by row groups, some megabytes together; an Arrow file is one shard.

    Raises:
        InputError: it is not what its suffix says.
        StorageError: pyarrow is not installed, or the file cannot be read.
    """
    with _reading(path):
        if not _is_parquet(path):
            with _batches_of(Shard(path, 0, None)):
                return [Shard(path, 0, None)]
        import pyarrow.parquet as pq

        with pq.ParquetFile(path, pre_buffer=False) as file:
            groups = file.metadata
            sizes = [groups.row_group(n).total_byte_size for n in range(groups.num_row_groups)]
    cut, start, size = [], 0, 0
    for number, length in enumerate(sizes, 1):
        size += length
        if size >= SHARD or number == len(sizes):
            cut.append(Shard(path, start, number, in_bytes=False))
            start, size = number, 0
    return cut or [Shard(path, 0, 0, in_bytes=False)]


def names(path: Path) -> list[str]:
    """Return the names of the table's columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _reading(path):
        if _is_parquet(path):
            return list(pq.read_schema(path).names)
        with pa.OSFile(str(path)) as file:
            return list(_stream(file)[0].names)


@contextmanager
def opened(shard: Shard, batch: int) -> Iterator[Iterator[list[bytes]]]:
    """Open a table's rows; see `reading.opened`."""
    with _reading(shard.path), _batches_of(shard) as found:
        yield batches(_lines(shard.path, found), batch)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        import pyarrow as pa
    except ImportError:
        raise StorageError(
            f"{path}: Parquet and Arrow need pyarrow; pip install '.[parquet]'"
        ) from None
    with refusals(path, "read"):
        try:
            yield
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            what = f"cannot be read as {path.suffix}: {str(error).splitlines()[0]}"
            raise InputError([Problem(str(path), what, "write the file again")]) from None


@contextmanager
def _batches_of(shard: Shard) -> Iterator[Iterator[Any]]:
    """Open a file; yield its record batches. No thread of Arrow's is used: workers are forked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if _is_parquet(shard.path):
        with pq.ParquetFile(shard.path, pre_buffer=False, buffer_size=_BUFFER) as parquet:
            groups = range(shard.start, shard.end or 0)
            yield parquet.iter_batches(_ROWS, row_groups=groups, use_threads=False)
        return
    with pa.OSFile(str(shard.path)) as file:
        yield _stream(file)[1]


def _stream(file: Any) -> tuple[Any, Iterator[Any]]:
    """Return the schema and the record batches of an Arrow file, a stream or not."""
    import pyarrow as pa

    start = file.read(len(_NO_STREAM))
    file.seek(0)
    if start == _NO_STREAM:
        reader = pa.ipc.open_file(file)
        return reader.schema, (reader.get_batch(n) for n in range(reader.num_record_batches))
    stream = pa.ipc.open_stream(file)
    return stream.schema, iter(stream)


def _lines(path: Path, found: Iterator[Any]) -> Iterator[bytes]:
    with _reading(path):
        for batch in found:
            labels = _labels(batch.schema)
            for start in range(0, batch.num_rows, _ROWS):
                yield from _rows(batch.slice(start, _ROWS), labels)


def _rows(batch: Any, labels: dict[str, list[str]]) -> Iterator[bytes]:
    names = batch.schema.names
    columns = [_values(column) for column in batch.columns]
    for name, texts in labels.items():
        at = names.index(name)
        columns[at] = [_label(value, texts) for value in columns[at]]
    for values in zip(*columns, strict=True):
        row = {n: v for n, v in zip(names, values, strict=True) if v is not None}
        try:
            yield orjson.dumps(row, default=_other)
        except (orjson.JSONEncodeError, UnicodeEncodeError):
            held = [n for n, v in row.items() if _holds_bytes(v)]
            what = f"the column {held[0]!r} holds bytes" if held else "a value is no JSON"
            fix = "save pictures as files and give their paths; give all else as text or numbers"
            yield Unreadable.of(what, fix)


def _values(column: Any) -> list[Any]:
    """Return a column's values as Python has them; of pictures, the paths."""
    values: list[Any] = column.to_pylist()
    return [_path(value) for value in values] if _has_paths(column.type) else values


def _has_paths(kind: Any) -> bool:
    """Return whether a type is that of pictures as Hugging Face keeps them, or lists of these."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _has_paths(kind.value_type)
    return pa.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}


def _path(value: Any) -> Any:
    """Return a picture's path; its bytes where it has none; of several, a list."""
    if type(value) is list:
        return [_path(inner) for inner in value]
    return value and (value["bytes"] if value["path"] is None else value["path"])


def _labels(schema: Any) -> dict[str, list[str]]:
    """Return the names of labels by column, as Hugging Face keeps them in a schema."""
    try:
        kept = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = kept.get("info", {}).get("features", {})
        return {
            name: feature["names"]
            for name, feature in features.items()
            if feature.get("_type") == "ClassLabel" and name in schema.names
        }
    except (orjson.JSONDecodeError, AttributeError, KeyError):
        return {}


def _label(value: Any, names: list[str]) -> Any:
    return names[value] if type(value) is int and 0 <= value < len(names) else value


def _other(value: Any) -> str:
    """Spell what JSON has no type for, such as a decimal number."""
    if isinstance(value, bytes):
        raise TypeError("bytes are no text")
    return str(value)


def _holds_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_bytes, value.values()))
    return isinstance(value, bytes) or (isinstance(value, list) and any(map(_holds_bytes, value)))
