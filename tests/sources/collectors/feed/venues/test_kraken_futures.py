"""Messages are those of docs.kraken.com (futures WebSocket: book, trade, ticker)."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice
from tapewatch.sources.collectors.feed.venues.kraken_futures import KrakenFutures
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

SNAPSHOT = (
    '{"feed":"book_snapshot","product_id":"PI_XBTUSD","timestamp":1612269825817,"seq":326072249,"tickSize":null,'
    '"bids":[{"price":34892.5,"qty":6385},{"price":34892,"qty":10924}],"asks":[{"price":34911.5,"qty":20598},{"price":34912,"qty":2300}]}'
)
CHANGE = '{"feed":"book","product_id":"PI_XBTUSD","side":"sell","seq":326072250,"price":34981,"qty":0,"timestamp":1612269953629}'
OLD_TRADES = (
    '{"feed":"trade_snapshot","product_id":"PI_XBTUSD","trades":[{"feed":"trade","product_id":"PI_XBTUSD",'
    '"uid":"caa9c653-420b-4c24-a9f1-462a054d86f1","side":"sell","type":"fill","seq":655508,"time":1612269657781,"qty":440,"price":34893}]}'
)
TRADE = (
    '{"feed":"trade","product_id":"PI_XBTUSD","uid":"05af78ac-a774-478c-a50c-8b9c234e071e","side":"sell","type":"fill","seq":653355,'
    '"time":1612266317519,"qty":15000,"price":34969.5}'
)
TICKER = (
    '{"time":1612270825253,"feed":"ticker","product_id":"PI_XBTUSD","bid":34832.5,"ask":34847.5,"bid_size":42864,"ask_size":2300,'
    '"volume":262306237,"dtm":0,"leverage":"50x","index":34803.45,"premium":0.1,"last":34852,"change":2.995,"suspended":false,'
    '"tag":"perpetual","pair":"XBT:USD","openInterest":107706940,"markPrice":34844.25,"maturityTime":0}'
)


def change(number: int) -> str:
    return CHANGE.replace("326072250", str(326072250 + number)).replace("34981", str(34981 + number)).replace('"qty":0', '"qty":5')


class TestKrakenFutures(FeedVenueSuite):
    venue = KrakenFutures
    spellings = MappingProxyType({"BTC/USD:BTC": "PI_XBTUSD", "BTC/USD:USD": "PF_XBTUSD", "ETH/USD:ETH": "PI_ETHUSD"})
    examples = (
        Example(
            SNAPSHOT,
            Event(
                "book",
                "PI_XBTUSD",
                None,
                326072249,
                326072248,
                is_snapshot=True,
                asks=[("34911.5", "20598.0"), ("34912.0", "2300.0")],
                bids=[("34892.5", "6385.0"), ("34892.0", "10924.0")],
            ),
        ),
        Example(CHANGE, Event("book", "PI_XBTUSD", 1_612_269_953_629_000, 326072250, 326072249, asks=[("34981.0", "0.0")])),
        Example(
            CHANGE.replace("sell", "buy"),
            Event("book", "PI_XBTUSD", 1_612_269_953_629_000, 326072250, 326072249, bids=[("34981.0", "0.0")]),
        ),
        Example(OLD_TRADES, Event("trade", "PI_XBTUSD", is_repeat=True)),
        Example(TRADE, Event("trade", "PI_XBTUSD", 1_612_266_317_519_000, 653355, 653354)),
        Example(TICKER, Event("ticker", "PI_XBTUSD", 1_612_270_825_253_000, is_crossed=False)),
        Example('{"event":"info","version":1}', None),
        Example('{"event":"subscribed","feed":"book","product_ids":["PI_XBTUSD"]}', None),
        Example('{"event":"error","message":"Invalid product id"}', Notice("Invalid product id", is_refusal=True)),
    )
    time_answer = (
        '{"result":"success","serverTime":"2022-06-28T09:29:04.243Z","tradeable":"PF_XBTUSD","experiencingDislocation":false}',
        1_656_408_544_243_000,
    )
    stories = (
        Story(
            "book",
            [SNAPSHOT, *[change(number) for number in range(12)]],
            makes={Fault.CROSSED: [change(12).replace("sell", "buy")]},
        ),
        Story("trade", [OLD_TRADES, *[TRADE.replace("653355", str(653355 + number)) for number in range(12)]], first=2),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace("34832.5", "34847.5")]}),
    )
