"""A wake-up call between threads that a signal handler may give."""

from __future__ import annotations

from contextlib import suppress
from threading import TIMEOUT_MAX, Lock


class Wake:
    """A wake-up call for one waiting thread; given twice before it is heard, it counts once.

    `give` takes no lock that the interrupted code could hold, so it may run in a signal handler or a finaliser,
    where `threading.Event.set` could wait for itself.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def give(self) -> None:
        """Wake the waiting thread, or let its next wait return at once."""
        with suppress(RuntimeError):  # released before: the call was already given
            self._lock.release()

    def wait(self, timeout_s: float) -> bool:
        """Wait for a call, at most ``timeout_s`` seconds; False when none came."""
        return self._lock.acquire(timeout=min(max(0.0, timeout_s), TIMEOUT_MAX))
