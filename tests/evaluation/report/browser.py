"""A headless Chromium, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the extra dev)")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _binary() -> str | None:
    """Return a browser of the system; None: the one that playwright installed, if it did."""
    named = os.environ.get("INSTRAUG_CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """Start it, or skip the test with the reason."""
    with api.sync_playwright() as playwright:
        binary = _binary()
        if binary is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("needs Chromium: apt-get install chromium, or playwright install chromium")
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, page: Path, **context: Any) -> Iterator[Any]:
    """Open a page; whatever its console says, or it asks the network for, is an error."""
    said = list[str]()
    with browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context}) as one:
        tab = one.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(dialog.message))
        tab.on("request", lambda request: said.append(request.url))
        tab.goto(page.resolve().as_uri())
        assert said.pop(0) == page.resolve().as_uri()
        yield tab
        assert said == []
