"""The formats that `build` writes, by name; each one's module is imported when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from instraug.errors import UsageError
from instraug.files.compression import PACKED
from instraug.training_set.formats.base import Format, Options


@dataclass(frozen=True)
class Entry:
    """Where a format is made, and what its files are called."""

    module: str
    suffixes: tuple[str, ...]
    """Those it can be written as; the first is the one in a folder."""
    kind: str | None = None
    """Which of a module's formats."""


_LINES, _LIST = (".jsonl", ".json"), (".json", ".jsonl")

FORMATS = {
    "multiinstruct": Entry("multiinstruct", _LINES),
    "tsv": Entry("tsv", (".tsv",)),
    "tsv-commonsense-vqa": Entry("tsv", (".tsv",), "commonsense-vqa"),
    "tsv-disaster-types": Entry("tsv", (".tsv",), "disaster-types"),
    "tsv-grounded-vqa": Entry("tsv", (".tsv",), "grounded-vqa"),
    "tsv-nlvr": Entry("tsv", (".tsv",), "nlvr"),
    "tsv-text-vqa": Entry("tsv", (".tsv",), "text-vqa"),
    "tsv-visual-dialog": Entry("tsv", (".tsv",), "visual-dialog"),
    "tsv-visual-nli": Entry("tsv", (".tsv",), "visual-nli"),
    "tsv-vsr": Entry("tsv", (".tsv",), "vsr"),
    "tsv-vte": Entry("tsv", (".tsv",), "vte"),
    "ofa-caption": Entry("ofa", (".tsv",), "caption"),
    "ofa-vqa": Entry("ofa", (".tsv",), "vqa"),
    "ofa-refcoco": Entry("ofa", (".tsv",), "refcoco"),
    "ofa-snli-ve": Entry("ofa", (".tsv",), "snli-ve"),
    "lavis": Entry("lavis", (".json",)),
    "llava": Entry("llava", _LIST),
    "sharegpt": Entry("sharegpt", _LIST),
    "ms-swift": Entry("ms_swift", _LINES),
    "messages": Entry("messages", _LINES, "messages"),
    "prompt-completion": Entry("messages", _LINES, "prompt-completion"),
    "alpaca": Entry("alpaca", _LIST),
    "parquet": Entry("parquet", (".parquet",)),
}

_OTHER_FILES = {".csv", ".txt", ".ndjson", ".arrow", ".gz", ".zst", ".bz2", ".xz", ".zip"}
"""Suffixes that no folder has, but by mistake."""

_USUAL = {".jsonl": "multiinstruct", ".json": "multiinstruct", ".tsv": "tsv"}


@dataclass(frozen=True)
class DataFile:
    """The file of rows that a destination stands for."""

    format: str
    suffix: str
    """The data file's, compression taken off."""
    packed: str = ""
    """``.gz`` or ``.zst`` for a single compressed file."""
    is_file: bool = False
    """True where the destination is that file, False where it is a folder around it."""

    @property
    def inside(self) -> str | None:
        """Its name in the destination; None where it is the destination itself."""
        return None if self.is_file else f"data{self.suffix}"


def data_file(dest: Path, name: str | None) -> DataFile:
    """Settle format and suffix of a destination.

    A known suffix (.jsonl, .json, .tsv, .parquet; the first three also with .gz or .zst) makes it
    one file, whose usual format is taken where none is named; anything else is a folder.

    Raises:
        UsageError: the format is not written to files of this name.
    """
    packed = dest.suffix if dest.suffix in PACKED else ""
    suffix = Path(dest.stem).suffix if packed else dest.suffix
    known = {s for entry in FORMATS.values() for s in entry.suffixes}
    if suffix not in known:
        if dest.name == "-" or dest.suffix.lower() in known | _OTHER_FILES:
            raise UsageError(
                f"{dest}: sets are folders, or files that end in .jsonl, .json, .tsv (also with "
                ".gz or .zst) or .parquet; rename it"
            )
        suffix = packed = ""
    chosen = name or _USUAL.get(suffix, "parquet" if suffix else "multiinstruct")
    entry = FORMATS[chosen]
    if suffix and (suffix not in entry.suffixes or (packed and suffix == ".parquet")):
        its = " or ".join(entry.suffixes)
        raise UsageError(f"{dest}: the format {chosen} is written as {its}; rename it")
    if entry.module == "lavis":
        _refuse_clash(dest)
    return DataFile(chosen, suffix or entry.suffixes[0], packed, bool(suffix))


def _refuse_clash(dest: Path) -> None:
    from instraug.training_set.formats.lavis import CLASHES

    if any(word in str(dest) for word in CLASHES):
        raise UsageError(f"{dest}: LAVIS reads a path with csv or tsv in it as CSV; rename it")


def load(name: str, options: Options) -> Format:
    """Return a format of `FORMATS`, ready to write.

    Raises:
        StorageError: a library that it needs is not installed.
    """
    entry = FORMATS[name]
    make = import_module(f"{__package__}.{entry.module}").make
    made: Format = make(options, entry.kind) if entry.kind else make(options)
    return made
