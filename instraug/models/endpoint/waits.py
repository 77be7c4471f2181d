"""How long an endpoint asks to wait, by its headers, its body or its message."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from instraug.models.endpoint.bodies import fields

_ABSURD = 7 * 86400.0
"""Seconds; a longer wait is taken for a mistake."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_NUMBER = r"[0-9]{1,30}(?:\.[0-9]{0,30})?"

_COMPACT = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d))+")

_PART = re.compile(rf"({_NUMBER})\s*(ms|milli\w*|s|sec\w*|m|min\w*|h|hours?|d|days?)(?![a-z])")

_SENTENCE = re.compile(
    rf"(?i)\b(?:again|retry|wait)\w*(?:\s+(?:in|after|for|at least|about))*\s+"
    rf"((?:{_NUMBER}\s*(?:ms|[a-z]+)\s*)+)"
)

_DELAYS = ("retryafter", "retrydelay", "xretryafter", "retryin", "xmsretryafter")

_RESETS = re.compile(r"(?:x|anthropic)?ratelimit(?:reset\w*|\w*reset)")


def is_hint(header: str) -> bool:
    """Whether a header (in lower case) is about waiting."""
    name = _folded(header)
    return name == "date" or name.startswith("xms") or "retry" in name or "ratelimit" in name


def asked(headers: Mapping[str, str], body: str = "") -> float | None:
    """Return the seconds that the endpoint asks to wait; None if it names no sensible wait.

    A request to retry comes before the time at which a used-up limit is reset. Negative, past and
    absurd waits (over a week) are ignored.

    Args:
        headers: Names in lower case.
        body: The answer's body.
    """
    # The endpoint's own clock, if it sends one: a wrong clock here then does no harm.
    now = _moment(headers.get("date", "")) or time.time()
    for pairs in (list(headers.items()), list(fields(body))):
        for seconds in (_delay(pairs, now), _reset(pairs, now)):
            if seconds is not None:
                return seconds
    return _spoken(body)


def _delay(pairs: Iterable[tuple[str, Any]], now: float) -> float | None:
    """Return the wait of fields that ask to retry; those in milliseconds come first."""
    values = {_folded(key): value for key, value in pairs}
    for name in _DELAYS:
        thousandths = _number(values.get(f"{name}ms"))
        if thousandths is not None:
            return _sensible(thousandths / 1000)
    waits = (_sensible(_seconds(values.get(name), now)) for name in _DELAYS)
    return next((wait for wait in waits if wait is not None), None)


def _reset(pairs: Iterable[tuple[str, Any]], now: float) -> float | None:
    """Return when the last of the used-up limits is reset."""
    values = {_folded(key): value for key, value in pairs}
    waits = []
    for name, value in values.items():
        if not _RESETS.fullmatch(name):
            continue
        left = _number(values.get(name.replace("reset", "remaining")))
        wait = _sensible(_seconds(value, now))
        if wait is not None and not left:
            waits.append(wait)
    return max(waits, default=None)


def _spoken(body: str) -> float | None:
    """Return the wait of a sentence such as ``Please try again in 1m30s``."""
    match = _SENTENCE.search(body[:4000])
    return _sensible(_span(match[1].lower())) if match else None


def _seconds(value: object, now: float) -> float | None:
    """Read a wait: a number, a span such as ``1m30s``, a date, or seconds since 1970."""
    if isinstance(value, Mapping):  # a protobuf duration
        parts = [_number(value.get(k)) for k in ("seconds", "nanos")]
        return None if parts[0] is None else parts[0] + (parts[1] or 0) / 1e9
    number = _number(value)
    if number is not None:
        if number > 1e11:
            number /= 1000
        return number - now if number > 1e9 else number
    if not isinstance(value, str):
        return None
    if _COMPACT.fullmatch(text := value.strip().lower()):
        return _span(text)
    moment = _moment(text.upper())
    return None if moment is None else moment - now


def _span(text: str) -> float | None:
    """Add up ``6m0s``, ``250ms``, ``20 seconds``."""
    parts = [(float(n), unit) for n, unit in _PART.findall(text)]
    if not parts:
        return None
    return sum(n * _UNITS["ms" if u.startswith(("ms", "mil")) else u[0]] for n, u in parts)


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < 1e300 else None
    text = value.strip() if isinstance(value, str) else ""
    return float(text) if re.fullmatch(_NUMBER, text) else None


def _moment(value: str) -> float | None:
    """Read an HTTP date or an ISO one, as seconds since 1970."""
    for read in (parsedate_to_datetime, _iso):
        try:
            date = read(value.strip())
            return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
        except (TypeError, ValueError, OverflowError, IndexError):
            continue
    return None


def _iso(value: str) -> datetime:
    # Python 3.10 takes neither the Z nor more than six digits.
    return datetime.fromisoformat(
        re.sub(r"(\.\d{6})\d+|\.\d+", r"\1", value).replace("Z", "+00:00")
    )


def _sensible(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds <= _ABSURD else None


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
