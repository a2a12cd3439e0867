"""Dashboard questions over HTTP to a server with ten million rows, while rows arrive; and the memory of that server.

Rows arrive at a usual pace, then ten times as fast, from two programs with our client.
Run `python -m bench.query` (about six minutes), or with `--short` (200,000 rows of a day).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit

from bench.bars import Bar, percentile, run
from bench.desk_rows import PROCESSES, VENUES, questions
from bench.driven import Driven, driven
from bench.programs import Writing, programs
from bench.store import DAYS, ROWS, SHORT_DAYS, SHORT_ROWS, load
from tapewatch.clock import SystemClock
from tapewatch.model.catalog import Catalog
from tapewatch.query.wire import query_to_json
from tapewatch.store.backends.duckdb import DuckDBStore

ROWS_PER_S = 1_000
POSTS_PER_S = 10
FAST = Writing(programs=2, rows_per_s=5_000)
LONG_S, SHORT_S, WARM_S = 60.0, 4.0, 2.0
P50_MS, P99_MS, RSS_MB = 10.0, 30.0, 300.0


def send(url: str, stop: Event, late_s: Synchronized[float]) -> None:
    """Send rows over HTTP at a steady pace until told to stop; ``late_s`` tells by how much an answer came too late for the next."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0)
    due_s = time.perf_counter()
    while not stop.is_set():
        now_us = time.time_ns() // 1_000
        rows = [
            {"ts": now_us + i, "process": PROCESSES[i % len(PROCESSES)], "running": True, "cpu_ratio": 0.1, "rss_bytes": 5e7, "restarts": 0}
            for i in range(ROWS_PER_S // POSTS_PER_S)
        ]
        body = json.dumps({"table": "process", "source": "bench", "rows": rows})
        connection.request("POST", "/api/rows", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        payload = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"rows were refused: {payload.decode()}")
        due_s += 1 / POSTS_PER_S
        rest_s = due_s - time.perf_counter()
        late_s.value = max(late_s.value, -rest_s)
        time.sleep(max(0.0, rest_s))
    connection.close()


@contextlib.contextmanager
def arriving(url: str) -> Iterator[Synchronized[float]]:
    """Rows arrive inside this block, from a process of their own: they must not wait for the interpreter that takes the times."""
    context = multiprocessing.get_context("spawn")
    stop, late_s = context.Event(), context.Value("d", 0.0)
    sender = context.Process(target=send, args=(url, stop, late_s))
    sender.start()
    try:
        yield late_s
    finally:
        stop.set()
        sender.join()
    if sender.exitcode:
        raise SystemExit("rows did not arrive")


def ask(server: Driven, seconds: float) -> dict[str, list[float]]:
    """Ask one after another, at random, over one connection; milliseconds from request to the last byte of the answer, per question."""
    chance = random.Random(3)
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0)
    taken: dict[str, list[float]] = {}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        name, query = chance.choice(list(questions(time.time_ns() // 1_000)))
        body = json.dumps(query_to_json(query))
        began = time.perf_counter()
        connection.request("POST", "/api/query", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        payload = answer.read()
        taken.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{name}: {payload.decode()}")
    connection.close()
    return taken


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Fill a store, serve it, ask."""
    rows, days = (SHORT_ROWS, SHORT_DAYS) if is_short else (ROWS, DAYS)
    what = f"{rows / 1e6:g} M rows"
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDBStore(Path(folder), SystemClock())
        for table in Catalog().values():
            store.create(table)
        load(store, rows, time.time_ns() // 1_000, days)
        store.close()
        with driven(Path(folder)) as server:
            yield Bar(f"{what}: start to first answered request", server.started_s, "s", 2.0)
            with arriving(server.url) as late_s:
                ask(server, WARM_S)
                taken = ask(server, SHORT_S if is_short else LONG_S)
            yield from _answered(f"{what}: a question over HTTP while {ROWS_PER_S:,} rows/s arrive", taken)
            yield Bar(f"{what}: rows late by at most", late_s.value, "s")
            with programs(server.url, FAST) as sent:
                sent.wait_until_written(time.sleep)
                ask(server, WARM_S)
                taken = ask(server, SHORT_S if is_short else LONG_S)
                sent.finish()
            yield Bar(f"{what}: memory of the server, {len(VENUES)} venues, {len(PROCESSES)} processes", server.rss_mb, "MB", RSS_MB)
            yield from _answered(f"{what}: a question over HTTP while {FAST.all_rows_per_s:,.0f} rows/s arrive", taken)
            yield Bar(f"{what}: rows late by at most, {FAST.all_rows_per_s:,.0f} rows/s", max(told.late_s for told in sent.told), "s")
            yield Bar(f"{what}: rows lost, {FAST.all_rows_per_s:,.0f} rows/s", sum(told.lost for told in sent.told), "rows", 0)


def _answered(what: str, taken: dict[str, list[float]]) -> Iterator[Bar]:
    times = [ms for single in taken.values() for ms in single]
    yield Bar(f"{what}, p50", percentile(times, 0.5), "ms", P50_MS)
    yield Bar(f"{what}, p99", percentile(times, 0.99), "ms", P99_MS)
    for name, single in sorted(taken.items()):
        yield Bar(f"  {name}, p50", percentile(single, 0.5), "ms")
        yield Bar(f"  {name}, p99", percentile(single, 0.99), "ms")


if __name__ == "__main__":
    run(measure, "Dashboard questions over HTTP.")
