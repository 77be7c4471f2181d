"""An expand job that dies again and again: what the server was asked, what the journal kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from instraug.models.journal.replay import Replay
from tests.child import Child
from tests.commandline import EXAMPLES
from tests.fakeserver import Call, FakeServer, answers

TASKS = EXAMPLES / "tasks"
FILES = ("instructions.jsonl", "rejected.jsonl")
WIDTH = 4
"""Calls in flight at most."""


def expand(server: FakeServer, out: Path, *more: object, **env: str) -> Child:
    """Start ``instraug expand`` of the example tasks against the server."""
    given = ("-o", out, "--model", "m", "--base-url", server.url, "--concurrency", WIDTH, "-q")
    return Child(out.with_name(f"{out.name}.std"), "expand", TASKS, *given, *more, **env)


def content(out: Path) -> list[bytes]:
    """The bytes of both row files."""
    return [(out / name).read_bytes() for name in FILES]


def asked(calls: Sequence[Call]) -> list[str]:
    """The ids that the server gives to its answers to these calls; equal bodies, equal ids."""
    return [answers.chat(call.body)["id"] for call in calls]


def settled(server: FakeServer) -> int:
    """Wait until the server has nothing in flight, and return how many calls it has seen."""
    seen = -1
    while seen != server.count or server.in_flight:
        seen = server.count
        time.sleep(0.02)
    return seen


class Watched:
    """Compares journal and server after each run of one job."""

    def __init__(self, server: FakeServer, out: Path) -> None:
        self.server, self.out = server, out
        self.recorded: set[str] = set()
        self._unknown: frozenset[str] = frozenset()
        self._seen = settled(server)

    def check(self) -> set[str]:
        """Look at a run that has just ended.

        Returns:
            The ids that the run asked for without recording an answer.
        """
        seen = settled(self.server)
        new, self._seen = asked(self.server.calls[self._seen : seen]), seen
        assert not self.recorded & set(new), "a recorded reply was asked for again"
        assert len(set(new)) == len(new), "a request was sent twice in one run"
        with Replay.read(self.out / "replies.jsonl") as replay:
            found = {orjson.loads(reply.raw)["id"] for key in replay if (reply := replay.get(key))}
            unknown = replay.unknown
        assert self.recorded <= found, "a recorded reply is lost"
        lost = set(new) - found
        assert len(lost) <= len(unknown), "a call was made that the journal does not know of"
        assert len(unknown - self._unknown) <= WIDTH, "more calls begun than may be in flight"
        self.recorded, self._unknown = found, unknown
        return lost
