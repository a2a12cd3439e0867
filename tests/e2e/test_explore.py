"""From a picture to what is behind it: Explore, the rows of a point, the pages of one thing, the search, files."""

import asyncio
import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import kept_alive, opened, panel, row, settled, tile, us_ago
from tests.server import Running
from tests.started import up, write

pytestmark = pytest.mark.browser

VENUES = [{"venue": venue, "connected": True, "latency_ms": latency} for venue, latency in (("kraken", 12.5), ("okx", 48.0))]
SPIKE_MS = 4_321.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two venues of now, and one with a week of quiet rows among which one is a spike."""
    with up(tmp_path_factory.mktemp("server"), 'host = "desk-1"\n') as server:
        past = [
            {"venue": "past", "connected": True, "latency_ms": 20.0 + age % 5, "ts": us_ago(60 * age)} for age in range(5, 6 * 24 * 60, 5)
        ]
        past[800]["latency_ms"] = SPIKE_MS
        for start in range(0, len(past), 500):
            write(server, "exchange", *past[start : start + 500], period_s=300)
        recent = [{"venue": "kraken", "connected": True, "latency_ms": 12.5, "ts": us_ago(age)} for age in range(5, 280)]
        write(server, "exchange", *recent, period_s=1)
        with kept_alive(server, "exchange", VENUES):
            yield server


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


async def said_by(*command: str) -> str:
    """What a command prints; it must work."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_a_question_is_put_together_by_hand_and_the_address_holds_it(server: Running, page: Page) -> None:
    await opened(page, server)
    await page.keyboard.press("g")
    await page.keyboard.press("x")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Explore")
    await page.get_by_role("combobox", name="Table").select_option("host")
    await page.get_by_label("Column", exact=True).select_option("memory_ratio")
    await page.get_by_label("Function").select_option("avg")
    await expect(panel(page, "answer").get_by_role("heading")).to_have_text("avg(memory_ratio)")
    await expect(panel(page, "answer").locator(".legend button")).to_contain_text("%")
    await page.get_by_role("button", name="In range").click()
    await expect(panel(page, "answer").locator("tbody tr")).to_have_count(1)
    address = query(page)
    assert address["x.measure"] == ["avg(memory_ratio)"]
    assert (address["x.table"], address["x.shape"]) == (["host"], ["total"])
    await opened(page, server, "?" + urlsplit(page.url).query)
    await expect(page.get_by_label("Function")).to_have_value("avg")
    await page.get_by_role("button", name="Newest").click()
    await expect(panel(page, "answer").locator("tbody tr")).to_contain_text("desk-1")


async def test_a_click_on_a_point_shows_the_rows_behind_it(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m&venue=kraken")
    plot = panel(page, "latency").locator(".u-over")
    box = await plot.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Explore")
    await settled(page)
    rows = panel(page, "answer").locator("tbody tr")
    assert 1 <= await rows.count() <= 3, "a bucket of one second"
    await expect(rows.first).to_contain_text("kraken")
    await expect(rows.first).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}"))
    assert query(page)["venue"] == ["kraken"]
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exchange")


