"""Which of several venues is ahead in the same market: rows of table ``feed_lead``.

Told twice: by when prices arrive here, which one clock measures; and by the venues' own times, which compare only as far as the offsets of
their clocks are known. What cannot be told says why.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tapewatch.sources.collectors.feed.lead import LEAST_MOVES, MOST_S, Lead, lead_of
from tapewatch.sources.collectors.feed.prices import WINDOW_S, Prices, Series
from tapewatch.sources.collectors.feed.venues.common import base_quote

EVERY_S = 60.0
"""Seconds between two comparisons of the same pair, at least."""

PAUSE_S = 2.0
"""Seconds between two comparisons of a process: each takes some hundredths of a second of a processor."""

CLEAR, UNCLEAR = ("ahead", "behind"), "unclear"


@dataclass(frozen=True, slots=True)
class VenueTime:
    """Host's clock minus a venue's, and how wrong that may be, seconds; an empty reason when both are known, else why they are not."""

    offset_s: float = 0.0
    error_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Racer:
    """One symbol's trades on one venue.

    Attributes:
        owner: The measure that it belongs to.
        venue: Venue id.
        symbol: As tapewatch spells it.
        prices: Its changes.
        time: What is known of the venue's clock now.
    """

    owner: object
    venue: str
    symbol: str
    prices: Prices
    time: Callable[[], VenueTime]

    @property
    def market(self) -> str:
        """What is traded, whatever it is settled in."""
        pair = base_quote(self.symbol)
        return "/".join(pair) if pair else self.symbol


@dataclass(slots=True, eq=False)
class Pair:
    """Two streams of the same market, and when they were compared last."""

    first: Racer
    second: Racer
    compared_s: float = -math.inf

    @property
    def has_prices(self) -> bool:
        """Whether prices of both have ever come: not of every venue they are read."""
        return bool(self.first.prices and self.second.prices)


class Races:
    """Every stream of prices of a process. One object for all its collectors; not thread-safe, but `compared` may run in a thread."""

    def __init__(self) -> None:
        self._racers: list[Racer] = []
        self._pairs: list[Pair] = []
        self._compared_s = -math.inf

    @property
    def period_s(self) -> float:
        """Seconds between two comparisons of the same pair."""
        return max(EVERY_S, PAUSE_S * len(self._pairs))

    def join(self, racers: Iterable[Racer]) -> None:
        """Add streams."""
        self._racers.extend(racers)
        self._pair()

    def leave(self, owner: object) -> None:
        """Take out those of a collector that ended."""
        self._racers = [racer for racer in self._racers if racer.owner is not owner]
        self._pair()

    def _pair(self) -> None:
        """Every two streams of the same market on different venues."""
        markets: defaultdict[str, list[Racer]] = defaultdict(list)
        for racer in self._racers:
            markets[racer.market].append(racer)
        known = {(id(pair.first), id(pair.second)): pair for pair in self._pairs}
        found = [two for racers in markets.values() for two in combinations(racers, 2) if two[0].venue != two[1].venue]
        self._pairs = [known.get((id(first), id(second))) or Pair(first, second) for first, second in found]

    def due(self, owner: object, now_s: float) -> tuple[Racer, Racer] | None:
        """A pair that is to be compared now, of which the first belongs to ``owner``; it counts as compared. None when none is due."""
        if now_s - self._compared_s < PAUSE_S:
            return None
        mine = [pair for pair in self._pairs if pair.first.owner is owner and pair.has_prices]
        longest = min(mine, key=lambda pair: pair.compared_s, default=None)
        if longest is None or now_s - longest.compared_s < EVERY_S:
            return None
        self._compared_s = longest.compared_s = now_s
        return longest.first, longest.second


@dataclass(frozen=True, slots=True)
class Taken:
    """One side of a comparison as it was when it was taken; may go to a thread."""

    venue: str
    symbol: str
    series: Series
    time: VenueTime

    @classmethod
    def of(cls, racer: Racer, now_s: float) -> Taken:
        """The last `WINDOW_S` seconds."""
        return cls(racer.venue, racer.symbol, racer.prices.since(now_s - WINDOW_S), racer.time())


def compared(first: Taken, second: Taken) -> list[dict[str, Any]]:
    """Two rows of table ``feed_lead`` without ``ts``, one from each side."""
    here = lead_of(first.series.arrived_s, first.series.values, second.series.arrived_s, second.series.values)
    there, reason = _by_venues(first, second)
    return [_row(first, second, here, there, reason, 1), _row(second, first, here, there, reason, -1)]


def _by_venues(first: Taken, second: Taken) -> tuple[Lead | None, str]:
    """The lead by the venues' own times, on the host's clock; None and why when these do not compare."""
    for side in (first, second):
        if side.time.reason:
            return None, f"the clock of {side.venue} is not known: {side.time.reason}"
    (first_s, values), (second_s, others) = first.series.by_venue(), second.series.by_venue()
    return lead_of(first_s + first.time.offset_s, values, second_s + second.time.offset_s, others), ""


def _row(side: Taken, other: Taken, here: Lead | None, there: Lead | None, reason: str, sign: int) -> dict[str, Any]:
    clocks_s = side.time.error_s + other.time.error_s
    row: dict[str, Any] = {
        "venue": side.venue,
        "symbol": side.symbol,
        "peer": other.venue,
        "peer_symbol": other.symbol,
        "standing": UNCLEAR,
        "moves": min(len(side.series.values), len(other.series.values)),
    }
    if here is None:
        need = f"{row['moves']} price changes in {WINDOW_S / 60:.0f} min; {LEAST_MOVES + 1} are needed"
        return {**row, "evidence": need}
    row |= {"correlation": here.correlation}
    if not here.is_certain:
        return {**row, "evidence": f"prices do not move together clearly enough within {MOST_S:.0f} s of each other"}
    row |= {"here_ms": sign * here.lead_s * 1000, "here_error_ms": here.error_s * 1000}
    if there is None or not there.is_certain:
        why = reason or "by the venues' own times prices do not move together clearly enough"
        return {**row, "evidence": f"{_words('here', sign * here.lead_s, here.error_s)}; {why}"}
    error_s = there.error_s + clocks_s
    lead_s = sign * there.lead_s
    row |= {"lead_ms": lead_s * 1000, "lead_error_ms": error_s * 1000}
    if abs(lead_s) <= error_s:
        wrong = f"that may be wrong by {error_s * 1000:.0f} ms, {clocks_s * 1000:.0f} ms of it the clocks"
        return {**row, "evidence": f"{lead_s * 1000:+.0f} ms, but {wrong}"}
    return {**row, "standing": CLEAR[lead_s < 0], "evidence": _words("at the venues", lead_s, error_s)}


def _words(where: str, lead_s: float, error_s: float) -> str:
    return f"{where} {abs(lead_s) * 1000:.0f} ms {CLEAR[lead_s < 0]}, give or take {error_s * 1000:.0f} ms"
