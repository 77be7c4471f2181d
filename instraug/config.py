"""One frozen Config for a run: every setting, its type and bounds, its default and its meaning.

`configfile` reads it from YAML; what a hint says here (`Annotated` bounds included) is what a file
and the command line are held to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Annotated, Literal

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
"""A rule that may be turned off; the others keep a template renderable and always hold."""

MULTI_TEMP = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""The 11 temperatures of INSTRAUG's MT variant (arXiv:2402.14492)."""


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a setting takes: from ``low`` to ``high``, both included."""

    low: float
    high: float = inf
    above: bool = False
    """True where ``low`` itself is left out."""

    def __call__(self, value: float) -> str | None:
        """Return None for a number inside, else the mend: what to give instead."""
        if (self.low < value if self.above else self.low <= value) and value <= self.high:
            return None
        least = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        most = "" if self.high == inf else f" and at most {self.high:g}"
        return f"give a number {least}{most}"


Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, above=True)]
Count = Annotated[int, Range(1)]
Temperature = Annotated[float, Range(0, 2)]


def some(value: tuple[object, ...] | str) -> str | None:
    """Return None for what is not empty, else the mend."""
    return None if value else "give at least one, or leave the setting out"


@dataclass(frozen=True)
class Rules:
    """Settings of the postprocessing rules; a rule named in ``off`` is not judged."""

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


@dataclass(frozen=True)
class Prices:
    """US dollars per million tokens."""

    input: Annotated[float, Range(0)]
    output: Annotated[float, Range(0)]

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what these tokens cost, in US dollars."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


@dataclass(frozen=True)
class Endpoint:
    """How the endpoint is spoken to; nothing here changes what is asked, only how."""

    concurrency: Annotated[int, Range(1, 10_000)] = 16
    """Requests in flight at most."""
    timeout: Positive = 120.0
    """Seconds a call may take in all, retries not counted."""
    retry_after_cap: Annotated[float, Range(0)] = 120.0
    """Seconds; a longer Retry-After ends the run resumably."""
    max_attempts: Annotated[int, Range(1, 100)] = 8
    """Tries of one request before it is listed as failed."""
    watchdog: Positive = 600.0
    """Seconds without any reply after which the run ends resumably."""
    rpm: Count | None = None
    """Requests a minute."""
    tpm: Count | None = None
    """Tokens a minute."""
    allow_http: bool = False
    """Take a plain-http endpoint beyond loopback."""
    use_env_proxy: bool = False
    """Honour HTTP_PROXY and its kin."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    sends: tuple[Literal["n", "temperature", "top_p", "seed"], ...] = (
        "n",
        "temperature",
        "top_p",
        "seed",
    )
    """Optional parameters the endpoint takes; learned from a 400 that names one."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend; None is no limit."""

    max_requests: Count | None = None
    max_tokens: Count | None = None
    """Prompt and completion tokens together."""
    max_cost: Positive | None = None
    """US dollars, by `Config.prices`."""


@dataclass(frozen=True)
class Config:
    """Everything that `instraug expand` can be told, as a config file spells it."""

    model: Annotated[str, some] | None = None
    """A model name, ``local``, or ``local:PATH`` for a GGUF file."""
    base_url: Annotated[str, some] | None = None
    embedding_model: Annotated[str, some] | None = None
    """Judge meaning by this model's embeddings, from the same endpoint."""
    variant: Variant = "single"
    rewrites: Annotated[int, Range(1, 1000)] = 5
    """Accepted rewrites wanted per hand-written template."""
    temperatures: Annotated[tuple[Temperature, ...], some] | None = None
    """Sampling temperatures (0 to 2); None: 0.6 (0.2 for the embedded model), or `MULTI_TEMP` for
    multi-temp."""
    top_p: Annotated[float, Range(0, 1, above=True)] = 0.9
    samples: Annotated[int, Range(1, 10_000)] = 8
    """Askings of one meta-prompt at one temperature before the plan is exhausted."""
    choices: Annotated[int, Range(1, 128)] = 1
    """Choices asked for in one request, where the endpoint takes ``n``."""
    answer_tokens: Annotated[int, Range(1, 1_000_000)] = 512
    """Tokens one answer may have (the endpoint's max_tokens)."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    include_eval: bool = False
    only: tuple[str, ...] = ()
    """Glob patterns of task names; empty: all."""
    meta_prompts: Annotated[str, some] | None = None
    """A file or folder of meta-prompts instead of the shipped set."""
    rules: Rules = field(default_factory=Rules)
    endpoint: Endpoint = field(default_factory=Endpoint)
    budget: Budget = field(default_factory=Budget)
    prices: Mapping[str, Prices] = field(default_factory=dict)
    """Prices by model name."""
