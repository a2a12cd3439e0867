"""Looks between ticks: a stream that stops is told at once, and nothing else is measured."""

from typing import Any

from tests.sources.collectors.feed.measured import Bench, binance, trading


def silent_at(bench: Bench, since_s: float, step_s: float) -> tuple[float, dict[str, Any]]:
    """Look again and again, with a tick every second, until a row tells of the silence: its second since the last message."""
    for look in range(1, 400):
        bench.now_s = since_s + look * step_s
        is_tick = bench.now_s == int(bench.now_s)
        rows = (bench.measure.tick if is_tick else bench.measure.look)(bench.now_us, bench.now_s)
        for row in rows:
            if row["verdict"] != "fresh":
                return bench.now_s - since_s, row
    raise AssertionError("never told")


def test_a_stream_that_stops_is_told_at_the_next_look_and_not_only_at_the_next_tick() -> None:
    bench = binance()
    bench.up()
    bench.tick(100, trading(bench))
    (stream,) = bench.link.streams.values()
    limit_s = stream.pulse.cadence.limit_s
    assert limit_s is not None
    # the last message came half a second before the tick
    after_s, row = silent_at(bench, bench.now_s, 0.25)
    assert limit_s <= after_s + 0.5 < limit_s + 0.25
    assert row["verdict"] in {"late", "stale", "dead"}
    assert after_s % 1 != 0


def test_a_look_measures_nothing_of_streams_that_are_as_they_were() -> None:
    bench = binance()
    bench.up()
    bench.tick(102, trading(bench))
    for _ in range(3):
        bench.now_s += 0.25
        assert bench.measure.look(bench.now_us, bench.now_s) == []
    bench.tick(300)
    assert bench.rows[-1]["verdict"] == "dead"
    bench.now_s += 0.25
    assert bench.measure.look(bench.now_us, bench.now_s) == []


def test_a_look_that_comes_late_says_nothing_because_messages_may_wait_to_be_read() -> None:
    bench = binance()
    bench.up()
    bench.tick(100, trading(bench))
    bench.now_s += 60.0
    assert bench.measure.look(bench.now_us, bench.now_s) == []
    bench.now_s += 0.25
    (row,) = bench.measure.tick(bench.now_us, bench.now_s)
    assert row["verdict"] == "fresh"
