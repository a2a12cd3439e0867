"""One distinct panel that somebody shows: what it was, whether it is out of date, and how it is computed again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from tapewatch.clock import US_PER_S
from tapewatch.errors import ContractError, StoreUnavailable
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Table
from tapewatch.query.frame import Frame
from tapewatch.query.run import Tail
from tapewatch.query.series import NOTED_ANEW_S, SeriesBook
from tapewatch.surfaces.web.live.asked import Asked, touches
from tapewatch.surfaces.web.live.increment import can_continue, change, continued
from tapewatch.surfaces.web.live.messages import FrameMessage, frame_message
from tapewatch.surfaces.web.live.pacer import FLOOR_S, PAUSE_COSTS

if TYPE_CHECKING:
    from tapewatch.surfaces.web.live.client import LiveClient

VERDICTS_EVERY_S = 1.0
LEAST_PERIOD_S = 5.0
MOST_PERIOD_S = 15.0
"""A moving window is computed at least once per bucket, between these bounds, so that its edge and its staleness move."""
ASK_ALL_EVERY_S = 60.0
"""An incremental topic is asked as a whole this often: what changed without a new row is seen then."""
SPARK_EVERY_S = 5.0
"""Small curves have few and wide buckets: between two questions the last curve stays."""
RETRY_S = 2.0


class Asks(Protocol):
    """What a topic needs of the query engine."""

    def frame(self, query: Query, *, spark: Query | None = None, is_standing: bool = False) -> Frame:
        """Answer one question, one that is asked again and again when it is standing; blocks."""
        ...

    def at_hand(self, query: Query) -> Tail | None:
        """The newest buckets from memory; None when the store has to be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What computing needs besides the topic itself; used in worker threads.

    Attributes:
        engine: Answers questions.
        catalog: Tables by name.
        book: Verdicts on series.
        verdicts: Builds the frame of verdicts for a topic.
    """

    engine: Asks
    catalog: Mapping[str, Table]
    book: SeriesBook
    verdicts: Callable[[Asked], Frame]


@dataclass(frozen=True, slots=True)
class Work:
    """One computation of a topic, decided on the event loop and done in a thread.

    Attributes:
        query: What to ask; None for the verdicts.
        spark: What to ask for the small curves; None while those of ``held`` stay.
        held: What the viewers see now.
        since_us: Ask only from this bucket on and continue ``held``; None to ask all.
        observed_s: Monotonic second at which the oldest row not yet shown was accepted.
        has_news: Whether rows that it shows have come since the last time, or its verdicts did not know them then.
    """

    query: Query | None
    spark: Query | None
    held: Frame | None
    since_us: int | None
    observed_s: float | None
    has_news: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it.

    Attributes:
        frame: As of now.
        message: For the viewers, when it differs from what they see.
        is_behind: Whether its verdicts do not know the newest rows yet.
    """

    frame: Frame
    message: FrameMessage | None
    is_behind: bool = False


