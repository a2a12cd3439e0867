"""Messages are those of hyperliquid.gitbook.io (for developers, API, Websocket, Subscriptions)."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice
from tapewatch.sources.collectors.feed.venues.hyperliquid import Hyperliquid
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

TRADES = (
    '{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"81500.0","sz":"0.01","hash":"0x00","time":1795556531250,'
    '"tid":118906512037719,"users":["0x1","0x2"]},{"coin":"BTC","side":"A","px":"81499.0","sz":"0.02","hash":"0x01","time":1795556531310,'
    '"tid":518906512037720,"users":["0x1","0x2"]}]}'
)
BOOK = (
    '{"channel":"l2Book","data":{"coin":"BTC","time":1795556531250,"levels":[[{"px":"81499.0","sz":"1.5","n":3}],'
    '[{"px":"81500.0","sz":"0.5","n":1}]]}}'
)
QUOTES = (
    '{"channel":"bbo","data":{"coin":"BTC","time":1795556531250,'
    '"bbo":[{"px":"81499.0","sz":"1.5","n":3},{"px":"81500.0","sz":"0.5","n":1}]}}'
)
AT_US = 1_795_556_531_250_000


class TestHyperliquid(FeedVenueSuite):
    venue = Hyperliquid
    spellings = MappingProxyType({"BTC/USDC:USDC": "BTC", "KPEPE/USDC:USDC": "kPEPE", "KAS/USDC:USDC": "KAS"})
    examples = (
        Example(TRADES, Event("trade", "BTC", AT_US + 60_000)),
        Example('{"channel":"trades","data":[]}', None),
        Example(BOOK, Event("book", "BTC", AT_US, is_crossed=False)),
        Example(BOOK.replace("81499.0", "81501.0"), Event("book", "BTC", AT_US, is_crossed=True)),
        Example('{"channel":"l2Book","data":{"coin":"BTC","time":1795556531250,"levels":[[],[]]}}', Event("book", "BTC", AT_US)),
        Example(QUOTES, Event("ticker", "BTC", AT_US, is_crossed=False)),
        Example('{"channel":"bbo","data":{"coin":"BTC","time":1795556531250,"bbo":[null,null]}}', Event("ticker", "BTC", AT_US)),
        Example('{"channel":"pong"}', None),
        Example('{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{"type":"trades","coin":"BTC"}}}', None),
        Example('{"channel":"error","data":"Invalid subscription"}', Notice("Invalid subscription", is_refusal=True)),
    )
    time_answer = ('{"time":1764617438643,"specialStatuses":null}', 1_764_617_438_643_000)
    stories = (
        Story("trade", [TRADES] * 6),
        Story("book", [BOOK] * 6, makes={Fault.CROSSED: [BOOK.replace("81499.0", "81500.0")]}),
        Story("ticker", [QUOTES] * 6, makes={Fault.CROSSED: [QUOTES.replace("81499.0", "81500.0")]}),
    )
