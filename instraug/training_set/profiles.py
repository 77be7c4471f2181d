"""What a model wants, in one word: ``--for MODEL[:TRAINER]``.

Without a trainer, rows are as the model's own code takes them. A trainer takes rows of its own
shape and may resize, turn or scale by itself, so that it is part of the profile.

Source:
    The modules of `boxes` say where boxes come from. Whether pictures are turned as their EXIF data
    asks: transformers 5.24 image_utils.load_image and datasets 5.2 do; PIL, and with it LLaVA,
    InternVL, OFA, LLaMA-Factory v0.9.5 and ms-swift 4.6, do not. Image tokens: the models' own
    configurations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from instraug.errors import UsageError
from instraug.files.decode import suggest
from instraug.training_set.boxes.base import Resizing


@dataclass(frozen=True)
class Profile:
    """One model, by itself or in one trainer."""

    boxes: str
    """Of `boxes.registry.FAMILIES`."""
    format: str
    """Of `formats.registry.FORMATS`; it puts in the image marker."""
    marker: str
    """What stands for a picture in a row."""
    options_style: str
    """Of `option_styles.STYLES`."""
    tokens: str
    """Tokens that the model spends on a picture, in words."""
    image_tokens: int | None = None
    """Their number, where it is one for every picture."""
    pixels_a_token: int | None = None
    """Pixels of the resized picture that make a token, where it depends on the picture."""
    turns: bool = False
    """Whether its reader turns pictures as their EXIF data asks."""
    before: Resizing | None = None
    """What the trainer does to a picture before the model's own resizing."""
    trainers: tuple[str, ...] = ()
    """The trainers that know the model."""


_TAG, _PART, _COLUMN = "<image>", "content part", "column"

_ALL = ("llama-factory", "ms-swift", "trl")

_28, _32 = (
    "one for 28x28 pixels of the resized picture",
    "one for 32x32 pixels of the resized picture",
)

MODELS: Mapping[str, Profile] = {
    "qwen3-vl": Profile(
        "qwen3-vl", "llava", _TAG, "A.", _32, pixels_a_token=1024, turns=True, trainers=_ALL
    ),
    "qwen2.5-vl": Profile(
        "qwen2.5-vl", "llava", _TAG, "A.", _28, pixels_a_token=784, turns=True, trainers=_ALL
    ),
    "qwen2-vl": Profile(
        "qwen2-vl", "llava", _TAG, "A.", _28, pixels_a_token=784, turns=True, trainers=_ALL
    ),
    "internvl": Profile(
        "internvl", "llava", _TAG, "A.", "256 for each tile of 448x448", trainers=_ALL
    ),
    "llava": Profile("llava", "llava", _TAG, "A.", "576", 576, trainers=_ALL),
    "instructblip": Profile("pixels", "lavis", _COLUMN, "(a)", "32", 32),
    "paligemma": Profile(
        "paligemma", "prompt-completion", _PART, "lines", "256 at 224 pixels", 256, trainers=_ALL
    ),
    "florence-2": Profile(
        "florence-2", "prompt-completion", _PART, "lines", "577", 577, trainers=("ms-swift",)
    ),
    "kosmos-2": Profile("kosmos-2", "prompt-completion", _PART, "lines", "64", 64, turns=True),
    "ofa": Profile("ofa", "ofa-vqa", _COLUMN, "released", "1024 at 512 pixels", 1024),
}
"""Model -> what its own code wants."""

_SHRINKS = Resizing(32 * 32, 768 * 768)
"""LLaMA-Factory's image_min_pixels and image_max_pixels."""


def _llama_factory(model: Profile) -> Profile:
    return replace(model, format="sharegpt", marker=_TAG, turns=False, before=_SHRINKS)


def _ms_swift(model: Profile) -> Profile:
    return replace(model, boxes="ms-swift", format="ms-swift", marker=_TAG, turns=False)


def _trl(model: Profile) -> Profile:
    return replace(model, format="messages", marker=_PART, turns=True)


_TRAINERS = {"llama-factory": _llama_factory, "ms-swift": _ms_swift, "trl": _trl}

PROFILES: Mapping[str, Profile] = dict(MODELS) | {
    f"{name}:{trainer}": _TRAINERS[trainer](model)
    for name, model in MODELS.items()
    for trainer in model.trainers
}
"""What ``--for`` takes -> the profile."""


def wrong_name(name: str) -> str | None:
    """Return None for a profile's name, else the fix: the nearest model or trainer."""
    if name in PROFILES:
        return None
    model, colon, trainer = name.partition(":")
    if model not in MODELS:
        return suggest(model, MODELS)
    known = MODELS[model].trainers
    if not known:
        return f"use '{model}': it has no profile for a trainer"
    return suggest(trainer, known) if colon and trainer else f"use '{model}' without a colon"


def facts(name: str) -> dict[str, Any]:
    """Return what a profile sets, as manifests and ``instraug formats --json`` state it."""
    return {key: value for key, value in asdict(find(name)).items() if key != "trainers"}


def find(name: str) -> Profile:
    """Return the profile of a name.

    Raises:
        UsageError: there is none; the nearest one is named.
    """
    if fix := wrong_name(name):
        raise UsageError(f"no profile is named {name!r}; {fix}")
    return PROFILES[name]
