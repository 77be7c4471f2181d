"""The sources of a mixture: which file, of which format, made of which data sets."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instraug.errors import BadRow, InputError, Problem, UsageError
from instraug.files.jsonl import dump_line
from instraug.files.manifest import MANIFEST, read_manifest
from instraug.training_set.formats.base import Fields
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.mix.rows import FIELDS, RAW, shape_of
from instraug.training_set.mix.tables import is_plain, read_rows, suffix_of, unpacked

_ALIASES = {"id": "unique_id", "image": "image_path", "question": "prompt", "answer": "target"}

_OURS = (
    "prompt",
    "target",
    "unique_id",
    "image_path",
    "task_name",
    "instruction_id",
    "image_source",
)


@dataclass(frozen=True)
class Source:
    """One source, as far as its first row tells."""

    name: str
    """As it was given."""
    file: Path
    format: str
    columns: Mapping[str, str]
    """Our field -> the column that holds it; empty for a built set."""
    datasets: Mapping[str, tuple[str, ...]]
    """Task -> the data sets that it is made of, as the manifest states them."""

    @property
    def is_ofa(self) -> bool:
        """Whether it is one of OFA's tables, which have no heading."""
        return self.format.startswith("ofa-")

    @property
    def has_fields(self) -> bool:
        """Whether rows keep the fields that their prompts were made of."""
        return self.format in (RAW, "multiinstruct", "parquet") and not self.columns

    @property
    def is_plain(self) -> bool:
        """Whether its lines can go into a set as they are."""
        return not self.columns and not self.is_ofa and is_plain(self.file)

    def adapted(self, row: Fields) -> Fields:
        """Return a row as a set holds it.

        Raises:
            BadRow: it lacks a column.
        """
        if suffix_of(self.file) == ".parquet" and self.format in FIELDS:
            row = unpacked(row)
        return _mapped(row, self.columns, self.file.stem) if self.columns else row


def open_sources(names: Iterable[str], columns: Mapping[str, str]) -> tuple[Source, ...]:
    """Find the file and the format of each source.

    Raises:
        InputError: every source that is named twice, is not there, or is of no known format.
        UsageError: ``columns`` names a field that sets do not have.
        StorageError: a file cannot be read.
    """
    fields = _fields(columns)
    sources: list[Source] = []
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for name in names:
        try:
            source = open_source(Path(name), fields)
        except InputError as error:
            problems += error.problems
            continue
        real = os.path.realpath(source.file)
        if real in first:
            what = "is named twice" if first[real] == name else f"is the same file as {first[real]}"
            problems.append(Problem(name, what, "name each source once, with all of its share"))
        first[real] = name
        sources.append(replace(source, name=name))
    if problems:
        raise InputError(problems)
    return tuple(sources)


def open_evaluation(path: Path, columns: Mapping[str, str]) -> Source:
    """Find the file and the format of an evaluation set: as a source, or rows not yet rendered."""
    file = data_file(path)
    with closing(_rows(file)) as rows:
        row = next(rows, {})
    if isinstance(row.get("target_txt"), str) and "prompt" not in row:
        return Source(str(path), file, RAW, {}, {})
    fields = _fields(columns)
    named = fields if all(column in row for column in fields.values()) else {}
    return open_source(path, named)


