"""Messages are those of developers.binance.com (spot, WebSocket streams) and of its order-book page."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice
from tapewatch.sources.collectors.feed.venues.binance import Binance
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

DEPTH = (
    '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":123456789,"s":"BTCUSDT","U":157,"u":160,'
    '"b":[["0.0024","10"]],"a":[["0.0026","100"]]}}'
)
TRADE = (
    '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":123456789,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","f":100,"l":105,'
    '"T":123456785,"m":true}}'
)
TICKER = (
    '{"stream":"btcusdt@bookTicker","data":{"u":400900217,"s":"BTCUSDT",'
    '"b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}'
)
CANDLE = (
    '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1638747660000,"s":"BTCUSDT","k":{"t":1638747660000,"T":1638747719999,'
    '"s":"BTCUSDT","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,'
    '"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}}'
)


def depth(number: int) -> str:
    """Update ids grow by any amount; each message begins after the last one of the message before."""
    ends = 160 + 7 * number
    return DEPTH.replace('"U":157,"u":160', f'"U":{ends - 6},"u":{ends}')


def quote(number: int) -> str:
    """The book's number grows by any amount."""
    return TICKER.replace("400900217", str(400_900_217 + number * number))


GOING = Notice("the server is about to shut down", is_maintenance=True)


class TestBinance(FeedVenueSuite):
    venue = Binance
    spellings = MappingProxyType({"BTC/USDT": "BTCUSDT", "ETH/BTC": "ETHBTC"})
    examples = (
        Example(DEPTH, Event("book", "BTCUSDT", 123_456_789_000, 160, 156)),
        Example(TRADE, Event("trade", "BTCUSDT", 123_456_789_000, 5_933_014, 5_933_013, price=0.001)),
        Example(TICKER, Event("ticker", "BTCUSDT", number=400_900_217, is_crossed=False)),
        Example(TICKER.replace('"b":"25.3', '"b":"26.3'), Event("ticker", "BTCUSDT", number=400_900_217, is_crossed=True)),
        Example(CANDLE, Event("candle", "BTCUSDT", 1_638_747_660_000_000)),
        Example('{"result":null,"id":1}', None),
        Example('{"e":"serverShutdown","E":1770123456789}', GOING),
        Example('{"stream":"","data":{"e":"serverShutdown","E":1770123456789}}', GOING),
        Example('{"error":{"code":2,"msg":"Invalid request"},"id":1}', Notice("Invalid request (code 2)", is_refusal=True)),
    )
    stories = (
        Story("book", [depth(number) for number in range(12)]),
        Story("trade", [TRADE.replace("5933014", str(5_933_014 + number)) for number in range(12)]),
        Story(
            "ticker",
            [quote(number) for number in range(12)],
            makes={Fault.CROSSED: [quote(20).replace('"b":"25.35190000"', '"b":"25.36520000"')]},
        ),
        Story("candle", [CANDLE] * 6),
    )
    time_answer = ('{"serverTime":1499827319559}', 1_499_827_319_559_000)
