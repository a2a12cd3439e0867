"""Contracts that have come to their end, by the date in their symbol: their silence is no fault."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from tapewatch.clock import US_PER_S

_DIGITS = re.compile(r"[-_](\d{2})(\d{2})(\d{2})(?:$|-)")
"""Year, month, day, as Binance, OKX, Kraken Futures and canonical symbols write them: ``BTC-USD-220527``, ``BTC/USDT:USDT-240927``."""

_WORDS = re.compile(r"-(\d{1,2})([A-Z]{3})(\d{2})(?:$|-)")
"""Day, month, year, as Deribit and Bybit write them: ``BTC-27DEC24``, options with strike and side behind it."""

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def expiry(symbol: str) -> date | None:
    """The day on which a contract expires, by its symbol; None for one without a date.

    >>> expiry("BTC-USD-220527"), expiry("BTC-7JUN24-60000-C"), expiry("BTC/USDT:USDT")
    (datetime.date(2022, 5, 27), datetime.date(2024, 6, 7), None)
    """
    try:
        if digits := _DIGITS.search(symbol):
            year, month, day = map(int, digits.groups())
            return date(2000 + year, month, day)
        if words := _WORDS.search(symbol):
            return date(2000 + int(words[3]), _MONTHS.index(words[2]) + 1, int(words[1]))
    except ValueError:
        return None
    return None


def expired(symbol: str, now_us: int) -> str:
    """That a contract has expired, in words; empty for one that has not.

    Venues settle at different hours, so that the day itself must be over in UTC.
    """
    day = expiry(symbol)
    if day is None or datetime.fromtimestamp(now_us / US_PER_S, tz=UTC).date() < day + timedelta(days=1):
        return ""
    return f"the contract expired on {day.isoformat()}"
