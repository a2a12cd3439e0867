"""The background thread of one client: started by the first row, ended by close, the program's end or a lost owner."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from threading import Thread
from time import monotonic

from tapewatch_client.control import Control
from tapewatch_client.row_queue import RowQueue
from tapewatch_client.settings import BATCH_ROWS, Settings
from tapewatch_client.stats import Stats, Tally
from tapewatch_client.wake import Wake

EXIT_FLUSH_S = 2.0
#: What rows may take after their client object is gone.
ORPHAN_FLUSH_S = 30.0
START_AGAIN_S = 1.0
#: What the thread may take to notice that its request was cut off.
ABORT_S = 0.5

#: Senders whose thread runs: what the program's end has to wait for.
_running: set[Sender] = set()
#: The finalizer of a child of `multiprocessing`, made with its first sender.
_followed: list[object] = []


class Sender:
    """Owns the queue and the thread that empties it; made anew in a forked child.

    HTTP, TLS and JSON are imported here, when a client is made: not with the package, because that takes longer than a program wants
    to wait, and not in the thread, because a fork in the middle of an import leaves the child with half a module.

    Args:
        settings: Where rows go, and the bounds.
    """

    def __init__(self, settings: Settings) -> None:
        from tapewatch_client.delivery import Delivery

        wake = Wake()
        self.client_id = os.urandom(16).hex()
        self.queue = RowQueue(settings.max_memory_bytes, BATCH_ROWS, wake)
        self.is_started = False
        self._control = Control(self.queue, wake, Wake() if settings.spool_dir else None)
        self._tally = Tally()
        self._start_again_s = 0.0
        self._delivery = Delivery(settings, self.client_id, self.queue, self._control, self._tally)

    def start(self) -> None:
        """Start the thread, once; when the system refuses another thread, a later call tries again."""
        if self.is_started or self.queue.is_closed or monotonic() < self._start_again_s:
            return
        _follow_multiprocessing()
        self.is_started = True  # before starting: a signal handler may write while the thread is being made
        thread = Thread(target=self._run, name="tapewatch-client", daemon=True)
        _running.add(self)
        try:
            thread.start()
        except RuntimeError as error:
            _running.discard(self)
            self.is_started = False
            self._start_again_s = monotonic() + START_AGAIN_S
            self._tally.last_error = f"the background thread cannot be started: {error}"

    def lose(self, error: Exception) -> None:
        """Count a row that could not even be queued, and tell it once per kind of error."""
        with suppress(Exception):
            self.queue.lose()
            self._delivery.note_lost(error)

    def _run(self) -> None:
        try:
            self._delivery.run()
        except Exception as error:
            self._tally.last_error = f"{type(error).__name__}: {error}"
            raise
        finally:
            kept = self._delivery.outbox.close()
            self._delivery.note_left(self.queue.close(kept), kept)
            self._tally.is_connected = False
            _running.discard(self)
            self.queue.leave()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all rows put so far were answered; False when time ran out or rows were dropped meanwhile."""
        if self.queue.is_settled(self.queue.written):
            return True
        return self._control.wait_until_answered(timeout_s)

    def stop(self, timeout_s: float) -> None:
        """Ask the thread to deliver what waits within ``timeout_s`` and to end; returns at once."""
        if not self.is_started:
            self.queue.close()
        self._control.stop(timeout_s)

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end, and cut off its request when it does not."""
        if not self.is_started or self.queue.wait_until_left(max(0.0, timeout_s)):
            return
        self._delivery.transport.abort()
        self.queue.wait_until_left(ABORT_S)

    def forget(self) -> None:
        """In a forked child: let go of what belongs to the parent."""
        self._delivery.transport.forget()
        self._delivery.outbox.forget()

    def stats(self) -> Stats:
        """The state at this moment."""
        account, tally = self.queue.account(), self._tally
        return Stats(
            written=account.written,
            queued=account.waiting + account.taken,
            queued_bytes=account.held_bytes,
            spooled_bytes=self._delivery.outbox.spooled_bytes,
            recovered=tally.recovered,
            delivered=account.delivered,
            refused_rows=account.refused,
            refused=tally.refused.copy(),
            noted=tally.noted.copy(),
            dropped=account.dropped,
            retries=tally.retries,
            last_error=tally.last_error,
            connected=tally.is_connected,
            last_delivery_age_s=None if tally.last_delivery_s is None else monotonic() - tally.last_delivery_s,
        )


def _flush_at_exit() -> None:
    """Give all clients together `EXIT_FLUSH_S` to deliver what they hold."""
    senders = _running.copy()
    for sender in senders:
        sender.stop(EXIT_FLUSH_S)
    end_s = monotonic() + EXIT_FLUSH_S
    for sender in senders:
        sender.join(end_s - monotonic())


def _follow_multiprocessing() -> None:
    """A child of `multiprocessing` skips `atexit` and runs its own finalizers: be one of them."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is None or util is None or process.parent_process() is None or _followed:
        return
    _followed.append(util.Finalize(None, _flush_at_exit, exitpriority=0))


def _forget_parent() -> None:
    _followed.clear()
    for sender in _running:
        sender.forget()
    _running.clear()


atexit.register(_flush_at_exit)
os.register_at_fork(after_in_child=_forget_parent)
