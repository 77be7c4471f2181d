"""Which model is asked: an OpenAI-compatible endpoint, or the embedded one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from instraug.errors import UsageError
from instraug.models.budget import BudgetTracker, within
from instraug.models.chat import AsText, Complete, Embed
from instraug.models.config import Endpoint
from instraug.models.embedded import weights
from instraug.models.endpoint.descriptors import affordable
from instraug.models.endpoint.keys import DEFAULT_URL, redact

if TYPE_CHECKING:
    from instraug.models.batch.service import BatchService


@dataclass(frozen=True)
class Model:
    """A model and what it can do."""

    name: str
    """What requests carry; for the embedded model it holds the weights' SHA-256."""
    complete: Complete | None
    """None in a frozen run, which makes no call."""
    concurrency: int
    """Calls in flight at most."""
    constrains: bool = False
    """Whether it forces its answers into a grammar (GBNF) that a chat carries."""
    instructed: bool = False
    """Whether it is an embedded instruct model, which needs no help with the wording."""
    reports_logprobs: bool = False
    """Whether its choices carry the log-probability of each token."""
    embed: Embed | None = None
    """Embeds texts, by the endpoint's embedding model."""
    by_batch: Callable[[], AbstractAsyncContextManager[BatchService]] | None = None
    """Opens the endpoint's Batch API; None where there is none."""


@dataclass(frozen=True)
class Address:
    """Where a model is, and how requests are sent to it."""

    model: str
    """Its name; ``local``, ``local:NAME`` or ``local:PATH`` for the embedded one. See `chosen`."""
    base_url: str | None = None
    embedding_model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    endpoint: Endpoint = field(default_factory=Endpoint)
    answer_tokens: int | None = None
    """Tokens that the user gives an answer; None: more once the model is seen to think."""
    as_text: AsText = field(default_factory=AsText)
    long_answers: bool = False
    """Whether an answer may be much longer than its question; else that shows thinking."""

    @property
    def asked(self) -> str:
        """Who is asked: the base URL without credentials, or ``embedded``."""
        if is_local(self.model):
            return "embedded"
        url = self.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
        return redact(url.partition("?")[0].rstrip("/"), self.api_key)


def chosen(model: str | None, base_url: str | None, *, has_key: bool) -> str:
    """Return the model's name: the embedded one where no key, endpoint or model is given.

    Raises:
        UsageError: a key or an endpoint, but no model.
    """
    if model:
        return model
    if base_url or has_key:
        raise UsageError("no model is named; add --model NAME, or --model local")
    return "local"


def environment_key() -> str | None:
    """Return the API key that the environment holds, if any."""
    return os.environ.get("OPENAI_API_KEY") or None


def is_local(name: str) -> bool:
    """Whether a model's name stands for an embedded one: ``local`` or ``local:...``."""
    return name == "local" or name.startswith("local:")


@asynccontextmanager
async def opened(
    address: Address,
    budget: BudgetTracker,
    notice: Callable[[str], object],
    *,
    frozen: bool = False,
) -> AsyncIterator[Model]:
    """Open a model. For a frozen run nothing is opened; the model has only its name.

    Raises:
        UsageError: the URL, the key or the model's file cannot be used, or an extra is missing.
    """
    name = address.model
    if frozen:
        yield offline(weights.name(name) if is_local(name) else name)
    elif is_local(name):
        from instraug.models.embedded.model import LocalModel

        async with LocalModel(name, address.as_text) as local:
            complete = within(budget, local.complete)
            yield _embedded(local.name, complete, local.concurrency)
    else:
        from instraug.models.endpoint.client import OpenAIEndpoint
        from instraug.models.endpoint.thinking import ROOM

        settings = _bounded(address.endpoint, notice)
        endpoint = OpenAIEndpoint(
            name,
            address.base_url,
            address.api_key,
            settings,
            budget,
            embedding_model=address.embedding_model,
            notice=notice,
            room=ROOM if address.answer_tokens is None else None,
            long_answers=address.long_answers,
        )
        async with endpoint:
            yield Model(
                name,
                endpoint.complete,
                settings.concurrency,
                embed=endpoint.embed,
                by_batch=endpoint.by_batch,
            )


def _bounded(endpoint: Endpoint, notice: Callable[[str], object]) -> Endpoint:
    """Return the settings with no more calls in flight than this process may open connections."""
    width = affordable(endpoint.concurrency)
    if width < endpoint.concurrency:
        notice(
            f"concurrency is {width}, not {endpoint.concurrency}: few files may be open here; "
            "raise ulimit -n for more"
        )
    return replace(endpoint, concurrency=width)


def offline(name: str) -> Model:
    """Return what is known of a model without opening it.

    Args:
        name: As the requests of a run carry it.
    """
    return _embedded(name, None, 1) if weights.are_named(name) else Model(name, None, 1)


def offline_engine(name: str) -> Model:
    """Return the model that an engine of one's own is asked for, by way of files.

    Raises:
        UsageError: it is the embedded one.
    """
    if is_local(name):
        raise UsageError("an offline engine needs --model NAME, the name that it is asked by")
    return offline(name)


def _embedded(name: str, complete: Complete | None, width: int) -> Model:
    return Model(
        name,
        complete,
        width,
        constrains=True,
        instructed=weights.chats(name),
        reports_logprobs=True,
    )
