"""The page in Chromium under the heaviest picture that is promised: 24 live panels of 5 series with 2,000 points each.

A stand-in for the server sends whole answers once and one new bucket of every panel in each second, so that only the page is measured.
How busy the main thread is, is its processor time. How long a task takes is told twice: in processor time, which is what the page does, and
in time on the clock, which is longer on a machine with other work.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright
from websockets.sync.server import ServerConnection, serve

from bench.bars import Bar, run
from bench.driven import driven
from bench.renderer import Trace, counters, memory
from bench.samples import slope_per_h
from tests.chromium import ARGUMENTS, find_chromium

PANELS, SERIES, POINTS = 24, 5, 2_000
WARM_S = 5.0
TRACED_S = 10.0
LONG_S, SHORT_S = 60.0, 3.0
SIMULATED_S, SHORT_SIMULATED_S = 28_800, 300
"""Eight hours, each second of which is sent as fast as the page takes it."""
SECONDS_AT_ONCE, LOOKS = 10, 8
"""Sent before the page is waited for; looks at its memory."""
S = 1_000_000
SYMBOLS = 1_000
MOST_TASK_MS, IDLE_SHARE, COLD_MS, WARM_MS, GROWTH_MB = 50.0, 0.05, 1_000.0, 500.0, 5.0
MORE_NODES = 100
"""What opens and closes by itself; what is made anew each second and kept would be hundreds of thousands."""
LONG_TASKS = """window.longTasks = [];
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.longTasks.push([one.startTime, one.duration]); })
    .observe({ type: 'longtask', buffered: true });"""
LINK_TO = """window.WebSocket = class extends WebSocket {{
    constructor() {{
        super('ws://127.0.0.1:{port}');
        this.addEventListener('message', ({{ data }}) => {{
            const at = data.startsWith('{{"op": "tick"') ? /"server_time_us": (\\d+)/.exec(data) : null;
            if (at) window.heardUs = Number(at[1]);
        }});
    }}
}};"""
DRAWN = "() => [document.querySelectorAll('[data-panel]').length, document.querySelectorAll('[data-panel][data-state=data] canvas').length]"
HAS_DATA = "() => [...document.querySelectorAll('[data-panel]')].slice(0, 4).every((one) => one.dataset.state === 'data')"


def value(panel: int, series: int, at: int) -> float:
    """A curve that never repeats itself: no two panels are alike."""
    return round(50 + 30 * math.sin(at / (20 + panel)) + 7 * series + (at * 7919 + panel) % 11, 2)


class StandIn:
    """Answers the live link: a whole answer for each subscription, then one bucket of each per second of its own clock."""

    def __init__(self, start_us: int) -> None:
        self.now_us = start_us
        self._topics: dict[str, int] = {}
        self._sequence = 0
        self._link: ServerConnection | None = None
        self._turn = threading.Lock()

    def serve(self, link: ServerConnection) -> None:
        """Take a link, in a thread of its own."""
        self._link = link
        with self._turn:
            self._say({"op": "hello", "server_time_us": self.now_us, "version": "1", "simulated": False})
        for text in link:
            with self._turn:
                self._hear(json.loads(text))

    def _hear(self, message: dict[str, Any]) -> None:
        if message["op"] == "subscribe":
            topic = f"t-{message['panel']}"
            self._topics[topic] = int(message["panel"].removeprefix("p"))
            self._say({"op": "subscribed", "id": message["id"], "topic": topic})
            self._send(topic, POINTS, None)

    def second(self) -> None:
        """Let one second pass."""
        with self._turn:
            self.now_us += S
            self._say({"op": "tick", "server_time_us": self.now_us, "dashboards": {"bench": {"status": "up", "wrong": 0}}})
            for topic in self._topics:
                self._send(topic, 1, self.now_us // S * S - S)

    def _send(self, topic: str, points: int, from_us: int | None) -> None:
        panel, last = self._topics[topic], self.now_us // S - 1
        times = [at for at in range(last - points + 1, last + 1) for _ in range(SERIES)]
        names = [f"s{series}" for series in range(SERIES)] * points
        values = [value(panel, series, at) for at, series in zip(times, list(range(SERIES)) * points, strict=True)]
        self._sequence += 1
        frame = {
            "table": "exchange",
            "columns": [
                {"name": "bucket", "kind": "time", "unit": "us", "values": [at * S for at in times]},
                {"name": "venue", "kind": "tag", "unit": "none", "values": names},
                {"name": "latency_ms", "kind": "gauge", "unit": "ms", "values": values},
            ],
            "rows": len(times),
            "series": [_series(name, self.now_us) for name in names[:SERIES]],
            "start_us": (last - POINTS + 1) * S,
            "end_us": (last + 1) * S,
            "bucket_us": S,
            "newest_us": last * S,
            "as_of_us": self.now_us,
            "query_ms": 1.0,
        }
        kind = "snapshot" if from_us is None else "delta"
        self._say({"op": "frame", "topic": topic, "sequence": self._sequence, "kind": kind, "replace_from_us": from_us, "frame": frame})

    def _say(self, message: dict[str, Any]) -> None:
        if self._link is not None:
            self._link.send(json.dumps(message))


def _series(name: str, now_us: int) -> dict[str, Any]:
    return {
        "key": {"venue": name},
        "sources": ["bench"],
        "status": "up",
        "newest_us": now_us,
        "expected_us": S,
        "stale": False,
        "holes": [],
    }


def _board() -> dict[str, Any]:
    panels = [
        {"id": f"p{i}", "title": f"Panel {i}", "kind": "line", "width": 8, "height": 6, "query": {"table": "exchange"}, "options": {}}
        for i in range(PANELS)
    ]
    board = {"id": "bench", "title": "Bench", "variables": [], "panels": panels}
    marks = {"id": "marks", "title": "Marks", "variables": [], "panels": []}
    return {"dashboards": [board], "marks": marks, "token_needed": False}


def _fulfil(route: Route) -> None:
    route.fulfill(json=_board())


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """The live picture against the stand-in, then the first paint against a server with many symbols."""
    with driven() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            # the page's own worker would ask the server, past the stand-in
            page = browser.new_page(viewport={"width": 1920, "height": 1080}, bypass_csp=True, service_workers="block")
            yield from _live(browser, page, server.url, SHORT_S if is_short else LONG_S, SHORT_SIMULATED_S if is_short else SIMULATED_S)
            page.close()
            _fill(server)
            yield from _first_paint(browser.new_page(viewport={"width": 1440, "height": 900}), server.url)
        finally:
            browser.close()


def _live(browser: Browser, page: Page, url: str, seconds: float, simulated_s: int) -> Iterator[Bar]:
    stand_in = StandIn(time.time_ns() // 1_000)
    with serve(stand_in.serve, "127.0.0.1", 0, compression=None) as linked:
        threading.Thread(target=linked.serve_forever, daemon=True).start()
        page.add_init_script(LONG_TASKS + LINK_TO.format(port=linked.socket.getsockname()[1]))
        page.route("**/api/dashboards", _fulfil)
        yield from _watched(browser, page, stand_in, url, seconds)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        yield from _hours(browser, session, page, stand_in, simulated_s)
        linked.shutdown()


def _watched(browser: Browser, page: Page, stand_in: StandIn, url: str, seconds: float) -> Iterator[Bar]:
    trace = Trace(browser)
    where = f"{PANELS} panels, {SERIES} series, {POINTS} points"
    with trace.running():
        page.goto(f"{url}/?dashboard=bench&range={POINTS}s")
        _let_pass(page, stand_in, WARM_S)
    panels, drawn = page.evaluate(DRAWN)
    if panels != PANELS or not drawn:
        raise SystemExit(f"the page shows {panels} of {PANELS} panels, and {drawn} charts: what would be measured is not the page")
    yield Bar(f"longest task while the page opens, processor time; {where}", trace.longest_ms, "ms", MOST_TASK_MS)
    opening = page.evaluate("window.longTasks")
    yield Bar(f"longest task while the page opens; {where}", max((ms for _, ms in opening), default=0.0), "ms")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    began_ms, before, began = page.evaluate("performance.now()"), counters(session), time.perf_counter()
    _let_pass(page, stand_in, seconds)
    took, after = time.perf_counter() - began, counters(session)
    tasks = [ms for at, ms in page.evaluate("window.longTasks") if at >= began_ms]
    yield Bar(f"longest task while live; {where}", max(tasks, default=0.0), "ms", MOST_TASK_MS)
    yield Bar(f"tasks over 50 ms while live; {where}", len(tasks) / took * 60, "per min")
    yield Bar(f"main thread busy while live; {where}", (after["TaskDuration"] - before["TaskDuration"]) / took, "cores", IDLE_SHARE)
    yield Bar(f"script of that; {where}", (after["ScriptDuration"] - before["ScriptDuration"]) / took, "cores")
    with trace.running():
        _let_pass(page, stand_in, min(seconds, TRACED_S))
    yield Bar(f"longest task while live, processor time; {where}", trace.longest_ms, "ms", MOST_TASK_MS)


def _hours(browser: Browser, session: CDPSession, page: Page, stand_in: StandIn, simulated_s: int) -> Iterator[Bar]:
    """Memory while seconds are sent as fast as the page takes them: its slope over the hours that they stand for."""
    looks = [memory(browser, session)]
    for second in range(1, simulated_s + 1):
        stand_in.second()
        if second % SECONDS_AT_ONCE == 0:
            page.wait_for_function("us => window.heardUs >= us", arg=stand_in.now_us, polling=20, timeout=60_000)
        if second % (simulated_s // LOOKS) == 0:
            looks.append(memory(browser, session))
    hours = simulated_s / 3600
    where = f"{hours:g} h of seconds sent quickly"
    at_h = [number * hours / LOOKS for number in range(len(looks))]
    slope = slope_per_h(at_h[1:], [look.heap_mb for look in looks[1:]])
    yield Bar(f"heap, {where}", looks[-1].heap_mb, "MB")
    yield Bar(f"growth of the heap after the first {at_h[1]:.2g} h, {where}", max(0.0, slope * (hours - at_h[1])), "MB", GROWTH_MB)
    yield Bar(f"more nodes than before, {where}", max(0, looks[-1].nodes - looks[0].nodes), "", MORE_NODES)
    yield Bar(f"memory of the process that draws, before, {where}", looks[0].resident_mb, "MB")
    yield Bar(f"memory of the process that draws, after, {where}", looks[-1].resident_mb, "MB")


def _let_pass(page: Page, stand_in: StandIn, seconds: float) -> None:
    for _ in range(round(seconds)):
        stand_in.second()
        page.wait_for_timeout(1_000)


def _fill(server: Any) -> None:  # noqa: ANN401 - a `Driven`
    """One stream of each symbol, and a venue."""
    rows = [
        {"venue": "kraken", "symbol": f"S{number:04}/USD", "channel": "trade", "verdict": "fresh", "messages": 9, "interval_s": 5}
        for number in range(SYMBOLS)
    ]
    server.post("/api/rows", {"table": "feed", "source": "bench", "period_s": 3600, "rows": rows})
    server.post("/api/rows", {"table": "exchange", "source": "bench", "period_s": 3600, "rows": [{"venue": "kraken", "connected": True}]})


def _first_paint(page: Page, url: str) -> Iterator[Bar]:
    for name, target_ms in (("cold", COLD_MS), ("warm", WARM_MS)):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"{url}/?dashboard=overview&range=5m", wait_until="commit")
        page.wait_for_function(HAS_DATA, polling=20)
        yield Bar(
            f"from the address to panels with data, {name}; {SYMBOLS} symbols", (time.perf_counter() - began) * 1_000, "ms", target_ms
        )


if __name__ == "__main__":
    run(measure, __doc__ or "")
