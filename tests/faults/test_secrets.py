"""The API key is sent, and is nowhere else; sockets go to the base URL only."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from instraug.errors import UsageError
from instraug.models.chat import Reply
from instraug.models.endpoint.client import OpenAIEndpoint
from instraug.models.endpoint.keys import check_key, check_url, read_key_file, redact
from instraug.models.journal.journal import Journal
from tests.fakeserver.answers import ODD
from tests.fakeserver.faults import HTTP
from tests.models.asking import KEY, Asked, asked

ARGUMENTS = {
    "limited": "0.01",
    "limited_date": "1",
    "limited_ms": "10",
    "redirect": "307,http://127.0.0.1:1/",
    "raw": '{"choices":[]}',
    "huge": "17",
    "bomb": "1",
    "drip": "0.01",
    "hang": "1",
}
STATUSES = ("400", "401", "402", "403", "404", "408", "413", "422", "429", "500", "503", "529")
FAULTS = sorted({*HTTP, *ODD} - {"status"}) + list(STATUSES)


def spelled(fault: str) -> str:
    """The fault with an argument, where it wants one."""
    return f"{fault}:{ARGUMENTS[fault]}" if fault in ARGUMENTS else fault


@pytest.mark.parametrize("fault", FAULTS)
def test_the_key_is_sent_and_shown_nowhere(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over every fault the canary is in the request, and in no error, traceback, log, output or
    journal, even where the server repeats it."""
    with caplog.at_level(logging.DEBUG):
        seen = asked(2, server={"always": spelled(fault)}, max_attempts=2, timeout=0.3, watchdog=1)
    assert {c.headers["Authorization"] for c in seen.server.calls} == {f"Bearer {KEY}"}
    told = [caplog.text, *capfd.readouterr(), journaled(seen, tmp_path / "replies.jsonl")]
    for error in seen.errors:
        told += [str(error), repr(error), *traceback.format_exception(error)]
        told += [repr(vars(error)), repr(error.__context__), repr(error.__cause__)]
    told += [repr(r) for r in seen.replies]
    assert not [t for t in told if "canary" in t]


def journaled(seen: Asked, path: Path) -> str:
    """The journal's text once the replies are in it."""
    journal = Journal.open(path)
    for reply in seen.replies:
        journal.record(reply)
    journal.close()
    return path.read_text()


def test_an_endpoint_does_not_show_its_key() -> None:
    """Nor does its repr."""
    endpoint = OpenAIEndpoint("m", "https://example.test/v1", KEY)
    assert "canary" not in repr(endpoint)


def test_short_placeholder_keys_do_not_change_replies() -> None:
    """``EMPTY`` is no secret, so an answer that holds the word is kept as it is."""
    body = '{"choices":[{"message":{"content":"Say EMPTY"}}]}'
    seen = asked(1, server={"always": f"raw:{body}"}, key="EMPTY")
    assert seen.replies[0].raw == body


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A local server sees no Authorization header, whatever the environment holds."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}")
    seen = asked(1, key=None)
    assert "Authorization" not in seen.server.calls[0].headers


def test_headers_tell_nothing_of_this_machine() -> None:
    """The openai package's account of platform and versions is not sent."""
    headers = asked(1).server.calls[0].headers
    assert not [h for h in headers if h.lower().startswith("x-stainless")]


# ── where sockets go ─────────────────────────────────────────────────────────────────────────────

_events: list[tuple[str, Any]] | None = None
_started: list[str] = []


