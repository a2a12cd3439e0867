"""The daemon's connection to one venue: reads trades and forced orders, reconnects, measures the round trip."""

from __future__ import annotations

import asyncio
import random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tapewatch.desk.clock import US_PER_MS, Clock
from tapewatch.desk.daemon.readings import DIALOGUES, LIQUIDATION, TRADE, Reading
from tapewatch.desk.daemon.tally import Pipe, Tally
from tapewatch.desk.daemon.trade_chain import TradeChain
from tapewatch.desk.exchange import CallError, Exchange

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 4.0
_PING_EVERY_S = 1.0


class VenueLink:
    """Reads one venue for as long as its task runs.

    Args:
        exchange: The venue.
        tally: Where records and gaps are counted.
        clock: Source of time.
        seed: Of the jitter between attempts to connect.

    Attributes:
        is_connected: Whether the connection stands.
        reconnects: Connections after the first one.
        last_message_us: When the last message arrived; None before the first.
        disconnected_us: Since when the connection is lost; None while it stands.
        liquidations: Forced orders since the start.
    """

    def __init__(self, exchange: Exchange, tally: Tally, clock: Clock, seed: int) -> None:
        self.exchange = exchange
        self.is_connected = False
        self.reconnects = 0
        self.last_message_us: int | None = None
        self.disconnected_us: int | None = None
        self.liquidations = 0
        self._tally = tally
        self._clock = clock
        self._random = random.Random(f"{seed}/{exchange.spec.name}/link")
        self._dialogue = DIALOGUES[exchange.spec.name]
        self._unified = {item.symbol: item.unified for item in exchange.spec.instruments}
        self._trades = {item.symbol: TradeChain() for item in exchange.spec.instruments}
        self._connections = 0
        self._round_trip_ms: float | None = None
        self._asked_s: float | None = None  # when the question was put that is not answered yet

    @property
    def latency_ms(self) -> float | None:
        """Last round trip, or how long the present one already takes if that is longer; None while the venue does not answer."""
        if self._round_trip_ms is None or self._asked_s is None:
            return self._round_trip_ms
        return max(self._round_trip_ms, (self._clock.monotonic_s() - self._asked_s) * 1_000)

    async def read(self) -> None:
        """Connect, read, and connect again with growing, jittered waits; never returns."""
        wait_s = _FIRST_WAIT_S
        while True:
            before = self._connections
            try:
                await self._read_once()
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                self._lost()
            wait_s = _FIRST_WAIT_S if self._connections > before else min(_LONGEST_WAIT_S, 2 * wait_s)
            await asyncio.sleep(wait_s * self._random.uniform(0.5, 1.0))

    async def ping(self) -> None:
        """Measure the round trip each second; never returns."""
        while True:
            self._asked_s = start_s = self._clock.monotonic_s()
            try:
                await self.exchange.ping()
                self._round_trip_ms = (self._clock.monotonic_s() - start_s) * 1_000
            except CallError:
                self._round_trip_ms = None
            self._asked_s = None
            await asyncio.sleep(max(0.0, start_s + _PING_EVERY_S - self._clock.monotonic_s()))

    async def _read_once(self) -> None:
        symbols = tuple(self._unified)
        url = self.exchange.url + (self._dialogue.query(symbols) if self._dialogue.query else "")
        async with connect(url, compression=None, open_timeout=3, close_timeout=0.3) as connection:
            if self._dialogue.request is not None:
                await connection.send(self._dialogue.request(symbols))
            self._stands()
            await self._listen(connection)

    async def _listen(self, connection: ClientConnection) -> None:
        while True:
            text = await connection.recv(decode=True)
            received_us = self._clock.now_us()
            self.last_message_us = received_us
            for reading in self._dialogue.read(text):
                self._take(reading, received_us, len(text))

    def _stands(self) -> None:
        """The connection is there; what was said while it was not is missing."""
        self._connections += 1
        self.reconnects = self._connections - 1
        self.is_connected = True
        self.disconnected_us = None
        now_s = self._clock.monotonic_s()
        for symbol, chain in self._trades.items():
            silent_s = chain.restart(now_s)
            if silent_s is not None:
                self._tally.gap(Pipe(self.exchange.spec.name, self._unified[symbol], TRADE), silent_s)

    def _lost(self) -> None:
        if self.is_connected or self.disconnected_us is None:
            self.disconnected_us = self._clock.now_us()
        self.is_connected = False

    def _take(self, reading: Reading, received_us: int, size_bytes: int) -> None:
        """Count a record, and a gap when numbers before it are missing for good."""
        pipe = Pipe(self.exchange.spec.name, self._unified[reading.symbol], reading.data_type)
        self._tally.record(pipe, size_bytes, (received_us - reading.time_us) / US_PER_MS)
        if reading.data_type == LIQUIDATION:
            self.liquidations += 1
            return
        gap_s = self._trades[reading.symbol].take(reading.number, self._clock.monotonic_s())
        if gap_s is not None:
            self._tally.gap(pipe, gap_s)
