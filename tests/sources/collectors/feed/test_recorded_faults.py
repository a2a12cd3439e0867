"""Each fault that a venue file says can be seen, made in real traffic on each of its channels: seen once, and nothing else is."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.sequence import CONFIRM_S
from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Event, Fault
from tests.sources.collectors.feed.recorded import COLLECTORS, OLDER, Message, Played, play, read

pytestmark = pytest.mark.recordings

CAPTURES: Mapping[str, FeedCollector] = {**COLLECTORS, **OLDER}

UNNUMBERED = {("okx", "book"), ("bybit", "book")}
"""Channels whose messages carry numbers today and did not when they were recorded."""

STREAMS, PLACES = 3, 4

CROSSINGS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("binance_usdm", "ticker"): (r'"b":"[^"]*"', '"b":"999999"'),
    ("coinbase", "ticker"): (r'"best_bid":"[^"]*"', '"best_bid":"999999"'),
    ("coinbase", "book"): (r'"changes":\[\[', '"changes":[["buy","999999","1"],['),
    ("kraken", "book"): (r'"b":\[\[', '"b":[["999999.0","1.0","1618677825.000000"],['),
    ("okx", "ticker"): (r'"bidPx":"[^"]*"', '"bidPx":"999999"'),
    ("okx", "book"): (r'"bids":\[\[', '"bids":[["999999","1","0","1"],['),
    ("bybit", "book"): (r'"insert":\[\{', '"insert":[{"price":"999999","symbol":"X","id":1,"side":"Buy","size":1},{'),
}
"""In a message of the channel, what becomes a bid above everything."""

PRICES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("coinbase", "trade"): (r'"price":"[^"]*"', '"price":"999999"'),
    ("okx", "trade"): (r'"px":"[^"]*"', '"px":"999999"'),
}
"""In a trade, what becomes a price that the day has not seen."""

DAY_RANGE_LESS = {("kraken", "trade"), ("bybit", "trade")}
"""Channels whose recording has no ticker."""


def channels() -> list[tuple[str, str]]:
    return [
        (venue, name) for venue, collector in CAPTURES.items() for name in dict.fromkeys(w.channel.name for w in collector.subscriptions())
    ]


class Capture:
    """The messages of one recording by stream: channel and the venue's own spelling of the symbol."""

    def __init__(self, folder: Path, venue: str) -> None:
        self.venue = venue
        self.collector = CAPTURES[venue]
        self.by_symbol: dict[str, list[tuple[str, Message, Event]]] = defaultdict(list)
        parser = self.collector.open_venue()
        for message in read(folder, venue):
            try:
                event = parser.parse(message[1])
            except UNREADABLE:
                continue
            if isinstance(event, Event):
                self.by_symbol[event.symbol].append((event.channel, message, event))

    def busiest(self, channel: str) -> list[str]:
        """Symbols with the most messages of a channel."""
        counts = {symbol: sum(name == channel for name, *_ in items) for symbol, items in self.by_symbol.items()}
        return sorted((symbol for symbol in counts if counts[symbol] >= 8), key=lambda symbol: -counts[symbol])[:STREAMS]

    def messages(self, symbol: str) -> list[Message]:
        return [message for _, message, _ in self.by_symbol[symbol]]

    def places(self, symbol: str, channel: str) -> list[tuple[int, int]]:
        """Neighbours of one stream that came within the wait for a late message, none of them its first or a snapshot."""
        items = self.by_symbol[symbol]
        own = [index for index, (name, _, event) in enumerate(items) if name == channel and not (event.is_snapshot or event.is_repeat)]
        near = [(a, b) for a, b in pairwise(own[1:-1]) if items[b][1][0] - items[a][1][0] < CONFIRM_S * 1e6 / 2]
        return random.Random(f"{symbol} {channel}").sample(near, min(PLACES, len(near)))

    def play(self, messages: Sequence[Message]) -> Played:
        return play(self.collector, messages, after_s=12.0)


@pytest.fixture(scope="module")
def captures(recordings: Path) -> Callable[[str], Capture]:
    """Recordings, each read once."""
    known: dict[str, Capture] = {}
    return lambda venue: known.setdefault(venue, Capture(recordings, venue)) if venue not in known else known[venue]


def seen(played: Played, channel: str) -> dict[str, float]:
    """Events of a channel, and proof that the others have none."""
    for row in played.rows:
        if row["channel"] != channel:
            assert not any(row[fault] for fault in Fault), row
    totals = {fault.value: played.total(fault, channel=channel) for fault in Fault}
    return {name: total for name, total in totals.items() if total}


