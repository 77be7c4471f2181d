"""What went wrong with one call: a pure mapping from answers to errors.

A `Fault` may be gone at the next try; an error of `instraug.errors` stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from instraug.errors import EndpointError, FatalEndpointError, RejectedRequest
from instraug.models.endpoint.keys import redact
from instraug.models.endpoint.refusals import Refusal
from instraug.models.endpoint.waits import asked


class FaultKind(Enum):
    """How a fault is retried and what the budget charges for it."""

    UNSENT = "the endpoint was not reached"
    """DNS failure, connection refused: nothing was sent, nothing is charged."""
    SERVER = "the endpoint failed"
    """5xx, 408, 409, 424 and the like: one request is charged, no tokens."""
    THROTTLED = "the endpoint is overloaded"
    """429, 498, 529, 503 with a Retry-After: slow down; more tries than for other kinds."""
    LOADING = "the model is loading"
    """The server still reads its weights: tried until the watchdog ends the run."""
    GARBLED = "the answer is not what was asked for"
    """A 200 of another shape, or an error instead of a choice: the worst case stays charged."""
    UNKNOWN = "the outcome is unknown"
    """Reset, timeout or too large an answer after sending: the worst case stays charged. There are
    few tries, as each may have been answered and billed."""
    QUIRK = "a parameter is not taken"
    """The request is sent again at once without it."""


class Fault(Exception):
    """One try failed; another may succeed."""

    def __init__(self, kind: FaultKind, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.kind = kind
        self.retry_after = retry_after
        """Seconds the endpoint asks everybody to wait."""


_FATAL = {
    401: "the endpoint refuses the API key; check OPENAI_API_KEY or --api-key-file",
    402: "the account has no credit left; top it up and run again to resume",
    403: "the endpoint refuses access; check the API key and what it may use",
    404: "the endpoint knows no such model or path; check --model and --base-url",
    405: "the endpoint takes no such requests there; check --base-url",
    410: "the endpoint is gone; check --model and --base-url",
}

_FATAL_CODES = {
    "insufficient_quota": 402,
    "billing_not_active": 402,
    "invalid_api_key": 401,
    "api_key_invalid": 401,
    "model_not_found": 404,
}
"""Error codes of bodies, and the status that each means, whatever the HTTP status."""

_PASSING = frozenset((408, 409, 421, 423, 424, 425, 499))
"""Statuses below 500 that may be gone at the next try: timeouts, conflicts and the like."""

_OVERLOADED = frozenset((420, 429, 498, 529))

_MODERATION = re.compile(
    r"(?i)moderat|flagged|content[_ -]?(?:polic|filter|safety|management|violation|inspection)"
    r"|data[_ ]?inspection|usage polic|safety (?:system|filter|polic|setting)|guard ?rail"
    r"|responsible[_ ]?ai|prohibited[_ ]?content|inappropriate|harmful|self-harm|unsafe"
    r"|sensitive (?:content|word|information)|jailbreak|\u654f\u611f|\u8fdd\u89c4"
)
"""Words of filters that refuse the content of a prompt."""

_LONGEST = 20_000
"""Characters of a body in which they are searched."""


def from_status(
    status: int,
    headers: Mapping[str, str],
    refusal: Refusal,
    key: str | None,
    *,
    answered: bool = False,
) -> Fault | EndpointError:
    """Return what an HTTP answer other than 2xx means.

    Args:
        status: The HTTP status.
        headers: Its headers, names in lower case.
        refusal: Its body.
        key: The API key, which no message may show.
        answered: Whether the endpoint answered another request before.
    """
    if 300 <= status < 400:
        return FatalEndpointError(
            f"HTTP {status}: the endpoint redirects elsewhere, which is refused; "
            "give its final address as --base-url"
        )
    words = redact(refusal.words, key)
    what = f"HTTP {status}" + (f": {words}" if words else "")
    fatal = next((f for code, f in _FATAL_CODES.items() if code in refusal.codes), status)
    if fatal == 403 and (answered or _MODERATION.search(refusal.text[:_LONGEST])):
        return RejectedRequest(what)
    if fatal == 401:  # The body is left out: many endpoints repeat the key, or a part of it.
        return FatalEndpointError(f"HTTP {status}: {_FATAL[fatal]}")
    if fatal in _FATAL:
        return FatalEndpointError(
            f"HTTP {status}: {_FATAL[fatal]}" + (f" ({words})" if words else "")
        )
    wait = asked(headers, refusal.text)
    if status == 503 and "loading" in words.lower():
        return Fault(FaultKind.LOADING, what, wait)
    if status in _OVERLOADED or (status == 503 and wait):
        return Fault(FaultKind.THROTTLED, what, wait)
    if status in _PASSING or status >= 500 or status < 200:
        return Fault(FaultKind.SERVER, what, wait)
    return RejectedRequest(what)
