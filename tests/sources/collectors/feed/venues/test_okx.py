"""Messages have the form of www.okx.com/docs-v5; prices and numbers are our own."""

from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice
from tapewatch.sources.collectors.feed.venues.okx import Okx
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

ARG = '"arg":{"channel":"%s","instId":"BTC-USDT"}'
SNAPSHOT = (
    "{" + ARG % "books" + ',"action":"snapshot","data":[{"asks":[["8476.98","415","0","13"],["8477","7","0","2"]],'
    '"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":0,"seqId":100,"prevSeqId":-1}]}'
)
UPDATE = (
    "{" + ARG % "books" + ',"action":"update","data":[{"asks":[["8478.5","3","0","1"]],"bids":[],"ts":"1597026383185","checksum":0,'
    '"seqId":107,"prevSeqId":100}]}'
)
TRADE = (
    "{" + ARG % "trades" + ',"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12","side":"buy",'
    '"ts":"1630048897897","count":"3","seqId":1234}]}'
)
TICKER = (
    "{" + ARG % "tickers" + ',"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"9999.99","lastSz":"0.1","askPx":"9999.99",'
    '"askSz":"11","bidPx":"8888.88","bidSz":"5","open24h":"9000","high24h":"10000","low24h":"8888.88","ts":"1597026383085"}]}'
)


def update(number: int) -> str:
    """Ids grow by any amount; each message names the one before."""
    return UPDATE.replace('"seqId":107,"prevSeqId":100', f'"seqId":{100 + 7 * number},"prevSeqId":{93 + 7 * number}')


def trade(number: int) -> str:
    return TRADE.replace("130639474", str(130_639_474 + 3 * number))


class TestOkx(FeedVenueSuite):
    venue = Okx
    spellings = MappingProxyType({"BTC/USDT": "BTC-USDT", "BTC/USDT:USDT": "BTC-USDT-SWAP"})
    examples = (
        Example(
            SNAPSHOT,
            Event(
                "book",
                "BTC-USDT",
                1_597_026_383_085_000,
                100,
                is_snapshot=True,
                asks=[["8476.98", "415", "0", "13"], ["8477", "7", "0", "2"]],
                bids=[["8476.97", "256", "0", "12"]],
            ),
        ),
        Example(UPDATE, Event("book", "BTC-USDT", 1_597_026_383_185_000, 107, 100, asks=[["8478.5", "3", "0", "1"]])),
        Example(
            UPDATE.replace('"checksum":0', '"checksum":-855196043'),
            Event("book", "BTC-USDT", 1_597_026_383_185_000, 107, 100, asks=[["8478.5", "3", "0", "1"]], checksum=3_439_771_253),
        ),
        Example(TRADE, Event("trade", "BTC-USDT", 1_630_048_897_897_000, 130_639_474, low=42219.9, high=42219.9)),
        Example(TICKER, Event("ticker", "BTC-USDT", 1_597_026_383_085_000, is_crossed=False, low=8888.88, high=10000.0)),
        Example("pong", None),
        Example('{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"accb8e21"}', None),
        Example(
            '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade.","connId":"a4d3ae55"}',
            Notice("The connection will soon be closed for a service upgrade. (code 64008)", is_maintenance=True),
        ),
        Example(
            '{"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:NO-NE does not exist.","connId":"a4d3ae55"}',
            Notice("Wrong URL or channel:books,instId:NO-NE does not exist. (code 60018)", is_refusal=True),
        ),
    )
    stories = (
        Story(
            "book",
            [SNAPSHOT, *[update(number) for number in range(1, 12)]],
            makes={Fault.CROSSED: [update(12).replace('"bids":[]', '"bids":[["8476.98","1","0","1"]]')]},
        ),
        Story("trade", [trade(number) for number in range(12)], makes={Fault.OUT_OF_BAND: [TICKER, TICKER, trade(12), TICKER]}),
        Story("ticker", [TICKER] * 6, makes={Fault.CROSSED: [TICKER.replace('"bidPx":"8888.88"', '"bidPx":"9999.99"')]}),
    )
    time_answer = ('{"code":"0","msg":"","data":[{"ts":"1597026383085"}]}', 1_597_026_383_085_000)


def test_a_message_without_a_change_and_a_venue_that_counts_anew_are_no_event() -> None:
    suite = TestOkx()
    quiet = update(2).replace('"seqId":114,"prevSeqId":107', '"seqId":107,"prevSeqId":107')
    anew = update(2).replace('"seqId":114,"prevSeqId":107', '"seqId":3,"prevSeqId":107')
    follows = update(2).replace('"seqId":114,"prevSeqId":107', '"seqId":5,"prevSeqId":3')
    totals = suite._totals("book", [SNAPSHOT, update(1), quiet, anew, follows])
    assert (totals["gaps"], totals["duplicates"], totals["reorders"]) == (0, 0, 0)


def test_without_a_snapshot_the_sequence_is_followed_and_the_book_unknown() -> None:
    totals = TestOkx()._totals("book", [update(1), update(2), update(4), update(5)])
    assert (totals["gaps"], totals["crossed"]) == (1, None)
