"""Write instraug/models/prices.json anew, from the table of the installed genai-prices (MIT).

    python -m venv /tmp/prices && /tmp/prices/bin/pip install genai-prices
    /tmp/prices/bin/python .ci/prices.py

A name is kept where the provider's address is one host and the price of its tokens is one number
each for input and output at a prompt of 1,000 tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import Usage, calc_price
from genai_prices.data import providers

OUT = Path(__file__).parents[1] / "instraug/models/prices.json"

_HOST = re.compile(
    r"https://(?:\(api\\\.\)\?)?([a-z0-9-]+(?:\\\.[a-z0-9-]+)+)(?:(?:\(\?:|\()?/.*)?"
)

_HOSTS = {
    "cohere": ["api.cohere.ai", "api.cohere.com"],
    "google": ["generativelanguage.googleapis.com"],
    "minimax": ["api.minimax.io", "api.minimaxi.com"],
    "moonshotai": ["api.moonshot.ai", "api.moonshot.cn"],
}
"""Providers whose pattern is not one host -> the hosts that it stands for."""


def names(clause: Any) -> Iterator[str]:
    """Yield the names that a clause takes exactly."""
    if hasattr(clause, "equals"):
        yield clause.equals
    for part in getattr(clause, "or_", ()):
        yield from names(part)


def price(model: str, provider: str) -> list[float] | None:
    """US dollars per million input and output tokens."""
    now = datetime.now(timezone.utc)
    both = []
    for usage in (
        Usage(input_tokens=1000, output_tokens=0),
        Usage(input_tokens=0, output_tokens=1000),
    ):
        try:
            found = calc_price(usage, model, provider_id=provider, genai_request_timestamp=now)
        except (LookupError, ValueError):
            return None
        both.append(round(float(found.total_price) * 1000, 6))
    return both if any(both) else None


def main() -> None:
    """Write the table."""
    hosts: dict[str, dict[str, list[float]]] = {}
    for provider in providers:
        if provider.id.startswith("huggingface"):
            continue
        one = _HOST.fullmatch(provider.api_pattern)
        places = [one.group(1).replace("\\", "")] if one else _HOSTS.get(provider.id, [])
        for table in (hosts.setdefault(host, {}) for host in places):
            for model in provider.models:
                for name in sorted({model.id, *names(model.match)}):
                    if model.is_match(name) and (cost := price(name, provider.id)):
                        table.setdefault(name, cost)
    source = f"genai-prices {version('genai-prices')}, MIT License, Pydantic Services Inc."
    body = {"as_of": f"{datetime.now(timezone.utc):%Y-%m-%d}", "source": source, "hosts": hosts}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    OUT.write_text(text.replace("},", "},\n").replace("{", "{\n", 2) + "\n")  # a host a line
    print({host: len(table) for host, table in hosts.items()})  # noqa: T201


if __name__ == "__main__":
    main()
