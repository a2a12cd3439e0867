"""Chromium, each tab with one page of the server open, counting the frames that arrive in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from playwright.sync_api import Page, WebSocket, sync_playwright

from tests.chromium import ARGUMENTS, find_chromium


class Viewers:
    """Open tabs. Playwright is served only inside `wait`: whoever measures waits there.

    Args:
        pages: The tabs.
    """

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages
        self._frames = [0] * len(pages)
        self._broken: list[str] = []
        for number, page in enumerate(pages):
            page.on("websocket", lambda link, number=number: self._follow(link, number))
            page.on("crash", lambda _, number=number: self._broken.append(f"tab {number} crashed"))
            page.on("pageerror", lambda error: self._broken.append(str(error)))

    def _follow(self, link: WebSocket, number: int) -> None:
        def count(_: str | bytes) -> None:
            self._frames[number] += 1

        link.on("framereceived", count)

    @property
    def frames(self) -> list[int]:
        """Messages that each tab has received."""
        return list(self._frames)

    def wait(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            SystemExit: A tab crashed or its script failed.
        """
        if self._pages:
            self._pages[0].wait_for_timeout(max(1.0, seconds * 1e3))
        else:
            time.sleep(max(0.0, seconds))
        if self._broken:
            raise SystemExit(f"a browser is not live any more: {self._broken[0]}")


@contextlib.contextmanager
def viewers(url: str, boards: Sequence[str]) -> Iterator[Viewers]:
    """Each of the dashboards in a window of its own, shown and live, inside this block; no browser at all without one."""
    if not boards:
        yield Viewers(())
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        pages = [browser.new_context().new_page() for _ in boards]
        watching = Viewers(pages)
        for page, board in zip(pages, boards, strict=True):
            page.goto(f"{url}/?dashboard={board}", wait_until="load")
        try:
            yield watching
        finally:
            browser.close()
