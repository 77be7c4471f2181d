"""Faults of the transport, by number: resets, timeouts, DNS, TLS, redirects, proxies, size."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from instraug.errors import EndpointUnavailable, FatalEndpointError, RequestFailed, UsageError
from instraug.models.budget import BudgetTracker
from instraug.models.chat import Reply
from instraug.models.endpoint import transport
from tests.fakeserver import FakeServer
from tests.models.asking import COUNT, FIRST_MIDDLE_LAST, asked, chat, opened, outcomes


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# ── 11 to 15: the transport ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["reset", "reset_early", "truncated", "hang"])
@FIRST_MIDDLE_LAST
@pytest.mark.fault(11, 12)
def test_an_unknown_outcome_is_retried_and_stays_charged(fault: str, at: int) -> None:
    """A reset or a timeout after sending is asked once more; its worst case stays in the budget,
    as the endpoint may bill it."""
    budget = BudgetTracker()
    seen = asked(COUNT, in_turn=True, server={"faults": {at: fault}}, budget=budget, timeout=1.5)
    assert len(seen.replies) == COUNT
    assert seen.server.count == COUNT + 1
    answered = sum(r.usage.completion_tokens for r in seen.replies)
    assert budget.spent.completion_tokens == answered + 64
    assert budget.spent.requests == COUNT + 1


@pytest.mark.parametrize("fault", ["reset", "hang"])
@pytest.mark.fault(11, 12)
def test_unknown_outcomes_have_a_small_allowance(fault: str) -> None:
    """Such a request is given up after 4 tries, however many others may have."""
    seen = asked(1, server={"always": fault}, max_attempts=50, timeout=0.2)
    assert isinstance(seen.errors[0], RequestFailed)
    assert not seen.errors[0].outcome_known
    assert seen.server.count == 4


@pytest.mark.fault(12)
def test_a_timeout_names_the_setting_that_it_went_by() -> None:
    """Where answers merely take long, the user has to know what to raise."""
    seen = asked(1, server={"always": "hang"}, max_attempts=1, timeout=0.2)
    message = "the outcome is unknown after 1 try: no whole answer within endpoint.timeout"
    assert str(seen.errors[0]) == message


@pytest.mark.fault(5)
def test_a_request_that_surely_brought_nothing_says_so() -> None:
    """After nothing but 500s no answer can have been billed unseen."""
    seen = asked(1, server={"always": "500"}, max_attempts=2)
    assert isinstance(seen.errors[0], RequestFailed)
    assert seen.errors[0].outcome_known


@pytest.mark.fault(13)
def test_a_refused_connection_is_one_line_and_costs_nothing() -> None:
    """Nobody listens: EndpointUnavailable after a few tries, and the budget is untouched."""

    async def go() -> list[Any]:
        budget = BudgetTracker()
        url = f"http://127.0.0.1:{closed_port()}/v1"
        async with opened(url, budget=budget) as endpoint:
            return [*await outcomes([endpoint.complete(chat())]), budget.spent.requests]

    error, requests = asyncio.run(go())
    assert isinstance(error, EndpointUnavailable)
    assert "\n" not in str(error)
    assert requests == 0


@pytest.mark.fault(13)
def test_an_endpoint_that_comes_up_late_is_found() -> None:
    """Refused connections are retried."""

    async def go() -> Reply:
        port = closed_port()
        async with opened(f"http://127.0.0.1:{port}/v1", backoff=0.5) as endpoint:
            asking = asyncio.create_task(endpoint.complete(chat()))
            await asyncio.sleep(0.05)
            async with FakeServer(port=port):
                return await asking

    assert asyncio.run(go()).choices


@pytest.mark.fault(13)
def test_an_unknown_host_is_endpoint_unavailable() -> None:
    """DNS failures are retried, then end the run resumably."""

    async def go() -> Any:
        async with opened("https://nowhere.invalid/v1") as endpoint:
            return (await outcomes([endpoint.complete(chat())]))[0]

    assert isinstance(asyncio.run(go()), EndpointUnavailable)


@pytest.mark.fault(14)
def test_tls_to_a_plain_server_is_fatal() -> None:
    """A TLS error is not retried."""

    async def go() -> Any:
        async with FakeServer() as server:
            url = server.url.replace("http:", "https:")
            async with opened(url) as endpoint:
                return (await outcomes([endpoint.complete(chat())]))[0]

    error = asyncio.run(go())
    assert isinstance(error, FatalEndpointError)
    assert "TLS" in str(error)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
@pytest.mark.fault(14)
def test_a_self_signed_certificate_is_fatal(tmp_path: Path) -> None:
    """The certificate is checked, and the prompt is never sent to who cannot show one."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    named = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made, *named], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        return web.Response()

    async def go() -> Any:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        async with opened(f"https://localhost:{port}/v1") as endpoint:
            error = (await outcomes([endpoint.complete(chat())]))[0]
        await runner.cleanup()
        return error

    assert isinstance(asyncio.run(go()), FatalEndpointError)
    assert not seen


