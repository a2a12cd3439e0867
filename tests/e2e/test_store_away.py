"""The disk of the store is full: said on every page, with since when and what still works; it goes on by itself."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import opened, panel, tile
from tests.server import Running
from tests.small_disk import fill, small_disk
from tests.started import up, write

pytestmark = pytest.mark.browser


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "12m") as disk:
        yield disk


@pytest.fixture
def server(disk: Path, tmp_path: Path) -> Iterator[Running]:
    with up(tmp_path / "server", "", "--data", str(disk / "data")) as server:
        yield server


async def test_a_banner_on_every_page_until_there_is_space(server: Running, disk: Path, page: Page) -> None:
    write(server, "exchange", {"venue": "kraken", "connected": True, "latency_ms": 12.5}, period_s=3600)
    await opened(page, server, "?dashboard=exchange&range=5m")
    await expect(tile(page, "latency_now", "kraken")).to_have_attribute("data-status", "up")
    filler = fill(disk)
    banner = page.locator('[data-banner="store"]')
    await banner.wait_for(timeout=20_000)
    await expect(banner).to_contain_text(
        re.compile(r"Read-only: the disk of the store is full.*since \d\d:\d\d:\d\d.*Data until \d\d:\d\d:\d\d")
    )
    await expect(tile(page, "latency_now", "kraken").locator(".value")).to_have_text("12.5ms")
    await expect(tile(page, "latency_now", "kraken")).to_have_attribute("data-status", "unknown")
    for letter, title in (("o", "Overview"), ("s", "System")):
        await page.keyboard.press("g")
        await page.keyboard.press(letter)
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(banner).to_be_visible()
        assert await page.locator('.rail [data-status="up"]').count() == 0
    await page.keyboard.press("g")
    await page.keyboard.press("o")
    await expect(panel(page, "verdict")).to_contain_text("the disk of the store is full")
    filler.unlink()
    await expect(page.locator("[data-banner]")).to_have_count(0, timeout=20_000)
    await expect(page.locator('.rail [data-dashboard="exchange"] [data-status]')).to_have_attribute("data-status", "up", timeout=20_000)
