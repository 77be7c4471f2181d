"""Embeddings against a real server: order, batches, and what is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from instraug.errors import RequestFailed
from instraug.models.endpoint.wire import NotACompletion, read_vectors
from tests.fakeserver import FakeServer
from tests.models.asking import opened, outcomes


def test_embeddings_come_in_the_order_of_the_texts() -> None:
    """Also over several batches, retried ones among them; equal texts have equal vectors."""
    texts = [f"text {i % 150}" for i in range(300)]

    async def go() -> tuple[list[list[float]], FakeServer]:
        async with FakeServer(faults={1: "500"}) as server, opened(server.url) as endpoint:
            endpoint.embedding_model = "embedder"
            return await endpoint.embed(texts), server

    vectors, server = asyncio.run(go())
    assert len(vectors) == 300
    assert vectors[:150] == vectors[150:]
    assert len({tuple(v) for v in vectors}) == 150
    assert {(c.path, c.body["model"]) for c in server.calls} == {("/v1/embeddings", "embedder")}
    assert server.count == 4


def test_no_texts_cost_no_call() -> None:
    """An empty list gives an empty list."""

    async def go() -> tuple[list[list[float]], int]:
        async with FakeServer() as server, opened(server.url) as endpoint:
            return await endpoint.embed([]), server.count

    assert asyncio.run(go()) == ([], 0)


@pytest.mark.parametrize(
    "body",
    ['{"data":[]}', '{"data":[{"index":0,"embedding":[]}]}', '{"data":[{"embedding":["x"]}]}',
     '{"data":[{"index":5,"embedding":[1.0]}]}', '{"data":null}', "[]", "null",
     '{"data":[{"index":[0],"embedding":[1.0]}]}', '{"data":[{"embedding":[NaN]}]}',
     '{"data":[{"embedding":[1' + "0" * 400 + "]}]}", '{"data":[{"embedding":[1e999]}]}'],
)  # fmt: skip
def test_what_are_no_vectors_is_retried_and_typed(body: str) -> None:
    """As a 200 that is no completion."""

    async def go() -> tuple[Any, int]:
        async with (
            FakeServer(always=f"raw:{body}") as server,
            opened(server.url, max_attempts=2) as endpoint,
        ):
            return (await outcomes([endpoint.embed(["a"])]))[0], server.count

    error, count = asyncio.run(go())
    assert isinstance(error, RequestFailed)
    assert "embeddings answer" in str(error)
    assert count == 2


def test_vectors_of_several_lengths_are_none() -> None:
    """A cosine between them would mean nothing."""
    body = '{"data":[{"embedding":[1.0]},{"embedding":[1.0,2.0]}]}'
    with pytest.raises(NotACompletion, match="several lengths"):
        read_vectors(body, 2)


def test_vectors_are_placed_by_their_index() -> None:
    """Where a server gives none, by their place; usage is None where it counts nothing."""
    body = '{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[2.5]}]}'
    assert read_vectors(body, 2) == ([[2.5], [1.0]], None)
    assert read_vectors('{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":7}}', 1)[1] == 7
