"""Messages have the form of bybit-exchange.github.io/docs/v5 (and of v1); prices and numbers are our own."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice, Subscription
from tapewatch.sources.collectors.feed.venues.bybit import Bybit
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

SNAPSHOT = (
    '{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1672304484978,"data":{"s":"BTCUSDT","b":[["16493.50","0.006"],'
    '["16493.00","0.100"]],"a":[["16611.00","0.029"],["16612.00","0.213"]],"u":18521288,"seq":7961638724},"cts":1672304484976}'
)
UPDATE = (
    '{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[["16493.50","0"]],"a":[],'
    '"u":18521289,"seq":7961638799},"cts":1687940967464}'
)
TRADE = (
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001",'
    '"p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"seq":1783284617}]}'
)
TICKER = (
    '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","lastPrice":"17216.00","highPrice24h":"17281.50",'
    '"lowPrice24h":"16915.00","bid1Price":"17215.50","bid1Size":"84.489","ask1Price":"17216.00","ask1Size":"83.020"},"cs":24987956059,'
    '"ts":1673272861686}'
)
V1_SNAPSHOT = (
    '{"topic":"orderBookL2_25.BTCUSDT","type":"snapshot","data":{"order_book":[{"price":"2999.00","symbol":"BTCUSDT","id":"29990000",'
    '"side":"Buy","size":9},{"price":"3001.00","symbol":"BTCUSDT","id":"30010000","side":"Sell","size":10}]},"cross_seq":"11518",'
    '"timestamp_e6":"1555647164875373"}'
)
V1_UPDATE = (
    '{"topic":"orderBookL2_25.BTCUSDT","type":"delta","data":{"delete":[{"price":"3001.00","symbol":"BTCUSDT","id":"30010000",'
    '"side":"Sell"}],"update":[{"price":"2999.00","symbol":"BTCUSDT","id":"29990000","side":"Buy","size":8}],"insert":[{"price":"3002.50",'
    '"symbol":"BTCUSDT","id":"30025000","side":"Sell","size":1.5}]},"cross_seq":"11519","timestamp_e6":"1555647221331673"}'
)
V1_TRADE = (
    '{"topic":"trade.BTCUSDT","data":[{"symbol":"BTCUSDT","tick_direction":"PlusTick","price":"3000.50","size":0.14,'
    '"timestamp":"2021-04-17T16:43:05.000Z","trade_time_ms":"1618677785116","side":"Buy","trade_id":"01cacfe9"}]}'
)


def update(number: int) -> str:
    return UPDATE.replace("18521289", str(18_521_288 + number))


class TestBybit(FeedVenueSuite):
    venue = Bybit
    spellings = MappingProxyType({"BTC/USDT": "BTCUSDT", "ETH/USDC": "ETHUSDC"})
    examples = (
        Example(
            SNAPSHOT,
            Event(
                "book",
                "BTCUSDT",
                1_672_304_484_976_000,
                18_521_288,
                18_521_287,
                is_snapshot=True,
                asks=[("16611.00", "0.029"), ("16612.00", "0.213")],
                bids=[("16493.50", "0.006"), ("16493.00", "0.100")],
            ),
        ),
        Example(UPDATE, Event("book", "BTCUSDT", 1_687_940_967_464_000, 18_521_289, 18_521_288, bids=[("16493.50", "0")])),
        Example(TRADE, Event("trade", "BTCUSDT", 1_672_304_486_865_000, low=16578.5, high=16578.5)),
        Example(TRADE.replace('"BT":false', '"BT":true'), Event("trade", "BTCUSDT", 1_672_304_486_865_000)),
        Example(TICKER, Event("ticker", "BTCUSDT", 1_673_272_861_686_000, is_crossed=False, low=16915.0, high=17281.5)),
        Example(
            '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"17215.00"},"cs":1,"ts":1673272861786}',
            Event("ticker", "BTCUSDT", 1_673_272_861_786_000),
        ),
        Example(
            V1_SNAPSHOT,
            Event("book", "BTCUSDT", 1_555_647_164_875_373, is_snapshot=True, asks=[("3001.00", "10.0")], bids=[("2999.00", "9.0")]),
        ),
        Example(
            V1_UPDATE,
            Event(
                "book",
                "BTCUSDT",
                1_555_647_221_331_673,
                asks=[("3001.00", "0.0"), ("3002.50", "1.5")],
                bids=[("2999.00", "8.0")],
            ),
        ),
        Example(V1_TRADE, Event("trade", "BTCUSDT", 1_618_677_785_116_000)),
        Example('{"success":true,"ret_msg":"pong","conn_id":"0970e817","req_id":"","op":"ping"}', None),
        Example('{"success":true,"ret_msg":"","conn_id":"0970e817","op":"subscribe"}', None),
        Example('{"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000}],"ts":1672324988882,"type":"snapshot"}', None),
        Example(
            '{"success":false,"ret_msg":"error:handler not found,topic:orderbook.7.BTCUSDT","conn_id":"0970e817","op":"subscribe"}',
            Notice("error:handler not found,topic:orderbook.7.BTCUSDT", is_refusal=True),
        ),
    )
    stories = (
        Story(
            "book",
            [SNAPSHOT, *[update(number) for number in range(1, 12)]],
            makes={
                Fault.CROSSED: [update(12).replace('"a":[]', '"a":[["16493.00","1"]]')],
                Fault.SNAPSHOT: [SNAPSHOT.replace("18521288", "18521299")],
            },
        ),
        Story("trade", [TRADE] * 6, makes={Fault.OUT_OF_BAND: [TICKER, TRADE, TICKER]}),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace('"bid1Price":"17215.50"', '"bid1Price":"17216.00"')]}),
    )
    time_answer = (
        '{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"},"time":1688639403423}',
        1_688_639_403_423_213,
    )


def test_spot_linear_and_inverse_have_addresses_of_their_own() -> None:
    venue = Bybit()
    symbols = ("BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC")
    wanted = [Subscription(symbol, venue.native(symbol), venue.channels[1]) for symbol in symbols]
    routes = venue.routes(venue.address, wanted)
    assert [route.url.rpartition("/")[2] for route in routes] == ["spot", "linear", "inverse"]
    assert venue.subscribe(routes[1].subscriptions) == ['{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}']


def test_a_restarted_venue_begins_with_a_snapshot_and_no_event() -> None:
    anew = SNAPSHOT.replace("18521288", "1")
    totals = TestBybit()._totals("book", [SNAPSHOT, update(1), update(2), anew, UPDATE.replace("18521289", "2")])
    assert (totals["gaps"], totals["duplicates"], totals["reorders"]) == (0, 0, 0)


def test_a_snapshot_that_holds_what_the_changes_made_contradicts_nothing() -> None:
    same = SNAPSHOT.replace('["16493.50","0.006"],', "").replace("18521288", "18521291")
    suite = TestBybit()
    messages = [SNAPSHOT, update(1), update(2), update(3)]
    assert suite._totals("book", messages, later=[same])["snapshot_mismatches"] == 0
    # of another number, it may hold changes that have not come: nothing can be said
    assert suite._totals("book", messages, later=[same.replace("18521291", "18521292")])["snapshot_mismatches"] is None


def test_a_book_that_lost_an_update_is_asked_for_anew() -> None:
    venue = Bybit(200)
    requests = venue.resync(Subscription("BTC/USDT", "BTCUSDT", venue.channels[1]))
    assert requests == ['{"op":"unsubscribe","args":["orderbook.200.BTCUSDT"]}', '{"op":"subscribe","args":["orderbook.200.BTCUSDT"]}']
