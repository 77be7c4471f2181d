"""Hugging Face datasets on disk: the folders that ``save_to_disk`` writes.

Source:
    huggingface/datasets 5.2.0, Dataset.save_to_disk and DatasetDict.save_to_disk.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from instraug.errors import InputError, Problem
from instraug.files.compression import open_input

_STATE, _SPLITS = "state.json", "dataset_dict.json"


def saved(folder: Path) -> list[Path]:
    """Return the Arrow files of a saved dataset, in order; none where the folder is not one.

    Raises:
        InputError: the folder's own list of them cannot be read.
    """
    if (folder / _SPLITS).is_file():
        names = _texts(folder / _SPLITS, lambda body: body["splits"])
        return [file for name in names for file in saved(folder / name)]
    if not (folder / _STATE).is_file():
        return []
    files = _texts(folder / _STATE, lambda body: [file["filename"] for file in body["_data_files"]])
    return [folder / name for name in files]


def is_held_out(file: Path) -> bool:
    """Return whether a file is of a split that is not for training, by the name of its folder."""
    folder = file.parent
    if file.suffix != ".arrow" or not (folder.parent / _SPLITS).is_file():
        return False
    return not folder.name.startswith("train")


def _texts(path: Path, names: Any) -> list[str]:
    with open_input(path) as file:
        try:
            found = names(orjson.loads(file.read()))
        except (orjson.JSONDecodeError, LookupError, TypeError):
            found = None
    plain = isinstance(found, list) and all(
        isinstance(name, str) and PurePosixPath(name).name == name for name in found
    )
    if not plain:
        fix = "save the dataset again, with save_to_disk"
        raise InputError([Problem(str(path), "does not name the files beside it", fix)])
    return list(found)
