"""Renews the pictures that tests/visual compares with: `make looks`. Look at each before you commit it."""

import asyncio

from tests.chromium import find_chromium, launched
from tests.visual.comparing import compared
from tests.visual.taking import RENDERING, folder, names, taken
from tests.visual.worlds import WORLDS

SAME = 1.0
"""Of 255, as the largest distance of two squares' means: less than that nobody sees."""


async def main() -> None:
    """Take every picture; those that look exactly as before stay as they are."""
    folder().mkdir(exist_ok=True)
    async with launched(find_chromium(), *RENDERING) as browser:
        page = await browser.new_page()
        for world in WORLDS:
            async for name, picture in taken(browser, world):
                path = folder() / f"{name}.png"
                before = path.read_bytes() if path.exists() else None
                if before is None or (await compared(page, before, picture)).furthest >= SAME:
                    path.write_bytes(picture)
                    print(path.name, "is new" if before is None else "has changed")
    wanted = {name for world in WORLDS for name in names(world)}
    for path in folder().glob("*.png"):
        if path.stem not in wanted:
            path.unlink()
            print(path.name, "is gone")
    print(len(wanted), "pictures,", sum(path.stat().st_size for path in folder().glob("*.png")), "bytes")


if __name__ == "__main__":
    asyncio.run(main())
