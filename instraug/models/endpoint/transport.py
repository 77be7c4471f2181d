"""HTTP as the openai client speaks it, over one aiohttp session that we control.

The openai package makes the requests and reads the status; `_Http`, the client it is handed,
carries them: no redirects, no proxies unless asked, no cookies, a total deadline, a cap on the
answer's size, every failure as a `Fault` or `FatalEndpointError`. It avoids
httpx2's own building and sending, which cost as much as everything else together.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import openai
import yarl
from openai._models import FinalRequestOptions

from instraug.errors import FatalEndpointError, UsageError
from instraug.models.config import Endpoint
from instraug.models.endpoint.faults import Fault, FaultKind
from instraug.models.endpoint.keys import is_secret, redact
from instraug.models.endpoint.waits import is_hint

MAX_REPLY = 16 << 20
"""Bytes of the largest answer that is read."""

_CONNECT = 15.0
"""Seconds a connection may take."""

_KEPT_ALIVE = 4.0
"""Seconds an idle connection is kept: less than servers do (uvicorn: 5), or a request crosses their
hanging up and its outcome is unknown."""

_SENT = frozenset(("content-type", "accept", "user-agent", "openai-organization", "openai-project"))
"""The package's headers that are sent; the others describe this machine. The key is added here."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    """Those that say how long to wait, names in lower case."""
    text: str


class Line:
    """An open line to one endpoint; made and used inside one running event loop.

    Args:
        url: The base URL, checked.
        key: The API key; None sends none.
        endpoint: Deadline and proxy use.

    Raises:
        UsageError: the environment names a proxy that cannot be used.
    """

    def __init__(self, url: str, key: str | None, endpoint: Endpoint) -> None:
        self._key = key
        self._http = _Http(url, key, endpoint)
        self._client = _Client(
            # The package insists on a key and would repeat it in its errors; `_Http` sends ours.
            api_key="none",
            base_url=url,
            max_retries=0,
            http_client=self._http,
        )

    async def post(self, path: str, body: bytes) -> HttpAnswer:
        """Post JSON and return the answer, whatever its status.

        Args:
            path: Below the base URL, with its slash.
            body: JSON.

        Raises:
            Fault: there is no whole answer.
            FatalEndpointError: TLS failed.
        """
        try:
            response = await self._client.ask(path, body)
        except openai.APIStatusError as error:
            response = error.response
        try:
            text = response.content.decode()
        except UnicodeDecodeError:
            raise Fault(FaultKind.GARBLED, "the answer is not UTF-8") from None
        if self._key and self._key in text and is_secret(self._key):
            # The journal keeps answers as they came, but never the key.
            text = text.replace(self._key, "***")
        return HttpAnswer(response.status_code, dict(response.headers), text)

    def hang_up(self) -> None:
        """Break every connection; calls in flight end with a `Fault`."""
        self._http.hang_up()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


class _Client(openai.AsyncOpenAI):
    """The package's client, which makes the options, headers and URL of a path only once.

    It gives no account of this machine, which would start ``uname``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._platform = "Unknown"
        self._paths: dict[str, FinalRequestOptions] = {}
        self._made: dict[str, httpx2.Request] = {}

    def platform_headers(self) -> dict[str, str]:
        """Return none: they are not sent."""
        return {}

    async def ask(self, path: str, body: bytes) -> httpx2.Response:
        """Post JSON to a path below the base URL.

        Raises:
            openai.APIStatusError: the answer's status is none of success.
        """
        options = self._paths.get(path)
        if options is None:
            options = FinalRequestOptions.construct(method="post", url=path, max_retries=0)
            self._paths[path] = options
        options = copy(options)
        options.content = body
        return await self.request(httpx2.Response, options)

    def _build_request(
        self, options: FinalRequestOptions, *, retries_taken: int = 0
    ) -> httpx2.Request:
        """Return a request that differs from the first to its path in nothing but the body."""
        first = self._made.get(options.url)
        if first is None:
            first = super()._build_request(options, retries_taken=retries_taken)
            self._made[options.url] = first
        assert isinstance(options.content, bytes)  # noqa: S101 - see `ask`
        return _Post(first, options.content)


class _Post(httpx2.Request):
    """A request with another one's URL and headers."""

    def __init__(self, first: httpx2.Request, body: bytes) -> None:
        self.method, self.url, self.headers = first.method, first.url, first.headers
        self.extensions, self.body = first.extensions, body


