"""Choices that are an error of the provider instead of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

_REASON = re.compile(r"(?i)(?:[a-z]+_)?error|failed|failure|insufficient_system_resource")
"""Finish reasons of such choices, as providers and gateways write them."""


def is_broken(choice: Mapping[str, Any]) -> bool:
    """Whether this choice of a response body is an error, not an answer."""
    message, reason = choice.get("message"), choice.get("finish_reason")
    failed = choice.get("error") or (isinstance(message, dict) and message.get("error"))
    return bool(failed) or (isinstance(reason, str) and _REASON.fullmatch(reason) is not None)


def has_trace(record: bytes) -> bool:
    """Whether a record may be one of `is_broken_record`: a cheap test, for every record."""
    return (
        b"error" in record
        or b"ERROR" in record
        or b"fail" in record
        or b"insufficient_system_resource" in record
    )


def is_broken_record(record: bytes) -> bool:
    """Whether a journaled reply holds only broken choices: early versions kept such replies.

    Args:
        record: The record as JSON, with its ``raw`` body.
    """
    if not has_trace(record):
        return False
    try:
        body = orjson.loads(orjson.loads(record)["raw"])
    except (ValueError, LookupError, TypeError):
        return False
    choices = [c for one in (body if isinstance(body, list) else [body]) for c in _choices(one)]
    return bool(choices) and all(map(is_broken, choices))


def _choices(body: object) -> list[Mapping[str, Any]]:
    choices = body.get("choices") if isinstance(body, dict) else None
    return [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
