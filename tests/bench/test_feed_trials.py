"""The trials of feeds: what is drawn from a recording, and what is done to it."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from bench.feed_trials.bootstrap import DAY, WEEKEND, draw, speed
from bench.feed_trials.picture import picture
from bench.feed_trials.recordings import StreamTimes, Traffic
from bench.feed_trials.sequences import BORDER, summed_streams, try_sequences
from bench.feed_trials.silences import FOUND_S, Trial, bar_s, try_silences, without
from bench.feed_trials.summed import shown_at_us
from bench.feed_trials.week import pass_hours
from tapewatch.sources.collectors.feed.venues.base import Fault


def traffic() -> Traffic:
    """Half a minute: a book that is quiet in the middle third, trades with some of its messages, and a second symbol."""
    random = np.random.default_rng(5)
    book = np.sort(np.concatenate([random.uniform(0, 10, 60), random.uniform(20, 30, 60)]))
    other = np.sort(random.uniform(0, 30, 150))
    streams = (
        StreamTimes("A/B", "book", on_change=False, times_s=book),
        StreamTimes("A/B", "trade", on_change=False, times_s=book[::4]),
        StreamTimes("C/B", "book", on_change=False, times_s=other),
    )
    return Traffic("simulated", 30.0, streams, np.sort(np.concatenate([book, book[::4], other])))


def test_drawn_arrivals_are_those_of_the_recording_in_order_and_at_the_pace() -> None:
    source = traffic()
    drawn = draw(source, 3600, lambda _: 1.0, np.random.default_rng(1))
    for times, stream in zip(drawn.streams, source.streams, strict=True):
        assert (np.diff(times) >= 0).all()
        assert times[0] >= 0
        assert times[-1] <= 3600
        assert len(times) / 3600 == pytest.approx(len(stream.times_s) / 30, rel=0.15)
    assert len(drawn.link) == sum(map(len, drawn.streams))
    slow = draw(source, 3600, lambda _: 0.5, np.random.default_rng(1))
    assert len(slow.link) / len(drawn.link) == pytest.approx(0.5, rel=0.15)
    # as bursty as the recording, and with silences that are longer than its longest
    assert max(np.diff(drawn.streams[0])) > max(np.diff(source.streams[0].times_s))


def test_streams_that_spoke_together_still_do() -> None:
    drawn = draw(traffic(), 600, lambda _: 1.0, np.random.default_rng(2))
    book, trade, _ = drawn.streams
    assert np.isin(np.round(trade, 6), np.round(book, 6)).all()


def test_the_week_has_its_lows_and_no_steps() -> None:
    hours = np.arange(0, 168, 0.01)
    speeds = np.array([speed(hour) for hour in hours])
    assert min(DAY) * WEEKEND - 1e-9 <= speeds.min() < speeds.max() <= max(DAY) + 1e-9
    assert np.abs(np.diff(speeds)).max() < 0.01
    assert speed(5 * 24 + 14.5) == pytest.approx(DAY[14] * WEEKEND)


def test_a_cut_ends_a_stream_and_a_pause_keeps_its_messages_until_it_ends() -> None:
    times = np.array([1.0, 2.0, 3.0, 4.0, 9.0])
    assert without(times, 2.5).tolist() == [1.0, 2.0]
    assert without(times, 2.5, 4.0).tolist() == [1.0, 2.0, 6.5, 6.5, 9.0]


def test_a_fast_stream_has_five_seconds_and_a_slow_one_what_its_rate_or_its_own_silences_allow() -> None:
    assert bar_s(5.0, 30.0) == FOUND_S
    assert bar_s(1.0, 100.0) == 150.0
    assert bar_s(1.0, 1.0) == pytest.approx(1.5 * np.log(3.6e6))


def test_the_same_seed_gives_the_same_trials_and_every_silence_is_found() -> None:
    untouched = [pass_hours(traffic(), (14, 15), 7)]
    first, second = try_silences(untouched, range(9), 3), try_silences(untouched, range(9), 3)
    assert first == second
    assert [trial.kind for trial in first[:3]] == ["cut", "freeze", "connection"]
    assert all(trial.found_s is not None for trial in first)
    assert try_silences(untouched, [5], 3) == [first[5]]


def test_the_picture_shows_every_trial_that_was_found() -> None:
    trials = [Trial("cut", "a <b>", 2.0, 20.0, 1.0, 4.0, 30.5), Trial("connection", "a", 90.0, 5.0, 0.0, None, 30.5)]
    root = ET.fromstring(picture("two", trials))
    dots = [found for found in root.iter("{http://www.w3.org/2000/svg}circle") if list(found)]
    assert [title.text for found in dots for title in found] == ["a <b>: 4.0 s"]


@pytest.mark.recordings
@pytest.mark.parametrize("venue", ["kraken", "okx"])
def test_a_lost_update_of_a_book_with_a_checksum_shows_where_it_reaches_what_is_summed(recordings: Path, venue: str) -> None:
    streams = [stream for stream in summed_streams(recordings, venue) if len(stream.messages) > 80]
    assert streams
    for stream in streams[:2]:
        channel, messages = stream.subscription.channel, stream.messages
        assert shown_at_us(stream.collector.open_venue(), channel, messages, messages) is None
        shown = [
            shown_at_us(stream.collector.open_venue(), channel, messages, [*messages[:place], *messages[place + 1 :]])
            for place in range(BORDER, 40)
        ]
        assert any(shown)
        assert all(at_us is None or at_us >= messages[place + 1][0] for place, at_us in enumerate(shown, BORDER))


@pytest.mark.recordings
def test_every_kind_of_fault_in_a_sequence_is_tried_and_found(recordings: Path) -> None:
    trials = list(try_sequences(recordings, 10, np.random.default_rng(4)))
    assert [(trial.kind, trial.fault) for trial in trials[:5]] == [
        ("drop", Fault.GAP),
        ("swap", Fault.REORDER),
        ("double", Fault.DUPLICATE),
        ("drop", Fault.CHECKSUM),
        ("swap", Fault.CHECKSUM),
    ]
    assert all(trial.found_s is not None and trial.others == 0 for trial in trials)