class _Good(httpx2.Response):
    """An answer of status 200, which the package only hands through."""

    def __init__(self, request: httpx2.Request, body: bytes) -> None:
        self.status_code, self.headers, self.request, self.body = 200, _NO_HEADERS, request, body

    @property
    def content(self) -> bytes:
        """The body."""
        return self.body

    def raise_for_status(self) -> httpx2.Response:
        """Raise nothing."""
        return self


_NO_HEADERS = httpx2.Headers()


class _Http(httpx2.AsyncClient):
    """The openai package's HTTP client, with building and sending of our own."""

    def __init__(self, url: str, key: str | None, endpoint: Endpoint) -> None:
        super().__init__(transport=httpx2.AsyncBaseTransport(), trust_env=False)
        self._key = key
        self._hanging_up: asyncio.Future[None] | None = None
        self._proxy = proxy_of(url) if endpoint.use_env_proxy else None
        self._session = session_to(url, key, endpoint)

    def build_request(
        self, method: str, url: httpx2.URL | str, *, headers: Any = None, **_options: Any
    ) -> httpx2.Request:
        """Make the first request to a URL, with what aiohttp wants of it beside it."""
        sent = {k: v for k, v in headers if k.lower() in _SENT}
        beside = {"sent": sent, "url": yarl.URL(str(url), encoded=True)}
        return httpx2.Request(method, url, extensions=beside)

    async def send(self, request: httpx2.Request, **_options: Any) -> httpx2.Response:
        """Carry one request over aiohttp and read its answer in full."""
        assert isinstance(request, _Post)  # noqa: S101 - see `_Client`
        try:
            async with self._session.request(
                request.method,
                request.extensions["url"],
                data=request.body,
                headers=request.extensions["sent"],
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                content = await read_whole(response)
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise classified(error, self._key) from None
        if response.status == 200:
            return _Good(request, content)
        hints = hints_of(response.raw_headers)
        return httpx2.Response(response.status, headers=hints, content=content, request=request)

    def hang_up(self) -> None:
        """Break every connection at once."""
        self._hanging_up = asyncio.ensure_future(self._session.close())

    async def aclose(self) -> None:
        """Close every connection."""
        await (self._hanging_up or self._session.close())
        await super().aclose()


def session_to(url: str, key: str | None, endpoint: Endpoint) -> aiohttp.ClientSession:
    """Return a session without cookies and proxies of its own, which sends the key."""
    secure = url.startswith("https:")
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,  # The gate in front bounds the calls in flight.
            keepalive_timeout=_KEPT_ALIVE,
            ssl=httpx2.create_ssl_context() if secure else True,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "gzip, deflate"} | authorization,
        timeout=aiohttp.ClientTimeout(total=endpoint.timeout, sock_connect=_CONNECT),
        trust_env=False,
    )


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the decompressed body, and not a byte more than the cap into memory."""
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY:
            response.close()
            raise Fault(FaultKind.UNKNOWN, f"the answer is larger than {MAX_REPLY >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def hints_of(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that say how long to wait."""
    return [(k, v) for k, v in raw if is_hint(k.decode("latin-1").lower())]


_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)


def classified(error: Exception, key: str | None) -> Fault | FatalEndpointError:
    """Return what a failure of aiohttp or of the system means."""
    what = redact(str(error), key) or type(error).__name__
    if isinstance(error, aiohttp.ClientSSLError):
        return FatalEndpointError(f"TLS to the endpoint failed: {what}; check --base-url")
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        return FatalEndpointError(
            "too many open files for another connection; lower --concurrency or raise ulimit -n"
        )
    if isinstance(error, _NOT_SENT):
        return Fault(FaultKind.UNSENT, what)
    if isinstance(error, asyncio.TimeoutError):
        return Fault(FaultKind.UNKNOWN, "no whole answer within endpoint.timeout")
    return Fault(FaultKind.UNKNOWN, f"the connection broke: {what}")


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment (HTTP_PROXY and the like) names for this URL."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme) or getproxies().get("all")
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return None
    if not proxy.startswith(("http://", "https://")):
        raise UsageError("the proxy of the environment is not an http one; unset or change it")
    return proxy
