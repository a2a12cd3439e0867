"""One connected tab: what it shows and what waits to be sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tapewatch.clock import Clock
from tapewatch.surfaces.web.live.messages import FrameMessage
from tapewatch.surfaces.web.live.outbox import Outbox
from tapewatch.surfaces.web.live.topic import Topic

MOST_ANSWERS = 256
"""Unread answers after which a client's further requests wait."""


class LiveClient:
    """A connection; lives on the event loop.

    Args:
        clock: For how long a message has been waiting.
        abort: Cuts the connection without waiting for the other side.
        straight: Hands a text to the connection if it takes it at once, else gives False; None where nothing goes without waiting.
    """

    def __init__(self, clock: Clock, abort: Callable[[], None], straight: Callable[[str], bool] | None = None) -> None:
        self.abort = abort
        self.outbox = Outbox()
        self._straight = straight
        self._pushed: Callable[[FrameMessage], None] | None = None
        self.topics: dict[str, Topic] = {}
        self._clock = clock
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._sending_since_s: float | None = None
        self._is_idle = False

    def answer(self, text: str) -> None:
        """Send an answer to something it asked."""
        self.outbox.answer(text)
        self._wake.set()

    def tick(self, text: str) -> None:
        """Send the tick of this second."""
        if self._goes_straight(text):
            return
        self.outbox.tick(text)
        self._wake.set()

    def frame(self, message: FrameMessage) -> None:
        """Send a frame of one of its topics."""
        if self._goes_straight(message.text):
            if self._pushed is not None:
                self._pushed(message)
            return
        self.outbox.frame(message, self._clock.monotonic_s())
        self._wake.set()

    def _goes_straight(self, text: str) -> bool:
        """Send at once what nothing is before: waking a task for every message of a thousand connections takes longer than sending it."""
        return self._is_idle and self._straight is not None and not self._wake.is_set() and self._straight(text)

    def shows(self, topic: Topic) -> bool:
        """Whether one of its subscriptions is this topic."""
        return self in topic.clients

    def stuck_s(self, now_s: float) -> float:
        """Seconds for which the other side has not taken the message being sent."""
        return 0.0 if self._sending_since_s is None else now_s - self._sending_since_s

    async def room(self) -> None:
        """Wait until it has read its answers."""
        while self.outbox.answers_waiting >= MOST_ANSWERS:
            self._drained.clear()
            await self._drained.wait()

    async def pump(self, send: Callable[[str], Awaitable[None]], pushed: Callable[[FrameMessage], None]) -> None:
        """Send what waits, for as long as the connection lives.

        Args:
            send: Sends one text; returns when the connection has taken it.
            pushed: Told of every frame that was sent.
        """
        self._pushed = pushed
        while True:
            item = self.outbox.pop()
            if item is None:
                if self._recover():
                    continue
                await self._rest()
                continue
            self._sending_since_s = self._clock.monotonic_s()
            await send(item if isinstance(item, str) else item.text)
            self._sending_since_s = None
            if isinstance(item, FrameMessage):
                pushed(item)
            if self.outbox.answers_waiting < MOST_ANSWERS:
                self._drained.set()

    async def _rest(self) -> None:
        """Wait until something has to wait for its turn."""
        self._wake.clear()
        self._is_idle = True
        try:
            await self._wake.wait()
        finally:
            self._is_idle = False

    def _recover(self) -> bool:
        """Queue a fresh snapshot of every topic that was given up while the client was slow."""
        lost = self.outbox.take_lost()
        by_name = {topic.name: topic for topic in self.topics.values()}
        for name in lost:
            topic = by_name.get(name)
            if topic is None or topic.frame is None:
                self.outbox.forget(name)
            else:
                self.frame(topic.snapshot())
        return bool(lost)
