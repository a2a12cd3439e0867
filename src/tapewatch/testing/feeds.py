"""What every venue of the feed collector must hold: subclass `FeedVenueSuite`, say what the venue's messages mean, run with pytest.

Messages come from the venue's documentation or from recordings; the suite reads them, plays them through the measure on virtual time,
loses, swaps and doubles some, and compares the rows of table ``feed`` with what the venue file says can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from tapewatch.model.venue import Names
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.venues.base import (
    UNREADABLE,
    About,
    Channel,
    Event,
    Fault,
    FeedVenue,
    Notice,
    Rule,
    Stamp,
    Subscription,
)

START_US = 1_700_000_000_000_000
SPACING_S = 0.1
SETTLE_S = 12
"""Seconds after the last message: longer than any wait for a late one, and than an interval."""

LONGEST_STORY = 200

_ON_OCCASION = frozenset((Fault.OUT_OF_BAND, Fault.SNAPSHOT))
"""Faults that are unknown until something has come that they show by: the day's range, a snapshot that nobody asked for."""

_NOT_A_MESSAGE = (b"", b"\xff\xfe", b"null", b"[]", b"{}", b"[1]", b"7")

Message = bytes | str


@dataclass(frozen=True)
class Example:
    """One message and what it says; None for nothing of interest. Levels of a book are compared too."""

    message: Message
    means: Event | Notice | None


@dataclass(frozen=True)
class Story:
    """At least four messages of one stream in the order in which the venue sends them, the first ones possibly a snapshot.

    Attributes:
        channel: Name of the channel.
        messages: The messages.
        first: Position of the first message after which one can be lost without the stream's start being another.
        makes: For each fault that losing, swapping and doubling does not make: messages that, sent after these one by one, make it; they
            may be of the symbol's other channels.
    """

    channel: str
    messages: Sequence[Message]
    first: int = 1
    makes: Mapping[Fault, Sequence[Message]] = field(default_factory=dict[Fault, Sequence[Message]])


