"""The settings of `instraug predict`, as a config file spells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from instraug.files.decode import Count, Range, differences, some
from instraug.files.settings import read_settings, settings_of
from instraug.models.config import MOST_LINES, Budget, Endpoint, Prices
from instraug.models.prices import known_prices


@dataclass(frozen=True)
class PredictConfig:
    """How rows are put to a model; the command line lays its options over a config file."""

    model: Annotated[str, some] | None = None
    """A model name, ``local``, ``local:NAME`` or ``local:PATH``: see docs/local-models.md."""
    base_url: Annotated[str, some] | None = None
    system: Annotated[str, some] | None = None
    """A system message before each prompt; None: the prompt alone."""
    temperature: Annotated[float, Range(0, 2)] = 0.0
    top_p: Annotated[float, Range(0, 1, above=True)] = 1.0
    answer_tokens: Annotated[int, Range(1, 1_000_000)] | None = None
    """Tokens one answer may have (the endpoint's max_tokens); None: 512, and 4096 once an answer
    shows that the model thinks first."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    images: Annotated[str, some] | None = None
    """The folder that image paths start at."""
    resize: Annotated[int, Range(16, 65_536)] | None = None
    """Send images with at most this many pixels on their longest side; None: as they are stored."""
    image_bytes: Count = 20 * 2**20
    """A larger image file is an error, unless images are resized."""
    image_tokens: Count = 2500
    """Tokens that an image counts as for the budget, until the endpoint's own count is known."""
    skip_bad: bool = False
    """Leave out rows that cannot be asked, instead of ending the run."""
    batch_requests: Annotated[int, Range(1, MOST_LINES)] = MOST_LINES
    """Requests in one batch at most."""
    endpoint: Endpoint = field(default_factory=Endpoint)
    budget: Budget = field(default_factory=Budget)
    prices: Mapping[str, Prices] = field(default_factory=dict)
    """Prices by model name."""

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON data, for a manifest."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def load_predict_config(path: Path) -> PredictConfig:
    """Read a config file; what it leaves out keeps its default.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    return read_settings(path, PredictConfig)


def with_given(config: PredictConfig, given: Mapping[str, Any]) -> PredictConfig:
    """Lay settings over a config; None leaves one as it is, and sections are laid over each.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    plain = config.plain()
    for name, value in given.items():
        if isinstance(value, Mapping):
            inner = {key: one for key, one in value.items() if one is not None}
            plain[name] = {**plain.get(name, {}), **inner}
        elif value is not None:
            plain[name] = value
    return settings_of(plain, PredictConfig)


def with_known_prices(config: PredictConfig, model: str) -> PredictConfig:
    """Return the config with the shipped price of a model, where it has none of its own."""
    return replace(config, prices={**known_prices(config.base_url, [model]), **config.prices})


def changed(before: Mapping[str, Any], config: PredictConfig) -> list[str]:
    """Name each setting that differs from an earlier run's, as ``name OLD -> NEW``."""
    old, new = ({k: v for k, v in of.items() if k not in _FREE} for of in (before, config.plain()))
    return differences(old, new)


_FREE = ("endpoint", "budget", "prices", "skip_bad", "batch_requests")
"""Settings that change no prediction."""
