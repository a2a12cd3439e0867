"""What the server process costs: time from its start to the first answered request, memory with an empty store and one browser.

Run `python -m bench.server` (about eleven minutes), or with `--short` (about half a minute).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from playwright.sync_api import sync_playwright

from bench.bars import Bar, run
from bench.driven import Driven, driven
from tests.chromium import find_chromium

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Start several times; then stay up with one browser."""
    starts: list[float] = []
    for _ in range(2 if is_short else 9):
        with driven() as server:
            starts.append(server.started_s)
    yield Bar("start to first answered request, median", statistics.median(starts), "s", 2.0)
    yield Bar("start to first answered request, slowest", max(starts), "s")
    minutes = 0.2 if is_short else 10.0
    with driven() as server:
        stay(server, minutes * 60)
        yield Bar(f"server memory, empty store, one browser, after {minutes:g} min", server.rss_mb, "MB", 160)
    with driven(command="demo") as server:
        time.sleep(10 if is_short else 120)
        yield Bar("memory of the child for feeds, demo, three venues, 27 streams", server.agent_mb, "MB")


def stay(server: Driven, seconds: float) -> None:
    """Keep a browser open on the overview."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page()
        page.goto(server.url, wait_until="load")
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            page.wait_for_timeout(1_000)
        browser.close()


if __name__ == "__main__":
    run(measure, "What the server process costs.")
