"""What every venue of the feed collector must hold: subclass `FeedVenueSuite`, say what the venue's messages mean, run with pytest.

Messages come from the venue's documentation or from recordings; the suite reads them, plays them through the measure on virtual time,
loses, swaps and doubles some, and compares the rows of table ``feed`` with what the venue file says can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from tapewatch.model.venue import Names
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Channel, Event, FeedVenue, Notice, Rule, Subscription

START_US = 1_700_000_000_000_000
SPACING_S = 0.1
SETTLE_S = 8
"""Seconds after the last message: longer than any wait for a late one, and than an interval."""

LONGEST_STORY = 200

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
    """

    channel: str
    messages: Sequence[Message]
    first: int = 1


class FeedVenueSuite:
    """The contract of a venue file. Subclasses set the class variables."""

    venue: ClassVar[type[FeedVenue]]
    """The class under test."""

    spellings: ClassVar[Mapping[str, str]]
    """Canonical symbol to the venue's own; the first one is the symbol of all stories."""

    examples: ClassVar[Sequence[Example]]
    """Documented or recorded messages of every kind that the venue sends."""

    stories: ClassVar[Sequence[Story]]
    """One for each channel that is measured by default."""

    def test_it_is_a_known_venue_with_a_secure_address(self) -> None:
        assert Names().venue(self.venue.id) == (self.venue.id, True)
        assert self.venue.address.startswith("wss://")
        assert self.venue.connect_interval_s > 0
        assert self.venue.silence_s is None or self.venue.silence_s > 0

    def test_its_channels_are_described(self) -> None:
        names = [channel.name for channel in self.venue.channels]
        topics = [channel.topic for channel in self.venue.channels]
        assert len(set(topics)) == len(topics)
        assert set(self.venue.usual) <= set(names)
        for channel in self.venue.channels:
            assert channel.sentence.endswith(".")
            assert channel.keeps_book or channel.rule is not Rule.CHECKSUM

    def test_symbols_are_written_as_the_venue_writes_them(self) -> None:
        venue = self.venue()
        for canonical, native in self.spellings.items():
            assert venue.native(canonical) == native
            assert Names().symbol(native, venue.id) == (canonical, True)

    def test_every_stream_is_asked_for_exactly_once_and_within_the_limit(self) -> None:
        venue = self.venue()
        many = [Subscription(f"B{n}/USD", f"B{n}-N", channel) for n in range(venue.streams_per_connection) for channel in venue.channels]
        routes = venue.routes(venue.address, many)
        assert sorted(wanted.key for route in routes for wanted in route.subscriptions) == sorted(wanted.key for wanted in many)
        for route in routes:
            assert 0 < len(route.subscriptions) <= venue.streams_per_connection
            asked = route.url + " ".join(venue.subscribe(route.subscriptions))
            for wanted in route.subscriptions:
                assert wanted.native.lower() in asked.lower()
                assert wanted.channel.topic in asked

    def test_another_address_is_used_as_it_is(self) -> None:
        venue = self.venue()
        for route in venue.routes("ws://127.0.0.1:5130/replay", self._subscriptions()):
            assert route.url.startswith("ws://127.0.0.1:5130/replay")

    def test_a_kept_book_can_be_had_anew_where_the_venue_compares_it(self) -> None:
        for wanted in self._subscriptions():
            if wanted.channel.rule is Rule.CHECKSUM:
                assert len(self.venue().resync(wanted)) >= 1

    def test_examples_say_what_is_expected(self) -> None:
        venue = self.venue()
        for example in self.examples:
            read = venue.parse(_bytes(example.message))
            assert _plain(read) == _plain(example.means), example.message

    def test_there_is_an_example_of_every_channel_and_of_a_refusal(self) -> None:
        shown = {example.means.channel for example in self.examples if isinstance(example.means, Event)}
        assert shown == {channel.name for channel in self.venue.channels}
        assert any(isinstance(example.means, Notice) and example.means.is_refusal for example in self.examples)

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

    def test_what_the_rule_can_see_is_seen_and_what_it_cannot_is_unknown(self) -> None:
        for story in self.stories:
            rule = self._channel(story.channel).rule
            for inner in range(story.first, min(len(story.messages) - 2, LONGEST_STORY)):
                before, here, there, after = (
                    story.messages[:inner],
                    story.messages[inner],
                    story.messages[inner + 1],
                    story.messages[inner + 2 :],
                )
                lost = self._totals(story.channel, [*before, there, *after])
                if rule is Rule.CHECKSUM:
                    assert (lost["checksum_mismatches"] or 0) > 0
                    continue
                swapped = self._totals(story.channel, [*before, there, here, *after])
                doubled = self._totals(story.channel, [*before, here, here, there, *after])
                for totals, event in ((lost, "gaps"), (swapped, "reorders"), (doubled, "duplicates")):
                    del totals["messages"]
                    assert totals == self._expected(story, {event: 1}), f"{story.channel}, message {inner}"

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

    def _expected(self, story: Story, events: Mapping[str, int]) -> dict[str, float | None]:
        """Totals by the rule of a channel: None where the venue gives nothing to see it by."""
        rule = self._channel(story.channel).rule
        is_counted = rule in {Rule.LINKED, Rule.COUNTED}
        expected: dict[str, float | None] = {
            name: events.get(name, 0) if is_counted else None for name in ("gaps", "duplicates", "reorders")
        }
        expected["checksum_mismatches"] = 0 if rule is Rule.CHECKSUM else None
        return {**expected, "reconnects": 0}

    def _channel(self, name: str) -> Channel:
        return next(channel for channel in self.venue.channels if channel.name == name)

    def _subscriptions(self) -> list[Subscription]:
        symbol, native = next(iter(self.spellings.items()))
        channels = {channel.name: channel for channel in reversed(self.venue.channels)}
        return [Subscription(symbol, native, channel) for channel in channels.values()]

    def _totals(self, channel: str, messages: Sequence[Message], *, reconnect_at: int | None = None) -> dict[str, float | None]:
        rows = self._play(channel, messages, reconnect_at=reconnect_at)
        totals: dict[str, float | None] = {}
        for name in ("messages", "gaps", "duplicates", "reorders", "checksum_mismatches", "reconnects"):
            values = [row[name] for row in rows if row[name] is not None]
            totals[name] = sum(values) if values else None
        return totals

    def _play(self, channel: str, messages: Sequence[Message], *, reconnect_at: int | None = None) -> list[dict[str, Any]]:
        """Rows of a stream whose messages arrive every `SPACING_S`, with a tick every second and silence at the end."""
        venue = self.venue()
        (route,) = venue.routes("ws://127.0.0.1:5130/replay", [one for one in self._subscriptions() if one.channel.name == channel])
        measure = FeedMeasure(venue, [route], interval_s=5.0, now_us=START_US, now_s=0.0)
        (link,) = measure.links
        link.up(0.0)
        rows: list[dict[str, Any]] = []
        ticks = 0
        for index in range(len(messages) + round(SETTLE_S / SPACING_S)):
            now_s = index * SPACING_S
            if now_s >= ticks + 1:
                ticks += 1
                rows += measure.tick(START_US + ticks * 1_000_000, float(ticks))
            if index == reconnect_at:
                link.down("the test cut the connection", START_US, now_s)
                link.up(now_s)
            if index < len(messages):
                link.observe(_bytes(messages[index]), START_US + round(now_s * 1_000_000), now_s)
        assert link.unread == 0, link.unread_reason
        return rows + measure.tick(START_US + (ticks + 6) * 1_000_000, ticks + 6.0)


def _bytes(message: Message) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _plain(read: Event | Notice | None) -> Any:  # noqa: ANN401 - whatever it holds, as lists and numbers that compare
    return msgspec.json.decode(msgspec.json.encode(read))
