"""Reading a file that is one JSON document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from instraug.errors import InputError, Problem
from instraug.files.disk import read_regular


def read_json(path: Path, fix: str) -> Any:
    """Return the document that a file holds; a byte order mark is passed over.

    Args:
        path: The file.
        fix: What to do about one that is damaged.

    Raises:
        InputError: it is not JSON.
        StorageError: it cannot be read.
    """
    try:
        return orjson.loads(read_regular(path).removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        place = f"{path}:{error.lineno}"
        raise InputError([Problem(place, f"invalid JSON: {error.msg}", fix)]) from None
