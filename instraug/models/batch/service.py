"""Files and batches of one OpenAI-compatible endpoint, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from instraug.errors import EndpointError, EndpointUnavailable, FatalEndpointError, RejectedRequest
from instraug.files.disk import refusals
from instraug.models.batch.lines import PATH, split
from instraug.models.budget import Amount
from instraug.models.chat import Chat
from instraug.models.endpoint import wire
from instraug.models.endpoint.faults import Fault, FaultKind, from_status
from instraug.models.endpoint.keys import is_secret, redact
from instraug.models.endpoint.quirks import Quirks
from instraug.models.endpoint.refusals import Refusal
from instraug.models.endpoint.transport import (
    MAX_REPLY,
    classified,
    hints_of,
    proxy_of,
    read_whole,
    session_to,
)

T = TypeVar("T")

_SLOWEST = 250_000
"""Bytes a second at which a file must be carried at least."""

_WAIT_MOST = 30.0
"""Longest wait between two tries (seconds), before full jitter."""

_PAGE = 100
"""Batches on one page of the list."""

_OLDEST = 31 * 86400
"""Seconds; the list is read back to batches of this age: files of older ones are gone."""

TAG = "instraug"
"""Key of a batch's metadata that holds our name of it."""

OVER = frozenset(("completed", "failed", "expired", "cancelled"))
"""States in which nothing more comes."""


class Missing(EndpointError):
    """The endpoint knows no file or batch of this id."""


@dataclass(frozen=True)
class RemoteBatch:
    """A batch as the endpoint describes it."""

    id: str
    status: str
    input_file: str
    results: tuple[str, ...]
    """Ids of the files of replies and of errors, as far as there are any."""
    tag: str
    """Our name of it; "" where it is none of ours."""
    completed: int
    """Requests that were answered; 0 where it does not count them."""
    total: int
    errors: str
    """Why the whole batch failed; "" where it did not."""
    created_at: float


