"""Questions over a whole range, asked again and again while its end moves: what is closed once of the store, what is open in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock

from tapewatch.clock import US_PER_S, Clock
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Table
from tapewatch.query.recent.joint import Joint
from tapewatch.query.recent.recent import Recent
from tapewatch.store.base import LOOK_BACK_US, Answer

AHEAD_US = 10 * US_PER_S
"""Rows of a host whose clock is ahead by less count at once, as in the newest bucket of a curve."""
MOST_KEPT = 256
"""Questions whose closed part is kept."""
OPEN_STEPS = 2
"""Steps that are added up in memory, that of now included: rows that are a few seconds late change no closed part."""
LEAST_STEPS = 30
"""A shorter range is the store's: what a whole step adds to it would be seen."""
MOST_GROUPS = 5_000
"""An answer with more is the store's."""
_STEPS = ((6 * 3600 * US_PER_S, 10 * US_PER_S), (48 * 3600 * US_PER_S, 60 * US_PER_S))
_LONGEST_STEP_US = 600 * US_PER_S


def _is_whole(query: Query) -> bool:
    return query.mode is Mode.AGGREGATE and query.bucket_us is None and not query.shift_us and query.cursor is None


def step_us(range_us: int) -> int:
    """How far the start of a moving range goes at once: 10 s up to 6 h, a minute up to 2 days, else 10 minutes."""
    return next((step for longest, step in _STEPS if range_us < longest + step), _LONGEST_STEP_US)


@dataclass
class _Closed:
    """The answer for [start_us, end_us) until a row comes that belongs there; None while it is asked, or if the store cannot give it."""

    start_us: int
    end_us: int
    answer: Answer | None = None
    is_void: bool = False


class Standing:
    """Safe to call from several threads; an observer of accepted rows.

    Args:
        catalog: Tables by name.
        recent: Adds up the open part.
        scan: Asks the store.
        clock: For what is closed.
    """

    def __init__(self, catalog: Mapping[str, Table], recent: Recent, scan: Callable[[Query], Answer], clock: Clock) -> None:
        self._catalog = catalog
        self._recent = recent
        self._scan = scan
        self._clock = clock
        self._kept: OrderedDict[Query, _Closed] = OrderedDict()
        self._lock = Lock()

    def __call__(self, batch: RowBatch) -> None:
        """A row that belongs to a closed part makes it void."""
        if not self._kept or not batch.count:
            return
        ts = batch.array("ts")
        first_us, last_us = int(ts.min()), int(ts.max())
        with self._lock:
            for query, closed in self._kept.items():
                # a row a little before the range may be what a counter in it is compared with
                if query.table == batch.table and first_us < closed.end_us and last_us >= closed.start_us - LOOK_BACK_US:
                    closed.is_void = True

    def in_whole_steps(self, query: Query) -> Query:
        """A question whose range moves, from the beginning of a step on if it can be answered here; else as it is."""
        width_us = step_us(query.end_us - query.start_us)
        is_long = query.end_us - query.start_us >= LEAST_STEPS * width_us
        if not is_long or not _is_whole(query) or Joint.of(query, self._catalog[query.table]) is None:
            return query
        return replace(query, start_us=query.start_us // width_us * width_us)

    def answer(self, query: Query) -> Answer | None:
        """What the store would answer, with the rows of hosts whose clocks are a little ahead; None when it has to be asked for all of it.

        Raises:
            StoreUnavailable: It has to be asked for the closed part, and is away.
        """
        width_us = step_us(query.end_us - query.start_us)
        closed_us = (self._clock.now_us() // width_us - OPEN_STEPS + 1) * width_us
        is_open = query.start_us + (LEAST_STEPS - OPEN_STEPS) * width_us <= closed_us < query.end_us
        joint = Joint.of(query, self._catalog[query.table]) if is_open and query.start_us % width_us == 0 and _is_whole(query) else None
        if joint is None:
            return None
        shape = replace(query, start_us=0, end_us=(query.end_us - query.start_us) // width_us)
        closed = self._closed(shape, query.start_us)
        if closed is not None:
            found = self._together(joint, closed, width_us)
            if found is not None or closed.answer is None:
                return found
        if self._open_part(joint, closed_us, width_us) is None:
            return None
        return self._together(joint, self._ask(shape, joint, closed_us), width_us)

    def _together(self, joint: Joint, closed: _Closed, width_us: int) -> Answer | None:
        newer = None if closed.answer is None else self._open_part(joint, closed.end_us, width_us)
        return None if newer is None or closed.answer is None or closed.is_void else joint.together(closed.answer, newer)

    def _open_part(self, joint: Joint, from_us: int, width_us: int) -> Answer | None:
        since_us = joint.whole.start_us if joint.needs_one_source else None
        return self._recent.open_part(replace(joint.query, start_us=from_us, end_us=joint.query.end_us + AHEAD_US), width_us, since_us)

    def _closed(self, shape: Query, start_us: int) -> _Closed | None:
        """What is kept for this question, if it begins where the question does and still holds."""
        with self._lock:
            closed = self._kept.get(shape)
            if closed is None or closed.start_us != start_us or closed.is_void:
                return None
            self._kept.move_to_end(shape)
            return closed

    def _ask(self, shape: Query, joint: Joint, until_us: int) -> _Closed:
        closed = _Closed(joint.whole.start_us, until_us)
        with self._lock:  # before the store is asked: what arrives meanwhile voids it
            self._kept[shape] = closed
            self._kept.move_to_end(shape)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        answer = self._scan(replace(joint.query, end_us=until_us, limit=MOST_GROUPS))
        if not answer.truncated and answer.start_us in {None, joint.whole.start_us}:
            closed.answer = answer
        return closed
