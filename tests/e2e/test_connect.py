"""A bare machine: something true about this host within three seconds, and the page that says what is near and what connects it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.accessible import findings
from tests.e2e.looking import opened, panel, row
from tests.server import Running
from tests.started import up

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), 'host = "desk-1"\n') as server:
        yield server


async def test_a_bare_machine_shows_its_own_host_and_leads_to_connect(server: Running, page: Page) -> None:
    await opened(page, server)
    await expect(row(page, "hosts", "desk-1")).to_contain_text("%", timeout=10_000)
    # which of the two is true depends on whether this machine's clock is synchronised
    await expect(panel(page, "verdict")).to_contain_text(re.compile("Nothing is watched yet but tapewatch and its host|worst: host desk-1"))
    await panel(page, "verdict").get_by_role("link", name="Connect something").click()
    await expect(page.locator('[data-page="connect"]')).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect")
    await page.go_back()
    await panel(page, "venues").get_by_role("link", name="Connect something").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect")


async def test_what_is_near_is_asked_when_the_page_is_opened_and_what_works_can_be_copied(server: Running, page: Page) -> None:
    await page.goto(f"{server.url}/?dashboard=connect")
    near = page.get_by_role("region", name="On the server's host")
    await expect(near).to_contain_text(re.compile(r"Asked at usual ports of this host, and of no other, at \d\d:\d\d:\d\d"))
    await expect(near).to_contain_text("freqtrade")
    ways = page.get_by_role("region", name="What always works").get_by_role("article")
    assert await ways.count() >= 5
    for way in await ways.all():
        code = await way.locator("pre").inner_text()
        assert "127.0.0.1:4780" not in code
        assert ((await way.get_by_role("button").get_attribute("data-copy")) or "").rstrip() == code.rstrip()
    settings = ways.filter(has_text="A venue's market data")
    await expect(settings).to_contain_text(str(server.output.parent / "tapewatch.toml"))
    assert await findings(page) == []
    await page.keyboard.press("g")
    await page.keyboard.press("o")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect")


async def test_switched_off_it_says_so(tmp_path: Path, page: Page) -> None:
    with up(tmp_path, "look_nearby = false\nwatch_self = false\n") as server:
        await page.goto(f"{server.url}/?dashboard=connect")
        await expect(page.locator('[data-page="connect"]')).to_contain_text("Nothing is asked: look_nearby is off in the settings.")
        assert await page.locator("[data-neighbour]").count() == 0
        await page.goto("about:blank")  # a page whose server ends would complain


async def test_a_page_is_read_by_its_questions(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange")
    stages = await page.locator("[data-stage]").evaluate_all("all => all.map(one => one.dataset.stage)")
    assert stages == ["verdict", "change", "worst"]
    first = page.locator('[data-stage="verdict"]')
    await expect(first.get_by_role("heading").first).to_contain_text("Is every venue reachable right now, and how fast?")
    await expect(first.locator('[data-panel="status"]')).to_be_visible()
