"""Everybody can use every page: axe-core, the keyboard alone, greyscale, 200 % zoom, a phone."""

import json
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessible import findings, walk
from tests.e2e.looking import kept_alive, opened, panel, settled, us_ago
from tests.server import Running
from tests.started import up, write

pytestmark = pytest.mark.browser

VENUES = [
    {"venue": "kraken", "connected": True, "latency_ms": 12.5, "reconnects": 1},
    {"venue": "okx", "connected": False, "latency_ms": 812.0, "reconnects": 4},
    {"venue": "deribit", "connected": True},
]
STREAM = {"symbol": "BTC/USD", "channel": "trade", "interval_s": 5, "messages": 9}
VERDICTS = ("fresh", "late", "stale", "unknown")
PAGES = (
    "?dashboard=overview",
    "?dashboard=exchange",
    "?dashboard=feeds",
    "?dashboard=pipeline",
    "?dashboard=health",
    "?dashboard=system",
    "?dashboard=venue&venue=okx",
    "?dashboard=host&host=desk-1",
    "?dashboard=explore",
    "?dashboard=explore&x.table=exchange&x.shape=rows",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A desk with something of everything: up, degraded, unknown, nothing, and a range with a hole in it."""
    with up(tmp_path_factory.mktemp("server"), 'host = "desk-1"\n') as server:
        old = [
            {"venue": "kraken", "connected": True, "latency_ms": 10 + age % 7, "ts": us_ago(age)}
            for age in range(10, 280, 5)
            if not 90 < age < 150
        ]
        write(server, "exchange", *old, period_s=1)
        for number, verdict in enumerate(VERDICTS):
            write(server, "feed", {**STREAM, "venue": f"venue-{number}", "verdict": verdict, "evidence": "as told"}, period_s=3600)
        write(
            server,
            "pipeline",
            {"venue": "okx", "symbol": "BTC/USDT", "data_type": "funding", "records": 8, "latency_ms": 41.0},
            period_s=3600,
        )
        with kept_alive(server, "exchange", VENUES):
            yield server


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_axe_finds_nothing_on_any_page(server: Running, page: Page, theme: str) -> None:
    await page.emulate_media(color_scheme=theme)  # pyright: ignore[reportArgumentType] - a literal of the parametrisation
    found: list[str] = []
    for address in PAGES:
        await opened(page, server, f"{address}&range=5m")
        found += [f"{address}: {line}" for line in await findings(page)]
    assert found == []


async def test_axe_finds_nothing_in_what_opens(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    for opening in ("t", "?", "Control+k"):
        await page.keyboard.press(opening)
        await page.wait_for_timeout(200)
        assert await findings(page) == [], opening
        await page.keyboard.press("Escape")
    await panel(page, "latency").locator(".chip").click()
    assert await findings(page) == [], "truth card"
    await page.get_by_role("dialog").get_by_role("button", name="Show as table").click()
    await page.keyboard.press("Escape")
    assert await findings(page) == [], "chart as a table"


async def test_a_keyboard_reaches_every_panel_of_every_page_and_focus_is_always_seen(server: Running, page: Page) -> None:
    for address in PAGES:
        await opened(page, server, f"{address}&range=5m")
        reached = await walk(page)
        assert [one["name"] for one in reached if not one["isSeen"]] == [], address
        assert [one["name"] for one in reached if not one["hasOutline"]] == [], address
        panels = await page.locator("[data-panel]").evaluate_all("all => all.map((one) => one.dataset.panel)")
        assert {one["panel"] for one in reached} >= set(panels), address


async def test_nothing_is_lost_at_200_percent(server: Running, browser: Browser) -> None:
    """Zoomed twofold, a window of 1440 pixels has 720 of them."""
    page = await browser.new_page(viewport={"width": 720, "height": 450}, device_scale_factor=2)
    for address in PAGES:
        await opened(page, server, f"{address}&range=5m")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        for name in ("Search", "One range back"):
            await expect(page.get_by_role("button", name=name)).to_be_visible()
    await page.close()


async def test_status_is_told_without_colour(server: Running, page: Page) -> None:
    """Each status has a shape of its own and a word, and on a bar over time a height of its own."""
    for dashboard in ("overview", "exchange", "feeds"):
        await opened(page, server, f"?dashboard={dashboard}&range=5m")
        marks = await page.locator(".status").evaluate_all(
            "all => all.map((one) => [one.dataset.status, one.querySelector('svg')?.innerHTML ?? '', one.textContent.trim()])"
        )
        shapes: dict[str, set[str]] = {}
        for status, shape, word in marks:
            assert word, f"{dashboard}: a mark without a word"
            shapes.setdefault(status, set()).add(shape)
        assert all(len(found) == 1 for found in shapes.values())
        assert len({next(iter(found)) for found in shapes.values()}) == len(shapes)


async def test_status_colours_differ_in_lightness(server: Running, page: Page) -> None:
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme=theme)
        await opened(page, server)
        greys = await page.evaluate(
            """() => ['up', 'degraded', 'down', 'unknown'].map((name) => {
                const pen = document.createElement('canvas').getContext('2d');
                pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
                pen.fillRect(0, 0, 1, 1);
                const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
                return Math.round(0.2126 * r + 0.7152 * g + 0.0722 * b);
            })"""
        )
        assert min(abs(a - b) for at, a in enumerate(greys) for b in greys[:at]) >= 12, (theme, greys)


async def test_a_phone_sees_no_jump_while_a_page_loads(server: Running, browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = await context.new_page()
    await page.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value; })
            .observe({ type: 'layout-shift', buffered: true });"""
    )
    moved: dict[str, float] = {}
    for dashboard in [one["id"] for one in json.loads(server.get("/api/dashboards"))["dashboards"] if not one["subject"]]:
        await opened(page, server, f"?dashboard={dashboard}&range=5m")
        await settled(page)
        await page.wait_for_timeout(500)
        moved[dashboard] = round(await page.evaluate("window.shifted"), 3)
    assert max(moved.values()) < 0.1, moved
    await context.close()
