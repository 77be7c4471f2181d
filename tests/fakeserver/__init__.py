"""A real HTTP server on loopback that speaks the OpenAI chat API, with faults on demand.

In an async test::

    async with FakeServer(faults={0: "429:1"}) as server:
        ... server.url ... server.calls

From a synchronous test, ``with running(FakeServer(...)) as server`` runs it in a thread of its own;
as a process, ``python -m tests.fakeserver --port 0`` prints its URL.
"""

from tests.fakeserver.server import Call, FakeServer, running

__all__ = ["Call", "FakeServer", "running"]
