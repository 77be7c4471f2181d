"""The settings of `instraug build`, as a config file spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from instraug.errors import InputError, UsageError
from instraug.files import strict_yaml
from instraug.files.decode import Count, Range, Share, decode, some, suggest
from instraug.training_set.formats.registry import FORMATS


def _known(name: str) -> str | None:
    return None if name in FORMATS else suggest(name, FORMATS)


def _part(share: float) -> str | None:
    return None if 0 < share < 1 else "give a number above 0 and below 1"


@dataclass(frozen=True)
class BuildConfig:
    """How a set is built; the command line lays its options over a config file."""

    split: Literal["train", "eval", "all"] = "train"
    """Rows to train on, rows to evaluate on (evaluation tasks, ``testing_data/``), or both."""
    epsilon: Share = 0.5
    """Probability of a hand-written instruction (arXiv:2402.14492); 1 is plain MIns."""
    per_task: Count | None = None
    """Most instances of one task, chosen by a hash of seed and row; None: all."""
    per_source: Count | None = None
    """Most instances of one source, chosen the same way, and before `per_task`; None: all."""
    source_by: tuple[Annotated[str, some], ...] = ()
    """Row keys whose values together name a row's source; none: each file is one."""
    per_instance: Literal["sample", "all"] = "sample"
    """One sampled instruction an instance, or every instruction of the pool."""
    first: Count | None = None
    """Most instances of one task, the first that are read, after `per_task`; None: all."""
    instruction: Annotated[int, Range(0, 2**31 - 1)] | None = None
    """Render with this hand-written instruction of each task alone, counted from 0."""
    instruction_split: Literal["train", "eval"] | None = None
    """Use one side of the pool: the instructions held out (eval), or the others (train)."""
    hold_out: Annotated[float, _part] | None = None
    """Share of each pool that `instruction_split` holds out, of each original's wordings alike."""
    shuffle_options: bool = True
    """Put each row's options in an order of its own; a target that names a place moves along."""
    format: Annotated[str, _known] | None = None
    """None: by the destination's suffix, else multiinstruct."""
    draw_by: Literal["id", "content"] = "id"
    """What a row's choices are drawn by: its ``unique_id``, or all that it holds."""
    columns: Mapping[str, Annotated[str, some]] = field(default_factory=dict)
    """Field -> the column, or key, of the rows that has it under another name."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    skip_bad: bool = False
    """Leave out rows that cannot be used, instead of ending the run."""
    as_released: bool = False
    """Keep the known faults of MultiInstruct's rows."""
    ofa_bins: bool = False
    """Spell regions as OFA's ``<bin_N>`` tokens; needs image sizes."""
    images: Annotated[str, some] | None = None
    """The folder that image paths start at, where images are embedded or measured."""


def load_build_config(path: Path) -> BuildConfig:
    """Read a config file; what it leaves out keeps its default.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    document = strict_yaml.read(path)
    config, problems = decode(document.data, BuildConfig, document.place)
    problems = sorted([*document.problems, *problems], key=strict_yaml.position)
    if problems or config is None:
        raise InputError(problems)
    return config


def with_options(config: BuildConfig, options: Mapping[str, Any]) -> BuildConfig:
    """Lay options of the command line over a config; None leaves a setting as it is.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    changed, problems = decode(asdict(config) | given, BuildConfig, lambda _: "command line")
    if problems or changed is None:
        raise UsageError("\n".join(map(str, problems)))
    return changed
