"""Starts Debian's Chromium for tests and listens to what a page must never do."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, async_playwright

# No sandbox: CI runs as root. The rest keeps the browser from talking to anybody but the page under test.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def find_chromium() -> str:
    """Path of the browser; without one the test fails in CI and is skipped, with the reason, elsewhere."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "no Chromium on this machine: `make services` installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def launched(executable: str, *more: str) -> AsyncIterator[Browser]:
    """A headless browser that ends with the block; ``more`` are further arguments of it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=[*ARGUMENTS, *more])
        try:
            yield browser
        finally:
            await browser.close()


class Complaints:
    """What a page did wrong: errors on its console, uncaught exceptions, requests to another host."""

    def __init__(self, page: Page) -> None:
        self.lines: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.lines.append(f"console error: {message.text} ({message.location})")

    def _page_error(self, error: Error) -> None:
        self.lines.append(f"uncaught exception: {error}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob", "about"} and parts.hostname not in {"127.0.0.1", "localhost"}:
            self.lines.append(f"request to another host: {request.url}")
