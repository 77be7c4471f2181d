"""One frozen Config for a run: every setting, its type and bounds, its default and its meaning.

`configfile` reads it from YAML; what a hint says here (`Annotated` bounds included) is what a file
and the command line are held to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from instraug.errors import InputError, Problem, UsageError
from instraug.files import strict_yaml
from instraug.files.decode import Place, Positive, Range, Share, decode, differences, some
from instraug.models.config import Batching, Budget, Endpoint, Prices
from instraug.models.prices import known_prices

Variant = Literal["single", "multi-temp", "iterative"]

RuleName = Literal[
    "truncated",
    "filtered",
    "refusal",
    "preamble",
    "markup",
    "length",
    "contraction",
    "copy",
    "language",
    "leak",
    "duplicate",
    "near_duplicate",
    "semantic",
]
"""A rule that can be turned off; the others keep a template renderable and always apply."""

MULTI_TEMP = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""The 11 temperatures of INSTRAUG's MT variant (arXiv:2402.14492)."""

Temperature = Annotated[float, Range(0, 2)]


@dataclass(frozen=True)
class Rules:
    """Settings of the postprocessing rules; rules named in ``off`` are not applied."""

    off: tuple[RuleName, ...] = ()
    min_length: Annotated[float, Range(0)] = 0.5
    """A rewrite has strictly more than this times its parent's whitespace words."""
    max_length: Positive = 1.5
    """A rewrite has strictly fewer than this times its parent's whitespace words."""
    near_duplicate: Share = 0.95
    """Reject at this ROUGE-L (0 to 1) or above with the origin or an earlier accepted rewrite."""
    semantic: Share | None = None
    """Reject below this semantic score (0 to 1); None: on at its own default for the embedded
    model, off elsewhere."""
    language: str = "en"
    """Language of the instructions; only ``en`` is judged."""


@dataclass(frozen=True)
class Config:
    """All settings of `instraug expand`, as a config file names them."""

    model: Annotated[str, some] | None = None
    """A model name, ``local``, ``local:NAME`` or ``local:PATH``: see docs/local-models.md."""
    base_url: Annotated[str, some] | None = None
    embedding_model: Annotated[str, some] | None = None
    """Judge meaning by this model's embeddings, from the same endpoint."""
    variant: Variant = "single"
    rewrites: Annotated[int, Range(1, 1000)] = 5
    """Accepted rewrites wanted for each hand-written template."""
    temperatures: Annotated[tuple[Temperature, ...], some] | None = None
    """Sampling temperatures (0 to 2); None: 0.6 (0.2 for the embedded model), or `MULTI_TEMP` for
    multi-temp."""
    top_p: Annotated[float, Range(0, 1, above=True)] = 0.9
    samples: Annotated[int, Range(1, 10_000)] = 8
    """Samples of one meta-prompt at one temperature before the plan is exhausted."""
    patience: Annotated[int, Range(1, 10_000)] | None = 7
    """A template gets at most this many times (accepted + 1) answers; None: its whole plan."""
    choices: Annotated[int, Range(1, 128)] = 1
    """Choices asked for in one request, where the endpoint takes ``n``."""
    answer_tokens: Annotated[int, Range(1, 1_000_000)] | None = None
    """Tokens one answer may have (the endpoint's max_tokens); None: 512, and 4096 once an answer
    shows that the model thinks first."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    include_eval: bool = False
    only: tuple[str, ...] = ()
    """Glob patterns of task names; empty: all."""
    meta_prompts: Annotated[str, some] | None = None
    """A file or folder of meta-prompts instead of the shipped set."""
    rules: Rules = field(default_factory=Rules)
    endpoint: Endpoint = field(default_factory=Endpoint)
    budget: Budget = field(default_factory=Budget)
    batch: Batching = field(default_factory=Batching)
    prices: Mapping[str, Prices] = field(default_factory=dict)
    """Prices by model name."""


def load_config(path: Path) -> Config:
    """Read a config file; settings that it leaves out keep their defaults.

    Raises:
        InputError: every unknown key, wrong type and number out of range, each with its line.
    """
    document = strict_yaml.read(path)
    config, problems = _decoded(document.data, document.place)
    problems = sorted([*document.problems, *problems], key=strict_yaml.position)
    if problems or config is None:
        raise InputError(problems)
    return config


def with_overrides(config: Config, **values: Any) -> Config:
    """Return the config with some settings replaced, as the command line asks.

    Args:
        config: The settings to start from.
        values: By setting; those of a section as a mapping (``budget={"max_cost": 5.0}``). None
            and an empty tuple (click's values of an option not given) leave a setting as it is.

    Raises:
        UsageError: a value of the wrong type or out of range.
    """
    merged = _merged(as_plain(config), values)
    changed, problems = _decoded(merged, lambda _: "command line")
    if problems or changed is None:
        raise UsageError("\n".join(map(str, problems)))
    return changed


def with_known_prices(config: Config) -> Config:
    """Return the config with the shipped prices of its models, where it has none of its own."""
    models = [m for m in (config.model, config.embedding_model) if m]
    known = known_prices(config.base_url, models)
    return replace(config, prices={**known, **config.prices})


def as_plain(config: Config) -> dict[str, Any]:
    """Return the config as JSON data, for a manifest; `from_plain` reads it."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return plain


def from_plain(plain: Mapping[str, Any], where: str) -> Config:
    """Return the config that `as_plain` wrote.

    Args:
        plain: As a manifest keeps it.
        where: The manifest, for messages.

    Raises:
        InputError: it is not a config of this version.
    """
    config, problems = _decoded(plain, lambda _: where)
    if problems or config is None:
        raise InputError(problems)
    return config


def changes(before: Mapping[str, Any], config: Config) -> list[str]:
    """Name each setting that differs from an earlier run's, as ``section.name OLD -> NEW``.

    Args:
        before: An earlier config as a manifest holds it, which may be of another version.
        config: The present one.
    """
    return differences(before, as_plain(config))


def _decoded(data: Any, place: Place) -> tuple[Config | None, list[Problem]]:
    config, problems = decode(data, Config, place)
    rules = config and config.rules
    lengths = [getattr(rules, name, None) for name in ("min_length", "max_length")]
    low, high = (
        n if isinstance(n, float) else None for n in lengths
    )  # None: the value was refused
    if low is not None and high is not None and low >= high:
        what = f"rules.min_length is not below rules.max_length ({high:g})"
        where = ("rules", "min_length")
        problems.append(Problem(place(where), what, "lower the one or raise the other"))
    return config, problems


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping):
            merged[key] = _merged(base.get(key) or {}, value)
        elif value is not None and value != ():
            merged[key] = value
    return merged
