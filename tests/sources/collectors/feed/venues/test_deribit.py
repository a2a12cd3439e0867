"""Messages are those of docs.deribit.com (subscriptions book, trades, quote, platform_state)."""

from types import MappingProxyType

import pytest

from tapewatch.sources.collectors.feed.venues.base import Event, Fault, Notice, Subscription
from tapewatch.sources.collectors.feed.venues.deribit import BOOK, Deribit
from tapewatch.testing.feeds import Example, FeedVenueSuite, Story

SNAPSHOT = (
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":{"type":"snapshot",'
    '"timestamp":1554373962454,"instrument_name":"BTC-PERPETUAL","change_id":297217,"bids":[["new",5042.34,30],["new",5041.94,20]],'
    '"asks":[["new",5042.64,40],["new",5043.3,40]]}}}'
)
CHANGE = (
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":{"type":"change",'
    '"timestamp":1554373911330,"prev_change_id":297217,"instrument_name":"BTC-PERPETUAL","change_id":297218,'
    '"bids":[["delete",5041.94,0],["delete",5042.34,0]],"asks":[]}}}'
)
TRADES = (
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms","data":[{"trade_seq":30289442,'
    '"trade_id":"48079269","timestamp":1590484512188,"tick_direction":2,"price":8950,"mark_price":8948.9,"instrument_name":"BTC-PERPETUAL",'
    '"index_price":8955.88,"direction":"sell","amount":10},{"trade_seq":30289443,"trade_id":"48079270","timestamp":1590484512190,'
    '"tick_direction":2,"price":8950,"mark_price":8948.9,"instrument_name":"BTC-PERPETUAL","index_price":8955.88,"direction":"sell",'
    '"amount":10}]}}'
)
QUOTE = (
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{"timestamp":1550658624149,'
    '"instrument_name":"BTC-PERPETUAL","best_bid_price":3914.97,"best_bid_amount":40,"best_ask_price":3996.61,"best_ask_amount":50}}}'
)
STATE = '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":{"maintenance":true}}}'


def change(number: int) -> str:
    ends = 297218 + 3 * number
    return CHANGE.replace('"prev_change_id":297217', f'"prev_change_id":{ends - 3 if number else 297217}').replace(
        '"change_id":297218', f'"change_id":{ends}'
    )


def trades(number: int) -> str:
    return TRADES.replace("30289442", str(30289442 + 2 * number)).replace("30289443", str(30289443 + 2 * number))


CROSSING = change(12).replace('["delete",5041.94,0]', '["new",5042.64,10]')


class TestDeribit(FeedVenueSuite):
    venue = Deribit
    spellings = MappingProxyType({"BTC/USD:BTC": "BTC-PERPETUAL", "SOL/USDC:USDC": "SOL_USDC-PERPETUAL", "BTC/USDC": "BTC_USDC"})
    examples = (
        Example(
            SNAPSHOT,
            Event(
                "book",
                "BTC-PERPETUAL",
                1_554_373_962_454_000,
                297217,
                is_snapshot=True,
                asks=[("5042.64", "40.0"), ("5043.3", "40.0")],
                bids=[("5042.34", "30.0"), ("5041.94", "20.0")],
            ),
        ),
        Example(
            CHANGE,
            Event("book", "BTC-PERPETUAL", 1_554_373_911_330_000, 297218, 297217, bids=[("5041.94", "0.0"), ("5042.34", "0.0")]),
        ),
        Example(TRADES, Event("trade", "BTC-PERPETUAL", 1_590_484_512_190_000, 30289443, 30289441)),
        Example(QUOTE, Event("ticker", "BTC-PERPETUAL", 1_550_658_624_149_000, is_crossed=False)),
        Example(QUOTE.replace("3996.61", "null"), Event("ticker", "BTC-PERPETUAL", 1_550_658_624_149_000)),
        Example(STATE, Notice("the platform is in maintenance", is_maintenance=True)),
        Example(STATE.replace("true", "false"), Notice("maintenance is over")),
        Example(
            STATE.replace('"maintenance":true', '"price_index":"btc_usd","locked":true'), Notice("btc_usd is locked", is_maintenance=True)
        ),
        Example('{"jsonrpc":"2.0","id":1,"result":["book.BTC-PERPETUAL.100ms"]}', None),
        Example(
            '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params","data":{"param":"channels","reason":"bad"}}}',
            Notice("Invalid params (code -32602): channels bad", is_refusal=True),
        ),
    )
    time_answer = ('{"jsonrpc":"2.0","result":1550147385946}', 1_550_147_385_946_000)
    stories = (
        Story("book", [SNAPSHOT, *[change(number) for number in range(12)]], makes={Fault.CROSSED: [CROSSING]}),
        Story("trade", [trades(number) for number in range(12)]),
        Story("ticker", [QUOTE] * 6, makes={Fault.CROSSED: [QUOTE.replace("3914.97", "3996.61")]}),
    )


def test_a_book_is_had_anew_by_leaving_and_coming_back() -> None:
    leave, come = Deribit().resync(Subscription("BTC/USD:BTC", "BTC-PERPETUAL", BOOK))
    assert '"public/unsubscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}' in leave
    assert '"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}' in come


@pytest.mark.parametrize("symbol", ["BTC-25DEC26", "BTC-25DEC26-100000-C"])
def test_a_dated_contract_is_written_as_it_came(symbol: str) -> None:
    assert Deribit().native(symbol) == symbol
