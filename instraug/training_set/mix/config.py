"""The settings of `instraug mix`, as a config file spells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from instraug.files.decode import Count, Range, some, suggest
from instraug.files.settings import read_settings, settings_of
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.mix.image_tokens import DEFAULT, Pixels
from instraug.training_set.mix.text_tokens import WHITESPACE

Percent = Annotated[float, Range(0, 100)]

Tiles = Annotated[int, Range(1, 64)]


def _known(name: str) -> str | None:
    return None if name in FORMATS else suggest(name, FORMATS)


@dataclass(frozen=True)
class MixConfig:
    """How sets are mixed; the command line lays its options over a config file."""

    total: Count | None = None
    """Rows or tokens of the set; None: all rows of sources that have no shares."""
    by: Literal["instances", "tokens"] = "instances"
    """What shares and total count."""
    shares: tuple[Percent, ...] = ()
    """Of sources that are given without one, in their order."""
    sweep: tuple[Percent, ...] = ()
    """Shares of the first source: one set each."""
    order: Literal["shuffled", "sequential"] = "shuffled"
    """Rows in the order of a hash; or source after source, as they are given."""
    replace: bool = False
    """Rows of a source that is too small come again."""
    caps: Mapping[str, Count] = field(default_factory=dict)
    """Source -> the most of its rows that take part."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field -> column of sources that are no built set."""
    format: Annotated[str, _known] | None = None
    """None: the sources'."""
    tokenizer: Annotated[str, some] = WHITESPACE
    """What counts text: ``whitespace``, or a tokenizer's file."""
    image_tokens: Annotated[str, some] = DEFAULT
    """What counts pictures: a family of models, or a number."""
    min_pixels: Count | None = None
    max_pixels: Count | None = None
    patch_size: Count | None = None
    max_tiles: Tiles | None = None
    images: Annotated[str, some] | None = None
    """The folder that image paths start at."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0

    @property
    def pixels(self) -> Pixels:
        """The limits of the family of models."""
        return Pixels(self.min_pixels, self.max_pixels, self.patch_size, self.max_tiles)


def load_mix_config(path: Path) -> MixConfig:
    """Read a config file; what it leaves out keeps its default.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    return read_settings(path, MixConfig)


def with_options(config: MixConfig, options: Mapping[str, Any]) -> MixConfig:
    """Lay options of the command line over a config; None leaves a setting as it is.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return settings_of(asdict(config) | given, MixConfig)


@dataclass(frozen=True)
class MixJob:
    """What to mix, and where to."""

    sources: tuple[tuple[str, Fraction | None], ...]
    """Paths as given, each with its percentage; None: by ``config.shares``, or all of it."""
    dest: Path
    config: MixConfig = field(default_factory=MixConfig)
    evaluation: tuple[Path, ...] = ()
    """Sets that no row may be in."""
    drop_leaks: bool = False
    """Leave rows of evaluation sets out, instead of ending the run."""
    workers: int = 1
    """Processes; the rows do not depend on how many."""
    force: bool = False
    progress: Callable[[int, int], None] = lambda _done, _all: None
    """Called with the pieces of sources read, from 0 on, and their total."""
