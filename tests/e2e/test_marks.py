"""What happened, marked on every picture over time that it may explain."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import kept_alive, opened, panel, us_ago
from tests.server import Running
from tests.started import up, write

pytestmark = pytest.mark.browser

LOST_S = 40.0
STEPS = 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A venue that was lost once, and a stream whose sequence had a gap."""
    with up(tmp_path_factory.mktemp("server"), 'host = "desk-1"\nwatch_self = false\n') as server:
        gone = {"ts": us_ago(LOST_S), "host": "desk-1", "venue": "kraken", "connected": False, "disconnected_at": us_ago(LOST_S)}
        write(server, "exchange", gone, period_s=60)
        stream = {
            "host": "desk-1",
            "venue": "okx",
            "symbol": "BTC/USDT",
            "channel": "trade",
            "verdict": "fresh",
            "messages": 9,
            "interval_s": 5,
            "gaps": 0,
        }
        sketch = {"latency_ms_sketch": {"100": 9}, "latency_p99_ms": 7.4}
        write(server, "feed", *({**stream, **sketch, "ts": us_ago(age_s), "gaps": int(age_s == LOST_S)} for age_s in (50, LOST_S, 30)))
        with kept_alive(server, "exchange", [{"host": "desk-1", "venue": "kraken", "connected": True, "latency_ms": 12.5}]):
            yield server


@pytest.mark.parametrize(
    ("dashboard", "picture", "said"),
    [
        ("exchange", "downtime", "Connection lost, desk-1 · kraken"),
        ("exchange", "latency", "Connection lost, desk-1 · kraken"),
        ("feeds", "verdicts", "Gap, desk-1 · okx"),
        ("feeds", "latency_map", "Gap, desk-1 · okx"),
    ],
)
async def test_a_mark_is_told_where_it_stands(server: Running, page: Page, dashboard: str, picture: str, said: str) -> None:
    await opened(page, server, f"?dashboard={dashboard}&range=5m")
    drawn = panel(page, picture).get_by_role("img")
    await drawn.scroll_into_view_if_needed()
    await expect(drawn).to_have_accessible_name(re.compile("; 1 mark\\b"))
    await drawn.focus()
    tip = panel(page, picture).locator(".tip")
    for _ in range(STEPS):
        await page.keyboard.press("ArrowLeft")
        if said in await tip.inner_text():
            break
    await expect(tip).to_contain_text(said)


async def test_marks_are_switched_off_on_all_pictures(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    timeline, line = (panel(page, name).get_by_role("img") for name in ("downtime", "latency"))
    for drawn in (timeline, line):
        await expect(drawn).to_have_accessible_name(re.compile("; 1 mark\\b"))
    await panel(page, "downtime").locator(".chip").click()
    await page.get_by_role("button", name="Marks").click()
    await page.keyboard.press("Escape")
    for drawn in (timeline, line):
        await expect(drawn).not_to_have_accessible_name(re.compile("mark"))