@pytest.mark.parametrize(("venue", "channel"), channels())
def test_a_lost_a_swapped_and_a_doubled_message_are_seen_as_far_as_the_venue_file_says(
    captures: Callable[[str], Capture], venue: str, channel: str
) -> None:
    capture = captures(venue)
    declared = next(wanted.channel for wanted in capture.collector.subscriptions() if wanted.channel.name == channel)
    sees = frozenset[Fault]() if (venue, channel) in UNNUMBERED else declared.sees
    tried = 0
    for symbol in capture.busiest(channel):
        messages = capture.messages(symbol)
        assert seen(capture.play(messages), channel) == {}
        for here, there in capture.places(symbol, channel):
            tried += 1
            lost = [*messages[:here], *messages[here + 1 :]]
            swapped = list(messages)
            swapped[here], swapped[there] = (messages[here][0], messages[there][1]), (messages[there][0], messages[here][1])
            doubled = [*messages[: here + 1], messages[here], *messages[here + 1 :]]
            for changed, fault in ((lost, Fault.GAP), (swapped, Fault.REORDER), (doubled, Fault.DUPLICATE)):
                found = seen(capture.play(changed), channel)
                if declared.keeps_book:
                    # whether a book that is wrong shows depends on the levels that the update reaches
                    found = {name: total for name, total in found.items() if name not in {Fault.CHECKSUM, Fault.CROSSED}}
                assert found == ({fault: 1} if fault in sees else {}), f"{fault} of {symbol} at {here}"
    assert tried >= PLACES


@pytest.mark.parametrize(("venue", "channel"), channels())
def test_what_a_channel_cannot_show_is_unknown_and_not_zero(captures: Callable[[str], Capture], venue: str, channel: str) -> None:
    capture = captures(venue)
    declared = next(wanted.channel for wanted in capture.collector.subscriptions() if wanted.channel.name == channel)
    sees = declared.sees - ({Fault.GAP, Fault.DUPLICATE, Fault.REORDER} if (venue, channel) in UNNUMBERED else set())
    (symbol, *_) = capture.busiest(channel)
    rows = [row for row in capture.play(capture.messages(symbol)).chosen(channel=channel) if row["messages"]]
    for fault in set(Fault) - sees:
        assert {row[fault] for row in rows} == {None}, fault
    for fault in sees - {Fault.SNAPSHOT} - ({Fault.OUT_OF_BAND} if (venue, channel) in DAY_RANGE_LESS else set()):
        assert rows[-1][fault] == 0, fault


def test_every_channel_that_shows_a_crossed_book_is_crossed_below() -> None:
    declared = {
        (venue, wanted.channel.name)
        for venue, collector in CAPTURES.items()
        for wanted in collector.subscriptions()
        if Fault.CROSSED in wanted.channel.sees
    }
    assert declared == set(CROSSINGS)


def changed(capture: Capture, symbol: str, channel: str, pattern: str, becomes: str) -> list[Message]:
    """The messages of a symbol with one of the channel altered: an early one of those that match."""
    messages = capture.messages(symbol)
    fit = [
        index
        for index, (name, message, event) in enumerate(capture.by_symbol[symbol])
        if name == channel and not event.is_snapshot and not event.is_repeat and re.search(pattern.encode(), message[1])
    ]
    place = fit[len(fit) // 8]
    received_us, text = messages[place]
    messages[place] = (received_us, re.sub(pattern.encode(), becomes.encode(), text, count=1))
    return messages


@pytest.mark.parametrize(("venue", "channel"), CROSSINGS)
def test_a_crossed_quote_or_book_is_seen(captures: Callable[[str], Capture], venue: str, channel: str) -> None:
    capture = captures(venue)
    symbol = capture.busiest(channel)[0]
    found = seen(capture.play(changed(capture, symbol, channel, *CROSSINGS[venue, channel])), channel)
    assert found.pop(Fault.CROSSED) >= 1
    assert set(found) <= {Fault.CHECKSUM}


@pytest.mark.parametrize(("venue", "channel"), PRICES)
def test_a_trade_that_the_day_has_not_seen_is_out_of_its_band(captures: Callable[[str], Capture], venue: str, channel: str) -> None:
    capture = captures(venue)
    symbol = capture.busiest("ticker")[0]
    assert seen(capture.play(changed(capture, symbol, channel, *PRICES[venue, channel])), channel) == {Fault.OUT_OF_BAND: 1}


@pytest.mark.parametrize("venue", ["coinbase", "okx"])
def test_no_trade_of_an_untouched_recording_lies_outside_the_day(captures: Callable[[str], Capture], venue: str) -> None:
    capture = captures(venue)
    for symbol in capture.busiest("ticker"):
        played = capture.play(capture.messages(symbol))
        assert played.total(Fault.OUT_OF_BAND) == 0
        assert any(row[Fault.OUT_OF_BAND] == 0 for row in played.chosen(channel="trade"))
