"""Built rows, one at a time: what a prediction needs of each, and every one that lacks it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instraug.errors import BadRow, InputError, Problem, StorageError
from instraug.evaluation.predict.pictures import Pictures
from instraug.evaluation.scores.answers import Problems
from instraug.evaluation.stats.duplicates import temporary_database
from instraug.evaluation.stats.overlap import digest
from instraug.evaluation.stats.rows import data_files, read_tsv
from instraug.files.compression import PACKED, open_input, refuse_workbook
from instraug.files.disk import refusals
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import MANIFEST, beside, read_manifest

Row = Mapping[str, Any]

NEEDED = ("unique_id", "task_name", "instruction_id", "prompt", "target")
"""Text fields that every row has."""

_NAMES = ("task_name", "unique_id", "instruction_id")
"""Those that no two rows have alike."""

_BUILD = "build the rows with --format multiinstruct (.jsonl), tsv or parquet"

_PARQUET_ROWS = 256
"""Rows of a Parquet file that are read together."""


@dataclass(frozen=True, slots=True)
class TestRow:
    """A row as it was read."""

    number: int
    """Its place among all rows, from 0; broken lines do not count."""
    where: str
    """``file:line``."""
    fields: Row

    @property
    def image(self) -> str:
        """The path of its image, also where that is a list of one; "" where it has none."""
        path: Any = self.fields.get("image_path") or ""
        one: str = path[0] if isinstance(path, list) else path
        return one


@dataclass(frozen=True)
class SetNotes:
    """What the manifests of built sets state about their rows."""

    outputs: Mapping[str, str]
    """Task -> kind of output."""
    originals: frozenset[str]
    """Ids of hand-written instructions."""
    listed: frozenset[str]
    """Ids of all instructions."""

    def source(self, instruction: str) -> str | None:
        """Return whether an instruction is an original or generated; None where nobody knows."""
        if instruction not in self.listed:
            return None
        return "original" if instruction in self.originals else "generated"


class TestRows:
    """The rows of some files and folders; each iteration reads them anew."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Find the files.

        Raises:
            InputError: a path that holds no rows, or holds them in a file that cannot be streamed.
        """
        self._paths = tuple(paths)
        self.files = [file for path in self._paths for file in _files(path)]
        self.broken = Problems()
        """Lines that hold no row, as far as was read."""

    def __iter__(self) -> Iterator[TestRow]:
        """Yield every row, in order."""
        self.broken = Problems()
        number = 0
        for file in self.files:
            for line, fields in self._of_file(file):
                yield TestRow(number, f"{file}:{line}", fields)
                number += 1

    def _of_file(self, file: Path) -> Iterator[tuple[int, Row]]:
        kind = _kind(file)
        if kind == ".parquet":
            return _parquet(file)
        if kind == ".tsv":
            return _tsv(file)
        return read_jsonl(file, on_problem=lambda p: self.broken.add(p.where, p.what, p.fix))

    def notes(self) -> SetNotes:
        """Return what the manifests state that stand in the folders, or beside the files."""
        outputs: dict[str, str] = {}
        originals: set[str] = set()
        listed: set[str] = set()
        for path in self._paths:
            manifest = path / MANIFEST if path.is_dir() else beside(path)
            found = read_manifest(manifest)
            if found.is_of("build"):
                kinds = found.body.get("task_outputs")
                if isinstance(kinds, dict):
                    outputs |= {k: kind for k, kind in kinds.items() if isinstance(kind, str)}
                originals |= _texts(found.body.get("original_instruction_ids"))
                listed |= _texts(found.body.get("instruction_ids"))
        return SetNotes(outputs, frozenset(originals), frozenset(listed))


def _texts(value: Any) -> set[str]:
    return {v for v in value if isinstance(v, str)} if isinstance(value, list) else set()


def _files(path: Path) -> list[Path]:
    if path.suffix == ".parquet" and path.is_file():
        return [path]
    if path.is_dir() and (tables := sorted(path.glob("*.parquet"))):
        return tables
    refuse_workbook(path)
    if path.is_file() and _kind(path) not in (".jsonl", ".json", ".tsv"):
        what = "the name does not end in .jsonl, .tsv or .parquet, which predict reads"
        raise InputError([Problem(str(path), what, _BUILD)])
    files = data_files(path)
    if whole := [file for file in files if _kind(file) == ".json"]:
        what = "one JSON list, which would have to be read whole"
        raise InputError(Problem(str(file), what, _BUILD) for file in whole)
    return files


def _kind(file: Path) -> str:
    return Path(file.stem).suffix if file.suffix in PACKED else file.suffix


def _tsv(file: Path) -> Iterator[tuple[int, Row]]:
    with open_input(file) as data:
        yield from read_tsv(file, data)


def _parquet(file: Path) -> Iterator[tuple[int, Row]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        what = "Parquet needs pyarrow; pip install '.[parquet]'"
        raise StorageError(f"{file}: {what}") from None
    number = 0
    try:
        with refusals(file, "read"), pq.ParquetFile(file) as table:
            for batch in table.iter_batches(_PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except pa.ArrowInvalid:
        raise InputError([Problem(str(file), "is no Parquet file, or damaged", _BUILD)]) from None


# ── checking ─────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Checked:
    """What all rows are, before anything is asked."""

    rows: int = 0
    """That can be asked."""
    images: int = 0
    """Of these, with an image."""
    prompt_characters: int = 0
    target_characters: int = 0
    left_out: set[int] = field(default_factory=set)
    """Numbers of rows that cannot be asked."""
    problems: tuple[Problem, ...] = ()
    """A line a kind of what is wrong."""
    without_options: int = 0
    """Rows of a kind of file that holds no options."""
    lost: int = 0
    """Predictions of an earlier run whose row is none of these."""
    lost_first: str = ""
    """The first of them: task, id and instruction."""


def check(
    rows: TestRows, pictures: Pictures, *, sees: bool = True, before: Path | None = None
) -> Checked:
    """Look at every row.

    Args:
        rows: The rows.
        pictures: Knows their images.
        sees: Whether the model takes images at all.
        before: Predictions of an earlier run, which are looked up among the rows.
    """
    checked, wrong = Checked(), Problems()
    with temporary_database() as base:
        base.execute("CREATE TABLE seen (row INTEGER PRIMARY KEY)")
        known = base.execute
        for row in rows:
            try:
                _check_fields(row.fields)
                if row.image:
                    if not sees:
                        fix = "ask an endpoint, or leave the rows out: --skip-bad"
                        raise BadRow("image", "the embedded model sees no images", fix)
                    pictures.check(row.image)
                if not known("INSERT OR IGNORE INTO seen VALUES (?)", (_key(row.fields),)).rowcount:
                    what = "another row has the same task_name, unique_id and instruction_id"
                    raise BadRow("twice", what, "keep one of them, or --skip-bad keeps the first")
            except BadRow as fault:
                wrong.add(row.where, fault.what, fault.fix)
                checked.left_out.add(row.number)
            else:
                _count(checked, row)
        if before is not None:
            _look_up(before, base, checked)
    rows.broken.take(wrong)
    checked.problems = tuple(rows.broken.problems())
    return checked


def _key(row: Row) -> int:
    return digest(*[row.get(name) for name in _NAMES])


def _look_up(predictions: Path, base: sqlite3.Connection, checked: Checked) -> None:
    """Count the predictions whose row is not among those that were seen; damage is passed over."""
    with suppress(InputError):
        for _, row in read_jsonl(predictions, on_problem=lambda _: None):
            if not base.execute("SELECT 1 FROM seen WHERE row = ?", (_key(row),)).fetchone():
                checked.lost_first = checked.lost_first or " ".join(str(row.get(n)) for n in _NAMES)
                checked.lost += 1


def _count(checked: Checked, row: TestRow) -> None:
    checked.rows += 1
    checked.images += bool(row.image)
    checked.prompt_characters += len(row.fields["prompt"])
    checked.target_characters += len(row.fields["target"])
    checked.without_options += row.where.rpartition(":")[0].endswith(".tsv")


def _check_fields(row: Row) -> None:
    for name in NEEDED:
        value = row.get(name)
        if not isinstance(value, str) or (not value and name != "target"):
            raise BadRow("field", f"the row has no text {name!r}", _BUILD)
    path = row.get("image_path") or ""
    paths = path if isinstance(path, list) else [path]
    if not all(isinstance(p, str) for p in paths):
        raise BadRow("field", "image_path is not text", "give the path as text")
    if len(paths) > 1:
        fix = "give rows of one picture, or leave the rows out: --skip-bad"
        raise BadRow("image", "the row has several pictures, and one can be sent", fix)
