"""What tokens cost: the config's own prices, else those of the table that ships."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from instraug.models.config import Prices
from instraug.models.endpoint.keys import DEFAULT_URL


def known_prices(base_url: str | None, models: Iterable[str]) -> dict[str, Prices]:
    """Return the shipped prices of some models, at the host that is asked.

    Args:
        base_url: The endpoint; None takes OPENAI_BASE_URL, then OpenAI's own.
        models: Names as the host takes them; one that the table lacks is left out.
    """
    url = base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return {}
    at_host: Mapping[str, list[float]] = _table()["hosts"].get(host, {})
    return {model: Prices(*at_host[model]) for model in models if model in at_host}


def cost_of(
    prices: Mapping[str, Prices], model: str, prompt_tokens: int, completion_tokens: int
) -> float | None:
    """Return what tokens of a model cost (US dollars); None where its price is not known."""
    price = prices.get(model)
    return None if price is None else round(price.of(prompt_tokens, completion_tokens), 6)


def as_of() -> str:
    """Return the table's date, as YYYY-MM-DD."""
    return str(_table()["as_of"])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = orjson.loads(Path(__file__).with_name("prices.json").read_bytes())
    return table
