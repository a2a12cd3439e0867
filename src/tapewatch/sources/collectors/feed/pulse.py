"""When a stream or a connection last spoke, since when it is listened to, and how it usually speaks."""

from __future__ import annotations

from dataclasses import dataclass, field

from tapewatch.sources.collectors.feed.cadence import Cadence


@dataclass(slots=True)
class Pulse:
    """Times are seconds of a clock that never goes back.

    Attributes:
        since_s: Since when it is listened to without a break; None while nobody listens.
        last_s: When the last message came; None when none has come yet.
        has_spoken: Whether a message has come since listening began.
        cadence: What silence is usual.
    """

    since_s: float | None = None
    last_s: float | None = None
    has_spoken: bool = False
    cadence: Cadence = field(default_factory=Cadence)

    def beat(self, now_s: float) -> None:
        """Take one message."""
        self.last_s = now_s
        self.has_spoken = True
        self.cadence.arrive(now_s)

    def listen(self, now_s: float) -> None:
        """Listening begins (anew): silence counts from now, and what lies before teaches nothing."""
        self.since_s = now_s
        self.has_spoken = False
        self.cadence.interrupt()

    def excuse(self, now_s: float) -> None:
        """The listener itself stood still until now: the silence so far was its own."""
        if self.since_s is not None:
            self.since_s = now_s
            self.cadence.interrupt()

    def deaf(self) -> None:
        """Nobody listens any more."""
        self.since_s = None
        self.has_spoken = False
        self.cadence.interrupt()

    def age_s(self, now_s: float) -> float | None:
        """Seconds since the last message, whether anybody listened or not; None when none has come yet."""
        return None if self.last_s is None else now_s - self.last_s

    def silence_s(self, now_s: float) -> float:
        """Seconds of listening without a message; 0 while nobody listens."""
        if self.since_s is None:
            return 0.0
        return now_s - (self.since_s if self.last_s is None else max(self.since_s, self.last_s))
