"""Known venues and the one alias table for symbols; both can be extended in the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Venue:
    """One place of trading: its id in every table, how people call it, and what its symbols settle in.

    Attributes:
        id: Lower case, as stored.
        title: As people write it.
        aliases: Other ids for it.
        settle: Settlement of its derivatives when a symbol does not say: ``quote``, ``base`` or empty for spot.
        spellings: Ways of its own to write a symbol, tried first: pattern of the whole symbol in upper case, and what it stands for.
    """

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    settle: str = ""
    spellings: tuple[tuple[str, str], ...] = ()


VENUES: tuple[Venue, ...] = (
    Venue("binance", "Binance", ("binance_spot",)),
    Venue("binance_usdm", "Binance USD-M futures", ("binance_futures", "binanceusdm", "binance-futures"), settle="quote"),
    Venue("binance_coinm", "Binance COIN-M futures", ("binancecoinm", "binance_delivery"), settle="base"),
    Venue("bitget", "Bitget"),
    Venue("bitfinex", "Bitfinex"),
    Venue(
        "bitmex",
        "BitMEX",
        settle="base",
        # contracts on other assets than bitcoin against the dollar settle in bitcoin, unless their name says otherwise
        spellings=(
            (r"([A-Z0-9]+)_(USD[TC])", r"\1/\2"),
            (r"([A-Z0-9]+)USD_ETH", r"\1/USD:ETH"),
            (r"([A-Z0-9]+)(USD[TC])", r"\1/\2:\2"),
            (r"([A-Z0-9]+)(USD|EUR)", r"\1/\2:BTC"),
        ),
    ),
    Venue("bitstamp", "Bitstamp"),
    Venue("bybit", "Bybit"),
    Venue("coinbase", "Coinbase Exchange", ("coinbasepro", "gdax", "coinbase_exchange")),
    Venue(
        "deribit",
        "Deribit",
        settle="base",
        spellings=(
            (r"([A-Z0-9]+)_(USD[TCE])-PERPETUAL", r"\1/\2:\2"),
            (r"([A-Z0-9]+)-PERPETUAL", r"\1/USD:\1"),
            (r"([A-Z0-9]+)_([A-Z0-9]+)", r"\1/\2"),
        ),
    ),
    Venue("dydx", "dYdX", settle="quote"),
    Venue("gateio", "Gate", ("gate",)),
    Venue("gemini", "Gemini"),
    Venue("htx", "HTX", ("huobi",)),
    # a coin by itself is its perpetual contract, which settles in USDC
    Venue("hyperliquid", "Hyperliquid", settle="quote", spellings=((r"(?!.*USD)([A-Z0-9]+)", r"\1/USDC:USDC"),)),
    Venue("kraken", "Kraken"),
    Venue(
        "kraken_futures",
        "Kraken futures",
        ("krakenfutures", "cryptofacilities"),
        settle="quote",
        spellings=((r"PF_([A-Z0-9]+)USD", r"\1/USD:USD"), (r"PI_([A-Z0-9]+)USD", r"\1/USD:\1")),
    ),
    Venue("kucoin", "KuCoin"),
    Venue("mexc", "MEXC"),
    Venue("okx", "OKX", ("okex",)),
)

ASSET_ALIASES: dict[str, str] = {"XBT": "BTC", "XDG": "DOGE"}
"""Assets that a venue calls by another name (ISO 4217 style codes of Kraken and BitMEX)."""

QUOTES: tuple[str, ...] = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "GBP", "CHF", "JPY", "TRY", "BTC", "ETH", "BNB", "DAI")
"""Quote assets tried, in this order, when a symbol is written without a separator."""

_CANONICAL = re.compile(r"^[A-Z0-9]{1,20}/[A-Z0-9]{2,10}(:[A-Z0-9]{2,10}(-\d{6})?)?$")
_SEPARATED = re.compile(r"^([A-Z0-9]{1,20})[-_/]([A-Z0-9]{2,10})$")
_PERPETUAL = re.compile(r"[-_](PERP|SWAP|PERPETUAL)$")

MOST_SEEN = 20_000
"""Spellings that are remembered: a venue writes its symbols the same way in every message."""


@dataclass(frozen=True, slots=True)
class Names:
    """Venue ids and symbols, with what the settings add.

    Attributes:
        venues: Alias or id to id.
        symbols: ``venue|symbol as it came`` or ``symbol as it came`` to the canonical symbol.
    """

    venues: Mapping[str, str] = field(default_factory=lambda: dict(_VENUE_IDS))
    symbols: Mapping[str, str] = field(default_factory=dict[str, str])
    _seen: dict[tuple[str, str], tuple[str, bool]] = field(
        default_factory=dict[tuple[str, str], tuple[str, bool]], compare=False, repr=False
    )

    @classmethod
    def extended(cls, venues: Mapping[str, list[str]], symbols: Mapping[str, str]) -> Names:
        """Add the settings' venues (id to aliases) and symbol aliases to the known ones."""
        known = dict(_VENUE_IDS)
        for venue, aliases in venues.items():
            known.update({alias.lower(): venue.lower() for alias in (venue, *aliases)})
        return cls(known, {key.upper() if "|" not in key else key: value for key, value in symbols.items()})

    def venue(self, name: str) -> tuple[str, bool]:
        """The stored id of a venue, and whether it is a known one; an unknown one is kept in lower case."""
        lower = name.strip().lower()
        known = self.venues.get(lower)
        return (known, True) if known else (lower, False)

    def symbol(self, name: str, venue: str = "") -> tuple[str, bool]:
        """The canonical ``BASE/QUOTE[:SETTLE]`` of a symbol, and whether the form was understood; else it is kept as it came."""
        found = self._seen.get((venue, name))
        if found is None:
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            found = self._seen[venue, name] = self._spelled(name, venue)
        return found

    def _spelled(self, name: str, venue: str) -> tuple[str, bool]:
        upper = name.strip().upper()
        alias = self.symbols.get(f"{venue}|{upper}") or self.symbols.get(upper)
        if alias:
            return alias, True
        if _CANONICAL.match(upper):
            return _with_assets(upper), True
        for pattern, template in _SPELLINGS.get(venue, ()):
            spelled = pattern.fullmatch(upper)
            if spelled:
                return _with_assets(spelled.expand(template)), True
        perpetual = _PERPETUAL.search(upper)
        bare = upper[: perpetual.start()] if perpetual else upper
        pair = _split(bare)
        if pair is None:
            return name.strip(), False
        base, quote = (ASSET_ALIASES.get(part, part) for part in pair)
        settle = _SETTLE.get(venue) or ("quote" if perpetual else "")
        suffix = {"quote": f":{quote}", "base": f":{base}"}.get(settle, "")
        return f"{base}/{quote}{suffix}", True


def _with_assets(symbol: str) -> str:
    return re.sub(r"[A-Z0-9]+", lambda found: ASSET_ALIASES.get(found.group(), found.group()), symbol)


def _split(symbol: str) -> tuple[str, str] | None:
    found = _SEPARATED.match(symbol)
    if found:
        return found.group(1), found.group(2)
    if not symbol.isalnum():
        return None
    # XBTUSD is XBT/USD, not XB/TUSD: bases of three letters and more are tried first
    for shortest_base in (3, 2):
        for quote in QUOTES:
            if symbol.endswith(quote) and len(symbol) - len(quote) >= shortest_base:
                return symbol[: -len(quote)], quote
    return None


_VENUE_IDS = {alias: venue.id for venue in VENUES for alias in (venue.id, *venue.aliases)}
_SETTLE = {venue.id: venue.settle for venue in VENUES}
_SPELLINGS = {venue.id: tuple((re.compile(pattern), template) for pattern, template in venue.spellings) for venue in VENUES}
