"""Which instructions a training set used."""

from __future__ import annotations

from pathlib import Path

from instraug.errors import InputError, Problem
from instraug.evaluation.scores.naming import prediction_files
from instraug.files.jsonl import read_jsonl
from instraug.files.manifest import read_manifest

LISTED = "instruction_ids"
"""The manifest's list of the instructions that a set's rows were rendered with."""


def used_instructions(built: Path) -> frozenset[str]:
    """Return the ids of the instructions that a built set's rows have.

    They are read from the manifest (of a folder, or beside a file), or else from the rows.

    Args:
        built: A built set.

    Raises:
        InputError: neither names any.
        StorageError: a file cannot be read.
    """
    beside = built.with_name(f"{built.name}.manifest.json")
    body = read_manifest(built / "manifest.json" if built.is_dir() else beside).body
    listed = body.get(LISTED)
    if isinstance(listed, list):
        return frozenset(map(str, listed))
    rows = (row for file in prediction_files(built) for _, row in read_jsonl(file))
    used = frozenset(str(row["instruction_id"]) for row in rows if row.get("instruction_id"))
    if not used:
        what = "neither the manifest nor a row names an instruction_id"
        raise InputError([Problem(str(built), what, "give a set that `instraug build` made")])
    return used
