"""One frozen Config for a run: every setting, its type and bounds, its default and its meaning.

`configfile` reads it from YAML; what a hint says here (`Annotated` bounds included) is what a file
and the command line are held to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from instraug.files.decode import Count, Positive, Range


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
    """How requests are sent to the endpoint; nothing here changes what is asked."""

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
    """Allow plain HTTP to other hosts."""
    use_env_proxy: bool = False
    """Use the proxies of the environment (HTTP_PROXY, HTTPS_PROXY and the like)."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    sends: tuple[Literal["n", "temperature", "top_p", "seed"], ...] = (
        "n",
        "temperature",
        "top_p",
        "seed",
    )
    """Optional parameters the endpoint takes; learned from a refusal that names one."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend; None is no limit."""

    max_requests: Count | None = None
    max_tokens: Count | None = None
    """Prompt and completion tokens together."""
    max_cost: Positive | None = None
    """US dollars, by `Config.prices`."""


MOST_LINES = 50_000
"""Requests that the Batch API takes in one file."""


@dataclass(frozen=True)
class Batching:
    """How requests are asked by batch."""

    rounds: Annotated[int, Range(1, 100)] = 2
    """Rounds that a task is asked in by batch, for each iteration."""
    online: bool = False
    """Ask online for what is lacking after the last round."""
    requests: Annotated[int, Range(1, MOST_LINES)] = MOST_LINES
    """Requests in one file at most."""


@dataclass(frozen=True)
class ByBatch:
    """How a run by batch waits."""

    wait: bool = True
    """Wait until all of it is done; else end once everything is sent."""
    poll: float = 60.0
    """Seconds between two looks at what is not over."""
