"""The work of the background thread: take rows, encode them, send them until they are answered."""

from __future__ import annotations

import logging
import sys
from http.client import HTTPException
from itertools import count
from threading import Thread
from time import monotonic, sleep, time_ns

from tapewatch_client.answer import Complaint, Retry, Settled, TooLarge, judge, refuse_all
from tapewatch_client.backoff import Backoff
from tapewatch_client.batch import Batch, Draft, halves
from tapewatch_client.control import Control
from tapewatch_client.losses import Losses
from tapewatch_client.outbox import Outbox
from tapewatch_client.row_queue import Row, RowQueue
from tapewatch_client.settings import BATCH_ROWS, Settings
from tapewatch_client.spool import Waiting
from tapewatch_client.stats import Tally
from tapewatch_client.transport import Transport

logger = logging.getLogger("tapewatch_client")

#: Rows encoded before the interpreter is offered to the other threads.
ROWS_PER_TURN = 100
#: From so many rows in a batch on they come fast: the next batch gathers twice as long, because a body and its commit cost the server
#: the same however many rows they have. At the default interval this begins at 2,500 rows/s. Not where what gathers would come near the
#: bound of memory, and not with a spool: rows are to be on disk soon.
FAST_ROWS = 500
FAST_INTERVALS = 2
FAST_SHARE = 8
DROPS_TOLD_EVERY_S = 60.0
#: Kinds of refusals remembered as told; a program that makes up column names must not fill memory or log.
KINDS_TOLD = 1_000


def _keep_notebooks_clean() -> None:
    """In a notebook, what a background thread logs would appear under whichever cell runs: log only where the user has asked for logs."""
    if "ipykernel" in sys.modules and not logger.hasHandlers():
        logger.addHandler(logging.NullHandler())


