"""Each fault that the desk can make shows as what it is, on its own stream, and nothing else shows."""

from typing import Any

import pytest

from tapewatch.desk.addresses import SPOKEN
from tapewatch.desk.faults import Delay, Duplicate, Fault, Freeze, Gap, Skew, Swap
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues import SIMULATED, VENUES, simulated
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.venues.base import SEQUENCE_FAULTS
from tapewatch.sources.collectors.feed.venues.base import Fault as Sign
from tests.sources.collectors.feed.simulated import START_US, simulate

EVENTS = ("resyncs", "reconnects", *Sign)
NAMES = tuple(spec.name for spec, _ in VENUES)
"""Of the desk: busy enough for the times in these tests."""


def events(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], float]:
    """Symbol, channel and event to its total, without zeros."""
    found: dict[tuple[str, str, str], float] = {}
    for row in rows:
        for event in EVENTS:
            if row[event]:
                key = (row["symbol"], row["channel"], event)
                found[key] = found.get(key, 0) + row[event]
    return found


def second(row: dict[str, Any]) -> float:
    return (row["ts"] - START_US) / 1_000_000


@pytest.mark.parametrize("venue", [spec.name for spec, _ in SIMULATED])
def test_no_venue_has_an_event_of_its_own(venue: str) -> None:
    assert events(simulate(venue, 60)) == {}


@pytest.mark.parametrize("venue", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_healthy_venue_has_no_event_no_alarm_and_no_backlog(venue: str, seed: int) -> None:
    rows = simulate(venue, 120, seed=seed)
    assert events(rows) == {}
    assert {row["verdict"] for row in rows} <= {"fresh", "unknown"}
    assert {row["verdict"] for row in rows if second(row) > 100} == {"fresh"}
    assert sum((row["backlog_ms"] or 0) > 0 for row in rows) <= 0.02 * len(rows)
    assert min(row["latency_p50_ms"] for row in rows if row.get("latency_p50_ms") is not None) >= 0


@pytest.mark.parametrize("venue", [spec.name for spec, _ in SIMULATED])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_jitter_of_no_venue_is_a_backlog(venue: str, seed: int) -> None:
    assert [row["backlog_ms"] for row in simulate(venue, 120, seed=seed) if row["backlog_ms"]] == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Gap(20, "binance_usdm", "ETHUSDT", "depth", count=3), ("ETH/USDT:USDT", "book", "gaps")),
        (Gap(20, "binance_usdm", "ETHUSDT", "aggTrade"), ("ETH/USDT:USDT", "trade", "gaps")),
        (Duplicate(20, "binance_usdm", "BTCUSDT", "depth"), ("BTC/USDT:USDT", "book", "duplicates")),
        (Swap(20, "binance_usdm", "SOLUSDT", "aggTrade"), ("SOL/USDT:USDT", "trade", "reorders")),
        (Swap(20, "binance_usdm", "SOLUSDT", "depth"), ("SOL/USDT:USDT", "book", "reorders")),
        (Gap(20, "coinbase", "ETH-USD", "matches"), ("ETH/USD", "trade", "gaps")),
        (Duplicate(20, "coinbase", "BTC-USD", "matches"), ("BTC/USD", "trade", "duplicates")),
        (Swap(20, "coinbase", "BTC-USD", "matches"), ("BTC/USD", "trade", "reorders")),
    ],
    ids=str,
)
def test_a_lost_doubled_or_swapped_message_is_one_event_of_its_stream(fault: Fault, expected: tuple[str, str, str]) -> None:
    assert events(simulate(fault.venue, 40, fault)) == {expected: 1}


def test_a_lost_book_update_of_kraken_is_found_by_its_checksum() -> None:
    found = events(simulate("kraken", 40, Gap(20, "kraken", "XBT/USD", "book")))
    assert found["BTC/USD", "book", "checksum_mismatches"] > 0
    # a level that should have been removed may cross the book, too
    assert set(found) <= {("BTC/USD", "book", "checksum_mismatches"), ("BTC/USD", "book", "crossed")}


