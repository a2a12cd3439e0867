"""Messages are those of docs.kraken.com (WebSockets v1); the checksums of the story were computed by hand from its book."""

import zlib
from types import MappingProxyType

import pytest

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice, Subscription
from tapewatch.sources.collectors.feed.venues.kraken_v1 import KrakenV1
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

SNAPSHOT = (
    '[0,{"as":[["5541.30000","2.50700000","1534614248.123678"],["5541.80000","0.33000000","1534614098.345543"]],'
    '"bs":[["5541.20000","1.52900000","1534614248.765567"],["5539.90000","0.30000000","1534614241.769870"]]},"book-10","XBT/USD"]'
)
TWO_SIDES = (
    '[1234,{"a":[["5541.30000","2.50700000","1534614248.456738"],["5542.50000","0.40100000","1534614248.456738"]]},'
    '{"b":[["5541.30000","0.00000000","1534614335.345903"]],"c":"974942666"},"book-10","XBT/USD"]'
)
REPUBLISHED = (
    '[1234,{"a":[["5541.30000","2.50700000","1534614248.456738","r"],["5542.50000","0.40100000","1534614248.456738","r"]],'
    '"c":"974942666"},"book-25","XBT/USD"]'
)
TRADE = (
    '[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""],["6060.00000","0.02455000","1534614057.324998","b","l",""]],'
    '"trade","XBT/USD"]'
)
TICKER = (
    '[0,{"a":["5525.40000",1,"1.000"],"b":["5525.10000",1,"1.000"],"c":["5525.10000","0.00398963"],"v":["2634.11501494","3591.17907851"],'
    '"p":["5631.44067","5653.78939"],"t":[11493,16267],"l":["5505.00000","5505.00000"],"h":["5783.00000","5783.00000"],'
    '"o":["5760.70000","5763.40000"]},"ticker","XBT/USD"]'
)


def digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")


def one_sided(number: int) -> str:
    """An ask of its own for each update: a lost one is missing from every later checksum."""
    asks = [("5541.30000", "2.50700000"), *[(f"5541.3{index}000", "1.00000000") for index in range(1, number + 1)]]
    book = [*asks, ("5541.80000", "0.33000000"), ("5541.20000", "1.52900000"), ("5539.90000", "0.30000000")]
    checksum = zlib.crc32("".join(digits(price) + digits(size) for price, size in book).encode())
    return f'[0,{{"a":[["5541.3{number}000","1.00000000","1534614250.{number:06}"]],"c":"{checksum}"}},"book-10","XBT/USD"]'


class TestKrakenV1(FeedVenueSuite):
    venue = KrakenV1
    spellings = MappingProxyType({"BTC/USD": "XBT/USD", "DOGE/EUR": "XDG/EUR", "ETH/BTC": "ETH/XBT"})
    examples = (
        Example(
            SNAPSHOT,
            Event(
                "book",
                "XBT/USD",
                is_snapshot=True,
                asks=[["5541.30000", "2.50700000", "1534614248.123678"], ["5541.80000", "0.33000000", "1534614098.345543"]],
                bids=[["5541.20000", "1.52900000", "1534614248.765567"], ["5539.90000", "0.30000000", "1534614241.769870"]],
            ),
        ),
        Example(
            TWO_SIDES,
            Event(
                "book",
                "XBT/USD",
                1_534_614_335_345_903,
                asks=[["5541.30000", "2.50700000", "1534614248.456738"], ["5542.50000", "0.40100000", "1534614248.456738"]],
                bids=[["5541.30000", "0.00000000", "1534614335.345903"]],
                checksum=974942666,
            ),
        ),
        Example(
            REPUBLISHED,
            Event(
                "book",
                "XBT/USD",
                None,
                asks=[["5541.30000", "2.50700000", "1534614248.456738", "r"], ["5542.50000", "0.40100000", "1534614248.456738", "r"]],
                checksum=974942666,
            ),
        ),
        Example(TRADE, Event("trade", "XBT/USD", 1_534_614_057_324_998, low=5541.2, high=6060.0)),
        Example(TICKER, Event("ticker", "XBT/USD", is_crossed=False, low=5505.0, high=5783.0)),
        Example('{"event":"heartbeat"}', None),
        Example(
            '{"connectionID":8628615390848610000,"event":"systemStatus","status":"maintenance","version":"1.0.0"}',
            Notice("system status maintenance", is_maintenance=True),
        ),
        Example('{"connectionID":8628615390848610000,"event":"systemStatus","status":"online","version":"1.0.0"}', None),
        Example(
            '{"channelID":10001,"channelName":"ticker","event":"subscriptionStatus","pair":"XBT/EUR","status":"subscribed",'
            '"subscription":{"name":"ticker"}}',
            None,
        ),
        Example(
            '{"errorMessage":"Subscription depth not supported","event":"subscriptionStatus","pair":"XBT/USD","status":"error",'
            '"subscription":{"depth":42,"name":"book"}}',
            Notice("Subscription depth not supported", is_refusal=True, symbol="XBT/USD"),
        ),
        Example('[42,{"o":"1"},"ohlc-5","XBT/USD"]', None),
    )
    stories = (
        Story(
            "book",
            [SNAPSHOT, *[one_sided(number) for number in range(1, 7)]],
            makes={Fault.CROSSED: ['[0,{"b":[["5541.30000","1.00000000","1534614251.000000"]]},"book-10","XBT/USD"]']},
        ),
        Story("trade", [TRADE] * 6, makes={Fault.OUT_OF_BAND: [TICKER, TRADE, TICKER]}),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace('"b":["5525.10000"', '"b":["5525.40000"')]}),
    )
    time_answer = ('{"error":[],"result":{"unixtime":1616336594,"rfc1123":"Sun, 21 Mar 21 14:23:14 +0000"}}', 1_616_336_594_000_000)


@pytest.mark.parametrize("depth", KrakenV1.depths)
def test_the_depth_is_asked_for_and_kept(depth: int) -> None:
    venue = KrakenV1(depth)
    (request,) = venue.subscribe([Subscription("BTC/USD", "XBT/USD", venue.channels[1])])
    assert f'"subscription":{{"name":"book","depth":{depth}}}' in request
    assert venue.book_levels() == depth


@pytest.mark.parametrize(("seconds", "us"), [("1534614248.123678", 1_534_614_248_123_678), ("1534614248.1", 1_534_614_248_100_000)])
def test_times_are_read_exactly(seconds: str, us: int) -> None:
    event = KrakenV1().parse(TRADE.replace("1534614057.324998", seconds).encode())
    assert isinstance(event, Event)
    assert event.time_us == us
