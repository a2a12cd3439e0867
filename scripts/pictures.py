"""Takes the pictures of the documents from the running demo: `make pictures`."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from tests.chromium import find_chromium, launched
from tests.server import Running, running, unused_port

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
# The script of faults of the paper desk is about a minute long; its last ones are still on the screen then.
WARM_UP_S = 60
# File, dashboard, colour scheme, window in CSS pixels.
PICTURES = (
    ("overview-dark", "overview", "dark", (1440, 900)),
    ("overview-light", "overview", "light", (1440, 900)),
    ("exchange-dark", "exchange", "dark", (1440, 900)),
    ("feeds-dark", "feeds", "dark", (1440, 900)),
    ("feeds-phone", "feeds", "light", (390, 844)),
    ("connect-light", "connect", "light", (1440, 900)),
)


async def take(server: Running, browser: Browser, picture: tuple[str, str, str, tuple[int, int]]) -> None:
    """One picture, after the panels have had time to draw."""
    name, dashboard, scheme, (width, height) = picture
    viewport = {"width": width, "height": height}
    page = await browser.new_page(viewport=viewport, color_scheme=scheme)  # pyright: ignore[reportArgumentType] - literals of a tuple
    await page.goto(f"{server.url}/?dashboard={dashboard}&range=120s")
    await page.wait_for_timeout(3000)
    await page.screenshot(path=FOLDER / f"{name}.png")
    await page.close()


async def main() -> None:
    """Start the demo, wait for its faults, take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = unused_port()
    command = [str(ROOT / ".venv" / "bin" / "tapewatch"), "demo", "--port", str(port)]
    folder = Path(tempfile.mkdtemp(prefix="tapewatch-pictures-"))
    try:
        with running(command, port, folder, dict(os.environ)) as server:
            await asyncio.sleep(WARM_UP_S)
            async with launched(find_chromium()) as browser:
                for picture in PICTURES:
                    await take(server, browser, picture)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main())
