import pytest

from tapewatch.model import venue
from tapewatch.model.venue import VENUES, Names


@pytest.mark.parametrize(
    ("symbol", "venue", "canonical"),
    [
        ("BTCUSDT-PERP", "binance_usdm", "BTC/USDT:USDT"),
        ("BTCUSDT", "binance", "BTC/USDT"),
        ("BTCUSDT", "binance_usdm", "BTC/USDT:USDT"),
        ("sushiusdt", "binance_usdm", "SUSHI/USDT:USDT"),
        ("XBTUSD", "bitmex", "BTC/USD:BTC"),
        ("XBT/USD", "kraken", "BTC/USD"),
        ("btc-usdt", "okx", "BTC/USDT"),
        ("BTC-USDT-SWAP", "okx", "BTC/USDT:USDT"),
        ("SKL-GBP", "coinbase", "SKL/GBP"),
        ("BTC/USDT:USDT", "binance_usdm", "BTC/USDT:USDT"),
        ("XBTUSDT", "bitmex", "BTC/USDT:USDT"),
        ("ETHUSD", "bitmex", "ETH/USD:BTC"),
        ("ETHUSD_ETH", "bitmex", "ETH/USD:ETH"),
        ("XBT_USDT", "bitmex", "BTC/USDT"),
        ("BTC-PERPETUAL", "deribit", "BTC/USD:BTC"),
        ("SOL_USDC-PERPETUAL", "deribit", "SOL/USDC:USDC"),
        ("BTC_USDC", "deribit", "BTC/USDC"),
        ("BTC", "hyperliquid", "BTC/USDC:USDC"),
        ("kPEPE", "hyperliquid", "KPEPE/USDC:USDC"),
        ("BTCUSDC", "hyperliquid", "BTC/USDC:USDC"),
        ("PF_XBTUSD", "kraken_futures", "BTC/USD:USD"),
        ("PI_XBTUSD", "kraken_futures", "BTC/USD:BTC"),
    ],
)
def test_one_alias_table_for_symbols(symbol: str, venue: str, canonical: str) -> None:
    assert Names().symbol(symbol, venue) == (canonical, True)


def test_what_is_not_understood_is_kept_as_it_came_and_flagged() -> None:
    assert Names().symbol("weird thing", "kraken") == ("weird thing", False)
    assert Names().venue("My-Venue") == ("my-venue", False)


def test_aliases_of_venues_and_of_the_settings() -> None:
    names = Names.extended({"house": ["h1"]}, {"house|FOO": "BTC/EUR"})
    assert names.venue("OKEX") == ("okx", True)
    assert names.venue("H1") == ("house", True)
    assert names.symbol("foo", "house") == ("BTC/EUR", True)


def test_no_name_belongs_to_two_venues() -> None:
    words = [word for venue in VENUES for word in (venue.id, *venue.aliases)]
    assert len(words) == len(set(words))


def test_spellings_are_remembered_by_venue_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue, "MOST_SEEN", 2)
    names = Names()
    for _ in range(2):
        assert names.symbol("BTCUSDT", "binance_usdm") == ("BTC/USDT:USDT", True)
        assert names.symbol("BTCUSDT", "binance") == ("BTC/USDT", True)
        assert names.symbol("??", "binance") == ("??", False)
        assert len(names._seen) <= 2
    assert Names() == names, "what was seen makes no other names"
