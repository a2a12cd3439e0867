"""How long this process itself keeps messages waiting: what it must not blame on the venue.

Three things are measured: the event loop that comes back later than it was asked to, the garbage collector that stops everything, and
bytes that have arrived at the host and are not read yet.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import struct
import termios
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tapewatch.clock import Clock

if TYPE_CHECKING:
    from socket import socket as Socket  # noqa: N812 - the class, told from the many things called socket

STEP_S = 0.1
"""Seconds between two looks at the event loop."""

NOTED_S = 0.05
"""What is below is how any program runs."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The longest that messages were kept waiting, and by what."""

    seconds: float = 0.0
    cause: str = ""

    def explains(self, latency_ms: float | None) -> bool:
        """Whether a latency is this process's own doing, at least half of it; None for no latency that could be compared."""
        return self.seconds >= NOTED_S and (latency_ms is None or self.seconds * 1000 >= latency_ms / 2)


class OwnDelay:
    """Measures the process while it is entered.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worst = Delay()
        self._collecting_since_s: float | None = None

    def __enter__(self) -> Self:
        gc.callbacks.append(self._collecting)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._collecting)

    async def watch(self) -> None:
        """Look at the event loop again and again; ends only when it is cancelled."""
        while True:
            due_s = self._clock.monotonic_s() + STEP_S
            await asyncio.sleep(STEP_S)
            self.late(self._clock.monotonic_s() - due_s)

    def late(self, seconds: float) -> None:
        """The event loop came back so much later than it was asked to."""
        self._note(seconds, "the event loop was late")

    def take(self) -> Delay:
        """The worst since the last call."""
        taken, self._worst = self._worst, Delay()
        return taken

    def _note(self, seconds: float, cause: str) -> None:
        if seconds > self._worst.seconds:
            self._worst = Delay(seconds, cause)

    def _collecting(self, phase: str, _: dict[str, Any]) -> None:
        now_s = self._clock.monotonic_s()
        if phase == "start":
            self._collecting_since_s = now_s
        elif self._collecting_since_s is not None:
            self._note(now_s - self._collecting_since_s, "garbage collection")


def unread_bytes(socket: Socket | None) -> int:
    """Bytes that have arrived at the host and wait to be read from a socket; 0 where it does not say."""
    answer = bytearray(struct.calcsize("i"))
    with suppress(OSError, AttributeError, ValueError):
        if socket is not None:
            fcntl.ioctl(socket.fileno(), termios.FIONREAD, answer)
    return int(struct.unpack("i", answer)[0])


def unread_s(unread: int, read: int, took_s: float) -> float:
    """How long unread bytes have to wait at the pace at which ``read`` bytes were read in ``took_s`` seconds; 0 when none were."""
    return unread * took_s / read if read else 0.0