class Topic:
    """State of one topic; touched on the event loop only, except `compute`.

    Args:
        name: Short name on the wire.
        asked: What it shows.
    """

    def __init__(self, name: str, asked: Asked) -> None:
        self.name = name
        self.asked = asked
        self.clients: dict[LiveClient, set[str]] = {}
        self.failure: tuple[str, str] | None = None
        self.frame: Frame | None = None
        self.sequence = 0
        self._snapshot: FrameMessage | None = None
        self._query: Query | None = None
        self._dirty_us: int | None = None
        self._observed_s: float | None = None
        self._begun_s = self._ended_s = self._asked_all_s = self._asked_spark_s = -math.inf
        self._cost_s = 0.0
        self._is_running = False
        self._is_final = False
        self._is_behind = False

    @property
    def is_urgent(self) -> bool:
        """Whether its viewers have nothing yet."""
        return self.frame is None and self.failure is None

    def due_s(self) -> float:
        """See `tapewatch.surfaces.web.live.pacer.Paced.due_s`."""
        if self._is_running or not self.clients or (self.failure and self._is_final):
            return math.inf
        if self.failure:
            return self._ended_s + RETRY_S
        if self._dirty_us is not None:
            return self._ended_s + max(FLOOR_S, PAUSE_COSTS * self._cost_s)
        if self._is_behind:
            return self._ended_s + NOTED_ANEW_S
        return math.inf if self._is_final else self._begun_s + self._period_s()

    def _period_s(self) -> float:
        if self.asked.question is None:
            return VERDICTS_EVERY_S
        bucket_us = (self._query and self._query.bucket_us) or 0
        return min(MOST_PERIOD_S, max(LEAST_PERIOD_S, bucket_us / US_PER_S))

    def observe(self, batch: RowBatch, now_s: float) -> bool:
        """Note accepted rows of its table; True when they make it out of date."""
        if self._query is None:
            return False
        at_us = touches(self._query, batch, is_moving=self.asked.window.last_us is not None)
        if at_us is None:
            return False
        self._dirty_us = at_us if self._dirty_us is None else min(self._dirty_us, at_us)
        if self._observed_s is None:
            self._observed_s = now_s
        return True

    def begin(self, now_us: int, now_s: float, catalog: Mapping[str, Table]) -> Work:
        """Decide what to ask now; rows observed from here on count for the next time."""
        query = self.asked.query(now_us, catalog)
        since_us = self._since_us(query, now_s, catalog) if query else None
        has_news = self._observed_s is not None or self._is_behind
        work = Work(query, self._spark(now_us, now_s), self._held(), since_us, self._observed_s, has_news)
        self._query, self._dirty_us, self._observed_s = query, None, None
        self._is_running, self._begun_s = True, now_s
        self._is_final = not self.asked.window.includes(now_us)
        if since_us is None:
            self._asked_all_s = now_s
        return work

    def _held(self) -> Frame | None:
        """What the viewers see; after a failure they are sent the whole again."""
        return None if self.failure else self.frame

    def _spark(self, now_us: int, now_s: float) -> Query | None:
        held = self._held()
        if held is not None and held.spark is not None and now_s - self._asked_spark_s < SPARK_EVERY_S:
            return None
        self._asked_spark_s = now_s
        return self.asked.spark_query(now_us)

    def _since_us(self, query: Query, now_s: float, catalog: Mapping[str, Table]) -> int | None:
        held, before, bucket_us = self._held(), self._query, query.bucket_us
        if held is None or before is None or bucket_us is None or bucket_us != before.bucket_us or self.asked.spark:
            return None
        if held.is_truncated or held.state != "live" or now_s - self._asked_all_s > ASK_ALL_EVERY_S:
            return None
        if query.table not in catalog or query.mode is not Mode.AGGREGATE or query.limit is not None or query.order_by:
            return None
        newest_us = before.end_us - bucket_us
        since_us = (newest_us if self._dirty_us is None else min(newest_us, self._dirty_us)) // bucket_us * bucket_us
        return since_us if query.start_us < since_us < query.end_us else None

    def compute(self, work: Work, tools: Tools) -> Done:
        """Ask, compare and encode; blocks, runs in a thread.

        Raises:
            TapewatchError: The question cannot be answered and nothing is held.
        """
        known = tools.book.look(self.asked.table) if work.has_news else 0
        newer = self._answer(work, tools)
        is_behind = work.has_news and tools.book.is_behind(self.asked.table, known)
        changed = change(work.held, newer)
        if changed is None:
            return Done(newer, None, is_behind)
        message = frame_message(self.name, self.sequence + 1, changed.frame, changed.replace_from_us, work.observed_s)
        return Done(newer, message, is_behind)

    def _answer(self, work: Work, tools: Tools) -> Frame:
        query = work.query
        if query is None:
            return tools.verdicts(self.asked)
        try:
            if work.since_us is None or work.held is None:
                return self._in_window(tools.engine.frame(query, spark=work.spark, is_standing=self.asked.window.last_us is not None), work)
            tail = self._tail(replace(query, start_us=work.since_us), tools)
            if tail is None:
                return tools.engine.frame(query)
            return continued(work.held, tail, query, tools.catalog[query.table], tools.book)
        except StoreUnavailable as error:
            if work.held is None:
                raise
            return replace(work.held, state="last_good", error=str(error))

    def _tail(self, query: Query, tools: Tools) -> Tail | None:
        """The newest buckets: from memory, or from the store if no bucket depends on an earlier one; None to ask for all."""
        tail = tools.engine.at_hand(query)
        if tail is not None or not can_continue(query, tools.catalog[query.table]):
            return tail
        frame = tools.engine.frame(query)
        return None if frame.state != "live" or frame.is_truncated else Tail.of(frame)

    def _in_window(self, frame: Frame, work: Work) -> Frame:
        """The frame with the window as the page knows it, without the look ahead, and with the small curve that was kept."""
        if frame.spark is None and work.held is not None:
            frame = replace(frame, spark=work.held.spark)
        if frame.bucket_us is not None or self.asked.window.last_us is None:
            return frame
        return replace(frame, end_us=min(frame.end_us, frame.as_of_us))

    def finish(self, done: Done, now_s: float, cost_s: float = 0.0) -> None:
        """Take what was computed, with ``cost_s`` seconds of processor time, as what the viewers see."""
        self._is_running, self._ended_s, self._cost_s, self.failure = False, now_s, cost_s, None
        self.frame, self._is_behind = done.frame, done.is_behind
        if done.message is not None:
            self.sequence = done.message.sequence
            self._snapshot = done.message if done.message.is_snapshot else None

    def fail(self, code: str, message: str, now_s: float, *, is_final: bool) -> bool:
        """Note that it cannot be computed; True when its viewers do not know that yet."""
        self._is_running, self._ended_s = False, now_s
        self._is_final = is_final
        is_news = self.failure != (code, message)
        self.failure = (code, message)
        return is_news

    def snapshot(self) -> FrameMessage:
        """What the viewers see now, whole, under the sequence number of the last change; encoded once.

        Raises:
            ContractError: Nothing was computed yet.
        """
        if self.frame is None:
            raise ContractError(f"topic {self.name} has no frame yet")
        if self._snapshot is None:
            self._snapshot = frame_message(self.name, self.sequence, self.frame, None, None)
        return replace(self._snapshot, observed_s=None)