def open_source(path: Path, columns: Mapping[str, str]) -> Source:
    """Find the file and the format of one source; raises as `open_sources` does."""
    file = data_file(path)
    manifest = read_manifest(_manifest_of(path, file)).body
    config, sets = manifest.get("config"), manifest.get("sources")
    form = config.get("format") if isinstance(config, dict) else None
    datasets = {
        str(task): tuple(map(str, names))
        for task, names in (sets.items() if isinstance(sets, dict) else ())
        if isinstance(names, list)
    }
    if str(form).startswith("tsv-"):
        what = f"is a table of the format {form}, which an evaluator reads"
        raise InputError([Problem(str(path), what, "mix a set of another format")])
    if form in FORMATS:
        return Source(str(path), file, form, {}, datasets)
    with closing(_rows(file)) as rows:
        row = next(rows, None)
    if row is None:
        raise InputError([Problem(str(path), "holds no row", "check the path")])
    if columns and all(column in row for column in columns.values()):
        return Source(str(path), file, "multiinstruct", columns, datasets)
    if (shape := shape_of(row)) is None:
        missing = [c for c in columns.values() if c not in row]
        keys = ", ".join(list(row)[:8])
        what = f"has no column {missing[0]!r}" if missing else "is no built set"
        fix = f"name its columns with --columns prompt=COLUMN,target=COLUMN (it has {keys})"
        raise InputError([Problem(str(path), what, fix)])
    if shape == "multiinstruct" and suffix_of(file) == ".parquet":
        shape = "parquet"
    return Source(str(path), file, shape, {}, datasets)


def _rows(file: Path) -> Generator[Fields, None, None]:
    def wrong(problem: Problem) -> None:
        raise InputError([problem])

    with closing(read_rows(file, wrong)) as rows:
        for _, row in rows:
            yield row


def data_file(path: Path) -> Path:
    """Return the file of rows that a path stands for: itself, or the one in a built folder.

    Raises:
        InputError: there is none.
    """
    if not path.is_dir():
        if path.exists():
            return path
        raise InputError(
            [Problem(str(path), "does not exist", "give a built set, or a file of rows")]
        )
    found = sorted(f for f in path.iterdir() if f.is_file() and f.name.startswith("data."))
    if len(found) != 1:
        what = "holds no data file" if not found else f"holds {len(found)} data files"
        raise InputError([Problem(str(path), what, "give the file of rows itself")])
    return found[0]


def _manifest_of(path: Path, file: Path) -> Path:
    return path / MANIFEST if path.is_dir() else file.with_name(f"{file.name}.{MANIFEST}")


def _fields(columns: Mapping[str, str]) -> dict[str, str]:
    fields = {_ALIASES.get(name, name): column for name, column in columns.items()}
    if unknown := sorted(set(fields) - set(_OURS)):
        raise UsageError(f"--columns: sets have no field {unknown[0]!r}; use {', '.join(_OURS)}")
    if fields and not {"prompt", "target"} <= fields.keys():
        raise UsageError("--columns: name at least prompt=COLUMN and target=COLUMN")
    return fields


def _mapped(row: Fields, columns: Mapping[str, str], stem: str) -> Fields:
    """Return a row with our fields, made of its columns; its other columns stay."""
    used = set(columns.values())
    fields: dict[str, Any] = {name: v for name, v in row.items() if name not in used}
    for name, column in columns.items():
        if (value := row.get(column)) is None:
            if name == "image_path":
                continue
            raise BadRow("missing column", f"the row has nothing in {column!r}", "fill it in")
        fields[name] = _text_in(value)
    fields.setdefault("task_name", stem)
    fields.setdefault("instruction_id", "")
    if not isinstance(fields.get("unique_id"), str):
        fields["unique_id"] = hashlib.blake2b(dump_line(row), digest_size=8).hexdigest()
    fields.setdefault("target_txt", fields["target"])
    return fields


def _text_in(value: Any) -> str:
    """Return a column's value as text: the first of a list, a number as it is written."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = next(
            (v for k in ("path", "text", "value") if isinstance(v := value.get(k), str)), None
        )
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRow("missing column", f"{value!r:.60} is not text", "give a column of text")
    return str(value)


def plain_name(name: str) -> str:
    """Return a data set's name as it is compared: no case, no punctuation, nothing in brackets.

    A version with a dot goes as well: ``squad1.1`` is ``SQuAD``.
    """
    bare = re.sub(r"\s*(?:[(\[<{].*|https?://.*)$", "", name.strip())
    return re.sub(r"[\W_]+", "", re.sub(r"[ _-]?v?\d+(?:\.\d+)+$", "", bare).casefold())
