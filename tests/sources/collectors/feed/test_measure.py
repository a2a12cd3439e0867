"""The measure on virtual time: what each message changes in the rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tapewatch.model.tables.market import EXCHANGE, FEED
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.own_delay import Delay
from tapewatch.sources.collectors.feed.round_trips import Moment
from tests.sources.collectors.feed.measured import START_US, Bench, asked, binance, trade, trading


def test_every_column_of_a_row_is_one_of_its_table() -> None:
    bench = binance("trade", "book", "ticker", "candle")
    bench.up()
    for row in bench.tick(20, trading(bench)):
        assert set(row) <= set(FEED.column)
    assert bench.exchange is not None
    assert set(bench.exchange) <= set(EXCHANGE.column)


def test_a_row_ends_every_interval_and_says_how_long_it_was() -> None:
    bench = binance()
    bench.up()
    bench.tick(30, trading(bench))
    late = bench.tick(20, trading(bench))
    assert [row["interval_s"] for row in late] == [5.0] * 4
    assert [row["messages"] for row in late] == [5] * 4
    assert sum(row["messages"] for row in bench.rows) + 0 >= 45


def test_a_verdict_that_changes_is_told_at_the_next_tick() -> None:
    bench = binance()
    bench.up()
    bench.tick(100, trading(bench))
    bench.link.down("the connection was closed", bench.now_us, bench.now_s)
    (row,) = bench.tick(1)
    assert row["verdict"] == "stale"
    assert "the connection was closed" in row["evidence"]
    assert {row["verdict"] for row in bench.tick(40)} == {"stale", "dead"}


def test_a_stream_without_any_message_has_rows_and_no_numbers() -> None:
    bench = binance("trade", "ticker")
    bench.up()
    rows = [row for row in bench.tick(11, trading(bench)) if row["channel"] == "ticker"]
    assert len(rows) == 3
    for row in rows:
        assert (row["verdict"], row["messages"], row["age_ms"], row["expected_ms"]) == ("unknown", 0, None, None)
        assert "latency_p50_ms" not in row
        assert row["crossed"] is None


def test_a_crossed_quote_is_counted() -> None:
    bench = binance("ticker")
    bench.up()
    for bid in ("9", "11", "9.5"):
        bench.hear(
            f'{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","E":1,"s":"BTCUSDT","b":"{bid}","B":"1","a":"10","A":"1"}}}}'
        )
    assert bench.tick()[0]["crossed"] == 1


def test_a_reconnect_is_its_own_thing_and_no_gap() -> None:
    bench = binance()
    bench.up()
    bench.hear(trade(bench, 100))
    bench.hear(trade(bench, 101))
    bench.link.down("the connection was closed", bench.now_us, bench.now_s)
    bench.tick(1)
    assert bench.exchange is not None
    assert (bench.exchange["connected"], bench.exchange["disconnected_at"]) == (False, START_US)
    bench.up()
    bench.hear(trade(bench, 500))
    bench.hear(trade(bench, 501))
    rows = bench.tick(10)
    assert sum(row["reconnects"] for row in rows) == 1
    assert sum(row["gaps"] + row["reorders"] + row["duplicates"] for row in bench.rows) == 0
    assert (bench.exchange["connected"], bench.exchange["disconnected_at"], bench.exchange["reconnects"]) == (True, None, 1)


def test_before_anything_was_tried_there_is_no_exchange_row() -> None:
    bench = binance()
    bench.tick(1)
    assert bench.exchange is None
    bench.link.down("no connection: refused", bench.now_us, bench.now_s)
    bench.tick(1)
    assert bench.exchange is not None
    assert bench.exchange["connected"] is False


def test_the_round_trip_is_the_exchange_latency() -> None:
    bench = binance()
    bench.up()
    bench.tick(1)
    assert bench.exchange is not None
    assert bench.exchange["latency_ms"] is None
    bench.link.round_trip_s = 0.012
    bench.tick(1)
    assert bench.exchange["latency_ms"] == pytest.approx(12)


def test_a_delay_raises_the_latency_and_not_the_offset() -> None:
    bench = binance()
    bench.up()
    bench.tick(30, trading(bench))
    row = bench.tick(12, trading(bench, way_ms=170))[-1]
    assert row["clock_offset_ms"] == pytest.approx(20, abs=1)
    assert row["latency_p50_ms"] == pytest.approx(150, abs=1)


@pytest.mark.parametrize("step_ms", [-3000, 3000])
def test_setting_the_own_clock_is_no_latency(step_ms: int) -> None:
    bench = binance()
    bench.up()
    numbers = iter(range(1, 1000))

    def each() -> None:
        # the venue's clock does not follow the host's
        bench.hear(trade(bench, next(numbers), way_ms=20 + bench.step_us // 1000))

    bench.tick(30, each)
    bench.step_us = step_ms * 1000
    rows = bench.tick(20, each)
    assert max(row.get("latency_max_ms", 0) for row in rows) < 5
    assert rows[-1]["clock_offset_ms"] == pytest.approx(20 + step_ms, abs=1)


def test_a_venue_clock_set_back_is_skew_and_not_backlog() -> None:
    bench = binance()
    bench.up()
    numbers = iter(range(1, 100_000))

    def each(way_ms: int = 20) -> None:
        for _ in range(20):
            bench.hear(trade(bench, next(numbers), way_ms=way_ms))

    bench.tick(30, each)
    rows = bench.tick(60, lambda: each(220))
    assert max(row["backlog_ms"] for row in rows) == 0
    assert rows[-1]["clock_offset_ms"] == pytest.approx(220, abs=1)
    assert rows[-1]["latency_p50_ms"] < 2


def test_messages_that_cannot_be_read_are_named_as_evidence() -> None:
    bench = binance()
    bench.up()
    bench.hear('{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":"soon"}}')
    bench.hear("not json")
    (row,) = bench.tick(1)
    assert row["verdict"] == "unknown"
    assert "2 messages of the connection could not be read" in row["evidence"]
    assert "soon" in row["evidence"]


def test_what_a_venue_refuses_is_named_as_evidence() -> None:
    bench = Bench(FeedCollector("coinbase", ("BTC/USD",), ("level2",)))
    bench.up()
    bench.hear('{"type":"error","message":"Failed to subscribe","reason":"level2 requires authentication"}')
    (row,) = bench.tick(1)
    assert "the venue answered 'Failed to subscribe: level2 requires authentication'" in row["evidence"]
    assert row["channel"] == "book"


def test_a_message_of_a_stream_that_nobody_asked_for_is_not_counted() -> None:
    bench = binance("book")
    bench.up()
    bench.hear(trade(bench, 1))
    (row,) = bench.tick(1)
    assert row["messages"] == 0
    assert "nobody asked for trade of BTCUSDT" in row["evidence"]


def test_a_book_that_disagrees_wants_a_new_snapshot_after_a_wait_and_less_and_less_often() -> None:
    bench = Bench(FeedCollector("kraken_v1", ("BTC/USD",), ("book",)))
    bench.up()
    (stream,) = bench.link.streams.values()
    bench.hear('[1,{"as":[["2.0","1.0","1.0"]],"bs":[["1.0","1.0","1.0"]]},"book-10","XBT/USD"]')
    asked: list[float] = []
    for second in range(120):
        bench.hear('[1,{"a":[["2.0","3.0","1.0"]],"c":"1"},"book-10","XBT/USD"]')
        if stream.wants_resync(bench.now_s):
            asked.append(float(second))
        bench.tick(1)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert asked[0] == 2
    assert waits == [5, 10, 20, 40]
    bench.hear('[1,{"as":[["2.0","1.0","1.0"]],"bs":[["1.0","1.0","1.0"]]},"book-10","XBT/USD"]')
    assert not stream.wants_resync(bench.now_s + 1000)
    rows = bench.tick(5)
    assert sum(row["resyncs"] for row in rows) == 1
    assert sum(row["checksum_mismatches"] for row in bench.rows) == 120


def test_a_maintenance_that_the_venue_tells_of_is_the_reason_of_silence_until_it_says_that_it_is_over() -> None:
    bench = Bench(FeedCollector("kraken", ("BTC/USD",), ("trade",)))
    bench.up()
    bench.hear('{"channel":"status","type":"update","data":[{"system":"maintenance"}]}')
    bench.tick(5)
    assert "the venue announced 'the trading engine is in state maintenance'" in bench.rows[-1]["evidence"]
    bench.hear('{"channel":"status","type":"update","data":[{"system":"online"}]}')
    bench.tick(5)
    assert "maintenance" not in bench.rows[-1]["evidence"]


def test_a_process_that_stood_still_takes_its_own_silence_for_nobody_elses() -> None:
    bench = binance()
    bench.up()
    bench.tick(100, trading(bench))
    bench.now_s += 90.0
    rows = bench.tick(1)
    assert {row["verdict"] for row in rows} == {"fresh"}
    assert {row["verdict"] for row in bench.tick(60)} == {"fresh", "late", "stale"}


def test_a_contract_that_expired_is_retired_and_no_alarm() -> None:
    bench = Bench(FeedCollector("okx", ("BTC-USD-231114",), ("trade",)))
    bench.up()
    bench.tick(1)
    assert bench.rows[-1]["verdict"] == "unknown"
    bench.tick(7200)
    assert (bench.rows[-1]["verdict"], bench.rows[-1]["evidence"].partition(": ")[2]) == ("retired", "the contract expired on 2023-11-14")


def test_a_stream_that_lived_and_is_refused_after_a_reconnect_is_retired_and_one_that_never_lived_unknown() -> None:
    bench = Bench(FeedCollector("kraken_v1", ("BTC/USD", "ETH/USD"), ("trade",)))
    bench.up()
    bench.tick(100, lambda: bench.hear(f'[1,[["1.0","1.0","{bench.now_s:.6f}","b","l",""]],"trade","XBT/USD"]'))
    bench.link.down("the connection was closed", bench.now_us, bench.now_s)
    bench.tick(1)
    bench.up()
    refused = '"event":"subscriptionStatus","status":"error","errorMessage":"Currency pair not supported","channelName":"trade"'
    for pair in ("XBT/USD", "ETH/USD"):
        bench.hear(f'{{{refused},"pair":"{pair}"}}')
    newest = {row["symbol"]: row for row in bench.tick(60)}
    assert newest["BTC/USD"]["verdict"] == "retired"
    assert "the venue, which used to serve it, now answers 'Currency pair not supported'" in newest["BTC/USD"]["evidence"]
    assert newest["ETH/USD"]["verdict"] == "unknown"


def test_a_reconnect_after_a_long_outage_is_unknown_until_the_first_message_and_no_alarm() -> None:
    bench = binance()
    bench.up()
    each = trading(bench)
    bench.tick(100, each)
    bench.link.down("the connection was closed", bench.now_us, bench.now_s)
    bench.tick(120)
    bench.up()
    (row,) = bench.tick(1)
    assert row["verdict"] == "unknown"
    assert row["age_ms"] == pytest.approx(121_500, abs=1)
    assert {row["verdict"] for row in bench.tick(20, each)} == {"fresh"}


def test_a_round_trip_tells_the_way_from_the_offset() -> None:
    bench = binance()
    bench.up()
    bench.tick(10, trading(bench))
    assert bench.rows[-1].get("way_ms") is None
    # the venue's clock is 5 ms behind, 15 ms there and 15 ms back
    asked(bench)
    row = bench.tick(5, trading(bench))[-1]
    # 15 ms either way, half a millisecond more by what two clocks may part in a second, less by what the messages say
    assert row["clock_offset_ms"] == pytest.approx(4.75, abs=0.1)
    assert row["clock_offset_error_ms"] == pytest.approx(15.25, abs=0.1)
    assert row["way_ms"] == pytest.approx(15, abs=1)
    assert bench.exchange is not None
    assert bench.exchange["time_call_errors"] == 0


@pytest.mark.parametrize("step_ms", [-3000, 3000])
def test_setting_the_own_clock_keeps_what_round_trips_have_told(step_ms: int) -> None:
    bench = binance()
    bench.up()
    asked(bench)
    bench.tick(5)
    bench.step_us = step_ms * 1000
    row = bench.tick(5)[-1]
    assert row["clock_offset_ms"] == pytest.approx(5 + step_ms, abs=0.1)


def test_a_time_call_that_fails_is_counted_and_changes_nothing_else() -> None:
    bench = binance()
    bench.up()
    bench.tick(1)
    assert bench.exchange is not None
    assert bench.exchange["time_call_errors"] is None
    bench.measure.round_trips.failed()
    bench.tick(9, trading(bench))
    assert bench.exchange["time_call_errors"] == 1
    assert bench.rows[-1]["clock_offset_ms"] == pytest.approx(20, abs=1)


def test_krakens_pong_is_a_round_trip_and_an_unanswered_ping_a_failure() -> None:
    bench = Bench(FeedCollector("kraken", ("BTC/USD",), ("trade",)))
    bench.up()
    bench.hear('{"channel":"status","type":"update","data":[{"system":"maintenance"}]}')
    assert bench.link.ask_time(bench.now_us, bench.now_s) == 1
    bench.now_s += 0.03
    # START_US is 2023-11-14T22:13:20Z; the venue wrote 15 ms after it by a clock that is 5 ms behind
    pong = '{"method":"pong","success":true,"time_in":"2023-11-14T22:13:20.009990Z","time_out":"2023-11-14T22:13:20.010000Z","req_id":1}'
    bench.hear(pong)
    bench.hear(pong)  # nobody asked for this one
    bench.now_s = 0.0
    row = bench.tick(5)[-1]
    assert row["clock_offset_ms"] == pytest.approx(5, abs=0.1)
    assert row["clock_offset_error_ms"] == pytest.approx(15, abs=0.5)
    assert "maintenance" in row["evidence"]
    bench.link.ask_time(bench.now_us, bench.now_s)
    bench.link.ask_time(bench.now_us, bench.now_s)
    bench.tick(1)
    assert bench.exchange is not None
    assert bench.exchange["time_call_errors"] == 1


def test_an_answer_that_waited_here_is_that_of_its_own_question() -> None:
    bench = Bench(FeedCollector("kraken", ("BTC/USD",), ("trade",)))
    bench.up()

    def pong(number: int | None, venue_us: int) -> str:
        time = datetime.fromtimestamp(venue_us / 1e6, UTC).isoformat()
        number_text = "" if number is None else f',"req_id":{number}'
        return f'{{"method":"pong","success":true,"time_out":"{time}"{number_text}}}'

    first_us = bench.now_us
    first = bench.link.ask_time(first_us, bench.now_s)
    bench.now_s += 1.0
    second_us = bench.now_us
    second = bench.link.ask_time(second_us, bench.now_s)
    bench.now_s += 0.1
    bench.hear(pong(first, first_us + 20_000))
    bench.hear(pong(None, first_us + 20_000))
    bench.hear(pong(second + 1, first_us + 20_000))
    assert bench.measure.round_trips.bounds(Moment(bench.now_us, bench.now_s)) is None
    bench.hear(pong(second, second_us + 20_000))
    bounds = bench.measure.round_trips.bounds(Moment(bench.now_us, bench.now_s))
    assert bounds is not None
    assert bounds.low_us <= 0 <= bounds.high_us
    assert bench.measure.round_trips.errors == 1


def test_an_answer_between_setting_the_own_clock_and_noticing_it_is_not_moved_again() -> None:
    bench = binance()
    bench.up()
    asked(bench)
    bench.tick(6)
    bench.step_us = -2_000_000
    asked(bench, ago_us=2_000_000)
    row = bench.tick(6)[-1]
    assert row["clock_offset_ms"] == pytest.approx(-1995, abs=1)


def test_what_this_process_did_to_its_messages_is_said_where_it_explains_the_latency() -> None:
    bench = binance()
    bench.up()

    def each(way_ms: int = 20, *, own_s: float = 0.001) -> None:
        bench.measure.delayed(Delay(own_s, "garbage collection" if own_s > 0.01 else "the event loop was late"), bench.now_s)
        bench.hear(trade(bench, next(numbers), way_ms=way_ms))

    numbers = iter(range(1, 1000))
    quiet = bench.tick(30, each)[-1]
    assert quiet["own_delay_ms"] == pytest.approx(1)
    assert "this collector itself" not in quiet["evidence"]
    ours = bench.tick(5, lambda: each(170, own_s=0.14))[-1]
    assert ours["own_delay_ms"] == pytest.approx(140)
    assert ours["evidence"].endswith("this collector itself kept messages waiting for up to 0.14 s: garbage collection")
    bench.tick(5, each)
    theirs = bench.tick(5, lambda: each(2000))[-1]
    assert theirs["own_delay_ms"] == pytest.approx(1)
    assert "this collector itself" not in theirs["evidence"]


def test_messages_that_wait_unread_are_this_collectors_doing() -> None:
    bench = binance()
    bench.up()
    bench.link.waiting_s = 0.4

    def each() -> None:
        bench.measure.delayed(Delay(), bench.now_s)

    row = bench.tick(5, each)[-1]
    assert row["own_delay_ms"] == pytest.approx(400)
    assert "messages waited to be read" in row["evidence"]


def test_nobody_measured_the_process_so_nothing_is_known_of_it() -> None:
    bench = binance()
    bench.up()
    assert "own_delay_ms" not in bench.tick(5, trading(bench))[-1]


def test_a_venue_that_begins_to_batch_has_a_rhythm_and_no_backlog() -> None:
    bench = binance()
    bench.up()
    bench.tick(30, trading(bench))
    numbers = iter(range(1_000_000, 2_000_000))
    rows: list[dict[str, Any]] = []

    def second(queued_ms: Callable[[int], int]) -> None:
        for quarter in range(4):
            bench.now_s += 0.25
            for age in range(10, 0, -1):
                bench.hear(trade(bench, next(numbers), way_ms=20 + 25 * age + queued_ms(quarter)))
        rows.extend(bench.measure.tick(bench.now_us, bench.now_s))

    for _ in range(20):
        second(lambda _: 0)
    assert rows[-1]["batch_ms"] == pytest.approx(250, rel=0.05)
    assert max(row["backlog_ms"] for row in rows if row["batch_ms"]) == 0
    rows.clear()
    # a queue on top of it is still a backlog: every lump is older than the one before
    for step in range(10):
        second(lambda quarter, step=step: 250 * (4 * step + quarter))
    assert max(row["backlog_ms"] for row in rows) > 1000


def test_silences_stand_beside_those_that_are_usual() -> None:
    bench = binance()
    bench.up()
    bench.tick(100, trading(bench))
    (row,) = bench.tick(5, trading(bench))
    assert (row["silence_p50_ms"], row["silence_max_ms"]) == (pytest.approx(1000), pytest.approx(1000))
    assert row["usual_p50_ms"] == pytest.approx(1000, rel=0.07)
    assert row["usual_p50_ms"] <= row["usual_p999_ms"] < row["expected_ms"]
    silent = bench.tick(10)[-1]
    assert silent["silence_p50_ms"] is None
    assert silent["silence_max_ms"] == silent["age_ms"]
