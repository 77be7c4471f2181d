"""What went wrong with one call: a pure mapping from answers to errors.

A `Fault` may be cured by asking again; the errors of `instraug.errors` may not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from instraug.errors import EndpointError, FatalEndpointError, RejectedRequest
from instraug.models.endpoint.keys import redact
from instraug.models.endpoint.wire import NotACompletion, decode, error_message

_ABSURD = 7 * 86400.0
"""Seconds; a longer Retry-After is a mistake, not a wish."""


class Kind(Enum):
    """How a fault is retried and what the budget makes of it."""

    UNSENT = "the endpoint was not reached"
    """DNS, refused: nothing was sent, nothing is charged."""
    SERVER = "the endpoint failed"
    """5xx, 408, 409: a request, no tokens."""
    THROTTLED = "the endpoint is overloaded"
    """429, 529, 503 with a Retry-After: slow down; more tries than the others have."""
    LOADING = "the model is loading"
    """llama.cpp reads its weights: tried until the watchdog ends the run."""
    GARBLED = "the answer is not what was asked for"
    """A 200 all the same: the worst case stays charged."""
    UNKNOWN = "the outcome is unknown"
    """Reset, timeout, oversize after the request was sent: the worst case stays charged, and few
    tries, as each may have been answered and billed."""
    QUIRK = "a parameter is not taken"
    """Asked again at once without it."""


class Fault(Exception):
    """One try failed in a way that another may not."""

    def __init__(self, kind: Kind, what: str, retry_after: float | None = None) -> None:
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
"""What error bodies call themselves, whatever their status, and what that amounts to."""


def from_status(
    status: int, headers: Mapping[str, str], text: str, key: str | None
) -> Fault | EndpointError:
    """Return what an HTTP answer other than 2xx means.

    Args:
        status: The HTTP status.
        headers: Its headers, names in lower case.
        text: Its body.
        key: The API key, which no message may show.
    """
    body = parsed(text)
    codes = _codes(body)
    if 300 <= status < 400:
        return FatalEndpointError(
            f"HTTP {status}: the endpoint redirects elsewhere, which is refused; "
            "give its final address as --base-url"
        )
    fatal = next((f for code, f in _FATAL_CODES.items() if code in codes), status)
    if fatal in (401, 402, 403):
        # The body is left out: endpoints like to repeat the key.
        return FatalEndpointError(f"HTTP {status}: {_FATAL[fatal]}")
    said = redact(error_message(body), key)
    what = f"HTTP {status}" + (f": {said}" if said else "")
    if fatal in _FATAL:
        return FatalEndpointError(
            f"HTTP {status}: {_FATAL[fatal]}" + (f" ({said})" if said else "")
        )
    wait = retry_after(headers)
    if status == 503 and "loading" in said.lower():
        return Fault(Kind.LOADING, what, wait)
    if status in (429, 529) or (status == 503 and wait):
        return Fault(Kind.THROTTLED, what, wait)
    if status in (408, 409, 425) or status >= 500 or status < 200:
        return Fault(Kind.SERVER, what, wait)
    return RejectedRequest(what)


def parsed(text: str) -> Any:
    """Return an error body's JSON, or the text itself where it is none."""
    try:
        return decode(text)
    except NotACompletion:
        return text


def _codes(body: Any) -> set[str]:
    """The machine-readable names an error body gives itself, in lower case."""
    if not isinstance(body, dict):
        return set()
    error = body.get("error", body)
    if not isinstance(error, dict):
        return set()
    found = [error.get(k) for k in ("code", "type", "status")]
    details = error.get("details")
    if isinstance(details, list):
        found += [item.get("reason") for item in details if isinstance(item, dict)]
    return {f.lower() for f in found if isinstance(f, str)}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the endpoint asks to wait; None where it says nothing sensible.

    ``retry-after-ms`` goes before ``Retry-After`` in seconds or as an HTTP date; negative, NaN,
    past and absurd (over a week) values are ignored.

    Args:
        headers: Names in lower case.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _sensible(milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        date, now = _date(value), _date(headers.get("date", ""))
        # The endpoint's own clock, where it tells it, so that a wrong one here does no harm.
        seconds = None if date is None else date - (time.time() if now is None else now)
    return _sensible(seconds)


def _number(value: str | None) -> float | None:
    text = (value or "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,30}(?:\.[0-9]{0,30})?", text) else None


def _date(value: str) -> float | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _sensible(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds <= _ABSURD else None
