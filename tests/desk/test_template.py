from tapewatch.desk.dialects import dialect
from tapewatch.desk.template import Template


def test_binance_moves_every_time_and_nothing_else() -> None:
    text = '{"e":"kline","E":1626992741424,"s":"X","k":{"t":1626992700000,"T":1626992759999,"f":23961275,"L":1626992741,"n":48,"x":false}}'
    moved = Template(text, dialect("binance_usdm").times).render(5_000_000)
    expected = text.replace("1626992741424", "1626992746424").replace("1626992700000", "1626992705000")
    assert moved == expected.replace("1626992759999", "1626992764999")


def test_coinbase_moves_iso_times_with_six_decimals() -> None:
    text = '{"type":"match","trade_id":280232,"price":"0.00001305","time":"2021-04-17T16:43:37.089723Z"}'
    assert Template(text, dialect("coinbase").times).render(30_000_000).endswith('"time":"2021-04-17T16:44:07.089723Z"}')


def test_coinbase_reads_times_of_any_precision() -> None:
    form = dialect("coinbase").times
    assert Template('{"time":"2021-04-17T16:43:37Z"}', form).times_us == (1618677817000000,)
    assert Template('{"time":"2021-04-17T16:43:37.5Z"}', form).times_us == (1618677817500000,)


def test_kraken_moves_the_third_text_of_levels_and_trades_but_no_price_or_volume() -> None:
    form = dialect("kraken").times
    level = '["1618678133.000000","1618678133.00000000","1618678133.365913"]'
    book = f'[1,{{"a":[{level},["1","2","3.000000","r"]],"c":"1618678133"}},"book-10","X"]'
    moved = Template(book, form).render(1_000_000)
    assert moved == book.replace("1618678133.365913", "1618678134.365913").replace("3.000000", "4.000000").replace("134.00", "133.00")
    trade = '[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""]],"trade","XBT/USD"]'
    assert Template(trade, form).render(-57_321_597) == trade.replace("1534614057.321597", "1534614000.000000")


def test_untouched_text_comes_back_byte_for_byte() -> None:
    for venue, text in (
        ("binance_usdm", '{"e":"aggTrade","E":1626992741575,"a":16599292,"T":1626992741421,"m":false}'),
        ("coinbase", '{"type":"l2update","changes":[["buy","0.7900","8717.3"]],"time":"2021-04-17T16:43:37.089759Z"}'),
        ("kraken", '[992,{"b":[["354.15000000","5.00000000","1618678133.365913"]],"c":"2583817756"},"book-1000","XMR/USD"]'),
    ):
        assert Template(text, dialect(venue).times).render() == text
