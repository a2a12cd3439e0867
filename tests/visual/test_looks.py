"""The page looks as it did: seven states, a desk's window and a phone's, dark and light; `make looks` renews the pictures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from scripts.services import SERVICES
from tests.chromium import launched
from tests.visual.comparing import compared
from tests.visual.taking import RENDERING, folder, names, taken
from tests.visual.worlds import WORLDS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MOST_BYTES = 3_000_000


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with launched(chromium, *RENDERING) as browser:
        yield browser


async def test_it_looks_as_it_did(browser: Browser, tmp_path: Path) -> None:
    """One browser for all states: starting one costs more than a picture."""
    comparing = await browser.new_page()
    told: list[str] = []
    for world in WORLDS:
        async for name, got in taken(browser, world):
            difference = await compared(comparing, (folder() / f"{name}.png").read_bytes(), got)
            if difference.is_much and difference.picture:
                (tmp_path / f"{name}.png").write_bytes(difference.picture)
                told.append(f"{name}: {difference.told()}; see {tmp_path / name}.png: expected, got, what differs")
    if told:
        pytest.fail("\n".join([*told, "If that is how it should look now: `make looks`, look at each picture, and commit them."]))


async def test_a_missing_word_and_another_colour_are_seen_and_a_blurred_edge_is_not(browser: Browser) -> None:
    page = await browser.new_page(viewport={"width": 400, "height": 200})

    async def drawn(style: str, text: str) -> bytes:
        await page.set_content(f"<body style='font: 13px DejaVu Sans; {style}'>{text}</body>")
        return await page.screenshot()

    text = "kraken disconnected for 1 min 12 s " * 8
    before = await drawn("", text)
    assert not (await compared(page, before, await drawn("transform: translate(0.3px, 0.2px)", text))).is_much
    assert (await compared(page, before, await drawn("", text.replace("kraken", "okx", 1)))).is_much
    assert (await compared(page, before, await drawn("color: #a81019", text))).is_much
    assert (await compared(page, before, await drawn("background: #f8d7da", text))).is_much


def test_the_pictures_are_those_of_the_states_and_small() -> None:
    files = {path.stem: path.stat().st_size for path in folder().glob("*.png")}
    assert set(files) == {name for world in WORLDS for name in names(world)}
    assert sum(files.values()) < MOST_BYTES


def test_the_font_is_here() -> None:
    """Without it everything would differ, and nobody would see why."""
    assert not [service.package for service in SERVICES if service.file and service.is_missing], "`make services` installs it"
