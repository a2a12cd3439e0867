"""The engine beside what is kept in memory."""

import asyncio

from tapewatch.clock import ManualClock
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.query.recent import Recent
from tapewatch.query.run import MOST_AHEAD_US, QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import plain
from tests.rows import CATALOG, NOW_US, S, accepted


def test_after_a_restart_rows_ahead_of_time_are_known_too() -> None:
    clock, store = ManualClock(NOW_US), MemoryStore()
    for table in CATALOG.values():
        store.create(table)
    ahead = {"venue": "kraken", "latency_ms": 9.0, "ts": NOW_US + 200 * S}
    store.append([Stored((accepted("exchange", [{"venue": "kraken", "latency_ms": 1.0}, ahead]),))])
    book, recent = SeriesBook(CATALOG, clock), Recent(CATALOG, clock)
    engine = QueryEngine(store, CATALOG, book, clock, recent=recent)
    asyncio.run(engine.warm(3600, recent.seed))
    recent.answers_from(NOW_US - 3600 * S)
    query = Query("exchange", NOW_US - 60 * S, NOW_US + MOST_AHEAD_US, mode=Mode.LATEST, columns=("latency_ms",))
    assert recent.answer(query) is not None
    frame = engine.frame(query)
    assert frame.columns[0].values.tolist() == [9.0]  # pyright: ignore[reportAttributeAccessIssue] - numbers
    engine.close()


def test_after_a_restart_rows_of_a_clock_that_was_far_ahead_are_the_stores_to_tell_when_their_time_has_come() -> None:
    clock, store = ManualClock(NOW_US), MemoryStore()
    for table in CATALOG.values():
        store.create(table)
    wrong_us = NOW_US + 3600 * S
    stamped = [{"venue": "kraken", "reconnects": i, "ts": wrong_us + i * S} for i in range(10)]
    store.append([Stored((accepted("exchange", stamped, now_us=wrong_us + 10 * S),))])
    book, recent = SeriesBook(CATALOG, clock), Recent(CATALOG, clock)
    engine = QueryEngine(store, CATALOG, book, clock, recent=recent)
    asyncio.run(engine.warm(3600, recent.seed))
    for name in CATALOG:
        span = engine.span_from(name, NOW_US + MOST_AHEAD_US)
        assert (span is not None) is (name == "exchange")
        if span is not None:
            recent.leave_to_store(name, *span)
    recent.answers_from(NOW_US - 3600 * S)

    def asked() -> list[Query]:
        end_us = (clock.now_us() // (5 * S) + 1) * 5 * S
        counted = (Measure(Function.COUNT), Measure(Function.DELTA, "reconnects"))
        return [
            Query("exchange", clock.now_us() - 60 * S, clock.now_us() + MOST_AHEAD_US, mode=Mode.LATEST, columns=("ts",)),
            Query("exchange", end_us - 5 * S, end_us, measures=counted, group_by=("venue",), bucket_us=5 * S),
        ]

    answered: list[bool] = []
    for query in asked():
        recent.answer(query)
    for step in range(80):
        clock.advance(1 if step % 40 else 3600 + 100 * (step > 0))
        batch = accepted("exchange", [{"venue": "kraken", "reconnects": step}], now_us=clock.now_us())
        store.append([Stored((batch,))])
        recent(batch)
        for query in asked():
            found = recent.answer(query)
            answered.append(found is not None)
            assert found is None or plain(found) == plain(store.scan(query))
    assert not any(answered[:80]), "within the span, and where it may be looked back on"
    assert all(answered[-20:])
    engine.close()
