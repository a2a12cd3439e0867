"""What may be believed: each situation in which a value could be misread looks the way that prevents it."""

import os
import re
import signal
import statistics
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import kept_alive, opened, painted, panel, row, tile, us_ago
from tests.server import Running
from tests.started import up, verdicts, write

pytestmark = pytest.mark.browser

HOST = "desk-1"
EXCHANGE = "?dashboard=exchange&range=5m"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that watches nothing but what the tests send."""
    with up(tmp_path_factory.mktemp("server"), f'watch_self = false\nhost = "{HOST}"\n') as server:
        yield server


def seconds_of(text: str) -> float:
    """The age in a text such as "4 s ago" or "1 min 04 s ago"."""
    found = re.search(r"(?:(\d+) min )?(\d+(?:\.\d+)?) s\b", text)
    assert found, text
    return 60 * int(found[1] or 0) + float(found[2])


async def test_a_fresh_value_is_plain_and_a_zero_is_a_zero(server: Running, page: Page) -> None:
    rows = [{"venue": "fresh", "connected": True, "latency_ms": 12.5}, {"venue": "zero", "connected": True, "latency_ms": 0}]
    with kept_alive(server, "exchange", rows):
        await opened(page, server, f"{EXCHANGE}&venue=fresh&venue=zero")
        fresh, zero = tile(page, "latency_now", "fresh"), tile(page, "latency_now", "zero")
        await expect(fresh.locator(".value")).to_have_text("12.5ms")
        await expect(zero.locator(".value")).to_have_text("0.0ms")
        for one in (fresh, zero):
            await expect(one).to_have_attribute("data-stale", "false")
            await expect(one).to_have_attribute("data-status", "up")
            await expect(one.locator(".age")).to_have_count(0)
        await expect(tile(page, "status", "fresh")).to_contain_text("connected")
        # on the chart a zero is a line on the axis, and its legend says so
        await expect(panel(page, "latency").locator(".legend button", has_text="zero")).to_contain_text("0.0 ms")


async def test_a_polled_source_that_stops_grows_old_and_counts_up(server: Running, page: Page) -> None:
    write(server, "exchange", {"venue": "gone", "connected": True, "latency_ms": 9.0}, period_s=1)
    await opened(page, server, f"{EXCHANGE}&venue=gone")
    gone = tile(page, "latency_now", "gone")
    await expect(gone).to_have_attribute("data-stale", "true", timeout=10_000)
    await expect(gone.locator(".value")).to_have_text("9.0ms")
    assert await gone.get_attribute("data-status") in {"degraded", "down"}
    colour, dim = await gone.locator(".value").evaluate(
        "one => [getComputedStyle(one).color, getComputedStyle(one.querySelector('small')).color]"
    )
    assert colour == dim, "the number is as dim as its unit"
    assert "gradient" in await gone.evaluate("one => getComputedStyle(one, '::after').backgroundImage"), "its edge is hatched"
    first = seconds_of(await gone.locator(".age").inner_text())
    assert first >= 2
    await page.wait_for_timeout(2_100)
    second = seconds_of(await gone.locator(".age").inner_text())
    assert 1.5 <= second - first <= 4
    (verdict,) = [one for one in verdicts(server, "exchange") if one["key"]["venue"] == "gone"]
    assert verdict["reason"].startswith("stale: last row ")
    await expect(row(page, "last_message", "gone")).to_have_attribute("data-stale", "true")
    # the panel's own chip says how many of its series are late
    await expect(panel(page, "latency_now").locator(".chip")).to_contain_text("1 of 1 late")


async def test_a_null_is_a_dash_with_its_reason_and_never_a_zero(server: Running, page: Page) -> None:
    rows: list[dict[str, object]] = [
        {"venue": "nan", "connected": True, "latency_ms": "NaN"},
        {"venue": "wrong", "connected": True, "latency_ms": "fast"},
        {"venue": "never", "connected": True},
    ]
    server.post_json("/api/rows", {"table": "exchange", "source": "test", "period_s": 3600, "rows": rows})
    await opened(page, server, f"{EXCHANGE}&venue=nan&venue=wrong&venue=never")
    for venue, reason in (("nan", "not a number"), ("wrong", "wrong type"), ("never", "no value was sent")):
        found = tile(page, "latency_now", venue)
        await expect(found.locator(".value")).to_have_text("–")
        assert await found.get_attribute("data-status") is None, "what has no value is not judged fine"
        await expect(found).to_contain_text(reason)
        titles = await row(page, "last_message", venue).locator("td[title]").evaluate_all("cells => cells.map((one) => one.title)")
        assert any(reason in title for title in titles), titles
    await expect(panel(page, "latency")).to_contain_text("none of them with a value")


async def test_a_value_that_ends_is_a_dash_and_not_the_last_one_that_was_known(server: Running, page: Page) -> None:
    write(server, "exchange", {"venue": "muted", "connected": True, "latency_ms": 12.5}, period_s=3600)
    await opened(page, server, f"{EXCHANGE}&venue=muted")
    muted = tile(page, "latency_now", "muted")
    await expect(muted.locator(".value")).to_have_text("12.5ms")
    write(server, "exchange", {"venue": "muted", "connected": True}, period_s=3600)
    await expect(muted.locator(".value")).to_have_text("–")


async def test_paper_and_live_of_one_venue_are_two_tiles(server: Running, page: Page) -> None:
    for env, latency_ms in (("live", 900), ("paper", 3)):
        write(server, "exchange", {"venue": "both", "connected": True, "latency_ms": latency_ms}, env=env, period_s=3600)
    await opened(page, server, f"{EXCHANGE}&venue=both")
    await expect(tile(page, "latency_now", "live").locator(".value")).to_have_text("900.0ms")
    await expect(tile(page, "latency_now", "paper").locator(".value")).to_have_text("3.0ms")


async def test_a_hole_breaks_the_line_is_hatched_and_says_why(server: Running, page: Page) -> None:
    ages = [age for age in range(280, 0, -5) if not 100 < age < 200]
    rows = [{"venue": "holed", "connected": True, "latency_ms": 45.0 + age % 2, "ts": us_ago(age)} for age in ages]
    write(server, "exchange", *rows, period_s=5)
    await opened(page, server, f"{EXCHANGE}&venue=holed&panel=latency")
    chart = panel(page, "latency")
    canvas = chart.locator(".plot canvas").first
    colour = await chart.locator(".legend .swatch path").first.get_attribute("stroke")
    columns = await painted(canvas, colour or "")
    hatched = [x for x, ys in enumerate(columns) if len(ys) > 20]
    drawn = [x for x, ys in enumerate(columns) if 1 <= len(ys) <= 20]
    height = statistics.median(columns[x][0] for x in drawn)
    assert 0.25 < (hatched[-1] - hatched[0]) / (drawn[-1] - drawn[0]) < 0.45, "about 100 of 280 s"
    assert drawn[0] < hatched[0] < hatched[-1] < drawn[-1]
    at_the_lines_height = [x for x in hatched if any(abs(y - height) <= 1 for y in columns[x])]
    assert len(at_the_lines_height) < 0.8 * len(hatched), "no line goes across"
    box = await canvas.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * (hatched[0] + hatched[-1]) / 2 / len(columns), box["y"] + box["height"] / 2)
    tip = chart.locator(".tip")
    await expect(tip).to_contain_text("test sent nothing")
    await expect(tip).to_contain_text("–")
    await expect(tip.locator(".hatched")).to_have_count(1)


async def test_unknown_is_grey_with_a_question_mark_and_never_green(server: Running, page: Page) -> None:
    stream = {"venue": "kraken", "symbol": "BTC/USD", "channel": "trade", "interval_s": 5}
    write(server, "feed", {**stream, "verdict": "unknown", "evidence": "not enough messages"}, period_s=3600)
    await opened(page, server, "?dashboard=feeds&range=5m")
    marks = page.locator('main [data-status="unknown"]')
    await expect(panel(page, "matrix").locator("td .status")).to_have_attribute("data-status", "unknown")
    await expect(panel(page, "matrix").locator("td .status")).to_contain_text("unknown")
    await expect(row(page, "streams", "BTC/USD")).to_contain_text("unknown")
    probe = "(name) => { const one = document.createElement('i'); one.style.color = `var(--${name})`; document.body.append(one);"
    green = await page.evaluate(probe + " return getComputedStyle(one).color; }", "up")
    for found in (marks, marks.locator("svg")):
        assert green not in await found.evaluate_all(
            "all => all.flatMap((one) => [getComputedStyle(one).color, getComputedStyle(one).fill])"
        )
    await expect(page.locator('.rail [data-dashboard="feeds"] [data-status]')).to_have_attribute("data-status", "unknown")


async def test_a_link_that_is_lost_is_a_banner_and_nothing_stays_green(server: Running, page: Page) -> None:
    with kept_alive(server, "exchange", [{"venue": "steady", "connected": True, "latency_ms": 5}]):
        await opened(page, server, f"{EXCHANGE}&venue=steady")
        await expect(tile(page, "status", "steady")).to_have_attribute("data-status", "up")
        await expect(page.locator("[data-banner]")).to_have_count(0)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        banner = page.locator('[data-banner="link"]')
        await banner.wait_for(timeout=15_000)
        await expect(banner).to_contain_text("Link to the server lost")
        await expect(banner).to_contain_text("Everything here is as of")
        assert seconds_of(await banner.inner_text()) >= 4
        await expect(page.locator("[data-live]")).to_have_attribute("data-live", "false")
        assert await tile(page, "status", "steady").get_attribute("data-status") != "up"
        assert await page.locator('.rail [data-status="up"]').count() == 0
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    await expect(page.locator("[data-banner]")).to_have_count(0, timeout=20_000)
    await expect(page.locator('[data-live="true"]')).to_be_visible()


async def test_a_browser_clock_that_differs_is_said_once_and_ages_stay_true(server: Running, page: Page) -> None:
    await page.add_init_script("const real = Date.now.bind(Date); Date.now = () => real() + 100_000;")
    with kept_alive(server, "exchange", [{"venue": "ticking", "connected": True, "latency_ms": 5}]):
        await opened(page, server, f"{EXCHANGE}&venue=ticking")
        remark = page.locator('[data-remark="browser-clock"]')
        await expect(remark).to_have_count(1)
        await expect(remark).to_contain_text(re.compile("browser clock 1 min (39|40) s ahead"))
        await page.wait_for_timeout(1_500)
        ticking = tile(page, "latency_now", "ticking")
        await expect(ticking).to_have_attribute("data-stale", "false")
        assert seconds_of(await panel(page, "latency_now").locator(".chip").inner_text()) < 20


async def test_a_host_clock_that_is_not_synchronised_marks_the_time_bar_and_the_host(server: Running, page: Page) -> None:
    rows = [
        {"host": HOST, "cpu_ratio": 0.1, "memory_ratio": 0.1, "disk_ratio": 0.1, "clock_synchronised": False, "clock_error_ms": 40},
        {"host": "vps-2", "cpu_ratio": 0.1, "memory_ratio": 0.1, "disk_ratio": 0.1, "clock_synchronised": True, "clock_error_ms": 0.2},
    ]
    with kept_alive(server, "host", rows):
        await opened(page, server, "?range=5m")
        remark = page.locator('[data-remark="server-clock"]')
        await expect(remark).to_have_text("≈ clock", use_inner_text=True)
        await expect(remark).to_have_accessible_name("server clock unsynchronised ± 40 ms")
        await expect(row(page, "hosts", HOST).locator("[data-status]").first).to_have_attribute("data-status", "degraded")
        assert "clock not synchronised" in (await row(page, "hosts", HOST).get_attribute("title") or "")
        await expect(row(page, "hosts", "vps-2").locator("[data-status]").first).to_have_attribute("data-status", "up")


async def test_nothing_that_ever_arrived_is_not_a_zero(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=pipeline")
    await expect(panel(page, "latency")).to_have_attribute("data-state", "empty")
    await expect(panel(page, "latency")).to_contain_text("No data yet.")


async def test_what_grows_wrong_is_first_on_the_overview_with_its_length(server: Running, page: Page) -> None:
    with kept_alive(server, "exchange", [{"venue": "deribit", "connected": False, "latency_ms": None}]):
        await opened(page, server, "?range=5m")
        headline = panel(page, "verdict").locator(".headline")
        await expect(headline).to_contain_text(re.compile(r"\d+ wrong now"))
        listed = row(page, "worst", "deribit")
        await expect(listed).to_contain_text("not connected")
        await expect(listed).to_contain_text("degraded")
        await listed.get_by_role("link", name="deribit").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Exchange")
