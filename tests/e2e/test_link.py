"""The live link: it resumes without a hole or a double, goes without WebSockets, rests in a hidden tab, and may be away."""

import itertools
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.e2e.looking import kept_alive, opened, panel, settled, tile, us_ago
from tests.e2e.proxy import under_prefix
from tests.server import Running
from tests.started import up, write

pytestmark = pytest.mark.browser

STEADY = [{"venue": "steady", "connected": True, "latency_ms": 5.0}]
EXCHANGE = "?dashboard=exchange&range=5m&venue=steady"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), "watch_self = false\n") as server, kept_alive(server, "exchange", STEADY):
        yield server


async def times_shown(page: Page) -> list[str]:
    """The times of the latency chart as its table lists them, newest first."""
    await panel(page, "latency").locator(".chip").click()
    await page.get_by_role("dialog").get_by_role("button", name="Show as table").click()
    await page.keyboard.press("Escape")
    return await panel(page, "latency").locator("tbody tr td:first-child").all_inner_texts()


async def test_what_came_while_the_link_was_away_is_there_once_when_it_is_back(server: Running, page: Page) -> None:
    links: list[WebSocketRoute] = []

    def pass_on(link: WebSocketRoute) -> None:
        links.append(link)
        link.connect_to_server()

    await page.route_web_socket(re.compile("/api/live$"), pass_on)
    await opened(page, server, EXCHANGE)
    await page.wait_for_timeout(3_000)
    await links[-1].close()
    await expect(page.locator("[data-live]")).to_have_attribute("data-live", "false")
    await expect(page.locator('[data-live="true"]')).to_be_visible(timeout=20_000)
    assert len(links) >= 2
    await page.wait_for_timeout(1_500)
    shown = await times_shown(page)
    assert len(shown) == len(set(shown)), "no second twice"
    seconds = [3600 * int(one[-8:-6]) + 60 * int(one[-5:-3]) + int(one[-2:]) for one in shown]
    assert all(later - earlier in {1, 2, 1 - 86_400} for later, earlier in itertools.pairwise(seconds[:7])), "no hole"


async def test_the_page_is_live_where_no_websocket_gets_through(server: Running, page: Page) -> None:
    await page.route_web_socket(re.compile("/api/live$"), lambda link: link.close(code=1011))
    await page.goto(f"{server.url}/{EXCHANGE}")
    await expect(page.locator('[data-live="true"]')).to_be_visible(timeout=20_000)
    await settled(page)
    await expect(tile(page, "latency_now", "steady").locator(".value")).to_have_text("5.0ms")
    write(server, "exchange", {"venue": "steady", "connected": True, "latency_ms": 77.0}, period_s=1)
    await expect(tile(page, "latency_now", "steady")).to_have_attribute("data-stale", "false")
    first = await panel(page, "latency").locator(".legend").inner_text()
    await page.wait_for_timeout(2_500)
    assert first
    await page.keyboard.press("l")
    await expect(page.locator("[data-live]")).to_contain_text("paused")
    await settled(page)


async def test_a_hidden_tab_draws_nothing_and_catches_up(server: Running, page: Page) -> None:
    await page.add_init_script(
        """window.drawn = 0;
        const fill = CanvasRenderingContext2D.prototype.clearRect;
        CanvasRenderingContext2D.prototype.clearRect = function (...all) { window.drawn++; return fill.apply(this, all); };"""
    )
    await opened(page, server, EXCHANGE)
    await page.evaluate(
        """() => {
            Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.isAway });
            window.isAway = true;
            document.dispatchEvent(new Event('visibilitychange'));
            window.heldFrames = [];
            window.askFrame = window.requestAnimationFrame;
            window.requestAnimationFrame = (step) => window.heldFrames.push(step);
        }"""
    )
    await page.wait_for_timeout(500)
    drawn = await page.evaluate("window.drawn")
    await page.wait_for_timeout(3_000)
    assert await page.evaluate("window.drawn") == drawn
    await page.evaluate(
        """() => {
            window.isAway = false;
            window.requestAnimationFrame = window.askFrame;
            for (const step of window.heldFrames) step(performance.now());
            document.dispatchEvent(new Event('visibilitychange'));
        }"""
    )
    await page.wait_for_timeout(1_200)
    assert await page.evaluate("window.drawn") > drawn
    await expect(tile(page, "latency_now", "steady")).to_have_attribute("data-stale", "false")


async def test_the_page_can_be_installed(server: Running, page: Page) -> None:
    await opened(page, server)
    manifest = await page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((one) => one.json())")
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        answer = await page.evaluate(
            """(src) => fetch(new URL(src, document.querySelector('link[rel=manifest]').href))
                .then((one) => [one.status, one.headers.get('content-type')])""",
            icon["src"],
        )
        assert answer == [200, icon["type"]]
    assert await page.evaluate("navigator.serviceWorker.ready.then((one) => one.active.state)") in {"activating", "activated"}


@pytest_asyncio.fixture(loop_scope="session")
async def quiet(browser: Browser) -> AsyncIterator[Page]:
    """A page of which errors on the console are not held against it: its server will be away."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    yield page
    await page.close()


async def test_without_its_server_the_page_opens_with_what_it_showed_last_and_says_how_old_that_is(tmp_path: Path, quiet: Page) -> None:
    with up(tmp_path, "watch_self = false\n") as server:
        rows = [{"venue": "steady", "connected": True, "latency_ms": 5.0, "ts": us_ago(age)} for age in range(5, 200)]
        write(server, "exchange", *rows, period_s=1)
        with kept_alive(server, "exchange", STEADY):
            await opened(quiet, server, EXCHANGE)
            await quiet.evaluate("navigator.serviceWorker.ready")
            await quiet.reload()  # the worker sees a page only from its second visit on
            await settled(quiet)
            await quiet.evaluate("dispatchEvent(new Event('pagehide'))")
            await quiet.wait_for_timeout(1_500)
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            await quiet.context.set_offline(offline=True)
            await quiet.reload(wait_until="commit")
            await expect(quiet.locator('[data-banner="link"]')).to_contain_text("Everything here is as of", timeout=20_000)
            await expect(tile(quiet, "latency_now", "steady").locator(".value")).to_have_text("5.0ms")
            assert await tile(quiet, "latency_now", "steady").get_attribute("data-status") != "up"
            await expect(panel(quiet, "latency").locator(".badge.warn").first).to_be_visible()
            assert await quiet.locator('.rail [data-status="up"]').count() == 0
            await quiet.context.set_offline(offline=False)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        await expect(quiet.locator('[data-live="true"]')).to_be_visible(timeout=30_000)


async def test_the_page_works_under_a_path_prefix_of_a_reverse_proxy(server: Running, page: Page) -> None:
    async with under_prefix(server.url, "/tapewatch") as url:
        await page.goto(f"{url}/{EXCHANGE}")
        await expect(page.locator('[data-live="true"]')).to_be_visible()
        await settled(page)
        await expect(tile(page, "latency_now", "steady").locator(".value")).to_have_text("5.0ms")
        await page.get_by_role("link", name="Feeds").first.click()
        assert page.url.startswith(f"{url}/?")
        outside = await page.evaluate("performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)")
        assert [path for path in outside if not path.startswith("/tapewatch/")] == []
        await page.close()
