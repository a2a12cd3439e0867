"""What goes wrong, and when: faults are data on a timeline."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tapewatch.desk.stream import Stream


@dataclass(frozen=True, slots=True)
class Disconnect:
    """All connections of a venue break and new ones are refused for ``for_s`` seconds."""

    at_s: float
    venue: str
    for_s: float


@dataclass(frozen=True, slots=True)
class Freeze:
    """One stream goes silent for ``for_s`` seconds; it loses nothing: what changed meanwhile is told when it moves again."""

    at_s: float
    venue: str
    symbol: str
    channel: str
    for_s: float


@dataclass(frozen=True, slots=True)
class Gap:
    """The next ``count`` messages of a stream are lost."""

    at_s: float
    venue: str
    symbol: str
    channel: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The next ``count`` messages of a stream arrive twice."""

    at_s: float
    venue: str
    symbol: str
    channel: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Swap:
    """The next ``count`` messages of a stream arrive after the one that follows them."""

    at_s: float
    venue: str
    symbol: str
    channel: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Delay:
    """A backlog: everything of a venue is ``peak_s`` seconds late at first, decaying to nothing after ``for_s`` seconds (peak < for)."""

    at_s: float
    venue: str
    peak_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Skew:
    """The venue's clock is off by ``offset_ms`` (positive: ahead) for ``for_s`` seconds; nothing is late."""

    at_s: float
    venue: str
    offset_ms: float
    for_s: float


Lasting = Disconnect | Freeze | Delay | Skew
Counted = Gap | Duplicate | Swap
Fault = Lasting | Counted


@dataclass(frozen=True, slots=True)
class Script:
    """Faults on a timeline; seconds count from the start of the desk.

    Attributes:
        faults: The first minute or so.
        repeat: Faults of one period, relative to its start; the first period starts at ``period_s``.
        period_s: Length of a period; None plays ``faults`` only.
        jitter_s: Each repeated fault moves by up to this much, both ways, at random.
        seed: Of the jitter.
    """

    faults: tuple[Fault, ...] = ()
    repeat: tuple[Fault, ...] = ()
    period_s: float | None = None
    jitter_s: float = 0.0
    seed: int = 0

    def periods(self) -> Iterator[tuple[Fault, ...]]:
        """Give the faults of one period after the other, each sorted by start; without end when they repeat."""
        yield tuple(sorted(self.faults, key=_start))
        number = 0
        while self.period_s is not None:
            number += 1
            yield tuple(sorted((self._moved(fault, number, place) for place, fault in enumerate(self.repeat)), key=_start))

    def only(self, venue: str) -> Script:
        """The same timeline with the faults of one venue."""
        repeat = tuple(fault for fault in self.repeat if fault.venue == venue)
        faults = tuple(fault for fault in self.faults if fault.venue == venue)
        return replace(self, faults=faults, repeat=repeat, period_s=self.period_s if repeat else None)

    def _moved(self, fault: Fault, number: int, place: int) -> Fault:
        moved = random.Random(f"{self.seed}/{number}/{place}").uniform(-self.jitter_s, self.jitter_s)
        return replace(fault, at_s=number * (self.period_s or 0.0) + fault.at_s + moved)


def _start(fault: Fault) -> float:
    return fault.at_s


@dataclass(slots=True)
class _Pending:
    """A counted fault that has messages left."""

    fault: Counted
    left: int
    held: list[str] = field(default_factory=list[str])


class Active:
    """The faults of one venue that are on at a moment; time must not go back.

    Args:
        script: The timeline.
        venue: Whose faults.
    """

    def __init__(self, script: Script, venue: str) -> None:
        self._periods = script.only(venue).periods()
        self._coming: list[Fault] = []
        self._lasting: list[Lasting] = []
        self._counted: list[_Pending] = []
        self._read_period()

    def update(self, now_s: float) -> None:
        """Start the faults that are due and end those that are over."""
        while self._coming and self._coming[0].at_s <= now_s:
            fault = self._coming.pop(0)
            if isinstance(fault, (Gap, Duplicate, Swap)):
                self._counted.append(_Pending(fault, fault.count))
            else:
                self._lasting.append(fault)
            if not self._coming:
                self._read_period()
        self._lasting = [fault for fault in self._lasting if now_s < fault.at_s + fault.for_s]

    def _read_period(self) -> None:
        for period in self._periods:
            self._coming = list(period)
            if self._coming:
                return

    @property
    def is_disconnected(self) -> bool:
        """Whether the venue refuses connections."""
        return any(isinstance(fault, Disconnect) for fault in self._lasting)

    def is_frozen(self, stream: Stream) -> bool:
        """Whether a stream is silent."""
        return any(isinstance(fault, Freeze) and stream.is_of(fault.symbol, fault.channel) for fault in self._lasting)

    def delay_s(self, at_s: float) -> float:
        """How late a message of ``at_s`` is, beyond its ordinary latency."""
        return max((_remaining(fault, at_s) for fault in self._lasting if isinstance(fault, Delay)), default=0.0)

    @property
    def skew_ms(self) -> float:
        """How far the venue's clock is ahead."""
        return sum(fault.offset_ms for fault in self._lasting if isinstance(fault, Skew))

    def passed(self, stream: Stream, text: str) -> Iterable[str]:
        """What arrives of a message: nothing, itself, itself twice, or itself and one held back."""
        for pending in self._counted:
            if stream.is_of(pending.fault.symbol, pending.fault.channel):
                return self._apply(pending, text)
        return (text,)

    def _apply(self, pending: _Pending, text: str) -> Iterable[str]:
        if pending.held:
            arriving = [text, *pending.held]
            pending.held.clear()
        else:
            pending.left -= 1
            match pending.fault:
                case Gap():
                    arriving = []
                case Duplicate():
                    arriving = [text, text]
                case Swap():
                    pending.held.append(text)
                    arriving = []
        if not pending.left and not pending.held:
            self._counted.remove(pending)
        return arriving


def _remaining(fault: Delay, at_s: float) -> float:
    return fault.peak_s * max(0.0, 1 - (at_s - fault.at_s) / fault.for_s)
