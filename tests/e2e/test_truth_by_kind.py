"""Each situation in which a value could be misread, on each kind of panel that can show it."""

import itertools
import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import kept_alive, opened, painted, panel, row, tile, us_ago
from tests.server import Running, running, unused_port
from tests.started import TAPEWATCH, up, write

pytestmark = pytest.mark.browser

STREAM = {"symbol": "BTC/USD", "channel": "trade", "interval_s": 5, "messages": 9}
HATCH = "gradient"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), 'watch_self = false\nhost = "desk-1"\n') as server:
        yield server


async def test_a_polled_source_that_stops_is_marked_on_tile_table_chart_timeline_and_chip(server: Running, page: Page) -> None:
    rows = [{"venue": "ended", "connected": True, "latency_ms": 9.0, "ts": us_ago(age)} for age in range(8, 120)]
    write(server, "exchange", *rows, period_s=1)
    await opened(page, server, "?dashboard=exchange&range=5m&venue=ended")
    await expect(tile(page, "latency_now", "ended")).to_have_attribute("data-stale", "true", timeout=10_000)
    await expect(row(page, "last_message", "ended")).to_have_attribute("data-stale", "true")
    legend = panel(page, "latency").locator(".legend button")
    await expect(legend).to_have_class(re.compile("is-stale"))
    await expect(legend).to_contain_text("ago")
    await expect(panel(page, "downtime").locator(".chip")).to_contain_text("1 of 1 late")
    await expect(panel(page, "downtime").locator(".lane-names [data-status]")).not_to_have_attribute("data-status", "up")
    # the bar ends where the rows end: what follows is hatched, and the key below says what that means
    await expect(panel(page, "downtime").locator("canvas")).to_have_attribute("aria-label", re.compile("Connected over time"))


async def test_a_stream_that_the_feed_calls_late_or_stale_is_shown_so_on_matrix_table_and_timeline(server: Running, page: Page) -> None:
    for venue, verdict, status in (
        ("quick", "fresh", "up"),
        ("slow", "late", "degraded"),
        ("old", "stale", "degraded"),
        ("lost", "dead", "down"),
    ):
        write(server, "feed", {**STREAM, "venue": venue, "verdict": verdict, "evidence": "as told"}, period_s=3600)
        await opened(page, server, f"?dashboard=feeds&range=5m&venue={venue}")
        cell = panel(page, "matrix").locator("td .status")
        await expect(cell).to_contain_text(verdict)
        await expect(cell).to_have_attribute("data-status", status)
        await expect(row(page, "streams", venue)).to_contain_text(verdict)
        await expect(panel(page, "verdicts").locator("canvas")).to_have_attribute(
            "aria-label", re.compile(rf"{venue}.* {verdict}|Now: .*{verdict}")
        )


async def test_a_hole_is_hatched_on_a_timeline_and_says_why(server: Running, page: Page) -> None:
    ages = [age for age in range(280, 0, -5) if not 100 < age < 200]
    rows = [{"venue": "torn", "connected": True, "latency_ms": 5.0, "ts": us_ago(age)} for age in ages]
    write(server, "exchange", *rows, period_s=5)
    await opened(page, server, "?dashboard=exchange&range=5m&venue=torn")
    canvas = panel(page, "downtime").locator("canvas")
    green = await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--up')")
    columns = await painted(canvas, green)
    filled = [x for x, ys in enumerate(columns) if len(ys) >= 5]
    gap = max(later - earlier for earlier, later in itertools.pairwise(filled))
    assert 0.25 < gap / len(columns) < 0.45, "about 100 of 300 s are not green"
    box = await canvas.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 26)  # below the room for marks
    tip = panel(page, "downtime").locator(".tip")
    await expect(tip).to_contain_text("No data: test sent nothing")
    await expect(tip).to_contain_text("for 1 min")


