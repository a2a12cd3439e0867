"""Hands on the page: the address is the view; keyboard, theme, pause, filters; a phone."""

import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.chromium import Complaints
from tests.e2e.looking import kept_alive, opened, panel, row, settled, tile
from tests.server import Running
from tests.started import up

pytestmark = pytest.mark.browser

VENUES = [{"venue": venue, "connected": True, "latency_ms": latency} for venue, latency in (("kraken", 12.5), ("okx", 48.0))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), 'host = "desk-1"\n') as server, kept_alive(server, "exchange", VENUES):
        yield server


def query(page: Page) -> dict[str, list[str]]:
    """The view in the address bar."""
    return parse_qs(urlsplit(page.url).query)


async def test_the_address_reproduces_the_view(server: Running, browser: Browser, page: Page) -> None:
    await opened(page, server)
    await page.get_by_role("link", name="Exchange").first.click()
    await page.get_by_role("button", name=re.compile(r"\bevery venue$")).click()
    await page.get_by_role("checkbox", name="okx").check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("t")
    await page.get_by_role("button", name="15 min").click()
    await expect(panel(page, "latency_now").locator(".tile")).to_have_count(1)
    assert query(page) == {"dashboard": ["exchange"], "venue": ["okx"], "range": ["15m"]}
    again = await browser.new_page()
    await opened(again, server, "?" + urlsplit(page.url).query)
    await expect(again.get_by_role("heading", level=1)).to_have_text("Exchange")
    await expect(tile(again, "latency_now", "okx")).to_have_count(1)
    await expect(panel(again, "latency_now").locator(".tile")).to_have_count(1)
    await expect(again.get_by_role("button", name=re.compile(r"^last 15 min\b"))).to_be_visible()
    await again.close()
    await page.go_back()
    await expect(page.get_by_role("button", name=re.compile(r"^last 1 h\b"))).to_be_visible()
    await page.go_back()
    await expect(panel(page, "latency_now").locator(".tile")).to_have_count(2)


async def test_the_keyboard_goes_everywhere(server: Running, page: Page) -> None:
    await opened(page, server)
    for letter, title in (("e", "Exchange"), ("f", "Feeds"), ("p", "Pipeline"), ("h", "Health"), ("s", "System"), ("o", "Overview")):
        await page.keyboard.press("g")
        await page.keyboard.press(letter)
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert query(page)["dashboard"] == [title.lower()]
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Live or paused")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the panels")).to_be_focused()
    await panel(page, "venues").hover()
    await page.keyboard.press("f")
    await expect(page.locator("[data-panel]")).to_have_count(1)
    assert query(page)["panel"] == ["venues"]
    await page.keyboard.press("Escape")
    await expect(panel(page, "worst")).to_have_count(1)


async def test_the_theme_follows_the_system_until_somebody_chooses_and_then_stays(server: Running, page: Page) -> None:
    await page.emulate_media(color_scheme="dark")
    await opened(page, server)
    root = page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.emulate_media(color_scheme="light")
    await expect(root).to_have_attribute("data-theme", "light")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    await page.keyboard.press("d")
    await expect(root).to_have_attribute("data-theme", "dark")
    await opened(page, server)
    await expect(root).to_have_attribute("data-theme", "dark")
    await page.get_by_role("button", name="Light theme").click()
    await expect(root).to_have_attribute("data-theme", "light")


async def test_a_pause_holds_the_picture_and_says_so(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    await page.wait_for_timeout(1_500)
    await page.keyboard.press("l")
    await expect(page.locator("[data-live]")).to_have_attribute("data-live", "false")
    await expect(page.locator("[data-live]")).to_contain_text("paused")
    assert "at" in query(page)
    await settled(page)
    chip = panel(page, "latency_now").locator(".chip")
    await expect(chip).not_to_contain_text("ago")  # a time, which does not grow older
    held = await chip.inner_text()
    await page.wait_for_timeout(2_200)
    assert await chip.inner_text() == held
    await page.keyboard.press("[")
    await expect(panel(page, "latency")).to_have_attribute("data-state", "outside")
    await page.keyboard.press("l")
    await expect(page.locator('[data-live="true"]')).to_contain_text("live")
    await expect(chip).to_contain_text("ago")
    assert "at" not in query(page)


async def test_a_variable_filters_every_panel_that_has_it_and_can_be_undone(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    await expect(row(page, "last_message", "okx")).to_have_count(1)
    await page.get_by_role("button", name=re.compile(r"\bevery venue$")).click()
    await page.get_by_role("checkbox", name="kraken").check()
    await page.keyboard.press("Escape")
    assert query(page)["venue"] == ["kraken"]
    await expect(row(page, "last_message", "okx")).to_have_count(0)
    await expect(panel(page, "latency_now").locator(".tile")).to_have_count(1)
    await expect(panel(page, "latency").locator(".legend button")).to_have_count(1)
    await opened(page, server, "?dashboard=exchange&range=5m&venue=nowhere")
    await expect(panel(page, "latency_now")).to_contain_text("No data for venue nowhere")
    await panel(page, "latency_now").get_by_role("button", name="Show all").click()
    await expect(panel(page, "latency_now").locator(".tile")).to_have_count(2)


async def test_the_truth_card_says_where_a_picture_comes_from_and_its_question_works_elsewhere(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m&venue=okx")
    await panel(page, "latency").locator(".chip").click()
    card = panel(page, "latency").get_by_role("dialog")
    for word in ("exchange", "latency_ms", "test", "venue in okx", "raw rows", "Rows behind"):
        await expect(card).to_contain_text(word)
    copied = await card.get_by_role("button", name="Copy as curl").get_attribute("data-copy")
    assert copied is not None
    assert copied.startswith(f"curl -sS '{server.url}/api/query'")
    await card.get_by_role("button", name="Show as table").click()
    await page.keyboard.press("Escape")
    await expect(panel(page, "latency").locator("table")).to_have_count(1)


async def test_a_dashboard_that_does_not_exist_says_so(server: Running, page: Page) -> None:
    await page.goto(f"{server.url}/?dashboard=trading")
    await expect(page.get_by_text("There is no dashboard “trading”.")).to_be_visible()
    await page.get_by_role("button", name="Open Overview").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = await context.new_page()
    complaints = Complaints(page)
    yield page
    await context.close()
    assert not complaints.lines, "\n".join(complaints.lines)


async def test_a_phone_shows_one_column_and_never_scrolls_sideways(server: Running, phone: Page) -> None:
    await opened(phone, server)
    for title in ("Overview", "Exchange", "Feeds", "Pipeline", "Health", "System"):
        link = phone.locator("nav.bottom").get_by_role("link", name=title)
        if await link.count() == 0 or not await link.first.is_visible():
            await phone.get_by_role("button", name="More dashboards").click()
        await phone.locator("nav.bottom").get_by_role("link", name=title).click()
        await expect(phone.get_by_role("heading", level=1)).to_have_text(title)
        await settled(phone)
        assert await phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, title
        lefts = await phone.locator("[data-panel]").evaluate_all("all => all.map((one) => Math.round(one.getBoundingClientRect().left))")
        assert len(set(lefts)) == 1, f"{title}: one column"
        small = await phone.locator("nav.bottom a, nav.bottom button, header.top button").evaluate_all(
            """all => all.map((one) => ({ text: one.textContent, ...one.getBoundingClientRect().toJSON() }))
                .filter((box) => box.width && (box.width < 44 || box.height < 44)).map((box) => box.text)"""
        )
        assert small == [], f"{title}: too small to touch"
