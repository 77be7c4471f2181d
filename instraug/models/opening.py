"""Which model a run asks: an OpenAI-compatible endpoint, or the embedded one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from instraug.errors import UsageError
from instraug.models.budget import Budget, within
from instraug.models.chat import Complete, Embed
from instraug.models.embedded import weights
from instraug.rewriting.config import Config
from instraug.rewriting.grammar.free import build
from instraug.rewriting.prompts.plan import Grammar


@dataclass(frozen=True)
class Model:
    """An opened model, as the chain sees it."""

    name: str
    """What requests carry; for the embedded model it holds the weights' SHA-256."""
    complete: Complete | None
    """None in a frozen run, which makes no call."""
    concurrency: int
    """Calls in flight at most."""
    grammar: Grammar | None = None
    """Where the backend can constrain decoding."""
    embed: Embed | None = None
    """Embeds texts, by the endpoint's embedding model."""


def chosen(config: Config, has_key: bool) -> str:
    """Return the model's name: the embedded one where no key, endpoint or model is given.

    Raises:
        UsageError: a key or an endpoint, but no model.
    """
    if config.model:
        return config.model
    if config.base_url or has_key:
        raise UsageError("no model is named; add --model NAME, or --model local")
    return "local"


def is_local(name: str) -> bool:
    """Whether a model's name stands for the embedded model: ``local`` or ``local:PATH``."""
    return name == "local" or name.startswith("local:")


@asynccontextmanager
async def opened(
    config: Config,
    name: str,
    key: str | None,
    budget: Budget,
    notice: Callable[[str], object],
    *,
    frozen: bool,
) -> AsyncIterator[Model]:
    """Open the model of a run; a frozen run opens nothing, and only learns its names.

    Raises:
        UsageError: the URL, the key or the model's file cannot be used, or an extra is missing.
    """
    width = config.endpoint.concurrency
    if frozen:
        yield offline(weights.name(name) if is_local(name) else name)
    elif is_local(name):
        from instraug.models.embedded.model import LocalModel

        async with LocalModel(name) as local:
            yield Model(local.name, within(budget, local.complete), local.concurrency, build)
    else:
        from instraug.models.endpoint.client import OpenAIEndpoint

        embedding = config.embedding_model
        endpoint = OpenAIEndpoint(
            *(name, config.base_url, key, config.endpoint, budget),
            embedding_model=embedding,
            notice=notice,
        )
        async with endpoint:
            yield Model(name, endpoint.complete, width, embed=endpoint.embed)


def offline(name: str) -> Model:
    """Return what can be known of a run's model without opening it.

    Args:
        name: As the run's requests carry it.
    """
    return Model(name, None, 1, build if name.startswith("gguf:") else None)
