"""Messages are those of docs.cdp.coinbase.com (Exchange, WebSocket channels)."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice, Subscription
from tapewatch.sources.collectors.feed.venues.coinbase import LEVEL2, Coinbase
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

TICKER = (
    '{"type":"ticker","sequence":37475248783,"product_id":"ETH-USD","price":"1285.22","open_24h":"1310.79","volume_24h":"245532.79269678",'
    '"low_24h":"1280.52","high_24h":"1313.8","volume_30d":"9788783.60117027","best_bid":"1285.04","best_bid_size":"0.46688654",'
    '"best_ask":"1285.27","best_ask_size":"1.56637040","side":"buy","time":"2022-10-19T23:28:22.061769Z","trade_id":370843401,"last_size":"11.4"}'
)
MATCH = (
    '{"type":"match","trade_id":10,"sequence":50,"maker_order_id":"ac928c66-ca53-498f-9c13-a110027a60e8",'
    '"taker_order_id":"132fb6ae-456b-4654-b4e0-d681ac05cea1","time":"2014-11-07T08:19:27.028459Z","product_id":"ETH-USD","size":"5.23512",'
    '"price":"400.23","side":"sell"}'
)
SNAPSHOT = '{"type":"snapshot","product_id":"ETH-USD","bids":[["10101.10","0.45054140"]],"asks":[["10102.55","0.57753524"]]}'
UPDATE = (
    '{"type":"l2update","product_id":"ETH-USD","changes":[["buy","22356.270000","0.00000000"],["buy","22356.300000","1.00000000"],'
    '["sell","22357.1","0.5"]],"time":"2022-08-04T15:25:05.010758Z"}'
)
NARROWER = UPDATE.replace("22356.3", "10101.3").replace("22356.2", "10101.2").replace("22357.1", "10102.1")
SUBSCRIPTIONS = '{"type":"subscriptions","channels":[{"name":"level2_batch","product_ids":["ETH-USD"],"account_ids":null}]}'


class TestCoinbase(FeedVenueSuite):
    venue = Coinbase
    spellings = MappingProxyType({"ETH/USD": "ETH-USD", "BTC/EUR": "BTC-EUR"})
    examples = (
        Example(TICKER, Event("ticker", "ETH-USD", 1_666_222_102_061_769, is_crossed=False, low=1280.52, high=1313.8)),
        Example('{"type":"ticker","product_id":"ETH-USD","price":"1"}', Event("ticker", "ETH-USD")),
        Example(MATCH, Event("trade", "ETH-USD", 1_415_348_367_028_459, 10, 9, low=400.23, high=400.23)),
        Example(MATCH.replace('"match"', '"last_match"'), Event("trade", "ETH-USD", None, 10, 9, is_repeat=True)),
        Example(
            SNAPSHOT,
            Event("book", "ETH-USD", is_snapshot=True, asks=[("10102.55", "0.57753524")], bids=[("10101.10", "0.45054140")]),
        ),
        Example(
            UPDATE,
            Event(
                "book",
                "ETH-USD",
                1_659_626_705_010_758,
                asks=[("22357.1", "0.5")],
                bids=[("22356.270000", "0.00000000"), ("22356.300000", "1.00000000")],
            ),
        ),
        Example(SUBSCRIPTIONS, None),
        Example('{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"ETH-USD","time":"2014-11-07T08:19:28.464459Z"}', None),
        Example('{"type":"a_type_of_tomorrow","product_id":7}', None),
        Example(
            '{"type":"error","message":"Failed to subscribe","reason":"level2 requires authentication"}',
            Notice("Failed to subscribe: level2 requires authentication", is_refusal=True),
        ),
    )
    stories = (
        Story(
            "trade",
            [MATCH.replace('"match"', '"last_match"')]
            + [MATCH.replace('"trade_id":10', f'"trade_id":{number}') for number in range(11, 24)],
            makes={Fault.OUT_OF_BAND: [TICKER, TICKER, MATCH.replace('"trade_id":10', '"trade_id":24'), TICKER]},
        ),
        Story("book", [SNAPSHOT, *[NARROWER] * 6], makes={Fault.CROSSED: [UPDATE]}),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace('"best_bid":"1285.04"', '"best_bid":"1285.27"')]}),
    )
    time_answer = ('{"iso":"2015-01-07T23:47:25.201Z","epoch":1420674445.201}', 1_420_674_445_201_000)


def test_the_channel_that_needs_a_key_can_be_asked_for_by_its_own_name() -> None:
    venue = Coinbase()
    assert venue.subscribe([Subscription("ETH/USD", "ETH-USD", LEVEL2)]) == [
        '{"type":"subscribe","channels":[{"name":"level2","product_ids":["ETH-USD"]}]}'
    ]