class BatchService:
    """The Batch API of one endpoint; made inside one running event loop.

    Args:
        url: The base URL, checked.
        key: The API key; None sends none.
        quirks: What the endpoint takes; deadlines, tries and proxy use.
        worst: Returns the most that one request may cost.
        backoff: Seconds of the first retry's longest wait; doubled with each try.

    Raises:
        UsageError: the environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        quirks: Quirks,
        worst: Callable[[Chat], Amount],
        backoff: float = 1.0,
    ) -> None:
        self.quirks, self.worst = quirks, worst
        self._url, self._key, self._endpoint = url, key, quirks.endpoint
        endpoint = quirks.endpoint
        self._proxy = proxy_of(url) if endpoint.use_env_proxy else None
        self._session = session_to(url, key, endpoint)
        self._jitter = wait_random_exponential(multiplier=backoff, max=_WAIT_MOST)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def upload(self, path: Path, size: int) -> str:
        """Upload a request file and return its id; a second copy of a file costs nothing.

        Args:
            path: The file.
            size: Its bytes.
        """

        async def once() -> str:
            with refusals(path, "read"):
                file = path.open("rb")
            with file:
                form = aiohttp.FormData()
                form.add_field("purpose", "batch")
                form.add_field("file", file, filename=path.name, content_type="application/jsonl")
                body = await self._json("POST", "/files", size, data=form)
            return str(body["id"])

        return await self._tried(once)

    async def create(self, file: str, tag: str) -> RemoteBatch:
        """Create a batch of an uploaded file, in one try.

        Raises:
            Fault: there is no answer; unless it is `FaultKind.UNSENT` or `THROTTLED`, the batch
                may have been created.
            RejectedRequest: it is refused; none was created.
        """
        asked = {
            "input_file_id": file,
            "endpoint": PATH,
            "completion_window": "24h",
            "metadata": {TAG: tag},
        }
        return _batch(await self._json("POST", "/batches", json=asked))

    async def batch(self, batch: str) -> RemoteBatch:
        """Return the state of a batch.

        Raises:
            Missing: there is none of this id.
        """
        return await self._tried(lambda: self._look(f"/batches/{_quoted(batch)}"))

    async def _look(self, path: str) -> RemoteBatch:
        return _batch(await self._json("GET", path))

    async def batches(self, now: float) -> list[RemoteBatch]:
        """Return the batches of the last weeks, newest first; [] where there is no list of them.

        Args:
            now: Seconds since 1970.
        """
        found: list[RemoteBatch] = []
        after = ""
        while True:
            path = f"/batches?limit={_PAGE}" + (f"&after={_quoted(after)}" if after else "")
            try:
                body = await self._tried(lambda path=path: self._json("GET", path))  # type: ignore[misc]
            except (Missing, FatalEndpointError):
                return found
            rows = body.get("data")
            page = [_batch(row) for row in rows or () if isinstance(row, dict) and row.get("id")]
            found += page
            old = bool(page) and 0 < page[-1].created_at < now - _OLDEST
            if not page or old or not body.get("has_more") or page[-1].id == after:
                return found
            after = page[-1].id

    async def lines(self, file: str) -> AsyncIterator[bytes]:
        """Yield the lines of a file of results, in one try.

        Raises:
            Fault: it broke off; lines so far were good.
            Missing: there is no such file.
        """
        path = f"/files/{_quoted(file)}/content"
        async with self._sent("GET", path, 1 << 32) as response:
            async for line in split(response.content.iter_any(), MAX_REPLY):
                yield self._scrubbed(line)

    # ── one request ──────────────────────────────────────────────────────────────────────────

    async def _tried(self, once: Callable[[], Awaitable[T]]) -> T:
        """Try a request that may be repeated."""

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, Fault) else None
            return (asked or 0) + self._jitter(state)

        async def awaited() -> T:
            return await once()

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Fault),
            stop=stop_after_attempt(self._endpoint.max_attempts),
            wait=wait,
            reraise=True,
        )
        try:
            return await retrying(awaited)
        except Fault as fault:
            raise unavailable(fault) from None

    async def _json(self, method: str, path: str, size: int = 0, **body: Any) -> dict[str, Any]:
        async with self._sent(method, path, size, **body) as response:
            text = self._scrubbed(await read_whole(response)).decode("utf-8", "replace")
        try:
            found = wire.decode(text)
        except wire.NotACompletion as wrong:
            raise Fault(FaultKind.GARBLED, str(wrong)) from None
        if not isinstance(found, dict) or not (found.get("id") or "data" in found):
            raise Fault(FaultKind.GARBLED, f"{path.partition('?')[0]}: not the answer of an API")
        return found

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, size: int, **body: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; yield a good answer, whose errors while it is read are `Fault`s too."""
        total = self._endpoint.timeout + size / _SLOWEST
        try:
            async with self._session.request(
                method,
                self._url + path,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(total=total, sock_read=self._endpoint.timeout),
                **body,
            ) as response:
                if not 200 <= response.status < 300:
                    raise await self._refusal(method, path, response)
                yield response
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise classified(error, self._key) from None

    def _scrubbed(self, data: bytes) -> bytes:
        """Return what came without the key: the journal keeps answers as they came, but for it."""
        if self._key and is_secret(self._key):
            return data.replace(self._key.encode(), b"***")
        return data

    async def _refusal(
        self, method: str, path: str, response: aiohttp.ClientResponse
    ) -> Fault | EndpointError:
        text = self._scrubbed(await read_whole(response)).decode("utf-8", "replace")
        one = path.count("/") > 1
        if response.status in (404, 410) and one:
            return Missing(f"the endpoint knows no {path.partition('?')[0]}")
        if response.status in (404, 405, 410, 501):
            what = f"HTTP {response.status} for {method} {path.partition('?')[0]}"
            return FatalEndpointError(
                f"the endpoint has no Batch API ({what}); run without --batch, or use "
                "--write-requests and --read-replies"
            )
        headers = {
            k.decode("latin-1").lower(): v.decode("latin-1")
            for k, v in hints_of(response.raw_headers)
        }
        error = from_status(response.status, headers, Refusal(text, {}), self._key)
        cap = self._endpoint.retry_after_cap
        if isinstance(error, Fault) and (error.retry_after or 0) > cap:
            return EndpointUnavailable(
                f"the endpoint asks for a pause of {error.retry_after:.0f} s, longer than the "
                f"limit of {cap:.0f} s; run again later to resume"
            )
        if isinstance(error, RejectedRequest):
            return RejectedRequest(f"the endpoint refuses {path.partition('?')[0]}: {error}")
        return error


def unavailable(fault: Fault) -> EndpointUnavailable:
    """Return the error that ends a run where tries are used up."""
    what = f"{fault.kind.value}: {redact(str(fault), None)}"
    return EndpointUnavailable(f"{what}; run again to resume")


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _batch(row: Mapping[str, Any]) -> RemoteBatch:
    counts, metadata = row.get("request_counts"), row.get("metadata")
    counts = counts if isinstance(counts, dict) else {}
    metadata = metadata if isinstance(metadata, dict) else {}
    ids = (row.get("output_file_id"), row.get("error_file_id"))
    return RemoteBatch(
        id=str(row.get("id")),
        status=str(row.get("status")),
        input_file=str(row.get("input_file_id")),
        results=tuple(i for i in ids if isinstance(i, str) and i),
        tag=str(metadata.get(TAG) or ""),
        completed=_count(counts.get("completed")),
        total=_count(counts.get("total")),
        errors=_errors(row.get("errors")) if row.get("errors") else "",
        created_at=_count(row.get("created_at")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _errors(errors: Any) -> str:
    """Spell what is wrong with a whole batch: each kind once, with its first line."""
    rows = errors.get("data") if isinstance(errors, dict) else errors
    kinds: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else [rows]:
        if isinstance(row, dict):
            what = ": ".join(str(row[k]) for k in ("code", "message") if row.get(k))
            line = f" (line {row['line']})" if row.get("line") else ""
            kinds.setdefault(what, what + line)
    return redact("; ".join(kinds.values()), None) or "no reason given"
