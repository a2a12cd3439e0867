"""A thousand live connections on one node, each with all panels of the overview under one of ten sets of variables; new rows each second.

Accepted to pushed is the time from the acknowledgement of a second's rows to the arrival of a frame that shows them, over all connections
and all panels of these rows. Driver, connections and server share the machine.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import resource
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from bench.bars import Bar, percentile, run
from bench.crowd import Heard, crowd, subscriptions
from bench.desk_rows import SYMBOLS, VENUES
from bench.driven import Driven, driven

CLIENTS, SHORT_CLIENTS = 1_000, 100
SLOW_CLIENTS, SHORT_SLOW_CLIENTS = 20, 2
CROWDS, SHORT_CROWDS = 2, 1
LONG_S, SHORT_S = 60, 2
WARM_S, SHORT_WARM_S = 5, 0
SETTLE_S = 0.5
RANGE_S = 900
BOARD = "overview"
TIMED = ("venues", "hosts", "changes", "feeds", "pipeline")
"""Panels of the rows that are posted; the others show tapewatch itself and the verdicts, which are made anew each second."""
DATA_TYPES = ("trade", "funding", "open_interest", "liquidation")
HOSTS = ("h1", "h2", "h3", "h4")
TARGET_MS = 250.0
NEVER_MS = 10_000.0
US_PER_S = 1_000_000


class Posts:
    """Rows of every venue, stream and host, once a second; each post's rows have one time of their own, by which frames are recognised.

    Args:
        url: Of the server.
    """

    def __init__(self, url: str) -> None:
        self._http = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        self.accepted_s: dict[int, float] = {}

    def run(self, seconds: int) -> None:
        """One post each second; `accepted_s` has when it was acknowledged, by its time in microseconds."""
        begun_s = time.perf_counter()
        for number in range(seconds):
            time.sleep(max(0.0, begun_s + number - time.perf_counter()))
            self._post(number)
        time.sleep(max(0.0, begun_s + seconds - time.perf_counter()))

    def _post(self, number: int) -> None:
        now_us = time.time_ns() // 1_000
        body = json.dumps({"source": "bench", "batches": _batches(now_us, number)})
        self._http.request("POST", "/api/rows", body, {"Content-Type": "application/json"})
        answer = self._http.getresponse()
        said = json.loads(answer.read())
        self.accepted_s[now_us] = time.perf_counter()
        if answer.status != http.HTTPStatus.OK or said["refused"]:
            raise SystemExit(f"rows were refused: {said}")


def _batches(now_us: int, number: int) -> list[dict[str, Any]]:
    wave = 10 + number % 17
    exchange = [{"venue": venue, "connected": True, "latency_ms": wave} for venue in VENUES]
    pipeline = [
        {"venue": venue, "symbol": SYMBOLS[0], "data_type": kind, "records": 40, "latency_ms": wave + i}
        for i, venue in enumerate(VENUES)
        for kind in DATA_TYPES
    ]
    feed = [
        {"venue": venue, "symbol": symbol, "channel": "trade", "verdict": "fresh", "age_ms": wave, "messages": 9, "interval_s": 1}
        for venue in VENUES
        for symbol in SYMBOLS
    ]
    host = [{"host": name, "cpu_ratio": 0.2 + wave / 100, "memory_ratio": 0.5, "disk_ratio": 0.4} for name in HOSTS]
    tables = {"exchange": exchange, "pipeline": pipeline, "feed": feed, "host": host}
    return [{"table": table, "rows": [{"ts": now_us, **row} for row in rows]} for table, rows in tables.items()]


@contextlib.contextmanager
def crowds(port: int, asks: Sequence[Sequence[str]], count: int, *, is_slow: bool = False) -> Iterator[list[Heard]]:
    """Connections in ``count`` processes, all subscribed when the block begins; what they heard is in the list when it has ended."""
    spawn = multiprocessing.get_context("spawn")
    orders: list[Connection] = []
    heard: list[Heard] = []
    for number in range(count):
        mine, theirs = spawn.Pipe()
        spawn.Process(target=crowd, args=(theirs, port, asks[number::count], is_slow), daemon=True).start()
        theirs.close()
        orders.append(mine)
    for mine in orders:
        mine.recv()
    yield heard
    for mine in orders:
        mine.send(None)
    for mine in orders:
        heard += mine.recv()


def waits_ms(heard: Sequence[Heard], accepted_s: dict[int, float]) -> list[float]:
    """For each connection, panel and post the milliseconds until a frame showed its rows or newer ones; ten seconds if none ever did."""
    waits: list[float] = []
    for one in heard:
        for panel in TIMED:
            seen, at = one.newest.get(panel, []), 0
            for newest_us, at_s in accepted_s.items():
                while at < len(seen) and seen[at][0] < newest_us:
                    at += 1
                waits.append(max(0.0, seen[at][1] - at_s) * 1_000 if at < len(seen) else NEVER_MS)
    return waits


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """All connections, first without and then with some among them that read slowly."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count, slow = (SHORT_CLIENTS, SHORT_SLOW_CLIENTS) if is_short else (CLIENTS, SLOW_CLIENTS)
    with driven() as server:
        port, asks, posts = int(server.url.rpartition(":")[2]), _asks(server, count + slow), Posts(server.url)
        posts.run(1)
        before_mb = server.rss_mb
        with crowds(port, asks[:count], SHORT_CROWDS if is_short else CROWDS) as heard:
            posts.run(SHORT_WARM_S if is_short else WARM_S)
            alone, took_s, busy_s = _timed(server, posts, SHORT_S if is_short else LONG_S)
            grown_mb, as_counted_ms = server.rss_mb - before_mb, _counted_ms(server)
            with crowds(port, asks[count:], 1, is_slow=True) as late:
                posts.run(0 if is_short else WARM_S)
                beside, _, _ = _timed(server, posts, 1 if is_short else LONG_S // 2)
                memory_mb = server.rss_mb
    _check(heard)
    where = f"{count:,} connections, {len(asks[0])} panels each, {len(VENUES)} sets of variables"
    waits = waits_ms(heard, alone)
    yield Bar(f"accepted to pushed, p50; {where}", percentile(waits, 0.5), "ms")
    yield Bar(f"accepted to pushed, p99; {where}", percentile(waits, 0.99), "ms", TARGET_MS)
    yield Bar(f"the same as the server counts it, all panels, p99; {where}", as_counted_ms, "ms")
    yield Bar(f"processor time of the whole server; {where}", busy_s / took_s, "cores")
    yield Bar(f"memory of the server for each connection; {where}", max(0.0, grown_mb) * 1e3 / count, "kB")
    where = f"{count:,} connections beside {slow} that read 4 kB a second"
    yield Bar(f"accepted to pushed, p99; {where}", percentile(waits_ms(heard, beside), 0.99), "ms", TARGET_MS)
    yield Bar(f"told that they read too slowly, of those that do not; {where}", sum(one.lags > 0 for one in heard), "", 0.0)
    yield Bar(f"told that they read too slowly, of those that do; {where}", sum(one.lags > 0 for one in late), "")
    yield Bar(f"memory of the server; {where}", memory_mb, "MB")


def _asks(server: Driven, count: int) -> list[list[str]]:
    boards = json.loads(server.get("/api/dashboards"))["dashboards"]
    panels = [panel["id"] for board in boards if board["id"] == BOARD for panel in board["panels"]]
    return [subscriptions(BOARD, panels, {"venue": [VENUES[number % len(VENUES)]]}, RANGE_S) for number in range(count)]


def _timed(server: Driven, posts: Posts, seconds: int) -> tuple[dict[int, float], float, float]:
    """Posts for so long: when each was acknowledged, how long it took, and processor time of the server in seconds."""
    posts.accepted_s = {}
    before, began_s = server.process.cpu_times(), time.perf_counter()
    posts.run(seconds)
    took_s, after = time.perf_counter() - began_s, server.process.cpu_times()
    time.sleep(SETTLE_S)
    return posts.accepted_s, took_s, after.user + after.system - before.user - before.system


def _check(heard: Sequence[Heard]) -> None:
    """Each was served until the end.

    Raises:
        SystemExit: A connection was refused or cut.
    """
    for one in heard:
        if one.errors:
            raise SystemExit(f"a connection was not served: {one.errors[0]}")


def _counted_ms(server: Driven) -> float:
    """The server's own 99th percentile of the last minute; 0 when it has none."""
    lines = (line.split(" ") for line in server.get("/metrics").decode().splitlines() if line and not line.startswith("#"))
    return {line[0]: float(line[1]) for line in lines}.get("tapewatch_live_push_p99_seconds", 0.0) * 1_000


if __name__ == "__main__":
    run(measure, __doc__ or "")
