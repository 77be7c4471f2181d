"""The settings of `instraug build`, as a config file spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from instraug.files.decode import Count, Range, Share, some, suggest
from instraug.files.settings import read_settings, settings_of
from instraug.training_set.boxes.base import Resizing, Settings
from instraug.training_set.boxes.registry import FAMILIES
from instraug.training_set.formats.registry import FORMATS
from instraug.training_set.option_styles import STYLES, fits
from instraug.training_set.profiles import PROFILES, find, wrong_name


def _known(name: str) -> str | None:
    return None if name in FORMATS else suggest(name, FORMATS)


def _part(share: float) -> str | None:
    return None if 0 < share < 1 else "give a number above 0 and below 1"


def _style(name: str) -> str | None:
    return None if name in STYLES else suggest(name, STYLES)


def _family(name: str) -> str | None:
    return None if name in FAMILIES else suggest(name, FAMILIES)


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
    near_duplicates: Annotated[float, Range(0, 1, above=True)] | None = None
    """Leave out rewrites of at least this ROUGE-L with an instruction that stays; None: none."""
    shuffle_options: bool = True
    """Put each row's options in an order of its own; a target that names a place moves along."""
    options_style: tuple[Annotated[str, _style], ...] | None = None
    """How options are shown, drawn for each row where there are several; None: as released."""
    answers: tuple[Literal["text", "letter", "number"], ...] | None = None
    """What answers are, drawn likewise; None: as in the rows, by the labels that are shown."""
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
    """`boxes` ``ofa`` at full size; a coordinate outside its picture counts as the edge."""
    profile: Annotated[str, wrong_name] | None = None
    """MODEL[:TRAINER], which sets `boxes`, `format` and `options_style` where they are None."""
    boxes: Annotated[str, _family] | None = None
    """How regions are spelled; None: as they stand in the rows."""
    min_pixels: Count | None = None
    """Least pixels of a resized picture; None: as the model, or its trainer, has it."""
    max_pixels: Count | None = None
    """Most pixels of a resized picture; None: likewise."""
    patch_size: Count = 512
    """Side of the picture that OFA sees, in pixels."""
    max_image_size: Count = 512
    """What OFA divides coordinates by, in pixels."""
    box_digits: Annotated[int, Range(1, 9)] = 2
    """Digits after the point of LLaVA's boxes."""
    box_pad: bool = True
    """LLaVA's boxes are those of pictures padded to a square."""
    images: Annotated[str, some] | None = None
    """The folder that image paths start at, where images are embedded or measured."""

    def fitted(self) -> BuildConfig:
        """Return the config with what its profile sets filled in where it sets nothing itself."""
        config = replace(self, boxes="ofa") if self.ofa_bins and not self.boxes else self
        if not config.profile:
            return config
        own = find(config.profile)
        style = own.options_style
        fitting = all(fits(style, kind) for kind in config.answers or ())
        return replace(
            config,
            boxes=config.boxes or own.boxes,
            format=config.format or own.format,
            options_style=config.options_style or ((style,) if fitting else None),
        )

    def box_settings(self) -> Settings:
        """Return what the spelling of boxes depends on; a trainer's bounds go by ours, if any."""
        usual = Settings()
        before = find(self.profile).before if self.profile else None
        bounds = before or Resizing(usual.min_pixels, usual.max_pixels)
        given = Resizing(self.min_pixels or bounds.min_pixels, self.max_pixels or bounds.max_pixels)
        own = Resizing(usual.min_pixels, usual.max_pixels) if before else given
        return Settings(
            min_pixels=own.min_pixels,
            max_pixels=own.max_pixels,
            patch_size=self.patch_size,
            max_image_size=self.max_image_size,
            digits=self.box_digits,
            pad=self.box_pad,
            before=given if before else None,
        )

    def turns(self) -> bool:
        """Return whether pictures are measured turned, as the reader of the profile has them."""
        name = self.profile or self.boxes or ""
        return name in PROFILES and PROFILES[name].turns


def load_build_config(path: Path) -> BuildConfig:
    """Read a config file; what it leaves out keeps its default.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    return read_settings(path, BuildConfig)


def with_options(config: BuildConfig, options: Mapping[str, Any]) -> BuildConfig:
    """Lay options of the command line over a config; None leaves a setting as it is.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return settings_of(asdict(config) | given, BuildConfig)
