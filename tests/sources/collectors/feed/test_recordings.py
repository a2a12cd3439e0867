"""Real traffic through the measure: nothing is wrong with it until something is made wrong."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tapewatch.sources.collectors.feed.venues.base import Fault
from tests.sources.collectors.feed.recorded import COLLECTORS, Message, Played, play, read

pytestmark = pytest.mark.recordings

EVENTS = ("resyncs", "reconnects", *Fault)


def positions(messages: list[Message], *parts: str) -> list[int]:
    """Positions of the messages that contain all of these."""
    return [index for index, (_, text) in enumerate(messages) if all(part.encode() in text for part in parts)]


def events(played: Played, **tags: str) -> dict[str, float]:
    """The sequence events that were counted, without those that are zero."""
    totals = {name: played.total(name, **tags) for name in EVENTS}
    return {name: total for name, total in totals.items() if total}


@pytest.mark.parametrize("venue", COLLECTORS)
def test_an_untouched_capture_has_no_event_and_no_alarm(recordings: Path, venue: str) -> None:
    messages = read(recordings, venue)
    played = play(COLLECTORS[venue], messages, after_s=0.9)
    assert events(played) == {}
    assert {row["verdict"] for row in played.rows} <= {"fresh", "unknown"}
    assert played.measure.links[0].unread == 0
    assert {(row["symbol"], row["channel"]) for row in played.rows} == {
        (wanted.symbol, wanted.channel.name) for wanted in COLLECTORS[venue].subscriptions()
    }


@pytest.mark.parametrize("venue", COLLECTORS)
def test_latencies_are_above_the_best_seen_and_small_once_the_recorder_had_caught_up(recordings: Path, venue: str) -> None:
    played = play(COLLECTORS[venue], read(recordings, venue))
    timed = [row for row in played.rows if row.get("latency_p50_ms") is not None]
    assert min(row["latency_p50_ms"] for row in timed) >= 0
    # Bitstamp's markets were quiet when they were recorded, a few messages a second each, and its way was a longer one
    enough, most_ms = (15, 150) if venue == "bitstamp" else (50, 15)
    busy = [row for row in timed[len(timed) // 2 :] if row["messages"] >= enough]
    assert busy
    assert max(row["latency_p50_ms"] for row in busy) < most_ms
    for row in timed:
        assert sum(row["latency_ms_sketch"].values()) <= row["messages"]


@pytest.mark.parametrize(("venue", "offset_ms"), [("binance_usdm", 41.9), ("coinbase", -18.2), ("kraken", 25.6), ("bitstamp", -72.98)])
def test_the_recorders_clock_offset_is_found_with_either_sign(recordings: Path, venue: str, offset_ms: float) -> None:
    last = play(COLLECTORS[venue], read(recordings, venue)).rows[-1]
    assert last["clock_offset_ms"] == pytest.approx(offset_ms, abs=0.1)
    assert last["clock_offset_error_ms"] < 1


def test_the_recorders_blocked_start_is_a_backlog_that_decays(recordings: Path) -> None:
    rows = play(COLLECTORS["binance_usdm"], read(recordings, "binance_usdm")).chosen(symbol="SUSHI/USDT:USDT", channel="book")
    backlogs_ms = [row["backlog_ms"] for row in rows if row["backlog_ms"] is not None]
    assert max(backlogs_ms) == pytest.approx(1000, abs=50)
    assert max(backlogs_ms[2:]) < 100


def test_the_first_match_after_the_last_one_before_the_subscription_is_counted_too(recordings: Path) -> None:
    messages = read(recordings, "coinbase")
    first = positions(messages, '"type":"match"', '"SKL-USD"')[0]
    assert events(play(COLLECTORS["coinbase"], [*messages[:first], *messages[first + 1 :]])) == {"gaps": 1}


def test_every_kraken_checksum_is_verified_and_an_altered_or_lost_update_is_found(recordings: Path) -> None:
    collector = COLLECTORS["kraken"]
    messages = read(recordings, "kraken")
    stream = collector.open_measure(0, 0.0).links[0].streams
    assert all(one.subscription.channel.checksum for one in stream.values())
    # an update within the top ten: the checksum differs from the one of the update before
    near_top: list[int] = []
    before: dict[bytes, bytes] = {}
    for index in positions(messages, '"c":"', "book-1000"):
        pair, checksum = messages[index][1].rsplit(b",", 1)[-1], messages[index][1].split(b'"c":"')[1].split(b'"')[0]
        if before.get(pair, checksum) != checksum:
            near_top.append(index)
        before[pair] = checksum
    for index in random.Random(3).sample(near_top[:-200], 8):
        lost = play(collector, [*messages[:index], *messages[index + 1 :]])
        assert set(events(lost)) == {"checksum_mismatches"}
    received_us, text = messages[near_top[40]]
    altered = list(messages)
    altered[near_top[40]] = (received_us, text.replace(b'"c":"', b'"c":"1'))
    assert events(play(collector, altered)) == {"checksum_mismatches": 1}


def test_a_ticker_that_repeats_an_old_trade_is_no_latency(recordings: Path) -> None:
    played = play(COLLECTORS["coinbase"], read(recordings, "coinbase"))
    assert max(row.get("latency_max_ms") or 0 for row in played.chosen(channel="ticker")) < 100


def test_a_stream_that_stops_is_reported_interval_after_interval_while_the_others_go_on(recordings: Path) -> None:
    messages = read(recordings, "binance_usdm")
    half_us = messages[0][0] + 15_000_000
    cut = [message for message in messages if message[0] < half_us or b"sushiusdt@depth" not in message[1]]
    played = play(COLLECTORS["binance_usdm"], cut, after_s=0.9)
    rows = played.chosen(symbol="SUSHI/USDT:USDT", channel="book")
    silent = [row for row in rows if row["ts"] > half_us + 1_000_000]
    assert [row["verdict"] for row in silent if row["messages"] == 0] == sorted(
        [row["verdict"] for row in silent if row["messages"] == 0], key=("fresh", "late", "stale", "dead").index
    )
    assert silent[-1]["verdict"] == "dead"
    assert next(row["ts"] for row in silent if row["verdict"] != "fresh") <= half_us + 5_000_000
    ages_ms = [row["age_ms"] for row in silent]
    assert ages_ms == sorted(ages_ms)
    assert "no book for" in silent[-1]["evidence"]
    others = [row for row in played.rows if (row["symbol"], row["channel"]) != ("SUSHI/USDT:USDT", "book")]
    assert {row["verdict"] for row in others} <= {"fresh", "unknown"}


def test_a_shallower_book_verifies_the_same_checksums(recordings: Path) -> None:
    collector = replace(COLLECTORS["kraken"], book_depth=100)
    played = play(collector, read(recordings, "kraken")[:200])
    assert played.total("messages") > 100