async def test_a_null_is_a_dash_on_tile_and_table_and_no_point_on_a_chart(server: Running, page: Page) -> None:
    ages = range(100, 5, -5)
    rows = [{"venue": "muted", "connected": True, "latency_ms": None if 40 < age < 70 else 50.0, "ts": us_ago(age)} for age in ages]
    write(server, "exchange", *rows, period_s=5)
    await opened(page, server, "?dashboard=exchange&range=5m&venue=muted")
    await panel(page, "latency").locator(".chip").click()
    await page.get_by_role("dialog").get_by_role("button", name="Show as table").click()
    await page.keyboard.press("Escape")
    cells = panel(page, "latency").locator("tbody td:nth-child(2)")
    texts = await cells.all_inner_texts()
    assert sum(text.startswith("–") for text in texts) >= 4
    assert not [text for text in texts if text.startswith("0.0")]
    await expect(cells.filter(has_text="–").first).to_have_attribute("title", re.compile("No value: "))


async def test_a_pair_without_data_is_hatched_and_one_that_nobody_watches_is_blank(server: Running, page: Page) -> None:
    for venue, symbol in (("one", "A/USD"), ("one", "B/USD"), ("two", "A/USD")):
        write(server, "feed", {**STREAM, "venue": venue, "symbol": symbol, "verdict": "fresh"}, period_s=3600)
    write(server, "feed", {**STREAM, "venue": "two", "symbol": "C/USD"}, period_s=3600)  # a stream without a verdict
    await opened(page, server, "?dashboard=feeds&range=5m&venue=one&venue=two")
    matrix = panel(page, "matrix")
    await expect(matrix.locator("td.unwatched")).to_have_count(2)
    await expect(matrix.locator("td.hatched")).to_have_count(1)
    assert HATCH in await matrix.locator("td.hatched").evaluate("one => getComputedStyle(one).backgroundImage")
    assert HATCH not in await matrix.locator("td.unwatched").first.evaluate("one => getComputedStyle(one).backgroundImage")


async def test_a_clock_that_is_not_synchronised_marks_every_latency_and_age_of_its_host(server: Running, page: Page) -> None:
    clock = [{"host": "off", "cpu_ratio": 0.1, "clock_synchronised": False, "clock_error_ms": 40}]
    seen = [{"venue": "far", "host": "off", "connected": True, "latency_ms": 5.0, "last_message_at": us_ago(1)}]
    stream = [{**STREAM, "venue": "far", "host": "off", "verdict": "fresh", "latency_p50_ms": 3.0, "latency_p99_ms": 8.0}]
    with kept_alive(server, "host", clock), kept_alive(server, "exchange", seen), kept_alive(server, "feed", stream):
        await opened(page, server, "?dashboard=exchange&range=5m&venue=far")
        # a round trip is measured without the wall clock, the age of a message with it
        await expect(tile(page, "latency_now", "far").locator(".clock-mark")).to_have_count(0)
        mark = row(page, "last_message", "far").locator(".clock-mark")
        await expect(mark).to_have_attribute("title", re.compile(r"not synchronised: off \(± 40 ms\)"))
        await opened(page, server, "?dashboard=feeds&range=5m&venue=far")
        await expect(row(page, "streams", "far").locator(".clock-mark")).to_have_count(2)


async def test_a_simulated_desk_is_marked_on_every_page_and_on_what_is_saved(tmp_path_factory: pytest.TempPathFactory, page: Page) -> None:
    port = unused_port()
    with running([TAPEWATCH, "demo", "--port", str(port)], port, tmp_path_factory.mktemp("demo")) as server:
        for dashboard in ("overview", "system", "explore"):
            await opened(page, server, f"?dashboard={dashboard}&range=5m")
            await expect(page.locator(".top .paper")).to_have_text("paper")
        await opened(page, server, "?dashboard=health&range=5m")
        await expect(panel(page, "host_now")).to_have_attribute("data-state", "data", timeout=20_000)
        await panel(page, "host_now").hover()
        async with page.expect_download() as waited:
            await page.keyboard.press("e")
        saved = await (await waited.value).path()
        assert saved.read_text().startswith("# paper: simulated desk")
        assert (await waited.value).suggested_filename.startswith("paper-")
        await page.goto("about:blank")  # before the server ends
