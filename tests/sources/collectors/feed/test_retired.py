"""Contracts with a date in their symbol."""

from datetime import UTC, date, datetime

import pytest

from tapewatch.sources.collectors.feed.retired import expired, expiry


@pytest.mark.parametrize(
    ("symbol", "day"),
    [
        ("BTC-USD-220527", date(2022, 5, 27)),
        ("BTCUSDT_240927", date(2024, 9, 27)),
        ("BTC/USDT:USDT-240927", date(2024, 9, 27)),
        ("FI_XBTUSD_240628", date(2024, 6, 28)),
        ("BTC-27DEC24", date(2024, 12, 27)),
        ("BTC-7JUN24-60000-C", date(2024, 6, 7)),
        ("BTC/USDT", None),
        ("BTC/USDT:USDT", None),
        ("1000SHIB/USDT", None),
        ("UNI-USD-SWAP", None),
        ("BTC-USD-229927", None),
        ("BTC-27XYZ24", None),
    ],
)
def test_the_day_is_read_as_the_venues_write_it(symbol: str, day: date | None) -> None:
    assert expiry(symbol) == day


def test_a_contract_has_expired_when_its_day_is_over() -> None:
    def at(day: int, hour: int) -> int:
        return int(datetime(2022, 5, day, hour, tzinfo=UTC).timestamp()) * 1_000_000

    assert expired("BTC-USD-220527", at(27, 23)) == ""
    assert expired("BTC-USD-220527", at(28, 0)) == "the contract expired on 2022-05-27"
    assert expired("BTC/USDT", at(28, 0)) == ""
