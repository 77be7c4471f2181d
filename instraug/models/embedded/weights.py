"""The weights of the embedded model: located or assembled, verified, named by their SHA-256."""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instraug.errors import StorageError, UsageError
from instraug.files.disk import open_regular
from instraug.models.embedded.packaged import (
    DEFAULT,
    PACKAGED,
    Packaged,
    install,
    packaged,
    part_files,
)

_PREFIX = "gguf:"
"""Begins the name of every model that runs from a weights file."""

_CHATS = "+chat"
"""Ends the name of an instruct model, which is asked for other things than a base model."""

_MAGIC = b"GGUF"

EXTRA = f"the embedded model needs an extra: {install(DEFAULT)}"


@dataclass(frozen=True)
class Weights:
    """A model file, checked."""

    path: Path
    sha256: str
    chats: bool
    """Whether the file has a chat template, as instruct models do; chats then use it."""

    @property
    def name(self) -> str:
        """The model's name in requests: equal weights have equal names, wherever the file is."""
        return _PREFIX + self.sha256 + (_CHATS if self.chats else "")


def find(model: str, cache: Path | None = None) -> Weights:
    """Return the weights that a model name stands for; packaged ones are assembled if needed.

    Args:
        model: ``local``, ``local:NAME`` of a packaged model, or ``local:PATH`` of a GGUF file.
        cache: Folder of the assembled file; None: `cache_folder`.

    Raises:
        UsageError: the packages are missing, or the path is not a GGUF file.
        StorageError: the file cannot be assembled, or its SHA-256 is not the pinned one.
    """
    given = model.partition(":")[2]
    if found := packaged(given):
        path = _assembled(found, cache or cache_folder())
        return Weights(path, found.sha256, found.chats)
    path = Path(given).expanduser()
    if not path.exists() and path.name == given and path.suffix != ".gguf":
        names = ", ".join(p.name for p in PACKAGED)
        what = f"no packaged model and no file is called {given}"
        raise UsageError(f"{what}; use one of {names}, or local:PATH of a GGUF file")
    return Weights(path, _checked(path), _has_chat_template(path))


def name(model: str) -> str:
    """Return a model's name in requests, as `Weights.name` does, but assemble nothing.

    Raises:
        UsageError: the path is not a GGUF file.
    """
    found = packaged(model.partition(":")[2])
    return Weights(Path(), found.sha256, found.chats).name if found else find(model).name


def are_named(name: str) -> bool:
    """Whether a model's name in requests is that of weights, as `Weights.name` writes it."""
    return name.startswith(_PREFIX)


def chats(name: str) -> bool:
    """Whether a model's name in requests is that of an instruct model's weights."""
    return are_named(name) and name.endswith(_CHATS)


def cache_folder() -> Path:
    """Return the user's cache folder for instraug (the XDG base directory rules)."""
    base = os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "instraug"


def _assembled(model: Packaged, cache: Path) -> Path:
    """Return a packaged model's file in the cache, whole and verified.

    Processes that do this at the same time each assemble their own copy. The copies are equal, and
    the last one renamed stays.
    """
    path = cache / model.file
    if path.is_file() and _digest(path) == model.sha256:
        return path
    parts = part_files(model)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".assembling-") as folder:
            made = Path(folder) / model.file
            _join(parts, made)
            if (digest := _digest(made)) != model.sha256:
                raise StorageError(
                    f"the weights of {model.name} have SHA-256 {digest[:12]}, not "
                    f"{model.sha256[:12]}; reinstall the extra: "
                    + install(model).replace("install", "install --force-reinstall")
                )
            made.replace(path)
    except OSError as error:
        raise StorageError(
            f"cannot assemble the embedded model in {cache}: {error.strerror or error}; "
            f"it takes {model.size / 1e6:,.0f} MB, and XDG_CACHE_HOME names another folder"
        ) from None
    return path


def _join(parts: Sequence[Path], whole: Path) -> None:
    with whole.open("wb") as file:
        for part in parts:
            with part.open("rb") as read:
                shutil.copyfileobj(read, file, 1 << 20)


def _checked(path: Path) -> str:
    try:
        with os.fdopen(open_regular(path, action="read the model"), "rb") as file:
            if file.read(4) != _MAGIC:
                raise UsageError(f"{path} is not a GGUF file; --model local:PATH takes one")
        return _digest(path)
    except StorageError as error:
        raise UsageError(str(error)) from None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _has_chat_template(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(b"tokenizer.chat_template") >= 0
