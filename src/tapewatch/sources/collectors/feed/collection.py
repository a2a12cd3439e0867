"""Collecting a feed: its connections beside a tick every second, rows of tables ``feed`` and ``exchange`` out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed.keeping import Keeping
from tapewatch.sources.collectors.feed.venues.base import FeedVenue, ServerTime, Subscription
from tapewatch.sources.gates import Gates

if TYPE_CHECKING:
    from tapewatch.sources.collectors.feed.measure import FeedMeasure
    from tapewatch.sources.collectors.feed.race import Races
    from tapewatch.sources.collectors.feed.recorder.recorder import Recorder

# What measures and what connects is imported by the process that runs the collector: the server only reads its settings.

TICK_S = 1.0
"""Seconds between two rows of table ``exchange``."""

LOOKS = 4
LOOK_S = TICK_S / LOOKS
"""Seconds between two looks at whether a fresh stream has become too silent: so much later than the limit a stop is found at most."""

INTERVAL_MAX_S = 3600.0

END_S = 0.4
"""Seconds that a recorder gets to end its files when the collector ends; one whose disk hangs is left behind."""


def check_interval(interval_s: float) -> None:
    """Check the seconds of a row of table ``feed``.

    Raises:
        ConfigError: They are out of bounds.
    """
    if not TICK_S <= interval_s <= INTERVAL_MAX_S:
        raise ConfigError(f"interval_s: {interval_s} is not between {TICK_S:.0f} and {INTERVAL_MAX_S:.0f} seconds")


def check_streams(venue: type[FeedVenue], subscriptions: Sequence[Subscription]) -> None:
    """Check how many streams of a venue are wanted.

    Raises:
        ConfigError: There are more than the venue allows an address.
    """
    most = venue.limits.streams
    if most is not None and len(subscriptions) > most:
        raise ConfigError(f"symbols, channels: {len(subscriptions)} streams are more than the {most:,} that {venue.id} allows an address")


async def collect_feed(
    measure: FeedMeasure,
    context: Context,
    *,
    time_call: ServerTime | None,
    interval_s: float,
    silence_s: float | None,
    recorder: Recorder | None = None,
) -> AsyncGenerator[RawBatch]:
    """Hold the connections of a measure and tell what it measured; endless.

    Args:
        measure: What takes the messages.
        context: The time, HTTP for the time call, and the folder for what is learned.
        time_call: How the venue is asked for its time; None for not at all.
        interval_s: Seconds of a row of table ``feed``.
        silence_s: Seconds without any message after which a connection is made anew; None for never.
        recorder: Writes the traffic; started and ended here. None for none.
    """
    from tapewatch.sources.collectors.feed.own_delay import OwnDelay
    from tapewatch.sources.collectors.feed.race import Races

    clock = context.clock
    own = OwnDelay(clock)
    races = context.shared.one(Races)
    keeping = Keeping(context, measure.cadences())
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(own.watch()), *_connect(measure, context, time_call, silence_s, recorder)]
    tasks += _asking(measure, context, time_call, keeping.known_until_us)
    async with _ended(tasks, recorder):
        with own, keeping, measure, _racing(races, measure, clock):
            due_s = told_s = clock.monotonic_s()
            looks = 0
            while True:
                due_s = max(due_s + TICK_S / LOOKS, clock.monotonic_s())
                await asyncio.sleep(due_s - clock.monotonic_s())
                own.late(clock.monotonic_s() - due_s)
                looks += 1
                now_us = clock.now_us()
                if looks % LOOKS:
                    if silent := measure.look(now_us, clock.monotonic_s()):
                        yield RawBatch.of("feed", silent, period_s=interval_s)
                    continue
                _check(tasks)
                measure.delayed(own.take(), clock.monotonic_s())
                rows = measure.tick(now_us, clock.monotonic_s())
                exchange = measure.exchange()
                if exchange:
                    yield RawBatch.of("exchange", [{"ts": now_us, **exchange}], period_s=TICK_S)
                if rows:
                    yield RawBatch.of("feed", rows, period_s=interval_s)
                ahead = await _compare(races, measure, context)
                if ahead:
                    yield RawBatch.of("feed_lead", ahead, period_s=races.period_s)
                if recorder and clock.monotonic_s() - told_s >= interval_s:
                    told_s = clock.monotonic_s()
                    yield _told(recorder, now_us, interval_s)
                await keeping.keep(clock.monotonic_s())


@contextlib.asynccontextmanager
async def _ended(tasks: Sequence[asyncio.Task[Any]], recorder: Recorder | None) -> AsyncGenerator[None]:
    """Tasks, and a recorder, that end with the block."""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if recorder:
            recorder.end()
        await asyncio.gather(*tasks, return_exceptions=True)
        if recorder and not await asyncio.to_thread(recorder.join, END_S):
            recorder.leave()


def _asking(
    measure: FeedMeasure, context: Context, time_call: ServerTime | None, known_until_us: int | None
) -> Iterator[asyncio.Task[Any]]:
    """Tasks that ask others: the venue for its time, and the store for what is not in the learned file."""
    from tapewatch.sources.collectors.feed.recall import recall

    if time_call is not None and time_call.url:
        yield _ask_time(measure, context, time_call)
    if context.history is not None:
        yield asyncio.create_task(recall(context.history, measure.venue.id, measure.streams(), known_until_us, context.clock))


def _check(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Raise what ended one of the tasks."""
    for task in tasks:
        if task.done():
            task.result()


