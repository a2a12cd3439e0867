"""Messages are those of developers.binance.com (COIN-M futures, market streams) and of its order-book page."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice, Subscription
from tapewatch.sources.collectors.feed.venues.binance_coinm import BinanceCoinm
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

DEPTH = (
    '{"stream":"btcusd_perp@depth@100ms","data":{"e":"depthUpdate","E":123456789,"T":123456788,"s":"BTCUSD_PERP","U":157,"u":160,"pu":149,'
    '"b":[["0.0024","10"]],"a":[["0.0026","100"]]}}'
)
TRADE = (
    '{"stream":"btcusd_perp@aggTrade","data":{"e":"aggTrade","E":123456789,"s":"BTCUSD_PERP","a":5933014,"p":"0.001","q":"100","f":100,"l":105,'
    '"T":123456785,"m":true}}'
)
TICKER = (
    '{"stream":"btcusd_perp@bookTicker","data":{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BTCUSD_PERP",'
    '"b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}'
)
CANDLE = (
    '{"stream":"btcusd_perp@kline_1m","data":{"e":"kline","E":1638747660000,"s":"BTCUSD_PERP","k":{"t":1638747660000,"T":1638747719999,'
    '"s":"BTCUSD_PERP","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,'
    '"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}}'
)


def depth(number: int) -> str:
    """Update ids grow by any amount; each message names the last one of the message before."""
    ends = 160 + 7 * number
    return DEPTH.replace('"u":160,"pu":149', f'"u":{ends},"pu":{ends - 7}')


class TestBinanceCoinm(FeedVenueSuite):
    venue = BinanceCoinm
    spellings = MappingProxyType({"BTC/USD:BTC": "BTCUSD_PERP"})
    examples = (
        Example(DEPTH, Event("book", "BTCUSD_PERP", 123_456_789_000, 160, 149)),
        Example(TRADE, Event("trade", "BTCUSD_PERP", 123_456_789_000, 5_933_014, 5_933_013, price=0.001)),
        Example(TICKER, Event("ticker", "BTCUSD_PERP", 1_568_014_460_893_000, is_crossed=False)),
        Example(TICKER.replace('"b":"25.3', '"b":"26.3'), Event("ticker", "BTCUSD_PERP", 1_568_014_460_893_000, is_crossed=True)),
        Example(CANDLE, Event("candle", "BTCUSD_PERP", 1_638_747_660_000_000)),
        Example('{"result":null,"id":1}', None),
        Example('{"error":{"code":2,"msg":"Invalid request"},"id":1}', Notice("Invalid request (code 2)", is_refusal=True)),
    )
    stories = (
        Story("book", [depth(number) for number in range(12)]),
        Story("trade", [TRADE.replace("5933014", str(5_933_014 + number)) for number in range(12)]),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace('"b":"25.35190000"', '"b":"25.36520000"')]}),
        Story("candle", [CANDLE] * 6),
    )
    time_answer = ('{"serverTime":1499827319559}', 1_499_827_319_559_000)


def test_all_streams_are_combined_in_one_address_and_dated_contracts_have_their_names() -> None:
    venue = BinanceCoinm()
    assert venue.native("BTC/USD:BTC-261225") == "BTCUSD_261225"
    wanted = [Subscription("BTC/USD:BTC", "BTCUSD_PERP", channel) for channel in venue.channels[:2]]
    (route,) = venue.routes(venue.address, wanted)
    assert route.url == "wss://dstream.binance.com/stream?streams=btcusd_perp@aggTrade/btcusd_perp@depth@100ms"
