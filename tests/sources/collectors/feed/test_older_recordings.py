"""Recordings of protocols that have changed since: what they carry is measured, what they do not is unknown."""

from pathlib import Path

import pytest

from tests.sources.collectors.feed.recorded import OLDER, play, read

pytestmark = pytest.mark.recordings

SEQUENCE = ("gaps", "duplicates", "reorders")


@pytest.mark.parametrize("venue", OLDER)
def test_an_untouched_capture_is_read_whole_and_has_no_event(recordings: Path, venue: str) -> None:
    played = play(OLDER[venue], read(recordings, venue), after_s=6)
    assert played.measure.links[0].unread == 0, played.measure.links[0].unread_reason
    assert {name: played.total(name) for name in (*SEQUENCE, "crossed", "resyncs", "reconnects")} == dict.fromkeys(
        (*SEQUENCE, "crossed", "resyncs", "reconnects"), 0
    )
    assert played.total("messages", channel="book") > 200
    assert {row["gaps"] for row in played.chosen(channel="book")} == {None}


def test_okx_checksums_of_then_are_all_verified_and_a_lost_update_is_found(recordings: Path) -> None:
    messages = read(recordings, "okx")
    played = play(OLDER["okx"], messages)
    assert [row["checksum_mismatches"] for row in played.chosen(channel="book", symbol="BTC/USDT") if row["messages"]]
    assert played.total("checksum_mismatches") == 0
    lost = next(index for index, (_, text) in enumerate(messages) if b'"update"' in text and b"BTC-USDT" in text)
    assert play(OLDER["okx"], [*messages[:lost], *messages[lost + 1 :]]).total("checksum_mismatches") > 0
