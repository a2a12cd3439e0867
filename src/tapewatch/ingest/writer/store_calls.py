"""Calls of the store in a thread of their own: one that hangs holds up its caller for a bounded time, and its late answer is not lost."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence

from tapewatch.clock import Clock
from tapewatch.errors import ContractError, StoreUnavailable
from tapewatch.ingest.spool import name_of
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import Store, Stored

STOPPING_S = 1.0
"""Seconds that a call may take when the server stops."""


class StoreHangs(StoreUnavailable):
    """The store has not answered in time; whether it will keep the rows shows when it does, unless it was not even asked."""

    def __init__(self, seconds: float, *, is_unknown: bool) -> None:
        super().__init__(f"it has not answered for {seconds:.0f} s", is_unknown=is_unknown)


class _Call:
    """One call, and what came of it."""

    def __init__(self, deliveries: Sequence[Stored], began_s: float) -> None:
        self.deliveries = deliveries
        self.began_s = began_s
        self.answer: list[bool] | Exception | None = None


class StoreCalls:
    """`Store.append`, one call at a time, by one caller.

    Args:
        store: Where rows go.
        clock: The time.
        hang_s: Seconds that a call may take; None waits for ever.
    """

    def __init__(self, store: Store, clock: Clock, hang_s: float | None) -> None:
        self._store = store
        self._clock = clock
        self._hang_s = hang_s
        self._call: _Call | None = None
        self._late: dict[Hashable, bool] = {}
        """By the name of the mark: the time of a body is another one when it comes from the spool."""
        self._stopping = self._ended = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        """See `Store.append`; a delivery that a call took which hung and has ended is answered as that call did.

        Raises:
            StoreHangs: It has not answered in time, or an earlier call has not ended yet.
            Exception: Whatever the store raises.
        """
        self.settle()
        late = [self.answer_to(stored.mark) for stored in deliveries]
        fresh = [stored for stored, answer in zip(deliveries, late, strict=True) if answer is None]
        try:
            answers = iter(self._answered(fresh) if fresh else [])
        except Exception:
            self._late |= {name_of(stored.mark): taken for stored, taken in zip(deliveries, late, strict=True) if taken is not None}
            raise
        return [next(answers) if answer is None else answer for answer in late]

    def _answered(self, deliveries: Sequence[Stored]) -> list[bool]:
        with self._changed:
            call = self._call = _Call(deliveries, self._clock.monotonic_s())
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tapewatch-store", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            self._wait(call)
            if call.answer is None:
                raise StoreHangs(self._clock.monotonic_s() - call.began_s, is_unknown=True)
            self._call = None
        if isinstance(call.answer, Exception):
            raise call.answer
        if len(call.answer) != len(deliveries):
            raise ContractError(f"The store answered for {len(call.answer)} deliveries, not for {len(deliveries)}.")
        return call.answer

    def _wait(self, call: _Call) -> None:
        if not self._stopping:
            self._changed.wait_for(lambda: call.answer is not None or self._stopping, self._hang_s)
        if self._stopping:
            self._changed.wait_for(lambda: call.answer is not None or self._ended, STOPPING_S)

    def settle(self) -> None:
        """Note the answer of the call that hung; what it raised needs no note, because nothing was stored then.

        Raises:
            StoreHangs: It has not ended yet.
        """
        call = self._call
        if call is None:
            return
        if call.answer is None:
            raise StoreHangs(self._clock.monotonic_s() - call.began_s, is_unknown=False)
        self._call = None
        if isinstance(call.answer, list):
            for stored, taken in zip(call.deliveries, call.answer, strict=False):
                if stored.mark is not None:
                    name = name_of(stored.mark)
                    self._late[name] = taken or self._late.get(name, False)

    def answer_to(self, mark: Mark | BodyMark | None) -> bool | None:
        """What a call that hung has answered late for a delivery; None when it did not, or was asked for it before."""
        return None if mark is None else self._late.pop(name_of(mark), None)

    @property
    def hangs(self) -> bool:
        """Whether a call has not been settled."""
        return self._call is not None

    @property
    def silent_s(self) -> float:
        """Seconds for which a call has had no answer; 0 while there is none."""
        call = self._call
        return 0.0 if call is None or call.answer is not None else self._clock.monotonic_s() - call.began_s

    def hurry(self) -> None:
        """Wait no longer than `STOPPING_S` for an answer from now on; what waits to be written is still written."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def end(self) -> None:
        """End the thread, once the store answers: there is nothing left to write."""
        with self._changed:
            self._stopping = self._ended = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            try:
                answer = self._store.append(call.deliveries)
            except Exception as error:  # noqa: BLE001 - the caller gets it
                answer = error
            with self._changed:
                call.answer = answer
                self._changed.notify_all()

    def _next(self) -> _Call | None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_due or self._ended)
            return None if self._ended else self._call

    @property
    def _is_due(self) -> bool:
        return self._call is not None and self._call.answer is None