def _listen(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(("subprocess.", "os.system", "os.exec", "os.posix_spawn")):
        _started.append(f"{event} {args[0]!r}")
    if _events is not None and event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        _events.append((event, args[1] if event == "socket.connect" else args[0]))


sys.addaudithook(_listen)


@pytest.mark.parametrize("fault", ["good", "500", "redirect", "html", "reset"])
def test_sockets_go_to_the_base_url_only(fault: str) -> None:
    """Nothing else is resolved or connected to: no telemetry, no update check, no redirect."""
    global _events  # noqa: PLW0603 - an audit hook cannot be taken off again
    _events = []
    try:
        seen = asked(2, server={"faults": {0: spelled(fault)}})
    finally:
        events, _events = _events, None
    port = int(seen.server.url.split(":")[2].split("/")[0])
    # asyncio resolves the server's own bind address too.
    assert {e for e in events if e[1] not in ("127.0.0.1", b"127.0.0.1")} == {
        ("socket.connect", ("127.0.0.1", port))
    }


def test_asking_starts_no_process() -> None:
    """The openai package would run ``uname`` for headers that are not sent."""
    _started.clear()
    asked(1)
    assert not _started


# ── base URLs ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "http://example.test/v1", "http://10.0.0.7:8000/v1", "ftp://example.test", "example.test",
        "https://user:pw@example.test/v1", "https://user@example.test/v1", "https:///v1",
        "https://example.test:99999/v1", "https://example.test/v1?key=1", "file:///etc/passwd",
        "https://example.test/v1#x", "https://[::1/v1", "http://localhost.evil.test/v1",
        "http://127.0.0.1.evil.test/v1", "https://a..b/v1", "https://1.2.3/v1", "https://%00/v1",
        "https://example.test/v1\x7f", "https://exa mple.test/v1", "https://ex\u00e4mple.test/v1",
        f"https://{'a' * 64}.test/v1",
    ],
)  # fmt: skip
def test_a_base_url_that_could_leak_is_refused(url: str) -> None:
    """Plain HTTP to another host, credentials in the URL and what is not a URL: one line."""
    with pytest.raises(UsageError) as caught:
        check_url(url)
    assert "\n" not in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.test/v1", "http://localhost:8000/v1", "http://127.0.0.1/v1",
        "http://[::1]:8000/v1", "http://127.9.9.9/v1",
    ],
)  # fmt: skip
def test_https_and_loopback_are_taken(url: str) -> None:
    """A slash at the end makes no difference."""
    assert check_url(url + "/") == url


def test_plain_http_is_taken_when_allowed() -> None:
    """``--allow-http`` is for a host on the local network; credentials stay refused."""
    assert check_url("http://10.0.0.7:8000/v1", allow_http=True) == "http://10.0.0.7:8000/v1"
    with pytest.raises(UsageError):
        check_url("http://u:p@10.0.0.7/v1", allow_http=True)


def test_without_a_url_the_environment_and_then_openai_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OPENAI_BASE_URL goes through the same checks."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert check_url(None) == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://evil.test/v1")
    with pytest.raises(UsageError):
        check_url(None)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_file_must_be_its_owners_alone(tmp_path: Path) -> None:
    """0600 is read, white space around the key is not part of it; 0644 is refused."""
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    assert read_key_file(path) == KEY
    for mode in (0o640, 0o604, 0o644):
        path.chmod(mode)
        with pytest.raises(UsageError, match="chmod 600"):
            read_key_file(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", "sk-\u00e9".encode()])
def test_a_key_file_must_hold_a_key(content: bytes, tmp_path: Path) -> None:
    """And what it holds instead is not shown."""
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="no API key") as caught:
        read_key_file(path)
    assert "two words" not in str(caught.value)


def test_a_missing_key_file_is_one_line(tmp_path: Path) -> None:
    """So is a folder."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match="cannot read the API key"):
            read_key_file(path)


@pytest.mark.parametrize("key", ["a b", "k\r\nX-Evil: 1", "cl\u00e9"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: str) -> None:
    """It would inject a header, or fail deep inside the HTTP library with the key in its words."""
    with pytest.raises(UsageError) as caught:
        check_key(key)
    assert key not in str(caught.value)


def test_foreign_text_is_shown_redacted_and_on_one_line() -> None:
    """The key, what looks like one, credentials in URLs, terminal escapes: none gets through."""
    text = f"{KEY} Bearer abc sk-other-123456 http://u:pw@h/ \x1b[31mred\nnext"
    shown = redact(text, KEY)
    for secret in (KEY, "abc", "sk-other", "pw", "\x1b", "\n"):
        assert secret not in shown
    assert "red" in shown
    assert len(redact("x" * 999, None)) == 200


def test_importing_the_client_does_not_import_openai() -> None:
    """The package costs half a second, and is loaded when an endpoint is entered."""
    code = (
        "import instraug.models.endpoint.client, sys;"
        "sys.exit(any(m in sys.modules for m in ('openai', 'httpx2', 'aiohttp', 'tenacity')))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ)).returncode == 0


def test_replies_survive_the_loop_they_came_in() -> None:
    """An endpoint leaves nothing open: a second loop in the same process works as the first."""
    for _ in range(2):
        assert isinstance(asked(1).outcomes[0], Reply)
    assert asyncio.run(asyncio.sleep(0, 1)) == 1