@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        (Freeze(60, "binance_usdm", "BTCUSDT", "depth", for_s=30), ("BTC/USDT:USDT", "book")),
        (Freeze(60, "coinbase", "ETH-USD", "level2", for_s=30), ("ETH/USD", "book")),
        (Freeze(60, "kraken", "XBT/USD", "book", for_s=30), ("BTC/USD", "book")),
    ],
)
def test_a_frozen_stream_is_found_within_five_seconds_and_the_others_stay_fresh(fault: Freeze, stream: tuple[str, str]) -> None:
    rows = simulate(fault.venue, 100, fault)
    frozen = [row for row in rows if (row["symbol"], row["channel"]) == stream and second(row) > 60]
    assert 60 < second(next(row for row in frozen if row["verdict"] != "fresh")) <= 65
    assert "dead" in {row["verdict"] for row in frozen}
    assert frozen[-1]["verdict"] == "fresh"
    assert {row["verdict"] for row in rows if (row["symbol"], row["channel"]) != stream} <= {"fresh", "unknown"}


@pytest.mark.parametrize("venue", [spec.name for spec, _ in SIMULATED])
def test_a_decaying_delay_is_a_backlog_and_moves_no_clock(venue: str) -> None:
    rows = simulate(venue, 90, Delay(45, venue, peak_s=4, for_s=16))
    before = [row for row in rows if 30 < second(row) <= 45]
    during = [row for row in rows if 45 < second(row) <= 62]
    after = [row for row in rows if second(row) > 75]
    assert max(row["backlog_ms"] or 0 for row in during) > 2000
    assert max(row["backlog_ms"] or 0 for row in after) == 0
    offsets_ms = [row["clock_offset_ms"] for row in (*before, *after)]
    assert max(offsets_ms) - min(offsets_ms) < 10


@pytest.mark.parametrize("venue", NAMES)
def test_a_venue_clock_that_is_behind_is_skew_and_no_backlog(venue: str) -> None:
    rows = simulate(venue, 140, Skew(45, venue, offset_ms=-180, for_s=80))
    before_ms = next(row["clock_offset_ms"] for row in reversed(rows) if second(row) <= 45)
    late_ms = next(row["clock_offset_ms"] for row in reversed(rows) if second(row) <= 120)
    assert late_ms - before_ms == pytest.approx(180, abs=10)
    assert sum((row["backlog_ms"] or 0) > 0 for row in rows) <= 0.02 * len(rows)
    # the clock is right again: at once, because a shorter way than the shortest does not exist
    assert rows[-1]["clock_offset_ms"] == pytest.approx(before_ms, abs=10)


MADE = ((Gap, Sign.GAP), (Duplicate, Sign.DUPLICATE), (Swap, Sign.REORDER))


@pytest.mark.parametrize("name", [spec.name for spec, _ in SIMULATED])
def test_what_the_file_of_a_venue_says_can_be_seen_is_seen_on_each_channel_and_nothing_else(name: str) -> None:
    spec, _ = simulated(name)
    item = spec.instruments[0]
    collector = FeedCollector(SPOKEN.get(name, name), (item.unified,), url="ws://127.0.0.1/stream")
    for made, sign in MADE:
        for wanted in collector.subscriptions():
            (stream,) = _streams_of(name, item.symbol, wanted.channel.topic)
            rows = simulate(name, 30, made(15, name, stream.symbol, stream.channel))
            found = {event: total for (_, _, event), total in events(rows).items() if event in {one.value for one in SEQUENCE_FAULTS}}
            assert found == ({sign.value: 1} if sign in wanted.channel.sees else {}), f"{made.__name__} on {wanted.channel.name}"


def _streams_of(name: str, symbol: str, topic: str) -> list[Stream]:
    """The simulated stream of a channel, by the venue's word for it."""
    spec, messages = simulated(name)
    offer = Simulation(spec, messages, start_us=START_US).offer
    words = {topic, f"{topic}-10", f"{topic}.50", f"{topic}.100ms", topic.removesuffix("_batch")}
    return [found for found in offer.streams if found.symbol == symbol and found.channel in words]
