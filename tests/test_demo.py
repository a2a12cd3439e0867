"""`tapewatch demo` as its first visitor sees it: live at once, four faults within the first minute, a clean end."""

import asyncio
import os
import signal
import socket
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import panel, settled
from tests.server import Running, unused_port, wait_until_ready
from tests.started import TAPEWATCH, refused, rows, wait_for

FIRST_FAULTS_S = 60
LIVE_WITHIN_S = 3
ENDS_WITHIN_S = 3


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def demo(folder: Path) -> Iterator[Running]:
    """The running demo; whatever is left of it at the end is killed."""
    port = unused_port()
    output = folder / "output.txt"
    with output.open("wb") as sink:
        command = [TAPEWATCH, "demo", "--port", str(port)]
        environment = {**os.environ, "TMPDIR": str(folder)}
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment)
    children: list[psutil.Process] = []
    try:
        yield Running(f"http://127.0.0.1:{port}", process, output)
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    finally:
        process.kill()
        process.wait()
        for child in alive(children):
            child.kill()


def seen_faults(server: Running) -> dict[str, bool]:
    """Which of the promised faults the stored rows show up to now."""
    looks: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "a venue disconnecting": lambda: [one for one in rows(server, "exchange", mode="rows") if one["connected"] is False],
        "a stale feed": lambda: [one for one in rows(server, "feed", mode="rows") if one["verdict"] in {"stale", "dead"}],
        "a sequence gap": lambda: [one for one in rows(server, "feed", mode="rows") if (one["gaps"] or 0) >= 1],
        "a slow pipeline": lambda: [one for one in rows(server, "pipeline", mode="rows") if (one["latency_ms"] or 0) > 500],
    }
    return {name: bool(look()) for name, look in looks.items()}


class Watcher:
    """What a visitor of the Overview sees go wrong; each is remembered with the second in which it was seen first."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._began_s = time.monotonic()
        self.seen: dict[str, float] = {}

    async def look(self) -> None:
        """Note what is visible now."""
        tiles = panel(self._page, "venues").locator('.tile[data-status="degraded"], .tile[data-status="down"]')
        streams, worst, verdict = (panel(self._page, name) for name in ("feeds", "worst", "verdict"))
        found = {
            "a venue tile is not green": await tiles.count(),
            "a venue tile says disconnected": await tiles.filter(has_text="disconnected").count(),
            "a stream says stale": await streams.locator("td .status", has_text="stale").count(),
            "the list names a slow pipeline": await worst.locator("tbody tr", has_text="pipeline").filter(has_text="latency_ms").count(),
            "the headline counts": await verdict.get_by_text("wrong now").count(),
        }
        for name, count in found.items():
            if count:
                self.seen.setdefault(name, time.monotonic() - self._began_s)


@pytest.mark.alone
@pytest.mark.browser
@pytest.mark.slow
async def test_the_first_minute_and_the_end(tmp_path: Path, page: Page) -> None:
    with demo(tmp_path) as server:
        wait_until_ready(server, 30)
        ready_s = time.monotonic()
        await page.goto(server.url + "/?range=5m")
        await page.locator('[data-live="true"]').wait_for()
        await settled(page)
        assert time.monotonic() - ready_s < LIVE_WITHIN_S
        await expect(page.get_by_text("paper", exact=True).first).to_be_visible()
        await expect(panel(page, "venues").locator(".tile")).not_to_have_count(0, timeout=15_000)
        watcher = Watcher(page)
        faults: dict[str, bool] = {}
        while not (faults and all(faults.values()) and len(watcher.seen) == 5):
            told = f"{faults}\nin the browser: {watcher.seen}\n{server.output.read_text()}"
            assert time.monotonic() - ready_s < FIRST_FAULTS_S, told
            await watcher.look()
            faults = await asyncio.to_thread(seen_faults, server)
            await asyncio.sleep(0.5)
        await page.goto(server.url + "/?dashboard=feeds&range=5m")
        broken = panel(page, "broken").locator("tbody tr", has_text="binance_usdm")
        await expect(broken.locator('[data-status="degraded"], [data-status="down"]').first).to_be_visible()
        await page.goto("about:blank")
        ends_cleanly(server, tmp_path)


def ends_cleanly(server: Running, folder: Path) -> None:
    """Ctrl-C ends server, desk and agent within three seconds; nothing is left, neither processes nor files."""
    started = psutil.Process(server.process.pid).children(recursive=True)
    names = {" ".join(one.cmdline()[2:4]) for one in started}
    assert len(started) == 2, names
    server.process.send_signal(signal.SIGINT)
    began_s = time.monotonic()
    assert server.process.wait(20) == 0, server.output.read_text()
    took_s = time.monotonic() - began_s
    assert took_s < ENDS_WITHIN_S, f"{took_s:.1f} s\n{server.output.read_text()}"
    assert alive(started) == []
    assert list(folder.glob("tapewatch-demo-*")) == []
    assert "Traceback" not in server.output.read_text()


def test_a_demo_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with demo(tmp_path) as server:
        wait_until_ready(server, 30)
        started = wait_for(lambda: len(found := psutil.Process(server.process.pid).children(recursive=True)) >= 2 and found)
        assert isinstance(started, list)
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not alive(started), 10)


def test_a_demo_that_is_interrupted_before_it_serves_ends_cleanly(tmp_path: Path) -> None:
    with demo(tmp_path) as server:
        started = wait_for(lambda: psutil.Process(server.process.pid).children(recursive=True))
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)
        wait_for(lambda: not alive(started), 10)
        assert "Traceback" not in server.output.read_text()
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            server.get("/ready")


def test_a_port_in_use_is_named_and_the_desk_does_not_stay(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = refused("demo", "--port", str(port), folder=tmp_path)
    assert message == f"tapewatch: server.port: {port} on 127.0.0.1 is in use by another program; choose another with --port"
    desks = [one for one in psutil.process_iter(["cmdline"]) if f"http://127.0.0.1:{port}" in " ".join(one.info["cmdline"] or [])]
    assert desks == []
