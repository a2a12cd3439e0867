"""The work of the background thread: take rows, encode them, send them until they are answered."""

from __future__ import annotations

import logging
from collections import deque
from http.client import HTTPException
from time import monotonic, sleep

from tapewatch_client.answer import Complaint, Retry, Settled, TooLarge, judge, refuse_all
from tapewatch_client.backoff import Backoff
from tapewatch_client.batch import Batch, Draft, halves
from tapewatch_client.control import Control
from tapewatch_client.row_queue import Row, RowQueue
from tapewatch_client.settings import BATCH_ROWS, Settings
from tapewatch_client.stats import Tally
from tapewatch_client.transport import Transport
from tapewatch_client.values import encode_row

logger = logging.getLogger("tapewatch_client")

#: Rows encoded before the interpreter is offered to the other threads.
ROWS_PER_TURN = 100
#: Kinds of refusals remembered as told; a program that makes up column names must not fill memory or log.
KINDS_TOLD = 1_000


class Delivery:
    """Sends what the queue holds, one batch after the other in the order of writing.

    Args:
        settings: Where to, and the bounds.
        client_id: Random id of this client; with the sequence it makes a retry recognisable.
        queue: Where rows wait.
        control: The wishes of callers.
        tally: Counts for `Stats`.
    """

    def __init__(self, settings: Settings, client_id: str, queue: RowQueue, control: Control, tally: Tally) -> None:
        self._settings = settings
        self._client_id = client_id
        self._queue = queue
        self._control = control
        self._tally = tally
        self._pending: deque[Batch] = deque()
        self._sequence = 0
        self._batch_bytes = settings.batch_bytes
        self._backoff = Backoff()
        self._told: set[tuple[str, str | None, str]] = set()
        self._is_away = False
        self.transport = Transport(settings)

    def run(self) -> None:
        """Deliver until told to stop; then until nothing waits or the time given for that is over."""
        control, queue = self._control, self._queue
        try:
            while not control.is_over:
                self._fill()
                self._send_pending()
                if control.is_stopping and not len(queue):
                    break
                if not len(queue) or (len(queue) < BATCH_ROWS and not control.is_urgent):
                    control.idle(self._settings.flush_interval_s)
        finally:
            self.transport.close()

    # --- from rows to a batch ---

    def _fill(self) -> None:
        """Encode waiting rows into one batch, at most `BATCH_ROWS` rows and about ``_batch_bytes``."""
        draft = Draft()
        taken = 0
        while draft.size_bytes < self._batch_bytes and taken < BATCH_ROWS and (row := self._queue.take()) is not None:
            self._encode(row, draft)
            taken += 1
            if taken % ROWS_PER_TURN == 0:
                sleep(0)
        if draft.rows:
            self._pending.append(self._seal(draft))
            self._queue.hold(self._pending_bytes())

    def _encode(self, row: Row, draft: Draft) -> None:
        table, ts, columns, period_s, _ = row
        table = str(table)  # annotated, but a caller's type checker may be asleep, and one row must not spoil the batch
        if columns is None:
            self._refuse_here(Complaint(table, None, "not_a_row", "what was written is not a mapping of columns to values"))
            return
        try:
            text, lost = encode_row(ts, columns)
        except Exception as error:  # noqa: BLE001 - foreign objects may raise anything while they are written
            self._refuse_here(Complaint(table, None, "not_a_row", f"the row cannot be written as JSON: {error!r}"))
            return
        for column in lost:
            self._complain(Complaint(table, column, "unencodable", "the value cannot be written as JSON and was sent as null"), 1)
        draft.add(table, period_s, text)

    def _seal(self, draft: Draft) -> Batch:
        self._sequence += 1
        return draft.seal(self._client_id, self._sequence, self._settings)

    def _pending_bytes(self) -> int:
        return sum(len(batch.payload) for batch in self._pending)

    # --- from a batch to its answer ---

    def _send_pending(self) -> None:
        is_first = True
        while self._pending and not self._control.is_over:
            if not is_first:
                self._tally.retries += 1
            batch = self._pending[0]
            outcome = self._attempt(batch)
            if isinstance(outcome, Retry):
                is_first = False
                continue
            is_first = True
            self._pending.popleft()
            if isinstance(outcome, TooLarge) and batch.rows > 1:
                self._split(batch)
            else:
                self._settle(refuse_all(batch.rows, outcome.complaint) if isinstance(outcome, TooLarge) else outcome)

    def _attempt(self, batch: Batch) -> Settled | Retry | TooLarge:
        """Send once, and wait before the next attempt when one is needed."""
        self._control.begin_attempt()
        was_open = self.transport.is_open
        try:
            outcome = judge(self.transport.post(batch), batch.rows)
        except Exception as error:  # noqa: BLE001 - whatever hinders one attempt, the thread must live to make the next
            outcome = Retry(f"{type(error).__name__}: {error}")
            if was_open and isinstance(error, OSError | HTTPException) and not isinstance(error, TimeoutError):
                return outcome  # the server had closed an idle connection: no failure, a new one is opened at once
        if isinstance(outcome, Retry):
            self._note_away(outcome.error)
            self._control.back_off(max(self._backoff.next_s(), outcome.wait_s or 0.0), is_firm=bool(outcome.wait_s))
        else:
            self._note_back()
        return outcome

    def _split(self, batch: Batch) -> None:
        """Send a batch that was too large as two, under new sequences, and make smaller ones from now on."""
        self._batch_bytes = max(1, min(self._batch_bytes, batch.size_bytes // 2))
        self._pending.extendleft(reversed([self._seal(half) for half in halves(batch)]))

    def _settle(self, outcome: Settled) -> None:
        tally = self._tally
        if outcome.delivered:
            tally.last_delivery_s = monotonic()
        tally.count(tally.noted, outcome.noted)
        tally.count(tally.refused, outcome.reasons)
        for complaint in outcome.complaints:
            self._tell(complaint)
        self._queue.settle(delivered=outcome.delivered, refused=outcome.refused)
        self._queue.hold(self._pending_bytes())

    # --- telling, each thing once ---

    def _refuse_here(self, complaint: Complaint) -> None:
        self._complain(complaint, 1)
        self._queue.settle(delivered=0, refused=1)

    def _complain(self, complaint: Complaint, count: int) -> None:
        self._tally.count(self._tally.refused, {complaint.reason: count})
        self._tell(complaint)

    def _tell(self, complaint: Complaint) -> None:
        """Log the first refusal of its kind (table, column, reason)."""
        place = f"table {complaint.table}, " if complaint.table else ""
        place += f"column {complaint.column}" if complaint.column is not None else "rows"
        self._tally.last_error = f"{place}: {complaint.reason}: {complaint.message}"
        kind = (complaint.table, complaint.column, complaint.reason)
        if kind in self._told or len(self._told) >= KINDS_TOLD:
            return
        self._told.add(kind)
        logger.warning("tapewatch at %s refused %s (told once per kind)", self._settings.url, self._tally.last_error)

    def _note_away(self, error: str) -> None:
        self._tally.last_error = error
        self._tally.is_connected = False
        if not self._is_away and not self._control.is_over:
            self._is_away = True
            logger.warning("tapewatch at %s does not take rows (%s); they wait in memory and are sent again", self._settings.url, error)

    def _note_back(self) -> None:
        self._backoff.reset()
        self._tally.is_connected = True
        if self._is_away:
            self._is_away = False
            logger.info("tapewatch at %s takes rows again", self._settings.url)

    def note_left(self, rows: int) -> None:
        """Log how many rows were given up at the end."""
        if rows:
            logger.warning("%d rows for tapewatch at %s were not delivered before the client ended", rows, self._settings.url)
