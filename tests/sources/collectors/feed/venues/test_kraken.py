"""Messages are those of docs.kraken.com (spot WebSocket v2); the checksums of the story were computed by hand from its book."""

import zlib
from types import MappingProxyType

import pytest

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice, Subscription
from tapewatch.sources.collectors.feed.venues.kraken import BOOK, Kraken
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

UPDATE = (
    '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":0.5657,"qty":1098.3947558}],'
    '"asks":[{"price":45285.20,"qty":0.00100000}],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
)
TRADES = (
    '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market",'
    '"trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"},{"symbol":"BTC/USD","side":"sell","price":0.5116,"qty":10.0,'
    '"ord_type":"market","trade_id":4665907,"timestamp":"2023-09-25T07:49:37.708710Z"}]}'
)
TICKER = (
    '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10035,"ask_qty":740.0,'
    '"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17}]}'
)
STATUS = (
    '{"channel":"status","type":"update","data":[{"version":"2.0.0","system":"online","api_version":"v2","connection_id":'
    "12393906104898154338}]}"
)


def digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")


def checksum(asks: list[tuple[str, str]], bids: list[tuple[str, str]]) -> int:
    return zlib.crc32("".join(digits(price) + digits(qty) for price, qty in [*asks, *bids]).encode())


def told(kind: str, asks: list[tuple[str, str]], bids: list[tuple[str, str]], sum_of: int, rest: str = "") -> str:
    sides = [",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in side) for side in (bids, asks)]
    data = f'{{"symbol":"BTC/USD","bids":[{sides[0]}],"asks":[{sides[1]}],"checksum":{sum_of}{rest}}}'
    return f'{{"channel":"book","type":"{kind}","data":[{data}]}}'


ASKS = [("45285.20", "0.00100000"), ("45286.40", "1.57180000")]
BIDS = [("45283.50", "0.10000000"), ("45283.40", "1.54582015")]
SNAPSHOT = told("snapshot", ASKS, BIDS, checksum(ASKS, BIDS))


def trades(number: int) -> str:
    return TRADES.replace("4665906", str(4 + 2 * number)).replace("4665907", str(5 + 2 * number))


def one_sided(number: int) -> str:
    """An ask of its own for each update: a lost one is missing from every later checksum."""
    added = [(f"45285.3{index}", "1.00000000") for index in range(1, number + 1)]
    sum_of = checksum([ASKS[0], *added, ASKS[1]], BIDS)
    return told("update", added[-1:], [], sum_of, f',"timestamp":"2023-10-06T17:35:55.44{number:04}Z"')


class TestKraken(FeedVenueSuite):
    venue = Kraken
    spellings = MappingProxyType({"BTC/USD": "BTC/USD", "DOGE/EUR": "DOGE/EUR"})
    examples = (
        Example(SNAPSHOT, Event("book", "BTC/USD", is_snapshot=True, asks=ASKS, bids=BIDS, checksum=checksum(ASKS, BIDS))),
        Example(
            UPDATE,
            Event(
                "book",
                "BTC/USD",
                1_696_613_755_440_295,
                asks=[("45285.20", "0.00100000")],
                bids=[("0.5657", "1098.3947558")],
                checksum=2114181697,
            ),
        ),
        Example(TRADES, Event("trade", "BTC/USD", 1_695_628_177_708_710, 4665907, 4665905, low=0.5116, high=0.5117)),
        Example(TRADES.replace("update", "snapshot"), Event("trade", "BTC/USD", is_repeat=True)),
        Example(TICKER, Event("ticker", "BTC/USD", is_crossed=False, low=0.09979, high=0.10285)),
        Example(STATUS, Notice("the trading engine is in state online")),
        Example(STATUS.replace("online", "maintenance"), Notice("the trading engine is in state maintenance", is_maintenance=True)),
        Example('{"channel":"heartbeat"}', None),
        Example('{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}', None),
        Example(
            '{"error":"Currency pair not supported BTC/XXX","method":"subscribe","success":false,"symbol":"BTC/XXX"}',
            Notice("Currency pair not supported BTC/XXX", is_refusal=True, symbol="BTC/XXX"),
        ),
    )
    time_answer = (
        '{"method":"pong","req_id":101,"success":true,"time_in":"2023-09-24T14:10:23.799685Z","time_out":"2023-09-24T14:10:23.799703Z"}',
        1_695_564_623_799_703,
    )
    stories = (
        Story(
            "book",
            [SNAPSHOT, *[one_sided(number) for number in range(1, 7)]],
            makes={Fault.CROSSED: [told("update", [], [("45285.20", "1.00000000")], 1)]},
        ),
        Story("trade", [trades(number) for number in range(12)], makes={Fault.OUT_OF_BAND: [TICKER, trades(12), TICKER]}),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace("0.10025", "0.10035")]}),
    )


@pytest.mark.parametrize("depth", Kraken.depths)
def test_the_depth_is_asked_for_and_kept(depth: int) -> None:
    venue = Kraken(depth)
    (request,) = venue.subscribe([Subscription("BTC/USD", "BTC/USD", BOOK)])
    assert request == f'{{"method":"subscribe","params":{{"channel":"book","symbol":["BTC/USD"],"depth":{depth}}}}}'
    assert venue.book_levels() == depth


def test_trades_of_two_symbols_in_one_message_are_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="several symbols"):
        Kraken().parse(TRADES.replace("BTC/USD", "ETH/USD", 1).encode())
