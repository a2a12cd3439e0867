"""Rows waiting in memory, within a bound, and the account of what became of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from sys import getsizeof
from threading import Condition, RLock, get_ident

from tapewatch_client.wake import Wake

#: Table, time of the row, columns (None: what was given is not a row), declared period in seconds.
#: A plain tuple because it is made on the caller's time.
Row = tuple[str, object, dict[str, object] | None, float | None]

#: Memory of a waiting row beside its columns: its tuple, its time, its place in the queue.
ROW_BYTES = 200
#: Rows that may wait before a caller weighs them: a program that writes seldom finds nothing of this in its caches, and would pay for
#: each row as much as for the rest of `put`.
UNWEIGHED_ROWS = 256
#: Rows that may wait before a taker that has nothing to do is woken to weigh them: then a caller need not.
WEIGHED_TOGETHER = 128


def row_bytes(row: Row) -> int:
    """Estimated memory of a waiting row."""
    columns = row[2]
    if columns is None:
        return ROW_BYTES
    try:
        return ROW_BYTES + getsizeof(columns) + sum(map(getsizeof, columns.values()))
    except Exception:  # noqa: BLE001 - a foreign object may raise anything when it is asked for its size
        return ROW_BYTES


@dataclass(frozen=True, slots=True)
class Account:
    """Where all rows are at one moment: ``written == delivered + refused + dropped + waiting + taken``.

    Attributes:
        written: Rows given to the client.
        delivered: Rows that the server has accepted.
        refused: Rows that were answered and not accepted.
        dropped: Rows given up: the oldest when memory was full, and those left at close.
        waiting: Rows in the queue.
        taken: Rows being sent.
        held_bytes: Estimated memory of the waiting and the taken rows.
    """

    written: int
    delivered: int
    refused: int
    dropped: int
    waiting: int
    taken: int
    held_bytes: int


class RowQueue:
    """First in, first out; many threads put, one takes; at the bound the oldest waiting rows are dropped and counted.

    `put` takes no lock unless rows have to be weighed: it appends, and what it wrote is counted when it leaves. Every other step holds the
    lock, never while encoding or sending. A signal handler or a finaliser may run inside such a step
    and write, flush or close: the lock lets the same thread enter again, a wait gives it up wholly, and a step does its arithmetic before
    its first call, the earliest moment at which it can be interrupted.

    Args:
        limit_bytes: Bound on the estimated memory of waiting and taken rows together.
        batch_rows: From this many waiting rows on, an idle taker is woken.
        wake: The idle taker's wake-up call.
        weigh: Estimates the memory of a row.
    """

    def __init__(self, limit_bytes: int, batch_rows: int, wake: Wake, weigh: Callable[[Row], int] = row_bytes) -> None:
        self._limit_bytes = limit_bytes
        self._batch_rows = batch_rows
        self._wake = wake
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._weigh_row = weigh
        self._rows: deque[Row] = deque()
        #: Bytes of the oldest rows, as far as they were weighed.
        self._sizes: deque[int] = deque()
        #: Thread that weighs, and how often rows were weighed or removed.
        self._weigher: int | None = None
        self._steps = 0
        self._waiting_bytes = 0
        self._taken_bytes = 0
        self._taken = 0
        #: Position of the first row of each batch that is not answered, by its key; and of the batch that is being filled.
        self._starts: dict[int, int] = {}
        self._draft_start: int | None = None
        #: Rows that have left the queue or never got into it; together with those in it, all that were written.
        self._gone = 0
        self._delivered = 0
        self._refused = 0
        self._dropped = 0
        self._closed = False
        self._has_taker_left = False
        self.is_taker_idle = False
        self.is_taker_waiting = False

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, row: Row) -> None:
        """Append a row; makes room by dropping the oldest ones, and drops the row itself once closed."""
        rows = self._rows
        if self._closed:
            self.lose()
            return
        rows.append(row)
        waiting = len(rows)
        unweighed = waiting - len(self._sizes)
        if unweighed >= UNWEIGHED_ROWS:
            with self._lock:
                self._weigh()
        elif unweighed >= WEIGHED_TOGETHER and self.is_taker_waiting:
            self.is_taker_waiting = False
            self._wake.give()
        if self.is_taker_idle and waiting >= self._batch_rows:
            self.is_taker_idle = False
            self._wake.give()

    def weigh(self) -> None:
        """Weigh the rows that wait now, and make room; on the taker's time."""
        with self._lock:
            self._weigh(len(self._rows))

    def _weigh(self, until: int | None = None) -> None:
        """Weigh the newest rows, up to so many in all, and make room.

        A signal handler that runs in the middle may wait for the taker, which then weighs and takes: so each step looks whether the rows
        are still as it left them. What a foreign object writes while it is asked for its size is weighed by the step that asked.
        """
        rows, sizes, thread, before = self._rows, self._sizes, get_ident(), self._weigher
        if before == thread or len(sizes) == len(rows):
            return
        self._weigher = thread
        try:
            while len(sizes) < (len(rows) if until is None else min(until, len(rows))):
                step = self._steps
                try:
                    size = self._weigh_row(rows[len(sizes)])
                except IndexError:
                    continue
                if step == self._steps:
                    self._steps += 1
                    self._waiting_bytes += size
                    sizes.append(size)
        finally:
            self._weigher = before
        while sizes and self._waiting_bytes + self._taken_bytes > self._limit_bytes:
            self._waiting_bytes -= sizes[0]
            self._steps += 1
            self._gone += 1
            self._dropped += 1
            rows.popleft()
            sizes.popleft()

    def lose(self) -> None:
        """Count a row that was written and could not be taken."""
        with self._lock:
            self._gone += 1
            self._dropped += 1

    def take(self) -> Row | None:
        """Remove the oldest row in order to send it, None when there is none; its memory counts until `settle`."""
        with self._lock:
            if not self._sizes:
                self._weigh()
            if not self._sizes:
                return None
            size = self._sizes[0]
            if self._draft_start is None:
                self._draft_start = self._gone
            self._steps += 1
            self._gone += 1
            self._taken += 1
            self._waiting_bytes -= size
            self._taken_bytes += size
            self._sizes.popleft()
            return self._rows.popleft()

    def seal(self, key: int | None) -> None:
        """The rows taken since the last call make the batch ``key``; None when none of them is left to be sent."""
        with self._lock:
            if key is not None and self._draft_start is not None:
                self._starts[key] = self._draft_start
            self._draft_start = None

    def split(self, key: int, parts: Iterable[int]) -> None:
        """The rows of a batch go on as several."""
        with self._lock:
            start = self._starts.pop(key, None)
            if start is not None:
                self._starts.update(dict.fromkeys(parts, start))

    def adopt(self, batches: Mapping[int, int]) -> None:
        """Count rows that an earlier program wrote as this one's: key and number of rows of batches that are being sent."""
        with self._lock:
            position = self._gone
            for key, rows in batches.items():
                self._gone += rows
                self._taken += rows
                self._starts[key] = position

    def finish(self, key: int) -> None:
        """A batch was answered; call it before `settle`."""
        with self._lock:
            self._starts.pop(key, None)

    def give_up(self, batches: Iterable[tuple[int, int]]) -> None:
        """Drop taken rows: keys and numbers of rows of batches that will never be answered."""
        with self._lock:
            for key, rows in batches:
                self._starts.pop(key, None)
                self._taken -= rows
                self._dropped += rows
            self._rest()

    def _rest(self) -> None:
        if self._taken == 0:
            self._taken_bytes = 0
            self._starts.clear()
            self._draft_start = None
        self._changed.notify_all()

    def hold(self, size_bytes: int) -> None:
        """Count ``size_bytes`` for the taken rows from now on: they have been encoded."""
        with self._lock:
            self._taken_bytes = size_bytes

    def settle(self, *, delivered: int, refused: int) -> None:
        """Record the answer to that many taken rows."""
        with self._lock:
            self._delivered += delivered
            self._refused += refused
            self._taken -= delivered + refused
            self._rest()

    def close(self, kept: int = 0) -> int:
        """Drop what is left, waiting or taken, and every later row; gives the number of rows dropped.

        Args:
            kept: Taken rows that lie on disk: they are not lost, and count as taken for good.
        """
        with self._lock:
            self._closed = True
            left = self._clear() + self._taken - kept
            self._dropped += self._taken - kept
            self._taken, self._taken_bytes, self._waiting_bytes = kept, 0, 0
            self._changed.notify_all()
            return left

    def _clear(self) -> int:
        """Drop the rows that wait; gives their number. A `put` that began before `close` may bring one later."""
        left = 0
        while self._rows:
            self._steps += 1
            self._gone += 1
            self._dropped += 1
            left += 1
            self._rows.popleft()
        self._sizes.clear()
        return left

    def leave(self) -> None:
        """Say that the taker has gone; its last step."""
        with self._lock:
            self._has_taker_left = True
            self._changed.notify_all()

    def wait_until_settled(self, position: int, timeout_s: float) -> bool:
        """Wait until `is_settled`; False when time ran out, or the taker has left and rows lie on disk."""
        with self._lock:
            self._changed.wait_for(lambda: self.is_settled(position) or self._has_taker_left, timeout_s)
            return self.is_settled(position)

    def wait_until_left(self, timeout_s: float) -> bool:
        """Wait until the taker has gone; False when time ran out."""
        with self._lock:
            return self._changed.wait_for(lambda: self._has_taker_left, timeout_s)

    @property
    def is_closed(self) -> bool:
        """Whether every further row is dropped."""
        return self._closed

    @property
    def written(self) -> int:
        """Rows put so far: the position behind the newest row."""
        with self._lock:
            return self._gone + len(self._rows)

    @property
    def dropped(self) -> int:
        """Rows given up so far."""
        return self._dropped

    def is_settled(self, position: int) -> bool:
        """Whether no row that was put before ``position`` (a value of `written`) waits or is being sent."""
        with self._lock:
            self._weigh()
            return position <= self._first_open()

    def _first_open(self) -> int:
        """Position of the oldest row that waits or is being sent."""
        starts = [*self._starts.values(), *([] if self._draft_start is None else [self._draft_start])]
        return min(starts) if self._taken and starts else self._gone

    def account(self) -> Account:
        """Where all rows are now."""
        with self._lock:
            if self._closed:
                self._clear()
            self._weigh()
            waiting = len(self._rows)
            return Account(
                written=self._gone + waiting,
                delivered=self._delivered,
                refused=self._refused,
                dropped=self._dropped,
                waiting=waiting,
                taken=self._taken,
                held_bytes=self._waiting_bytes + self._taken_bytes,
            )
