"""Which pairs are compared when, and what their rows say: by arrival, by the venues' times, or why not."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tapewatch.model.tables.market import FEED_LEAD
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.prices import KEPT, Prices, Series
from tapewatch.sources.collectors.feed.race import EVERY_S, PAUSE_S, Racer, Races, Taken, VenueTime, compared
from tapewatch.sources.collectors.feed.round_trips import Moment
from tests.sources.collectors.feed.test_lead import seen, walk

KNOWN = VenueTime(offset_s=0.0, error_s=0.004)


def side(venue: str, seed: int, *, late_s: float = 0.0, way_s: float = 0.0, clock_s: float = 0.0, time: VenueTime = KNOWN) -> Taken:
    """Prices that move so late at the venue, arrive so much later still, and are stamped by a clock that is so much behind."""
    at_s, values = seen(walk(7), seed, delay_s=late_s)
    return Taken(venue, "BTC/USDT", Series(at_s + way_s, at_s - clock_s, values), time)


def test_the_way_to_this_host_changes_who_is_seen_first_and_not_who_moves_first() -> None:
    near, far = side("near", 1, late_s=0.2), side("far", 2, way_s=0.5)
    row, mirrored = compared(near, far)
    assert (row["venue"], row["peer"], row["standing"], mirrored["standing"]) == ("near", "far", "behind", "ahead")
    assert row["lead_ms"] == pytest.approx(-200, abs=row["lead_error_ms"])
    assert row["here_ms"] == pytest.approx(300, abs=row["here_error_ms"])
    assert (mirrored["lead_ms"], mirrored["here_ms"]) == (-row["lead_ms"], -row["here_ms"])
    assert row["evidence"].startswith("at the venues ")
    assert set(row) <= set(FEED_LEAD.column)


def test_the_offset_of_a_clock_is_taken_out() -> None:
    row, _ = compared(side("a", 1), side("b", 2, late_s=0.2, clock_s=30.0, time=VenueTime(30.0, 0.004)))
    assert row["lead_ms"] == pytest.approx(200, abs=row["lead_error_ms"])


def test_clocks_that_may_be_wrong_by_more_than_the_lead_leave_it_open_and_say_so() -> None:
    row, _ = compared(side("a", 1), side("b", 2, late_s=0.2, time=VenueTime(0.0, 0.25)))
    assert (row["standing"], row["lead_error_ms"] > 250) == ("unclear", True)
    assert "254 ms of it the clocks" in row["evidence"]


def test_a_clock_that_is_not_known_says_why_and_what_is_seen_here_is_told_all_the_same() -> None:
    row, _ = compared(side("a", 1), side("b", 2, way_s=0.3, time=VenueTime(reason="it is not asked for its time")))
    assert (row["standing"], "lead_ms" in row) == ("unclear", False)
    assert row["here_ms"] == pytest.approx(300, abs=row["here_error_ms"])
    assert row["evidence"].endswith("the clock of b is not known: it is not asked for its time")


def test_too_few_prices_and_prices_that_do_not_move_together_say_so() -> None:
    few = Taken("b", "BTC/USDT", Series(np.arange(3.0), np.arange(3.0), np.arange(3.0)), KNOWN)
    assert compared(side("a", 1), few)[0]["evidence"] == "3 price changes in 10 min; 51 are needed"
    at_s, values = seen(walk(99), 5)
    row, _ = compared(side("a", 1), Taken("b", "BTC/USDT", Series(at_s, at_s, values), KNOWN))
    assert (row["standing"], "here_ms" in row) == ("unclear", False)
    assert "do not move together" in row["evidence"]


def racer(owner: object, venue: str, symbol: str, *, has_prices: bool = True) -> Racer:
    prices = Prices()
    if has_prices:
        prices.note(1.0, 1, 100.0)
    return Racer(owner, venue, symbol, prices, lambda: KNOWN)


def test_the_same_market_on_two_venues_is_compared_by_the_first_now_and_then() -> None:
    races, one, two = Races(), object(), object()
    races.join([racer(one, "a", "BTC/USDT"), racer(one, "a", "ETH/USDT"), racer(one, "a", "BTC/USDT:USDT")])
    races.join([racer(two, "b", "BTC/USDT"), racer(two, "b", "SOL/USDT"), racer(two, "c", "ETH/USDT", has_prices=False)])
    assert races.due(two, 0.0) is None
    found = [races.due(one, PAUSE_S * i) for i in range(4)]
    assert [pair and (pair[0].symbol, pair[1].venue) for pair in found] == [("BTC/USDT", "b"), ("BTC/USDT:USDT", "b"), None, None]
    assert races.due(one, EVERY_S) is not None
    races.leave(two)
    assert races.due(one, 10 * EVERY_S) is None


def test_comparisons_keep_a_distance_however_many_pairs_there_are() -> None:
    races, owner = Races(), object()
    races.join(racer(owner, venue, f"S{i}/USDT") for venue in "ab" for i in range(100))
    assert races.period_s == PAUSE_S * 100
    assert [races.due(owner, at_s) is not None for at_s in (0.0, PAUSE_S / 2, PAUSE_S)] == [True, False, True]


def test_prices_keep_changes_only() -> None:
    prices = Prices()
    for i, price in enumerate((100.0, 100.0, 101.0, 0.0, -1.0, float("nan"), 100.0)):
        prices.note(float(i), i, price)
    assert prices.since(0.0).arrived_s.tolist() == [0.0, 2.0, 6.0]
    assert prices.since(1.0).venue_s.tolist() == [2e-6, 6e-6]
    for i in range(2 * KEPT):
        prices.note(float(i), i, 1.0 + i)
    assert len(prices) == KEPT
    prices.clear()
    assert not prices


def test_a_measure_gives_the_prices_of_its_trades_and_what_is_known_of_the_clock() -> None:
    collector = FeedCollector("binance_usdm", ("BTC/USDT:USDT",), ("trade", "book"), url="ws://127.0.0.1/stream")
    measure = collector.open_measure(1_700_000_000_000_000, 0.0)
    (link,) = measure.links
    link.up(0.0)
    start_us = 1_700_000_000_000_000
    for i in range(20):
        at_us = start_us + i * 100_000
        data = f'"e":"aggTrade","E":{at_us // 1000 - 20},"s":"BTCUSDT","a":{i},"p":"{50_000 + i}","q":"1"'
        link.observe(f'{{"stream":"btcusdt@aggTrade","data":{{{data}}}}}'.encode(), at_us, i * 0.1)
    now_us = start_us + 2_000_000
    measure.tick(now_us, 2.0)
    moment = Moment(now_us, 2.0)
    (found,) = measure.racers(lambda: moment)
    assert (found.symbol, len(found.prices)) == ("BTC/USDT:USDT", 20)
    assert found.time().reason == "it is not asked for its time"
    measure.round_trips.observe(Moment(now_us - 30_000, 1.97), moment, now_us - 15_000, 1)
    assert found.time().reason == ""
    assert found.time().error_s == pytest.approx(0.015, abs=0.001)


def test_prices_of_trades_that_a_days_range_holds_are_kept_too_and_the_range_itself_is_not() -> None:
    collector = FeedCollector("coinbase", ("BTC/USD",), ("trade", "ticker"), url="ws://127.0.0.1/")
    measure = collector.open_measure(1_700_000_000_000_000, 0.0)
    (link,) = measure.links
    link.up(0.0)
    same = '"product_id":"BTC-USD","time":"2023-11-14T22:13:20.000000Z"'
    for i in range(3):
        link.observe(f'{{"type":"match","trade_id":{i},"price":"{100 + i}",{same}}}'.encode(), 1_700_000_000_000_000, 0.1 * i)
        ticker = f'{{"type":"ticker","trade_id":{i},"price":"7","low_24h":"5","high_24h":"9","best_bid":"1","best_ask":"2",{same}}}'
        link.observe(ticker.encode(), 1_700_000_000_000_000, 0.1 * i)
    (found,) = measure.racers(lambda: Moment(1_700_000_000_000_000, 1.0))
    assert np.exp(found.prices.since(0.0).values).round(6).tolist() == [100.0, 101.0, 102.0]


def test_two_feeds_of_the_same_market_are_told_apart_from_their_messages_on() -> None:
    """Trades of one walking price: coinbase's move 150 ms later and arrive 80 ms later still; the clocks are 4 s apart."""
    start_us = 1_700_000_000_000_000
    measures = [
        FeedCollector("binance_usdm", ("BTC/USDT:USDT",), ("trade",), url="ws://127.0.0.1/stream").open_measure(start_us, 0.0),
        FeedCollector("coinbase", ("BTC/USDT",), ("trade",), url="ws://127.0.0.1/").open_measure(start_us, 0.0),
    ]
    for number, (measure, late_s, way_s, clock_us) in enumerate(zip(measures, (0.0, 0.15), (0.01, 0.09), (0, -4_000_000), strict=True)):
        (link,) = measure.links
        link.up(0.0)
        at_s, values = seen(walk(11), 20 + number, delay_s=late_s)
        for i, (moment_s, price) in enumerate(zip(at_s, np.round(30_000 * np.exp(values), 2), strict=True)):
            venue_us, here_s = start_us + clock_us + round(moment_s * 1e6), moment_s + way_s
            link.observe(_trade(measure.venue.id, i, venue_us, price), start_us + round(here_s * 1e6), here_s)
        trip = Moment(start_us + 309_980_000, 309.98), Moment(start_us + 310_000_000, 310.0)
        measure.round_trips.observe(*trip, start_us + clock_us + 309_990_000, 1)
        measure.tick(start_us + 310_000_000, 310.0)
    races, now = Races(), Moment(start_us + 310_000_000, 310.0)
    for measure in measures:
        races.join(measure.racers(lambda: now))
    pair = races.due(measures[0], now.s)
    assert pair is not None
    row, mirrored = compared(*(Taken.of(one, now.s) for one in pair))
    assert (row["venue"], row["standing"], mirrored["standing"]) == ("binance_usdm", "ahead", "behind")
    assert row["lead_ms"] == pytest.approx(150, abs=row["lead_error_ms"])
    assert row["here_ms"] == pytest.approx(230, abs=row["here_error_ms"])


def _trade(venue: str, number: int, time_us: int, price: float) -> bytes:
    if venue == "coinbase":
        time = datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f'{{"type":"match","trade_id":{number},"price":"{price}","product_id":"BTC-USDT","time":"{time}"}}'.encode()
    data = f'"e":"aggTrade","E":{time_us // 1000},"s":"BTCUSDT","a":{number},"p":"{price}","q":"1"'
    return f'{{"stream":"btcusdt@aggTrade","data":{{{data}}}}}'.encode()
