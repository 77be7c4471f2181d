"""``/v1/files`` and ``/v1/batches``: batches that end well, in part, or not at all, as planned."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from tests.fakeserver import answers
from tests.fakeserver.faults import error, json_reply

Json = dict[str, Any]

ODD_ENDS = "a\u2028b\u0085c"
"""Stands in every line of results; a reader that ends lines at these has cut ones."""


class _Answered(web.HTTPException):
    """Ends a call with a status and a text."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status
        super().__init__(text=text, headers=headers)


@dataclass
class FakeBatch:
    """One batch, which is run when it is asked for the last time before it is over."""

    id: str
    file: str
    metadata: Json
    plan: str
    polls: int
    status: str = "in_progress"
    output: str | None = None
    errors: str | None = None
    counts: Json = field(default_factory=dict)
    reason: Json | None = None


class BatchApi:
    """The Batch API. Plans, one a batch in order of creation (the last one holds for the rest):

    good; partial:N, every Nth line fails with a 500; refuse:N, with a 400; expire:N and cancel:N,
    all behind the Nth line is not run; failed:CODE, as a whole; gone, its results are deleted;
    unknown, so is the batch; short:N, only every Nth line of the results twice.
    """

    def __init__(
        self, refusal: Callable[[Any], web.Response | None] | None = None, delay: float = 0.0
    ) -> None:
        self._refusal, self._delay = refusal, delay
        self.plans: list[str] = []
        self.polls = 0
        """Looks at a batch before it is over."""
        self.creating: list[str] = []
        """What becomes of the next creations: good, lost (created, but answered by a 500), 500."""
        self.broken = 0
        """Result files that break off before they come whole."""
        self.failing: list[str] = []
        """What the next calls meet: good, a status (429:SECONDS asks to wait), html, reset."""
        self.key: str | None = None
        """The API key to ask for; None takes any."""
        self.note = ODD_ENDS
        """Stands in every line of results, and in the reason of a batch that fails."""
        self.listed = True
        """Whether there is a list of batches."""
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, FakeBatch] = {}
        self.bought: Counter[str] = Counter()
        """Requests that were run and answered, by custom_id."""
        self.requests: list[str] = []
        """Method and path of each call."""
        self._read: Counter[str] = Counter()

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._look)

    async def _came(self, request: web.Request) -> None:
        self.requests.append(f"{request.method} {request.path}")
        if self._delay:
            await asyncio.sleep(self._delay)
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            raise _Answered(401, json.dumps({"error": {"message": "wrong key", "code": "no"}}))
        fault = self.failing.pop(0) if self.failing else "good"
        if fault == "reset":
            assert request.transport
            request.transport.abort()
        if fault != "good":
            html = fault in ("html", "reset")
            status, _, wait = ("200" if html else fault).partition(":")
            raise _Answered(int(status), "<html>busy</html>", {"Retry-After": wait} if wait else {})

    async def _upload(self, request: web.Request) -> web.Response:
        await self._came(request)
        fields: dict[str, bytes] = {}
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            assert isinstance(part, BodyPartReader)
            fields[str(part.name)] = bytes(await part.read())
        assert fields["purpose"] == b"batch"
        return json_reply({"id": self._keep(fields["file"]), "object": "file"})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        await self._came(request)
        name = request.match_info["id"]
        if name not in self.files:
            return error(404, "No such File object", "not_found")
        data = self.files[name]
        if self.broken:
            self.broken -= 1
            response = web.StreamResponse(headers={"Content-Length": str(len(data))})
            await response.prepare(request)
            await response.write(data[: len(data) // 2])
            assert request.transport
            request.transport.abort()
            return response
        self._read[name] += 1
        plan = next((b.plan for b in self.batches.values() if b.output == name), "good")
        if plan.startswith("short:") and self._read[name] <= 2:
            lines = data.split(b"\n")[:: int(plan[6:])]
            data = b"\n".join(lines)
        return web.Response(body=data, content_type="application/octet-stream")

    async def _create(self, request: web.Request) -> web.Response:
        await self._came(request)
        asked = await request.json()
        assert asked["endpoint"] == "/v1/chat/completions"
        assert asked["completion_window"] == "24h"
        fate = self.creating.pop(0) if self.creating else "good"
        if fate == "500":
            return error(500, "try again", "server_error")
        number = len(self.batches)
        plan = self.plans[min(number, len(self.plans) - 1)] if self.plans else "good"
        batch = FakeBatch(
            f"batch_{number}", asked["input_file_id"], asked["metadata"], plan, self.polls
        )
        self.batches[batch.id] = batch
        if fate == "lost":
            return error(500, "try again", "server_error")
        return json_reply(_shown(batch))

    async def _list(self, request: web.Request) -> web.Response:
        await self._came(request)
        if not self.listed:
            return error(404, "not found", "not_found")
        every = list(reversed(self.batches.values()))
        after = request.query.get("after")
        start = next((i + 1 for i, b in enumerate(every) if b.id == after), 0)
        page = every[start : start + int(request.query.get("limit", "20"))]
        more = start + len(page) < len(every)
        return json_reply({"object": "list", "data": list(map(_shown, page)), "has_more": more})

    async def _look(self, request: web.Request) -> web.Response:
        await self._came(request)
        batch = self.batches.get(request.match_info["id"])
        if batch is None or batch.plan == "unknown":
            return error(404, "No batch found", "not_found")
        if batch.status == "in_progress":
            batch.polls -= 1
            if batch.polls < 0:
                self._finish(batch)
        return json_reply(_shown(batch))

    def _finish(self, batch: FakeBatch) -> None:
        kind, _, argument = batch.plan.partition(":")
        if kind == "failed":
            batch.status = "failed"
            batch.reason = {
                "data": [{"code": argument, "message": f"refused {self.note}", "line": 1}]
            }
            return
        rows = [orjson.loads(line) for line in self.files[batch.file].split(b"\n") if line]
        outputs: list[Json] = []
        errors: list[Json] = []
        most = int(argument) if kind in ("expire", "cancel") else len(rows)
        for number, row in enumerate(rows, 1):
            if number > most:
                code = {"expire": "batch_expired", "cancel": "batch_cancelled"}[kind]
                errors.append(_line(row, None, {"code": code, "message": "not run"}))
            elif kind in ("partial", "refuse") and number % int(argument) == 0:
                status = 500 if kind == "partial" else 400
                body: Json = {"error": {"message": "no", "code": "no", "type": "no"}}
                errors.append(_line(row, (status, body), None))
            elif self._refusal and (refused := self._refusal(row["body"])):
                said = json.loads(refused.text or "{}")
                errors.append(_line(row, (refused.status, said), None))
            else:
                self.bought[row["custom_id"]] += 1
                body = {**answers.chat(row["body"]), "note": self.note}
                outputs.append(_line(row, (200, body), None))
        batch.status = {"expire": "expired", "cancel": "cancelled"}.get(kind, "completed")
        batch.counts = {"total": len(rows), "completed": len(outputs), "failed": len(errors)}
        random.Random(batch.id).shuffle(outputs)
        batch.output = self._keep(_file(outputs)) if outputs else None
        batch.errors = self._keep(_file(errors)) if errors else None
        if kind == "gone" and batch.output:
            del self.files[batch.output]

    def _keep(self, data: bytes) -> str:
        name = f"file-{len(self.requests)}-{len(self.files)}"
        self.files[name] = data
        return name


def _line(row: Json, response: tuple[int, Json] | None, why: Json | None) -> Json:
    shown = response and {"status_code": response[0], "request_id": "r", "body": response[1]}
    return {"id": "r", "custom_id": row["custom_id"], "response": shown, "error": why}


def _file(rows: list[Json]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _shown(batch: FakeBatch) -> Json:
    return {
        "id": batch.id,
        "object": "batch",
        "status": batch.status,
        "input_file_id": batch.file,
        "output_file_id": batch.output,
        "error_file_id": batch.errors,
        "metadata": batch.metadata,
        "request_counts": batch.counts,
        "errors": batch.reason,
        "created_at": 0,
    }


def run_offline(requests: bytes, *, fails: int = 0, status: int = 500) -> Iterator[bytes]:
    """Answer a file of requests as vLLM's run-batch does, in order; every Nth line fails."""
    for number, line in enumerate(filter(None, requests.split(b"\n")), 1):
        row = orjson.loads(line)
        if fails and number % fails == 0:
            failed = {"status_code": status, "request_id": "r", "body": None}
            why = {"message": "too long", "type": "BadRequestError", "code": status}
            got = {"id": "v", "custom_id": row["custom_id"], "response": failed, "error": why}
        else:
            got = _line(row, (200, {**answers.chat(row["body"]), "note": ODD_ENDS}), None)
        yield orjson.dumps(got) + b"\n"
