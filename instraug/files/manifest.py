"""The manifest: written last, so that a folder that has one is complete."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import Event
from typing import Any, Literal

import orjson

from instraug.errors import Problem, UsageError, printable
from instraug.files.atomic import atomic_writer
from instraug.files.disk import open_regular, refusals
from instraug.files.jsonl import dumps

MANIFEST = "manifest.json"
"""Its name in a folder; beside a single file it follows the name of that file."""

Kind = Literal["expand", "build", "mix", "predict", "shard"]
"""Which command wrote it; ``shard``: any of those, for a part of its work."""


_HOLDS: Mapping[Kind, str] = {
    "expand": "a run of expand",
    "build": "a built set",
    "mix": "a mixed set",
    "predict": "predictions",
    "shard": "a shard, which `instraug join` takes",
}
"""Command -> what its folder holds, for messages."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""A NUL character as JSON spells it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was read."""

    body: Mapping[str, Any]
    """Empty where it could not be read."""
    problem: Problem | None = None
    """Why there is none; the files beside it may be well all the same."""

    def is_other(self, kind: Kind, path: Path, fix: str) -> Problem | None:
        """Return what is wrong with a folder of which a manifest is read, but of another command.

        Args:
            kind: The command whose output is wanted.
            path: The folder, as the user gave it.
            fix: What to give instead.
        """
        if self.problem or self.is_of(kind):
            return None
        holds = next((what for one, what in _HOLDS.items() if self.is_of(one)), "another output")
        return Problem(str(path), f"holds {holds}", fix)

    def is_of(self, kind: Kind) -> bool:
        """Whether that command wrote it; an older manifest without a kind is known by a key."""
        return bool(self.body.get("kind", "build" if "epsilon" in self.body else "expand") == kind)


def beside(path: Path) -> Path:
    """Return where the manifest of a single file stands."""
    return path.with_name(f"{path.name}.{MANIFEST}")


def write_manifest(path: Path, body: Mapping[str, Any]) -> None:
    """Write a manifest, keys sorted; call it when every file that it names is in place.

    Args:
        path: ``manifest.json``, or ``NAME.manifest.json`` beside a single file.
        body: JSON-able; ``outputs`` maps file names to their `sha256`.

    Raises:
        StorageError: the disk refused; an older manifest stays.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    with atomic_writer(path) as file:
        file.write(dumps(body, options))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; one that is missing or damaged is a result, not an exception.

    Raises:
        StorageError: the file exists but the system does not let it be read.
    """
    fix = "run `instraug expand` or `build` again to write it anew"
    with refusals(path, "read"):
        if not path.exists():
            return Manifest({}, Problem(str(path), "there is no manifest", fix))
        with os.fdopen(open_regular(path), "rb") as file:
            text = file.read()
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Manifest({}, Problem(str(path), f"the manifest is damaged ({error})", fix))
    if _NUL.search(text):  # no path or name that a run writes holds it
        return Manifest({}, Problem(str(path), "the manifest is damaged (a NUL character)", fix))
    if not isinstance(body, dict):
        return Manifest({}, Problem(str(path), "the manifest is not a JSON object", fix))
    return Manifest(body)


def check_spelled(texts: Iterable[object]) -> None:
    """Refuse what a manifest could not name as it is: a name with bytes that are no UTF-8.

    Args:
        texts: Paths and settings, at any depth of mappings and lists; other values pass.

    Raises:
        UsageError: the first such text.
    """
    for text in texts:
        if isinstance(text, Mapping):
            check_spelled([*text.keys(), *text.values()])
        elif isinstance(text, list | tuple):
            check_spelled(text)
        elif isinstance(text, str | Path):
            try:
                str(text).encode()
            except UnicodeEncodeError as error:
                byte = ord(str(text)[error.start]) - 0xDC00  # as Python takes in such a byte
                what = f"holds the byte 0x{byte & 0xFF:02x}, which is no UTF-8"
                raise UsageError(
                    f"{printable(str(text))}: {what}, and a manifest could not name it; "
                    "rename it, or give a link to it"
                ) from None


def sha256(path: Path, stop: Event | None = None) -> str:
    """Return the SHA-256 (hex) of a file's bytes.

    Args:
        path: The file.
        stop: Once it is set the rest is not read, and what is returned means nothing.

    Raises:
        StorageError: the file cannot be read.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(1 << 16))
    with refusals(path, "read"), FileIO(open_regular(path)) as file:
        while not (stop and stop.is_set()) and (size := file.readinto(buffer)):
            digest.update(buffer[:size])
    return digest.hexdigest()
