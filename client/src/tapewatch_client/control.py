"""What callers tell the background thread: somebody waits for an answer, or it is time to stop."""

from __future__ import annotations

from time import monotonic

from tapewatch_client.row_queue import RowQueue
from tapewatch_client.wake import Wake


class Control:
    """The wishes of callers, which the background thread looks at between two steps.

    Args:
        queue: Where the rows wait.
        wake: Wakes the background thread that takes rows.
        sending: Wakes the thread that sends; the same call where one thread does both.
    """

    def __init__(self, queue: RowQueue, wake: Wake, sending: Wake | None = None) -> None:
        self._queue = queue
        self._wake = wake
        self._sending = sending or wake
        self._callers: set[object] = set()
        self._is_nudged = False
        self._deadline_s: float | None = None

    # --- callers ---

    def wait_until_answered(self, timeout_s: float) -> bool:
        """Ask for sending at once and wait until every row put before this call was answered.

        Returns:
            False when time ran out, or when rows were dropped meanwhile.
        """
        position, dropped = self._queue.written, self._queue.dropped
        caller = object()
        self._callers.add(caller)
        self._nudge()
        try:
            is_answered = self._queue.wait_until_settled(position, timeout_s)
        finally:
            self._callers.discard(caller)
        return is_answered and self._queue.dropped == dropped

    def stop(self, timeout_s: float) -> None:
        """Ask the thread to end when nothing waits, and at the latest in ``timeout_s`` seconds; the earliest wish wins."""
        deadline_s = monotonic() + timeout_s
        self._deadline_s = deadline_s if self._deadline_s is None else min(deadline_s, self._deadline_s)
        self._nudge()

    def _nudge(self) -> None:
        self._is_nudged = True
        self._wake.give()
        self._sending.give()

    # --- the background thread ---

    @property
    def is_stopping(self) -> bool:
        """Whether the thread is to end as soon as nothing waits."""
        return self._deadline_s is not None

    @property
    def is_over(self) -> bool:
        """Whether the thread is to end now, whatever waits."""
        return self._deadline_s is not None and monotonic() >= self._deadline_s

    @property
    def is_urgent(self) -> bool:
        """Whether rows are to be sent without waiting for more."""
        return bool(self._callers) or self.is_stopping

    def idle(self, seconds: float) -> None:
        """Wait for more rows: until a batch is full, a caller is in a hurry, or ``seconds`` have passed."""
        end_s = monotonic() + seconds
        self._queue.is_taker_idle = True
        while (rest_s := end_s - monotonic()) > 0:
            is_woken = self._wait_and_weigh(rest_s)
            if not is_woken or self.is_urgent or not self._queue.is_taker_idle:
                break
        self._queue.is_taker_idle = False

    def _wait_and_weigh(self, seconds: float) -> bool:
        """Wait for a call, and weigh what has come meanwhile; False when none came."""
        self._queue.is_taker_waiting = True
        is_woken = self._wake.wait(seconds)
        self._queue.is_taker_waiting = False
        self._queue.weigh()
        return is_woken

    def tell_sender(self) -> None:
        """Say that there is a batch, or that there will be no more."""
        if self._sending is not self._wake:
            self._sending.give()

    def rest(self, seconds: float) -> None:
        """Wait for a batch to send: until one is there, a caller is in a hurry, or ``seconds`` have passed."""
        self._sending.wait(seconds)

    def back_off(self, seconds: float, *, is_firm: bool) -> None:
        """Wait ``seconds`` before a retry; a caller's hurry cuts it short unless the server asked for it (``is_firm``)."""
        end_s = monotonic() + seconds
        while not self.is_over and not (self._is_nudged and not is_firm):
            until_s = end_s if self._deadline_s is None else min(end_s, self._deadline_s)
            rest_s = until_s - monotonic()
            if rest_s <= 0:
                break
            if self._sending is self._wake:
                self._wait_and_weigh(rest_s)
            else:
                self._sending.wait(rest_s)

    def begin_attempt(self) -> None:
        """Forget the hurry expressed so far: the attempt that begins now answers it."""
        self._is_nudged = False
