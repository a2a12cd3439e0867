"""Plays a recording as if it happened now: a local server that speaks the venue's protocol."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from types import TracebackType
from typing import Self

from tapewatch.desk.clock import US_PER_S, Clock, SystemClock
from tapewatch.desk.dialects.base import Change, Offer
from tapewatch.desk.recording import Entry, Recording
from tapewatch.desk.server import Line, VenueServer

_SENT_BETWEEN_PAUSES = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How a recording is played.

    Attributes:
        speed: 1 is the recorded pace, 10 is ten times faster.
        is_looping: At the end, close the connection, so that the subscriber connects again and hears the recording from its start;
            otherwise the connection stays open and silent.
        settle_s: Seconds without a further subscription before the first message plays (streams in the address need none).

    Raises:
        ValueError: The speed is not positive.
    """

    speed: float = 1.0
    is_looping: bool = False
    settle_s: float = 0.05

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ValueError(f"a recording cannot be played at {self.speed} times its pace; give a number above 0")


class Player:
    """Serves a recording; every connection hears it from its beginning, its own streams only.

    A message that was recorded ``d`` after the first one plays ``d / speed`` after the subscription, and every time in it is moved so that
    the time of sending minus the venue's time is what the recorder saw, whatever the speed.

    Args:
        recording: What to play.
        pace: How to play it.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        clock: Source of time.
    """

    def __init__(
        self, recording: Recording, pace: Pace | None = None, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
    ) -> None:
        self._recording = recording
        self._pace = pace or Pace()
        self._clock = clock or SystemClock()
        self._server = VenueServer(recording.dialect, self, host=host, port=port)
        self._playbacks: dict[Line, _Playback] = {}
        self._tasks: dict[Line, asyncio.Task[None]] = {}

    @property
    def url(self) -> str:
        """Address to connect to."""
        return self._server.url

    @property
    def offer(self) -> Offer:
        """See `Source.offer`."""
        return self._recording.offer

    async def start(self) -> None:
        """Listen; see `VenueServer.start`."""
        await self._server.start()

    async def stop(self) -> None:
        """Close all connections and the port."""
        await self._server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def ended(self) -> None:
        """Wait until every present connection has heard all of its streams."""
        await asyncio.gather(*(playback.ended.wait() for playback in self._playbacks.values()))

    def opened(self, line: Line) -> None:
        """See `Source.opened`."""
        playback = _Playback(self._recording, line, self._pace, self._clock)
        self._playbacks[line] = playback
        self._tasks[line] = asyncio.create_task(playback.run())

    def changed(self, line: Line, change: Change) -> None:
        """See `Source.changed`."""
        if change.added or change.removed:
            self._playbacks[line].change(change)

    def closed(self, line: Line) -> None:
        """See `Source.closed`."""
        if line in self._playbacks:
            self._playbacks.pop(line).ended.set()
            self._tasks.pop(line).cancel()


class _Playback:
    """The recording on one connection."""

    def __init__(self, recording: Recording, line: Line, pace: Pace, clock: Clock) -> None:
        self._recording = recording
        self._line = line
        self._pace = pace
        self._clock = clock
        self._schedule: Sequence[Entry] = recording.of_all(line.streams)
        self._next = 0
        self._played = -1  # order of the last message played
        self._is_running = False
        self._first_us = 0
        self._start_s = 0.0
        self._changed = asyncio.Event()
        self.ended = asyncio.Event()

    def change(self, change: Change) -> None:
        """Take changed subscriptions: the schedule is made anew from where the recording has come to."""
        self._schedule = self._recording.of_all(self._line.streams)
        self._next = bisect_right(self._schedule, self._played, key=attrgetter("order"))
        if self._is_running:
            self._tell_state(change)
        self._changed.set()
        self.ended.clear()

    def _tell_state(self, change: Change) -> None:
        """Send the book of streams that are subscribed after their recorded snapshot has passed."""
        for stream in change.added:
            entries = self._recording.of(stream)
            state = self._recording.state_at(stream, self._played) if entries and entries[0].order <= self._played else None
            if state is not None:
                self._line.push(self._line.session.dress(stream, state.render(self._shift_us())))

    def _shift_us(self) -> int:
        """How far the recording's present is from now."""
        played_s = (self._clock.monotonic_s() - self._start_s) * self._pace.speed
        return self._clock.now_us() - self._first_us - round(played_s * US_PER_S)

    async def run(self) -> None:
        """Play until the connection closes."""
        if not self._schedule:
            await self._settle()
        self._is_running = True
        self._first_us = self._schedule[0].received_us
        self._start_s = self._clock.monotonic_s()
        sent = 0
        while True:
            if self._next >= len(self._schedule):
                await self._end()
                continue
            entry = self._schedule[self._next]
            wait_s = self._start_s + (entry.received_us - self._first_us) / US_PER_S / self._pace.speed - self._clock.monotonic_s()
            if wait_s > 0:
                if await self._pause(wait_s):
                    continue
            elif sent % _SENT_BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)
            await self._send(entry)
            sent += 1

    async def _send(self, entry: Entry) -> None:
        """Send one message with its times moved to now."""
        self._next += 1
        self._played = entry.order
        text = entry.template.render(self._clock.now_us() - entry.received_us)
        await self._line.send(text if entry.stream is None else self._line.session.dress(entry.stream, text))

    async def _settle(self) -> None:
        """Wait for the first subscription, then until no other one has come for a moment."""
        while not self._schedule:
            await self._changed.wait()
            self._changed.clear()
            while await self._pause(self._pace.settle_s):
                pass

    async def _pause(self, wait_s: float) -> bool:
        """Wait; True when subscriptions changed meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        was_changed = self._changed.is_set()
        self._changed.clear()
        return was_changed

    async def _end(self) -> None:
        """Say that all has been played; loop, or stay silent until subscriptions change."""
        self.ended.set()
        if self._pace.is_looping:
            await self._line.close("the recording has ended; connect again to hear it from its start")
        await self._changed.wait()
        self._changed.clear()