class Delivery:
    """Sends what the queue holds, one batch after the other in the order of writing.

    Without a spool one thread does everything, and memory holds one batch beside the queue. With a spool a second thread sends, so that
    rows reach the disk however long the server takes to answer.

    Args:
        settings: Where to, and the bounds.
        client_id: Random id of this client; with the sequence it makes a retry recognisable.
        queue: Where rows wait.
        control: The wishes of callers.
        tally: Counts for `Stats`.
    """

    def __init__(self, settings: Settings, client_id: str, queue: RowQueue, control: Control, tally: Tally) -> None:
        _keep_notebooks_clean()
        self._settings = settings
        self._client_id = client_id
        self._queue = queue
        self._control = control
        self._tally = tally
        self._sequences = count(1)
        self._batch_bytes = settings.batch_bytes
        self._backoff = Backoff()
        self._losses = Losses(settings.source)
        self._told: set[tuple[str, str | None, str]] = set()
        self._is_away = False
        self._dropped_told, self._drop_log_s = 0, 0.0
        self._is_filled = False
        self._is_fast = False
        self.outbox = Outbox(settings, client_id, queue, tally)
        self.transport = Transport(settings)

    def run(self) -> None:
        """Deliver until told to stop; then until nothing waits or the time given for that is over."""
        control, queue = self._control, self._queue
        sending = self._start_sending()
        try:
            while not control.is_over:
                self._fill()
                if sending is None:
                    self._send_waiting()
                if control.is_stopping and not len(queue):
                    break
                if self.outbox.is_full or not len(queue) or (len(queue) < BATCH_ROWS and not control.is_urgent):
                    control.idle(self._settings.flush_interval_s * (FAST_INTERVALS if self._is_fast else 1))
        finally:
            self._is_filled = True
            if sending is not None:
                control.tell_sender()
                sending.join()
            self.transport.close()

    def _start_sending(self) -> Thread | None:
        """The thread that sends; None when this one does, as it must where the system allows no other."""
        if not self.outbox.is_on_disk:
            return None
        sending = Thread(target=self._send_forever, name="tapewatch-send", daemon=True)
        try:
            sending.start()
        except RuntimeError:
            return None
        return sending

    # --- from rows to a batch ---

    def _fill(self) -> None:
        """Encode waiting rows into one batch, at most `BATCH_ROWS` rows and about ``_batch_bytes``."""
        draft = Draft()
        taken = 0
        if self.outbox.is_full:
            return
        held_bytes = self._queue.account().held_bytes
        while draft.size_bytes < self._batch_bytes and taken < BATCH_ROWS and (row := self._queue.take()) is not None:
            self._encode(row, draft)
            taken += 1
            if taken % ROWS_PER_TURN == 0:
                sleep(0)
        self._is_fast = (
            draft.rows >= FAST_ROWS and held_bytes * FAST_SHARE <= self._settings.max_memory_bytes and not self.outbox.is_on_disk
        )
        if not draft.rows:
            self._queue.seal(None)
            return
        batch = self._seal(draft)
        self._queue.seal(batch.sequence)
        self.outbox.put(batch)
        self._control.tell_sender()

    def _encode(self, row: Row, draft: Draft) -> None:
        table, ts, columns, period_s = row
        table = str(table)  # annotated, but a caller's type checker may be asleep, and one row must not spoil the batch
        if columns is None:
            self._refuse_here(Complaint(table, None, "not_a_row", "what was written is not a mapping of columns to values"))
            return
        try:
            lost = draft.add(table, period_s, ts, columns)
        except Exception as error:  # noqa: BLE001 - foreign objects may raise anything while they are written
            self._refuse_here(Complaint(table, None, "not_a_row", f"the row cannot be written as JSON: {error!r}"))
            return
        for column in lost:
            self._complain(Complaint(table, column, "unencodable", "the value cannot be written as JSON and was sent as null"), 1)

    def _seal(self, draft: Draft) -> Batch:
        return draft.seal(self._client_id, next(self._sequences), self._settings)

    # --- from a batch to its answer ---

    def _send_forever(self) -> None:
        while not self._control.is_over:
            self._send_waiting()
            if self._is_filled and self.outbox.first() is None:
                return
            self._control.rest(self._settings.flush_interval_s)

    def _send_waiting(self) -> None:
        is_first = True
        while not self._control.is_over and (waiting := self.outbox.first()) is not None:
            if not is_first:
                self._tally.retries += 1
            outcome = self._attempt(waiting.batch)
            is_first = not isinstance(outcome, Retry)
            if isinstance(outcome, Retry):
                continue
            if isinstance(outcome, TooLarge) and waiting.batch.rows > 1:
                self._split(waiting)
            else:
                self._settle(waiting, refuse_all(waiting.batch.rows, outcome.complaint) if isinstance(outcome, TooLarge) else outcome)

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
            self._note_dropped()
            self.outbox.sync()
            self._control.back_off(max(self._backoff.next_s(), outcome.wait_s or 0.0), is_firm=bool(outcome.wait_s))
        else:
            self._note_back()
        return outcome

    def _split(self, waiting: Waiting) -> None:
        """Send a batch that was too large as two, under new sequences, and make smaller ones from now on."""
        batch = waiting.batch
        self._batch_bytes = max(1, min(self._batch_bytes, len(batch.text()) // 2))
        parts = [self._seal(half) for half in halves(batch)]
        if waiting.is_own:
            self._queue.split(batch.sequence, [part.sequence for part in parts])
        else:  # what another program left becomes this one's
            self._queue.adopt({part.sequence: part.rows for part in parts})
        self.outbox.replace(waiting, parts)

    def _settle(self, waiting: Waiting, outcome: Settled) -> None:
        tally = self._tally
        if outcome.delivered:
            tally.last_delivery_s = monotonic()
        tally.count(tally.noted, outcome.noted)
        tally.count(tally.refused, outcome.reasons)
        for complaint in outcome.complaints:
            self._tell(complaint)
        self.outbox.done(waiting)
        if waiting.is_own:
            self._queue.finish(waiting.batch.sequence)
            self._queue.settle(delivered=outcome.delivered, refused=outcome.refused)
        else:
            tally.recovered += outcome.delivered
        self._report_losses()

    def _report_losses(self) -> None:
        """Tell the server, now that it answers, what it never saw."""
        self._note_dropped()
        for row in self._losses.due(time_ns() // 1_000):
            self._queue.put(row)

    # --- telling, each thing once ---

    def _refuse_here(self, complaint: Complaint) -> None:
        self._complain(complaint, 1)
        self._queue.settle(delivered=0, refused=1)

    def _complain(self, complaint: Complaint, count: int) -> None:
        self._tally.count(self._tally.refused, {complaint.reason: count})
        self._losses.count(complaint.table, complaint.column, complaint.reason, count, complaint.message)
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
            place = "on disk" if self.outbox.is_on_disk else "in memory"
            logger.warning("tapewatch at %s does not take rows (%s); they wait %s and are sent again", self._settings.url, error, place)

    def _note_back(self) -> None:
        self._backoff.reset()
        self._tally.is_connected = True
        if self._is_away:
            self._is_away = False
            logger.info("tapewatch at %s takes rows again", self._settings.url)

    def _note_dropped(self) -> None:
        """Log how many rows were dropped, at most once a minute."""
        dropped, now_s = self._queue.dropped, monotonic()
        why = "the bound of memory or of the spool was reached, or they could not be taken"
        self._losses.count("", None, "dropped", dropped, why, is_total=True)
        if dropped == self._dropped_told or now_s < self._drop_log_s:
            return
        logger.warning("%d rows for tapewatch at %s were dropped: %s", dropped - self._dropped_told, self._settings.url, why)
        self._dropped_told, self._drop_log_s = dropped, now_s + DROPS_TOLD_EVERY_S

    def note_lost(self, error: Exception) -> None:
        """Say what was wrong with a call that gave no row, the first time that this kind of error happens."""
        self._tally.last_error = f"a row could not be taken: {type(error).__name__}: {error}"
        kind = ("", type(error).__name__, "not_taken")
        if kind not in self._told:
            self._told.add(kind)
            logger.warning("%s (told once per kind)", self._tally.last_error)

    def note_left(self, rows: int, kept: int) -> None:
        """Log how many rows were given up at the end, and how many stay on disk."""
        if rows:
            logger.warning("%d rows for tapewatch at %s were not delivered before the client ended", rows, self._settings.url)
        if kept:
            logger.warning(
                "%d rows for tapewatch at %s stay in %s until the next client sends them",
                kept,
                self._settings.url,
                self._settings.spool_dir,
            )
