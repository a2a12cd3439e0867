"""Rows a second of CPU time that are decoded and judged, and the time from received to durable on a real store."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.bars import Bar, percentile, run
from tapewatch.clock import SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.limits import SeriesLimit
from tapewatch.ingest.validate import Border, Defaults, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.model.venue import Names
from tapewatch.settings import SourceLimits
from tapewatch.sources.receivers.json_rows import JsonRows
from tapewatch.store.backends import open_store

ROWS = 10_000
ROWS_PER_S = 1_000
DELIVERIES_PER_S = 20
LONG_S, SHORT_S = 30.0, 5.0
REPEATS, SHORT_REPEATS = 20, 5
TARGET_VALIDATE_PER_S = 200_000
TARGET_DURABLE_MS = 100.0

VENUES = ("binance_usdm", "coinbase", "kraken", "okx", "bybit", "deribit")
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT")


def exchange_rows(count: int, now_us: int) -> list[dict[str, object]]:
    """Rows as a bot sends them: six values each."""
    chance = random.Random(7)
    return [
        {
            "ts": now_us - i * 1_000,
            "venue": VENUES[i % len(VENUES)],
            "host": "h1",
            "connected": True,
            "latency_ms": chance.lognormvariate(3, 0.5),
            "reconnects": i // 1_000,
            "last_message_at": now_us - i * 1_000 - 5_000,
        }
        for i in range(count)
    ]


def pipeline_rows(count: int, now_us: int) -> list[dict[str, object]]:
    """Rows with a venue and a symbol to look up."""
    return [
        {
            "ts": now_us - i * 1_000,
            "venue": VENUES[i % len(VENUES)],
            "symbol": SYMBOLS[i % len(SYMBOLS)],
            "data_type": "funding",
            "records": i,
            "bytes": i * 64,
            "latency_ms": 2.5,
            "gap": False,
            "interval_s": 30,
        }
        for i in range(count)
    ]


def explosion(now_us: int) -> RawBatch:
    """Rows of which each is a series of its own."""
    return RawBatch.of("exchange", [{**row, "host": f"order-{i}"} for i, row in enumerate(exchange_rows(ROWS, now_us))])


def guarded() -> Border:
    """What the server's ingest asks while it judges: a count of series that holds some hundred already."""
    limit = SeriesLimit(lambda _: SourceLimits(new_series_per_min=500), SystemClock())
    limit.open()
    return Border(limit, None)


def per_cpu_second(work: Callable[[], object], rows: int, repeats: int) -> float:
    """Rows a second of CPU time, the median of several repeats."""
    rates: list[float] = []
    for _ in range(repeats):
        gc.collect()
        began_s = time.process_time()
        work()
        rates.append(rows / (time.process_time() - began_s))
    return percentile(rates, 0.5)


async def durable_ms(seconds: float) -> tuple[list[float], float]:
    """Milliseconds from handing rows over to their receipt, at a steady rate, on DuckDB, and the p99 of the store's part of it."""
    clock, catalog, took_ms = SystemClock(), Catalog(), list[float]()
    size = ROWS_PER_S // DELIVERIES_PER_S
    with tempfile.TemporaryDirectory() as folder:
        store = open_store("duckdb", Path(folder), clock)
        for table in catalog.values():
            store.create(table)
        intake = Intake(store, catalog, Names(), clock, host="bench")
        intake.start()

        async def send(number: int) -> None:
            rows = RawBatch.of("exchange", exchange_rows(size, clock.now_us() - number))
            began_s = time.perf_counter()
            await intake.accept(Delivery((rows,), f"bench-{number % 4}"))
            took_ms.append((time.perf_counter() - began_s) * 1_000)

        pending: list[asyncio.Task[None]] = []
        first_s = time.perf_counter()
        for number in range(int(seconds * DELIVERIES_PER_S)):
            await asyncio.sleep(max(0.0, first_s + number / DELIVERIES_PER_S - time.perf_counter()))
            pending.append(asyncio.create_task(send(number)))
        await asyncio.gather(*pending)
        commit_ms = intake.stats.commit.p99_ms or 0.0
        await intake.stop()
        store.close()
    return took_ms, commit_ms


def bars(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the form of every script's measure
    """All numbers."""
    repeats = SHORT_REPEATS if is_short else REPEATS
    now_us, catalog, names = SystemClock().now_us(), Catalog(), Names()
    for table, rows in (("exchange", exchange_rows(ROWS, now_us)), ("pipeline", pipeline_rows(ROWS, now_us))):
        body = json.dumps({"table": table, "rows": rows}, separators=(",", ":")).encode()
        decoded = per_cpu_second(lambda body=body: JsonRows().receive(body, "application/json", {}, {}), ROWS, repeats)
        yield Bar(f"JSON rows decoded, table {table}, per core", decoded, "rows/s")
        batch = RawBatch.of(table, rows)
        judged = per_cpu_second(
            lambda batch=batch, table=table: validate(batch, catalog[table], names=names, now_us=now_us, defaults=Defaults("bench")),
            ROWS,
            repeats,
        )
        yield Bar(f"rows judged, table {table}, per core", judged, "rows/s", TARGET_VALIDATE_PER_S, is_least=True)
        border = guarded()
        bounded = per_cpu_second(
            lambda batch=batch, table=table, border=border: validate(
                batch, catalog[table], names=names, now_us=now_us, defaults=Defaults("bench"), border=border
            ),
            ROWS,
            repeats,
        )
        yield Bar(f"of it with the series of the source counted, table {table}", bounded, "rows/s", TARGET_VALIDATE_PER_S, is_least=True)
    exploding, border = explosion(now_us), guarded()
    refused = per_cpu_second(
        lambda: validate(exploding, catalog["exchange"], names=names, now_us=now_us, defaults=Defaults("bench"), border=border),
        ROWS,
        repeats,
    )
    yield Bar("rows of ever new series refused, per core", refused, "rows/s", TARGET_VALIDATE_PER_S, is_least=True)
    took_ms, commit_ms = asyncio.run(durable_ms(SHORT_S if is_short else LONG_S))
    yield Bar(f"received to durable at {ROWS_PER_S} rows/s, p50", percentile(took_ms, 0.5), "ms")
    yield Bar(f"received to durable at {ROWS_PER_S} rows/s, p99", percentile(took_ms, 0.99), "ms", TARGET_DURABLE_MS)
    yield Bar("of it the store's commit, p99", commit_ms, "ms")


if __name__ == "__main__":
    run(bars, "Rows a second that are decoded and judged, and the time until they are durable.")