class FeedSuite:
    """What is read and measured of a venue's messages, whoever says what they mean. Subclasses set the class variables."""

    venue: ClassVar[type[FeedVenue]]
    """The class under test."""

    spellings: ClassVar[Mapping[str, str]]
    """Canonical symbol to the venue's own; the first one is the symbol of all stories."""

    examples: ClassVar[Sequence[Example]]
    """Documented or recorded messages of every kind that the venue sends."""

    stories: ClassVar[Sequence[Story]]
    """One for each channel that is measured by default; more of a channel where it has several protocols."""

    def test_its_limits_and_its_heartbeat_can_be_kept(self) -> None:
        limits, heartbeat = self.venue.limits, self.venue.heartbeat
        assert min(limits.streams_per_connection, limits.streams_per_request or 1) >= 1
        assert limits.connect_interval_s > 0
        assert limits.request_interval_s >= 0
        assert heartbeat.sentence.endswith(".")
        assert heartbeat.silence_s is None or heartbeat.silence_s > heartbeat.every_s
        assert bool(heartbeat.request) == (heartbeat.every_s > 0)

    def test_its_channels_are_described(self) -> None:
        names = [channel.name for channel in self.venue.channels]
        topics = [channel.topic for channel in self.venue.channels]
        assert len(set(topics)) == len(topics)
        assert set(self.venue.usual) <= set(names)
        for channel in self.venue.channels:
            assert channel.sentence.endswith(".")
            assert channel.keeps_book or channel.checksum is None

    def test_symbols_are_written_as_the_venue_writes_them(self) -> None:
        venue = self.venue()
        for canonical, native in self.spellings.items():
            assert venue.native(canonical) == native
            assert Names().symbol(native, venue.id) == (canonical, True)

    def test_another_address_is_used_as_it_is(self) -> None:
        venue = self.venue()
        for route in venue.routes("ws://127.0.0.1:5130/replay", self._subscriptions()):
            assert route.url.startswith("ws://127.0.0.1:5130/replay")

    def test_a_kept_book_can_be_had_anew_where_the_venue_compares_it(self) -> None:
        for wanted in self._subscriptions():
            if wanted.channel.checksum is not None:
                assert len(self.venue().resync(wanted)) >= 1

    def test_examples_say_what_is_expected(self) -> None:
        venue = self.venue()
        for example in self.examples:
            read = venue.parse(_bytes(example.message))
            assert _plain(read) == _plain(example.means), example.message

    def test_a_broken_message_is_refused_and_nothing_else(self) -> None:
        venue = self.venue()
        for example in self.examples:
            message = _bytes(example.message)
            for broken in (message[: len(message) // 2], message[:-1], message + b"]", *_NOT_A_MESSAGE):
                try:
                    venue.parse(broken)
                except UNREADABLE:
                    continue

    def test_there_is_a_story_of_every_usual_channel(self) -> None:
        assert {story.channel for story in self.stories} >= set(self.venue.usual)

    def test_an_untouched_story_has_no_event(self) -> None:
        for story in self.stories:
            totals = self._totals(story.channel, story.messages)
            assert totals.pop("messages") == len(story.messages)
            assert totals == self._expected(story, {})

    def test_a_time_is_given_where_one_is_declared_and_nowhere_else(self) -> None:
        for example in self.examples:
            event = example.means
            if isinstance(event, Event) and event.time_us is not None:
                assert self._channel(event.channel).stamp is not Stamp.NONE
        for story in self.stories:
            read = [self.venue().parse(_bytes(message)) for message in story.messages]
            is_timed = any(isinstance(event, Event) and event.time_us is not None for event in read)
            assert is_timed == (self._channel(story.channel).stamp is not Stamp.NONE), story.channel

    def test_what_can_be_seen_is_seen_and_what_cannot_is_unknown(self) -> None:
        for story in self.stories:
            sees = self._channel(story.channel).sees
            for inner in range(story.first, min(len(story.messages) - 2, LONGEST_STORY)):
                before, (here, there), after = story.messages[:inner], story.messages[inner : inner + 2], story.messages[inner + 2 :]
                lost = self._totals(story.channel, [*before, there, *after])
                swapped = self._totals(story.channel, [*before, there, here, *after])
                doubled = self._totals(story.channel, [*before, here, here, there, *after])
                if Fault.CHECKSUM in sees and self._has_checksums(story):
                    assert lost.pop(Fault.CHECKSUM)
                    del swapped[Fault.CHECKSUM]
                for totals, fault in ((lost, Fault.GAP), (swapped, Fault.REORDER), (doubled, Fault.DUPLICATE)):
                    del totals["messages"]
                    expected = self._expected(story, {fault: 1})
                    assert totals == {name: expected[name] for name in totals}, f"{story.channel}, message {inner}"

    def test_a_gap_says_how_long_it_was_and_how_much_is_missing_where_the_numbers_tell(self) -> None:
        for story in self.stories:
            channel = self._channel(story.channel)
            lost = [*story.messages[: story.first], *story.messages[story.first + 1 :]]
            gaps = [row for row in self._play(story.channel, lost) if row["gap_ms"] is not None]
            if Fault.GAP not in channel.sees:
                assert gaps == []
                continue
            (gap,) = gaps
            assert round(gap["gap_ms"]) == round(SPACING_S * 1000)
            assert gap["missing"] is None if channel.rule is not Rule.COUNTED else gap["missing"] >= 1

    def test_every_other_fault_that_can_be_seen_is_seen(self) -> None:
        for story in self.stories:
            others = self._channel(story.channel).sees - {Fault.GAP, Fault.DUPLICATE, Fault.REORDER, Fault.CHECKSUM}
            assert set(story.makes) == others, f"{story.channel}: a story makes every fault that its channel can show"
            for fault, later in story.makes.items():
                assert (self._totals(story.channel, story.messages, later=later)[fault] or 0) >= 1, fault

    def test_a_reconnect_is_no_gap(self) -> None:
        for story in self.stories:
            half = len(story.messages) // 2
            totals = self._totals(story.channel, story.messages, reconnect_at=half)
            assert totals.pop("reconnects") == 1
            assert {name: total for name, total in totals.items() if total and name != "messages"} == {}

    def test_a_stream_that_stops_goes_on_being_reported(self) -> None:
        for story in self.stories:
            rows = self._play(story.channel, story.messages)
            ages_ms = [row["age_ms"] for row in rows if row["age_ms"] is not None]
            assert ages_ms[-1] >= 1000 * (SETTLE_S - 1 - SPACING_S)
            assert rows[-1]["evidence"]

    def _expected(self, story: Story, events: Mapping[Fault, int]) -> dict[str, float | None]:
        """Totals by what a channel shows: None where the venue gives nothing to see it by."""
        sees = self._channel(story.channel).sees - _ON_OCCASION
        if not self._has_checksums(story):
            sees -= {Fault.CHECKSUM}
        return {"reconnects": 0, **{fault.value: events.get(fault, 0) if fault in sees else None for fault in Fault}}

    def _has_checksums(self, story: Story) -> bool:
        """Whether the messages carry checksums: a venue may have stopped to send them."""
        read = [self.venue().parse(_bytes(message)) for message in story.messages]
        return any(isinstance(event, Event) and event.checksum is not None for event in read)

    def _channel(self, name: str) -> Channel:
        return next(channel for channel in self.venue.channels if channel.name == name)

    def _subscriptions(self) -> list[Subscription]:
        symbol, native = next(iter(self.spellings.items()))
        channels = {channel.name: channel for channel in reversed(self.venue.channels)}
        return [Subscription(symbol, native, channel) for channel in channels.values()]

    def _totals(
        self, channel: str, messages: Sequence[Message], *, later: Sequence[Message] = (), reconnect_at: int | None = None
    ) -> dict[str, float | None]:
        rows = self._play(channel, messages, later=later, reconnect_at=reconnect_at)
        totals: dict[str, float | None] = {}
        for name in ("messages", "reconnects", *Fault):
            values = [row[name] for row in rows if row[name] is not None]
            totals[name] = sum(values) if values else None
        return totals

    def _play(
        self, channel: str, messages: Sequence[Message], *, later: Sequence[Message] = (), reconnect_at: int | None = None
    ) -> list[dict[str, Any]]:
        """Rows of a stream whose messages arrive every `SPACING_S`, later ones every `SETTLE_S`; with a tick every second, then silence."""
        venue = self.venue()
        (route,) = venue.routes("ws://127.0.0.1:5130/replay", self._subscriptions())
        measure = FeedMeasure(venue, [route], interval_s=5.0, now_us=START_US, now_s=0.0)
        (link,) = measure.links
        link.up(0.0)
        arrivals = [(index * SPACING_S, message) for index, message in enumerate(messages)]
        arrivals += [(arrivals[-1][0] + SETTLE_S * number, message) for number, message in enumerate(later, 1)]
        rows: list[dict[str, Any]] = []
        ticks = 0

        def tick_until(until_s: float) -> None:
            nonlocal ticks
            while ticks + 1 <= until_s:
                ticks += 1
                rows.extend(measure.tick(START_US + ticks * 1_000_000, float(ticks)))

        for index, (now_s, message) in enumerate(arrivals):
            tick_until(now_s)
            if index == reconnect_at:
                link.down("the test cut the connection", START_US, now_s)
                link.up(now_s)
            link.observe(_bytes(message), START_US + round(now_s * 1_000_000), now_s)
        assert link.unread == 0, link.unread_reason
        end_s = arrivals[-1][0] + SETTLE_S
        tick_until(end_s)
        rows += measure.tick(START_US + (ticks + 6) * 1_000_000, ticks + 6.0)
        return [row for row in rows if row["channel"] == channel]


class FeedVenueSuite(FeedSuite):
    """The contract of a venue file: what is measured, and the facts that it states."""

    time_answer: ClassVar[tuple[str, int] | None]
    """A documented answer of the venue's time call, and the time in it in µs; None where there is no time call."""

    def test_it_is_a_known_venue_with_a_secure_address(self) -> None:
        assert Names().venue(self.venue.id) == (self.venue.id, True)
        assert self.venue.address.startswith("wss://")

    def test_every_fact_names_its_page(self) -> None:
        assert set(self.venue.pages) == set(About)
        assert all(page.startswith("https://") for page in self.venue.pages.values())
        assert self.venue.maintenance.endswith(".")

    def test_the_answer_of_the_time_call_is_read(self) -> None:
        call = self.venue.server_time
        assert (call is None) == (self.time_answer is None)
        if call is None or self.time_answer is None:
            return
        body, time_us = self.time_answer
        assert call.url.startswith("https://") or call.message
        assert call.answer.read(msgspec.json.decode(body)) == time_us
        if not call.url:
            read = self.venue().parse(body.encode())
            assert isinstance(read, Notice)
            assert read.venue_us == time_us

    def test_every_stream_is_asked_for_exactly_once_and_within_the_limit(self) -> None:
        venue = self.venue()
        many = [
            Subscription(f"B{n}/USD", f"B{n}-N", channel) for n in range(venue.limits.streams_per_connection) for channel in venue.channels
        ]
        routes = venue.routes(venue.address, many)
        assert sorted(wanted.key for route in routes for wanted in route.subscriptions) == sorted(wanted.key for wanted in many)
        for route in routes:
            assert 0 < len(route.subscriptions) <= venue.limits.streams_per_connection
            requests = venue.subscribe(route.subscriptions)
            if requests and venue.limits.streams_per_request:
                assert len(requests) * venue.limits.streams_per_request >= len(route.subscriptions)
            asked = route.url + " ".join(requests)
            for wanted in route.subscriptions:
                assert wanted.native.lower() in asked.lower()
                assert wanted.channel.topic in asked

    def test_there_is_an_example_of_every_channel_and_of_a_refusal(self) -> None:
        shown = {example.means.channel for example in self.examples if isinstance(example.means, Event)}
        assert shown == {channel.name for channel in self.venue.channels}
        assert any(isinstance(example.means, Notice) and example.means.is_refusal for example in self.examples)


def _bytes(message: Message) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _plain(read: Event | Notice | None) -> Any:  # noqa: ANN401 - whatever it holds, as lists and numbers that compare
    return msgspec.json.decode(msgspec.json.encode(read))
