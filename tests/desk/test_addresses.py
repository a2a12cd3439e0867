import pytest

from tapewatch.desk import Addresses, VenueAddress

ADDRESSES = Addresses(
    (
        VenueAddress("binance_usdm", "ws://127.0.0.1:5140/stream", ("BTC/USDT:USDT", "ETH/USDT:USDT")),
        VenueAddress("kraken", "ws://127.0.0.1:5142/", ("BTC/USD",)),
    ),
    "http://127.0.0.1:5143",
)


def test_one_line_of_json_comes_back_as_it_was() -> None:
    line = ADDRESSES.to_json()
    assert "\n" not in line
    assert Addresses.from_json(line) == ADDRESSES


def test_another_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not the addresses of a desk"):
        Addresses.from_json('{"hello":1}')
