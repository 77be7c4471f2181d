"""API keys and base URLs: where they may come from, and what may be shown of them."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit

from instraug.errors import StorageError, UsageError, printable
from instraug.files.disk import open_regular

DEFAULT_URL = "https://api.openai.com/v1"

_SECRETS = re.compile(r"(?i)\b(?:bearer\s+\S+|sk-[\w-]{6,})|(?<=//)[^/\s@]*@")

_SHORTEST = 8
"""Characters; shorter keys (``EMPTY``, ``none``) are placeholders, not secrets."""


def read_key_file(path: Path) -> str:
    """Read an API key from a file that only its owner can read.

    Args:
        path: A file holding the key and nothing else.

    Raises:
        UsageError: the file cannot be read, can be read by others, or holds not exactly one word.
    """
    try:
        with os.fdopen(open_regular(path, action="read the API key"), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1 << 16).decode("ascii", "replace")
    except StorageError as error:
        raise UsageError(str(error)) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path}: others can read the API key; chmod 600 it")
    key = text.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError(f"{path}: holds no API key; it must be one word of printable ASCII")
    return key


def check_key(key: str) -> str:
    """Return the key if a header can carry it.

    Raises:
        UsageError: it holds white space or anything but printable ASCII; it is not shown.
    """
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError("the API key holds white space or non-ASCII; set OPENAI_API_KEY again")
    return key


def check_url(base_url: str | None, allow_http: bool = False) -> str:
    """Return the base URL to use, without a trailing slash.

    Args:
        base_url: As the user gave it; None or "" takes OPENAI_BASE_URL, then OpenAI's own.
        allow_http: Allow plain HTTP to other hosts.

    Raises:
        UsageError: it is not http(s), is plain HTTP to another host, or holds credentials, a query
            or a fragment.
    """
    url = base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("the base URL is malformed; write https://host[:port]/v1") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError("the base URL holds credentials; put the key into OPENAI_API_KEY instead")
    if parts.scheme not in ("http", "https") or not host or not _is_host(host):
        shown = printable(url)
        raise UsageError(
            f"the base URL {shown!r} is not an http(s) URL; write https://host[:port]/v1"
        )
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise UsageError("the base URL holds a query, a fragment or a space; leave it out")
    if parts.scheme == "http" and not (allow_http or _is_loopback(host)):
        raise UsageError(f"{url}: plain HTTP to another host; use https or give --allow-http")
    return url.rstrip("/")


def check_has_key(url: str, key: str | None) -> None:
    """Refuse an https endpoint on another machine when there is no key.

    Any key will do; ``EMPTY`` says that the server takes none.

    Raises:
        UsageError: there is none.
    """
    parts = urlsplit(url)
    if key is None and parts.scheme == "https" and not _is_loopback(parts.hostname or ""):
        raise UsageError(
            f"{url}: no API key is given; set OPENAI_API_KEY or give --api-key-file FILE "
            "(OPENAI_API_KEY=EMPTY for a server that takes none)"
        )


def _is_host(host: str) -> bool:
    """Whether it is an IP address or a possible DNS name."""
    try:
        return ipaddress.ip_address(host) is not None
    except ValueError:
        named = re.fullmatch(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", host)
        return named is not None and not re.fullmatch(r"[0-9.]+", host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_secret(key: str | None) -> bool:
    """Whether the key is too long to be a placeholder such as ``EMPTY``."""
    return key is not None and len(key) >= _SHORTEST


def redact(text: str, key: str | None, limit: int = 200) -> str:
    """Return text from outside as one short printable line; all that looks like a key is replaced.

    Args:
        text: From an endpoint or a library.
        key: The API key in use.
        limit: Characters kept.
    """
    if key and is_secret(key):
        text = text.replace(key, "***")
    text = _SECRETS.sub("***", text)
    return printable(" ".join(text.split()))[:limit]