async def test_older_rows_follow_and_the_truth_card_leads_here(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=24h&venue=past")
    await panel(page, "latency").locator(".chip").click()
    await page.get_by_role("dialog").get_by_role("link", name="Show rows").click()
    await settled(page)
    newest = await panel(page, "answer").locator("tbody tr").first.inner_text()
    await page.get_by_role("button", name="Older rows").click()
    await settled(page)
    assert await panel(page, "answer").locator("tbody tr").first.inner_text() != newest
    assert "at" in query(page)


async def test_a_spike_of_one_row_stays_visible_in_the_mean_of_a_week(server: Running, page: Page) -> None:
    asked = "x.table=exchange&x.shape=time&x.measure=avg(latency_ms)&x.by=venue&venue=past"
    await opened(page, server, f"?dashboard=explore&{asked}&range=7d")
    await panel(page, "answer").locator(".chip").click()
    await page.get_by_role("dialog").get_by_role("button", name="Show as table").click()
    await page.keyboard.press("Escape")
    means = await panel(page, "answer").locator("tbody td.num:nth-child(2)").all_inner_texts()
    assert all(float(re.sub(r"[^\d.]", "", text) or 0) < SPIKE_MS / 2 for text in means), "the mean alone would hide it"
    await opened(page, server, f"?dashboard=explore&{asked}&range=7d")
    axis = await panel(page, "answer").locator(".plot canvas").first.evaluate("canvas => canvas.height")
    assert axis > 0
    plot = panel(page, "answer").locator(".u-over")
    box = await plot.bounding_box()
    assert box is not None
    at = 1 - (5 + 5 * 800) / (7 * 24 * 60)
    texts = []
    for shift in range(-12, 13):
        await page.mouse.move(box["x"] + box["width"] * at + shift, box["y"] + box["height"] / 2)
        texts.append(await panel(page, "answer").locator(".tip").inner_text())
    assert any("to 4321.0 ms" in text for text in texts), texts[12]


async def test_a_name_leads_to_the_page_of_what_it_names(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    await row(page, "last_message", "okx").get_by_role("link", name="okx").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Venue okx")
    await settled(page)
    assert query(page)["venue"] == ["okx"]
    await expect(panel(page, "exchange_latency").locator(".legend button")).to_have_count(1)
    await expect(panel(page, "verdict")).to_contain_text("Nothing wrong among 1 watched series")
    await opened(page, server, "?dashboard=system&range=5m")
    await row(page, "collectors", "storage").get_by_role("link", name="storage").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Collector storage")
    await settled(page)
    await expect(panel(page, "system_collectors").locator("tbody tr")).to_have_count(1)
    await panel(page, "system_collectors").get_by_role("link", name="desk-1").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Host desk-1")


async def test_a_panel_that_a_filter_does_not_reach_says_so(server: Running, page: Page) -> None:
    await opened(page, server, "?range=5m&venue=okx")
    await expect(panel(page, "hosts").locator('[data-remark="unfiltered"]')).to_have_text("every venue")
    await expect(panel(page, "venues").locator('[data-remark="unfiltered"]')).to_have_count(0)


async def test_the_search_finds_pages_panels_venues_and_actions(server: Running, page: Page) -> None:
    await opened(page, server)
    for typed, heading in (("feeds", "Feeds"), ("okx", "Venue okx"), ("desk-1", "Host desk-1"), ("pipeline", "Pipeline")):
        await page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name=re.compile("^Search"))
        await expect(field).to_be_focused()
        await field.fill(typed)
        await expect(page.get_by_role("option").first).to_contain_text(typed.split("-")[0], ignore_case=True)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    await page.keyboard.press("/")
    await page.keyboard.type("nothing like that")
    await expect(page.get_by_text("Nothing is called so.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("/")
    await page.keyboard.type("dark or light")
    theme = await page.locator("html").get_attribute("data-theme")
    await page.keyboard.press("Enter")
    await expect(page.locator("html")).not_to_have_attribute("data-theme", theme or "")
    await page.keyboard.press("/")
    await page.keyboard.type("reconnects over")
    await page.keyboard.press("Enter")
    await expect(panel(page, "reconnect_events")).to_be_visible()


async def test_a_panel_is_saved_as_csv(server: Running, page: Page, tmp_path: Path) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    await panel(page, "last_message").hover()
    async with page.expect_download() as waited:
        await page.keyboard.press("e")
    await (await waited.value).save_as(tmp_path / "saved.csv")
    lines = list(csv.DictReader(io.StringIO((tmp_path / "saved.csv").read_text())))
    assert {line["venue"] for line in lines} >= {"kraken", "okx"}
    assert {line["latency_ms (ms)"] for line in lines if line["venue"] == "okx"} == {"48"}


async def test_a_chart_zooms_with_the_wheel_and_moves_with_shift(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m&venue=kraken")
    box = await panel(page, "latency").locator(".u-over").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.move(*middle)
    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -100)
    await page.keyboard.up("Control")
    await page.wait_for_function("location.search.includes('range=240s')")
    await settled(page)
    before = query(page)["at"]
    await page.keyboard.down("Shift")
    await page.mouse.move(*middle)
    await page.mouse.down()
    await page.mouse.move(middle[0] + 100, middle[1], steps=4)
    await page.mouse.up()
    await page.keyboard.up("Shift")
    await page.wait_for_function("(before) => new URLSearchParams(location.search).get('at') < before", arg=before[0])
    assert query(page)["range"] == ["240s"]
    await page.mouse.dblclick(*middle)
    await expect(page.locator('[data-live="true"]')).to_be_visible()
    assert query(page)["range"] == ["5m"]


async def test_a_logarithmic_axis_is_offered_and_remembered(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m")
    chip = panel(page, "latency").locator(".chip")
    await chip.click()
    await page.get_by_role("dialog").get_by_role("button", name="Logarithmic axis").click()
    await page.reload()
    await settled(page)
    await chip.click()
    await expect(page.get_by_role("dialog").get_by_role("button", name="Logarithmic axis")).to_have_attribute("aria-pressed", "true")


async def test_the_copied_questions_run_and_give_what_is_shown(server: Running, page: Page) -> None:
    await opened(page, server, "?dashboard=exchange&range=5m&venue=okx")
    await expect(tile(page, "latency_now", "okx")).to_have_count(1)
    await panel(page, "latency_now").locator(".chip").click()
    card = page.get_by_role("dialog")
    curl = await card.get_by_role("button", name="Copy as curl").get_attribute("data-copy")
    script = await card.get_by_role("button", name="Copy as Python").get_attribute("data-copy")
    assert curl is not None
    assert script is not None
    answer = await said_by("sh", "-c", curl)
    assert '"okx"' in answer
    assert "48.0" in answer
    said = await said_by(sys.executable, "-c", script)
    assert "1 rows of exchange" in said
    assert "48.0" in said