@pytest.mark.fault(15)
def test_a_slow_drip_meets_a_total_deadline() -> None:
    """A byte now and then keeps no call alive: the deadline counts the whole of it."""
    start = time.monotonic()
    seen = asked(1, server={"always": "drip:0.05"}, timeout=0.3)
    assert isinstance(seen.errors[0], RequestFailed)
    assert time.monotonic() - start < 10


# ── 19 to 22 ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.fault(19)
def test_a_redirect_is_refused(status: int) -> None:
    """The prompt and the key never follow a redirect to another origin."""

    async def go() -> tuple[Any, int]:
        async with FakeServer() as other:
            where = f"redirect:{status},{other.url}/chat/completions"
            async with FakeServer(always=where) as server, opened(server.url) as endpoint:
                return (await outcomes([endpoint.complete(chat())]))[0], other.count

    error, stolen = asyncio.run(go())
    assert isinstance(error, FatalEndpointError)
    assert "redirect" in str(error)
    assert stolen == 0


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.fault(20)
def test_a_proxy_is_used_only_when_asked_for(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its kin mean nothing without ``use_env_proxy``."""

    async def go() -> tuple[int, int]:
        async with FakeServer() as server, FakeServer() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            async with opened(server.url, use_env_proxy=wanted) as endpoint:
                await endpoint.complete(chat())
            return server.count, proxy.count

    assert asyncio.run(go()) == ((0, 1) if wanted else (1, 0))


@pytest.mark.fault(20)
def test_no_proxy_is_honoured_with_the_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that NO_PROXY names is asked directly."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert asked(1, use_env_proxy=True).replies


@pytest.mark.fault(20)
def test_a_proxy_of_another_kind_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than to go around it; its credentials are not shown."""
    monkeypatch.setenv("http_proxy", "socks5://user:pw@127.0.0.1:1080")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(UsageError) as caught:
        asked(1, use_env_proxy=True)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("fault", ["huge:2", "bomb:2"])
@pytest.mark.fault(21)
def test_a_huge_reply_is_cut_off(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body over the cap, compressed or not, is never read in full."""
    monkeypatch.setattr(transport, "MAX_REPLY", 1 << 20)
    seen = asked(2, in_turn=True, server={"faults": {0: fault}})
    assert len(seen.replies) == 2
    assert seen.server.count == 3


@pytest.mark.fault(21)
def test_a_compressed_reply_is_read() -> None:
    """gzip is understood, up to the cap."""
    assert len(gzip.compress(b" " * (1 << 20))) < 2000
    seen = asked(1, server={"always": "bomb:1"})
    assert seen.replies[0].raw.endswith(" " * (1 << 20))


@pytest.mark.fault(22)
def test_no_progress_ends_the_run_resumably() -> None:
    """An endpoint that takes requests and never answers is left, long before each one's own
    deadline, by calls in flight and waiting ones alike."""
    start = time.monotonic()
    seen = asked(9, server={"always": "hang"}, timeout=60, watchdog=0.5, concurrency=3)
    assert [type(e) for e in seen.errors] == [EndpointUnavailable] * 9
    assert time.monotonic() - start < 30
    assert seen.server.count == 3
