"""A product that nobody has fed yet: every panel says what is missing and how to feed it; no zero, no empty axes, no spinner."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import opened, panel
from tests.server import Running
from tests.started import up, write

pytestmark = pytest.mark.browser

# What the server says about itself is there from the first second.
OWN_TABLES = {"self", "collector_run", "storage_stats"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), "watch_self = false\n") as server:
        yield server


async def test_every_panel_of_every_dashboard_says_what_is_missing_and_how_to_feed_it(server: Running, page: Page) -> None:
    seen = 0
    for dashboard in json.loads(server.get("/api/dashboards"))["dashboards"]:
        await opened(page, server, f"?dashboard={dashboard['id']}")
        for told in dashboard["panels"]:
            if told["query"] is None or told["query"]["table"] in OWN_TABLES:
                continue
            seen += 1
            found = panel(page, told["id"])
            await expect(found, f"{dashboard['id']}/{told['id']}").to_have_attribute("data-state", "empty")
            said = told["empty"]["sentence"]
            await expect(found).to_contain_text(said if told["empty"]["is_fine"] else f"No data yet. {said}")
            assert await found.locator("canvas, .tile, .skeleton").count() == 0
            for snippet in told["empty"]["snippets"]:
                await found.get_by_role("tab", name=snippet["language"]).click()
                code = await found.locator("pre").inner_text()
                assert code.rstrip() == snippet["code"].replace("http://127.0.0.1:4780", server.url).rstrip()
                assert await found.get_by_role("button", name="Copy").get_attribute("data-copy") == code
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert seen >= 20


async def test_nothing_that_is_watched_is_told_to_be_fine(server: Running, page: Page) -> None:
    await opened(page, server)
    for dashboard in ("exchange", "feeds", "pipeline", "health"):
        await expect(page.locator(f'.rail [data-dashboard="{dashboard}"] [data-status]')).to_have_attribute("data-status", "unknown")


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Running]:
    """A server of its own: a row on the shared one would end the emptiness that the others look at."""
    with up(tmp_path, "watch_self = false\n") as server:
        write(server, "pipeline", {"venue": "okx", "symbol": "BTC/USDT", "data_type": "funding", "records": 1})
        yield server


async def test_a_range_before_the_first_row_says_so(fed: Running, page: Page) -> None:
    await opened(page, fed, "?dashboard=pipeline&range=1h&at=2026-01-02T03:00:00.000Z")
    await expect(panel(page, "latency")).to_contain_text("Nothing in this range")
