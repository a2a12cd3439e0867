"""Takes the pictures: a real server at a stopped clock, a browser whose clocks stand still, one font."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page

from tapewatch.clock import US_PER_S, ManualClock
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.surfaces.web.parts import STATIC
from tests.chromium import Complaints
from tests.surfaces.web.stack import Stack, running
from tests.visual.worlds import NOW_US, World

Theme = Literal["dark", "light"]
Shot = tuple[int, int, tuple[Theme, ...]]
EVERY: tuple[Shot, ...] = ((1440, 900, ("dark", "light")), (390, 844, ("light",)))
"""Window in CSS pixels and themes in which each state is taken: a desk's and a phone's."""
WIDE: Shot = (1920, 1080, ("dark",))
"""For states whose charts say the most."""
RENDERING = ("--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb", "--hide-scrollbars")
"""What otherwise depends on the machine: hinting and subpixels of letters, the screen's profile, the width of scroll bars."""
FONT = "DejaVu Sans"
"""The font that `make services` installs; the page itself takes the system's."""

_STAND_STILL = f"""
    const now = {NOW_US / 1000};
    Date.now = () => now;
    performance.now = () => 1000;
"""
_STYLE = f"""
    :root {{ font-family: "{FONT}" !important; }}
    pre, code, kbd {{ font-family: "DejaVu Sans Mono" !important; }}
    *, *::before, *::after {{ animation: none !important; transition: none !important; caret-color: transparent !important; }}
    .skeleton {{ opacity: 1 !important; }}
"""
_DRAWN = "new Promise((done) => { let left = 12; const next = () => (left-- ? requestAnimationFrame(next) : done()); next(); })"
"""Drawing is done in turns, a few pictures per frame of the screen."""
_ONE_ADDRESS = """() => {
    for (const code of document.querySelectorAll('pre'))
        code.textContent = code.textContent.replace(/127\\.0\\.0\\.1:\\d+/g, '127.0.0.1:4780');
}"""
"""The server under test listens somewhere else each time."""
_SETTLED = """() => {
    const panels = [...document.querySelectorAll('[data-panel]')];
    const seen = panels.filter((one) => one.getBoundingClientRect().top < innerHeight);
    return panels.length > 0 && seen.every((one) => one.ariaBusy === 'false');
}"""


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Stack]:
    """A server that has accepted the world's rows and whose time stands still."""
    pieces = world.pieces()
    clock = ManualClock(pieces[0][0])
    async with running(clock=clock, host="desk-1", static_dir=STATIC, store_state=lambda: dict(world.store)) as stack:
        for at_us, piece in pieces:
            clock.advance((at_us - clock.now_us()) / US_PER_S)
            batches = tuple(RawBatch.of(rows.table, rows.rows, period_s=rows.period_s) for rows in piece)
            receipt = await stack.intake.accept(Delivery(batches, "desk", host="desk-1"))
            assert not receipt.refused_total, receipt.refused[:1]
        yield stack


def shots(world: World) -> tuple[Shot, ...]:
    """Windows and themes of a world."""
    return (*EVERY, WIDE) if world.is_wide else EVERY


def names(world: World) -> list[str]:
    """Of each picture of a world."""
    return [f"{world.name}_{width}x{height}_{theme}" for width, height, themes in shots(world) for theme in themes]


async def taken(browser: Browser, world: World) -> AsyncIterator[tuple[str, bytes]]:
    """Name and PNG of each picture of a world."""
    async with served(world) as stack:
        (width, height, _), *_ = shots(world)
        # the page's own policy allows no style from elsewhere, and the font has to be named
        page = await browser.new_page(viewport={"width": width, "height": height}, bypass_csp=True)
        complaints = Complaints(page)
        await page.add_init_script(_STAND_STILL)
        await _opened(page, f"{stack.url}/{world.address}")
        if world.store["state"] == "down":  # told by the first tick, after the panels have their answers
            await page.locator('[data-banner="store"]').wait_for()
        for width, height, themes in shots(world):
            await page.set_viewport_size({"width": width, "height": height})
            for theme in themes:
                await page.emulate_media(color_scheme=theme)
                await page.wait_for_function(_SETTLED)
                await page.evaluate(_DRAWN)
                yield f"{world.name}_{width}x{height}_{theme}", await page.screenshot(animations="disabled")
        await page.close()
        assert not complaints.lines, "\n".join(complaints.lines)


async def _opened(page: Page, address: str) -> None:
    await page.goto(address)
    await page.add_style_tag(content=_STYLE)
    await page.locator('[data-live="true"]').wait_for()
    await page.wait_for_function(_SETTLED)
    await page.evaluate(_ONE_ADDRESS)
    # drawing is done in turns, a few pictures per frame
    await page.evaluate(
        "new Promise((done) => { let left = 12; const next = () => (left-- ? requestAnimationFrame(next) : done()); next(); })"
    )


def folder() -> Path:
    """Where the pictures are kept."""
    return Path(__file__).with_name("pictures")
