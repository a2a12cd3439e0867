"""Messages are those of www.bitmex.com/app/wsAPI."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice
from tapewatch.sources.collectors.feed.venues.bitmex import Bitmex
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

TRADE = (
    '{"table":"trade","action":"insert","data":[{"timestamp":"2026-11-24T21:42:11.250Z","symbol":"XBTUSD","side":"Sell","size":100,'
    '"price":81500.5,"tickDirection":"MinusTick","trdMatchID":"b8bf6a4c-9a0b-4b5c-a1f3-41b9a6a8d3b5","grossValue":122699,'
    '"homeNotional":0.00122699,"foreignNotional":100}]}'
)
BOOK = (
    '{"table":"orderBookL2_25","action":"update","data":[{"symbol":"XBTUSD","id":17999992000,"side":"Sell","size":500,"price":81501,'
    '"timestamp":"2026-11-24T21:42:11.301Z"},{"symbol":"XBTUSD","id":17999992500,"side":"Buy","size":50,"price":81500,'
    '"timestamp":"2026-11-24T21:42:11.302Z"}]}'
)
QUOTE = (
    '{"table":"quote","action":"insert","data":[{"timestamp":"2026-11-24T21:42:11.250Z","symbol":"XBTUSD","bidSize":100,"bidPrice":81500,'
    '"askPrice":81500.5,"askSize":200}]}'
)
AT_US = 1_795_556_531_250_000


class TestBitmex(FeedVenueSuite):
    venue = Bitmex
    spellings = MappingProxyType(
        {
            "BTC/USD:BTC": "XBTUSD",
            "ETH/USD:BTC": "ETHUSD",
            "ETH/USD:ETH": "ETHUSD_ETH",
            "BTC/USDT:USDT": "XBTUSDT",
            "BTC/USDT": "XBT_USDT",
        }
    )
    examples = (
        Example(TRADE, Event("trade", "XBTUSD", AT_US)),
        Example(TRADE.replace("insert", "partial"), Event("trade", "XBTUSD", AT_US, is_repeat=True)),
        Example(BOOK, Event("book", "XBTUSD", AT_US + 52_000)),
        Example(QUOTE, Event("ticker", "XBTUSD", AT_US, is_crossed=False)),
        Example(QUOTE.replace('"bidPrice":81500', '"bidPrice":81501'), Event("ticker", "XBTUSD", AT_US, is_crossed=True)),
        Example('{"table":"trade","action":"partial","keys":[],"filter":{"symbol":"XBTUSD"},"data":[]}', None),
        Example('{"info":"Welcome to the BitMEX Realtime API.","version":"2.0.0","limit":{"remaining":39}}', None),
        Example('{"success":true,"subscribe":"trade:XBTUSD","request":{"op":"subscribe","args":["trade:XBTUSD"]}}', None),
        Example(
            '{"status":400,"error":"Unknown table: foo","meta":{},"request":{"op":"subscribe","args":["foo"]}}',
            Notice("Unknown table: foo (status 400)", is_refusal=True),
        ),
    )
    time_answer = ('{"name":"BitMEX API","version":"2.0.0","timestamp":1591276980537}', 1_591_276_980_537_000)
    stories = (
        Story("trade", [TRADE] * 6),
        Story("book", [BOOK] * 6),
        Story("ticker", [QUOTE] * 6, makes={Fault.CROSSED: [QUOTE.replace("81500.5", "81500")]}),
    )