@contextlib.contextmanager
def _racing(races: Races, measure: FeedMeasure, clock: Clock) -> Generator[None]:
    """The measure's streams of prices among those that are compared, until the block ends."""
    from tapewatch.sources.collectors.feed.round_trips import Moment

    races.join(measure.racers(lambda: Moment(clock.now_us(), clock.monotonic_s())))
    try:
        yield
    finally:
        races.leave(measure)


async def _compare(races: Races, measure: FeedMeasure, context: Context) -> list[dict[str, Any]]:
    """Rows of table ``feed_lead`` of one pair that is due; worked out in a thread, for it takes long against a message."""
    from tapewatch.sources.collectors.feed.race import Taken, compared

    now_s = context.clock.monotonic_s()
    pair = races.due(measure, now_s)
    if pair is None:
        return []
    rows = await asyncio.to_thread(compared, *(Taken.of(racer, now_s) for racer in pair))
    return [{"ts": context.clock.now_us(), **row} for row in rows]


def _ask_time(measure: FeedMeasure, context: Context, time_call: ServerTime) -> asyncio.Task[None]:
    from tapewatch.sources.collectors.feed.time_call import TimeCall

    random = Random()  # noqa: S311 - jitter of questions, no secret
    return asyncio.create_task(TimeCall(time_call, context.http(), measure.round_trips, context.clock, random).run())


def _connect(
    measure: FeedMeasure, context: Context, time_call: ServerTime | None, silence_s: float | None, recorder: Recorder | None
) -> list[asyncio.Task[None]]:
    from tapewatch.sources.collectors.feed.connection import Connection
    from tapewatch.sources.collectors.feed.recorder.tape import NO_TAPE

    random = Random()  # noqa: S311 - jitter of reconnects, no secret
    # one connection asks: they all lead to the same clock
    question = time_call if time_call is not None and not time_call.url else None
    questions = [question, *[None] * (len(measure.links) - 1)]
    gates, tasks = context.shared.one(Gates), list[asyncio.Task[None]]()
    for link, question in zip(measure.links, questions, strict=True):
        host, limits = urlsplit(link.route.url).netloc, measure.venue.limits
        gate = gates.of(host, limits.connect_interval_s, context.clock)
        requests = gates.of(f"messages to {host}", limits.request_interval_s, context.clock) if limits.requests_share else None
        tape = recorder.tape(link.route.url) if recorder else NO_TAPE
        connection = Connection(link, context.clock, gate, random, silence_s=silence_s, question=question, tape=tape, requests=requests)
        tasks.append(asyncio.create_task(connection.run()))
    if recorder:
        recorder.start()
    return tasks


def _told(recorder: Recorder, now_us: int, interval_s: float) -> RawBatch:
    """How the recording goes: what is missing from it must not be seen first when it is needed."""
    component = f"recorder.{recorder.name}"  # each has rows of its own: what one has lost must not be hidden by another
    rows = [{"ts": now_us, "component": component, "metric": metric, "value": value} for metric, value in recorder.measures().items()]
    return RawBatch.of("self", rows, period_s=interval_s)
