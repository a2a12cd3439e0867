import json

import pytest

from tapewatch.desk.daemon.readings import DIALOGUES, Reading
from tests.desk.simulated import CLASSES, of, run


@pytest.mark.parametrize(("venue", "symbol"), [("binance_usdm", "BTCUSDT"), ("coinbase", "BTC-USD"), ("kraken", "XBT/USD")])
def test_reads_each_trade_once(venue: str, symbol: str) -> None:
    spec, _ = CLASSES[venue]
    heard = of(run(venue, seconds=20), symbol, spec.trade_channel)
    texts = [f'{{"stream":"x","data":{one.text}}}' if venue == "binance_usdm" else one.text for one in heard]
    readings = [reading for text in texts for reading in DIALOGUES[venue].read(text)]
    assert len(readings) == len(heard) > 10
    assert {(reading.data_type, reading.symbol) for reading in readings} == {("trade", symbol)}
    assert all((reading.number is None) == (venue == "kraken") for reading in readings)


def test_reads_forced_orders() -> None:
    order = {"s": "BTCUSDT", "S": "SELL", "T": 1700000000000}
    text = json.dumps({"stream": "btcusdt@forceOrder", "data": {"e": "forceOrder", "E": 1700000000001, "o": order}})
    assert list(DIALOGUES["binance_usdm"].read(text)) == [Reading("liquidation", "BTCUSDT", None, 1700000000001000)]


@pytest.mark.parametrize(
    ("venue", "text"),
    [
        ("binance_usdm", '{"result":null,"id":1}'),
        ("coinbase", '{"type":"last_match","trade_id":1,"product_id":"BTC-USD","time":"2021-04-17T16:43:37.089723Z"}'),
        ("coinbase", '{"type":"subscriptions","channels":[]}'),
        ("kraken", '{"event":"heartbeat"}'),
        ("kraken", '[1,{"b":[["1","2","3.0"]],"c":"1"},"book-10","XBT/USD"]'),
    ],
)
def test_passes_over_everything_else(venue: str, text: str) -> None:
    assert list(DIALOGUES[venue].read(text)) == []
