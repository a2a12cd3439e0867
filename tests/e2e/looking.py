"""What the eye does on a page: find a panel, a tile, a row; read pixels of a chart."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from playwright.async_api import Locator, Page

from tests.server import Running
from tests.started import write


def panel(page: Page, panel_id: str) -> Locator:
    """The panel with this id."""
    return page.locator(f'[data-panel="{panel_id}"]')


def tile(page: Page, panel_id: str, label: str) -> Locator:
    """The stat tile of a panel whose label holds the text."""
    return panel(page, panel_id).locator(".tile", has=page.locator(".label", has_text=label))


def row(page: Page, panel_id: str, word: str) -> Locator:
    """The table row of a panel that holds the word."""
    return panel(page, panel_id).locator("tbody tr", has_text=word)


async def opened(page: Page, server: Running, query: str = "") -> None:
    """Open the page and wait until every panel has an answer; a page that follows now is then live."""
    await page.goto(f"{server.url}/{query}")
    if "at=" not in query:
        await page.locator('[data-live="true"]').wait_for()
    await settled(page)


async def settled(page: Page) -> None:
    """Wait until every panel shows what was asked for last."""
    await page.wait_for_function(
        """() => {
            const panels = [...document.querySelectorAll('[data-panel]')];
            return panels.length > 0 && panels.every((one) => one.ariaBusy === 'false');
        }"""
    )


@contextmanager
def kept_alive(server: Running, table: str, rows: Sequence[Mapping[str, object]], period_s: float = 1.0) -> Iterator[None]:
    """Send the rows again every half period, as something that lives would."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(period_s / 2):
            write(server, table, *rows, period_s=period_s)

    write(server, table, *rows, period_s=period_s)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()


def us_ago(seconds: float) -> int:
    """A time of that many seconds ago, in microseconds."""
    return time.time_ns() // 1_000 - round(seconds * 1_000_000)


PAINTED = """(canvas, colour) => {
    const probe = document.createElement('canvas').getContext('2d');
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    return Array.from({ length: width }, (_, x) => {
        const ys = [];
        for (let y = 0; y < height; y++) {
            const i = 4 * (y * width + x);
            const apart = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
            if (data[i + 3] > 100 && apart < 60) ys.push(y);
        }
        return ys;
    });
}"""


async def painted(canvas: Locator, colour: str) -> list[list[int]]:
    """For each pixel column of a canvas, from the left, the rows that show a colour."""
    return await canvas.evaluate(PAINTED, colour)
