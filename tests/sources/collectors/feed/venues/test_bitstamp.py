"""Messages are those of Bitstamp's page "Websocket API v2"; the shapes are those of its recording."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice
from tapewatch.sources.collectors.feed.venues.bitstamp import Bitstamp
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

TRADE = (
    '{"data":{"id":216000484,"timestamp":"1641343709","amount":0.931,"amount_str":"0.93100000","price":3802.93,"price_str":"3802.93","type":1,'
    '"microtimestamp":"1641343709599000","buy_order_id":1443875774971904,"sell_order_id":1443875778322433},'
    '"channel":"live_trades_ethusd","event":"trade"}'
)
BOOK = (
    '{"data":{"timestamp":"1641343721","microtimestamp":"1641343721506497","bids":[["0.99787","0.00000"]],"asks":[["0.99994","14883.96385"]]},'
    '"channel":"diff_order_book_ethusd","event":"data"}'
)
QUOTES = BOOK.replace("diff_order_book", "order_book")


def ids(number: int) -> str:
    return TRADE.replace("216000484", str(216000484 + 7 * number))


def changes(number: int) -> str:
    return BOOK.replace("1641343721506497", str(1641343721506497 + 100_003 * number))


class TestBitstamp(FeedVenueSuite):
    venue = Bitstamp
    spellings = MappingProxyType({"ETH/USD": "ethusd", "USDT/EUR": "usdteur"})
    examples = (
        Example(TRADE, Event("trade", "ethusd", 1_641_343_709_599_000, 216000484)),
        Example(BOOK, Event("book", "ethusd", 1_641_343_721_506_497, 1_641_343_721_506_497)),
        Example(QUOTES, Event("ticker", "ethusd", 1_641_343_721_506_497, is_crossed=False)),
        Example(QUOTES.replace("0.99787", "0.99995"), Event("ticker", "ethusd", 1_641_343_721_506_497, is_crossed=True)),
        Example('{"event":"bts:subscription_succeeded","channel":"live_trades_ethusd","data":{}}', None),
        Example('{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}', None),
        Example(
            '{"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription string."}}',
            Notice("Bad subscription string.", is_refusal=True),
        ),
        Example(
            '{"event":"bts:request_reconnect","channel":"","data":""}',
            Notice("bts:request_reconnect: this server is about to close", is_maintenance=True),
        ),
    )
    time_answer = None
    stories = (
        Story("trade", [ids(number) for number in range(12)]),
        Story("book", [changes(number) for number in range(12)]),
        Story("ticker", [QUOTES] * 6, makes={Fault.CROSSED: [QUOTES.replace("0.99787", "0.99994")]}),
    )
