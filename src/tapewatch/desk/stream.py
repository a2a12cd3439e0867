"""One stream of a venue: a symbol and a channel, in the venue's own words."""

from __future__ import annotations

from typing import NamedTuple


class Stream(NamedTuple):
    """A symbol and a channel as the venue spells them.

    Attributes:
        symbol: ``BTCUSDT``, ``BTC-USD``, ``XBT/USD``.
        channel: Name with its parameters: ``depth@100ms``, ``level2``, ``book-10``.
    """

    symbol: str
    channel: str

    def is_of(self, symbol: str, channel: str) -> bool:
        """Tell whether this stream is meant; ``channel`` may leave the parameters out (``depth``, ``book``)."""
        bare = self.channel.replace("@", "-").split("-", 1)[0]
        return self.symbol == symbol and channel in {self.channel, bare}
