"""A venue that the settings describe. Messages are those of Gate's documentation (spot WebSocket v4)."""

from dataclasses import replace
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.described import Description, describe
from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Event, Stamp
from tapewatch.testing.feeds import Example, FeedSuite, Story

TRADE = (
    '{"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"update","result":{"id":309143071,"create_time":1606292218,'
    '"create_time_ms":"1606292218213.4578","side":"sell","currency_pair":"GT_USDT","amount":"16.47","price":"0.4705"}}'
)
ANSWER = '{"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"subscribe","result":{"status":"success"}}'
REFUSAL = (
    '{"time":1606292218,"channel":"spot.trades","event":"subscribe","error":{"code":2,"message":"unknown currency pair"},"result":null}'
)
AT_US = 1_606_292_218_213_457

GATE = Description(
    venue="gateio",
    url="wss://api.gateio.ws/ws/v4/",
    requests=('{"channel":"spot.trades","event":"subscribe","payload":["GT_USDT"]}',),
    symbols={"GT/USDT": "GT_USDT"},
    channels={"trade": "spot.trades"},
    symbol_path=("result", "currency_pair"),
    channel_path=("channel",),
    time=TimeField(("result", "create_time_ms"), TimeUnit.MILLISECOND),
)
BARE = Description("gateio", "wss://v", (), {"GT/USDT": "GT_USDT"}, {"trade": "trade"})


class TestDescribed(FeedSuite):
    venue = describe(GATE)
    spellings = MappingProxyType({"GT/USDT": "GT_USDT"})
    examples = (
        Example(TRADE, Event("trade", "GT_USDT", AT_US)),
        Example(TRADE.replace('"create_time_ms":"1606292218213.4578"', '"create_time_ms":null'), Event("trade", "GT_USDT")),
        Example(ANSWER, None),
        Example(REFUSAL, None),
        Example('{"time":1606292218,"channel":"spot.pong","event":"","result":null}', None),
        Example('{"channel":"spot.tickers","result":{"currency_pair":"BTC_USDT"}}', Event("spot.tickers", "BTC_USDT")),
    )
    stories = (Story("trade", [TRADE] * 6),)


class TestDescribedWithoutATime(FeedSuite):
    venue = describe(replace(GATE, time=None))
    spellings = MappingProxyType({"GT/USDT": "GT_USDT"})
    examples = (Example(TRADE, Event("trade", "GT_USDT")), Example(ANSWER, None))
    stories = (Story("trade", [TRADE] * 6),)


class TestDescribedByNothing(FeedSuite):
    """Not even JSON is needed: every message is one of the only stream."""

    venue = describe(BARE)
    spellings = MappingProxyType({"GT/USDT": "GT_USDT"})
    examples = (Example(b"\x1f\x8b\x00", Event("trade", "GT_USDT")),)
    stories = (Story("trade", [b"\x1f\x8b\x00"] * 6),)


def test_what_was_not_said_is_unknown_in_every_row() -> None:
    rows = TestDescribedWithoutATime()._play("trade", [TRADE] * 30)
    told = {name for row in rows for name, value in row.items() if value is not None}
    assert {"messages", "age_ms", "expected_ms", "verdict"} <= told
    assert not told & {
        "gaps", "duplicates", "reorders", "checksum_mismatches", "crossed", "backlog_ms", "clock_offset_ms", "clock_offset_error_ms",
        "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "latency_max_ms", "latency_ms_sketch",
    }  # fmt: skip
    assert sum(row["messages"] for row in rows) == 30


def test_a_path_to_data_keeps_answers_and_heartbeats_apart() -> None:
    venue = describe(replace(BARE, data_path=("result", "id")))()
    assert venue.parse(TRADE.encode()) == Event("trade", "GT_USDT")
    assert venue.parse(ANSWER.encode()) is None
    assert venue.channels[0].stamp is Stamp.NONE


def test_a_symbol_may_be_a_number_and_stand_in_a_list() -> None:
    venue = describe(replace(BARE, symbols={"7": "7", "8": "8"}, symbol_path=("data", -1, 0)))()
    assert venue.parse(b'{"data":[[1],[8]]}') == Event("trade", "8")
    assert venue.parse(b'{"data":[]}') is None
    with pytest.raises(ValueError, match=r"True at data\.-1\.0 is no name"):
        venue.parse(b'{"data":[[true]]}')


@given(st.integers(946_684_800_000_000, 4_102_444_799_999_999), st.sampled_from(list(TimeUnit)[:4]), st.sampled_from(list(TimeUnit)[:4]))
def test_a_time_in_another_unit_than_the_venues_is_never_taken_for_one(moment_us: int, sent: TimeUnit, named: TimeUnit) -> None:
    sizes_ns = dict(zip(TimeUnit, (1_000_000_000, 1_000_000, 1000, 1), strict=False))
    venue = describe(replace(BARE, time=TimeField(("t",), named)))()
    message = msgspec.json.encode({"t": moment_us * 1000 // sizes_ns[sent]})
    if sent is named:
        event = venue.parse(message)
        assert isinstance(event, Event)
        assert event.time_us is not None
        assert 0 <= moment_us - event.time_us < 1_000_000
    else:
        with pytest.raises(UNREADABLE, match=r"time_unit: \d+ is no time between 2000 and 2100"):
            venue.parse(message)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text("a0", max_size=2),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["result", "channel", "currency_pair", "create_time_ms"]), inner, max_size=4)
        ),
    )
)
def test_any_document_is_read_or_refused_and_nothing_else(document: object) -> None:
    try:
        event = describe(GATE)().parse(msgspec.json.encode(document))
    except UNREADABLE:
        return
    assert event is None or isinstance(event, Event)
