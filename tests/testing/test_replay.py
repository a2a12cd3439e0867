"""Recorded traffic through the measure: files put together, connections that end, messages that are missing."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from tapewatch.model import recording
from tapewatch.model.recording import Kind
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.testing.replay import read_traffic, replay
from tests.sources.collectors.feed.recorded import COLLECTORS, FILES, OLDER

START_US = 1_700_000_000_000_000
URL = "ws://127.0.0.1/stream"
COLLECTOR = FeedCollector("binance_usdm", ("BTC/USDT:USDT",), ("trade",))


def trade(second: float, number: int, symbol: str = "BTCUSDT") -> bytes:
    ms = START_US // 1000 + round(second * 1000)
    data = f'{{"e":"aggTrade","E":{ms},"s":"{symbol}","a":{number},"p":"1","q":"1","f":1,"l":1,"T":{ms},"m":false}}'
    return recording.received(ms * 1000 + 20_000, f'{{"stream":"x","data":{data}}}'.encode())


def at(second: float) -> int:
    return START_US + round(second * 1_000_000)


def file(path: Path, lines: Sequence[bytes]) -> Path:
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path


def test_a_gap_is_counted_and_other_streams_are_passed_over(tmp_path: Path) -> None:
    numbers = [number for number in range(40) if number not in {20, 21}]
    lines = [recording.opened(at(0), URL)]
    lines += [line for number in numbers for line in (trade(number / 4, number), trade(number / 4, number, "ETHUSDT"))]
    replayed = replay(COLLECTOR, read_traffic(file(tmp_path / "a.ws.1.0.gz", lines)))
    assert (replayed.total("messages"), replayed.total("gaps"), replayed.total("reconnects")) == (38, 1, 0)
    assert replayed.verdicts()[:2] == ["unknown", "fresh"]
    assert {row["symbol"] for row in replayed.rows} == {"BTC/USDT:USDT"}
    assert replayed.total("checksum_mismatches") is None
    assert replayed.chosen(symbol="ETH/USDT:USDT") == []


def test_a_lost_connection_is_a_reconnect_and_no_gap(tmp_path: Path) -> None:
    lines = [recording.opened(at(0), URL), *(trade(number / 4, number) for number in range(20))]
    lines += [recording.closed(at(5), "cut"), recording.opened(at(9), URL), *(trade(9 + n / 4, 500 + n) for n in range(20))]
    replayed = replay(COLLECTOR, read_traffic(file(tmp_path / "a.ws.1.0.gz", lines)))
    assert (replayed.total("gaps"), replayed.total("reconnects")) == (0, 1)
    assert any(row["verdict"] == "stale" and "the connection has been away" in row["evidence"] for row in replayed.rows)


def test_messages_that_the_recording_lacks_are_no_gap_of_the_venue(tmp_path: Path) -> None:
    lines = [recording.opened(at(0), URL), *(trade(number / 4, number) for number in range(20))]
    lines += [recording.missing(at(5), 480), *(trade(5 + n / 4, 500 + n) for n in range(20))]
    replayed = replay(COLLECTOR, read_traffic(file(tmp_path / "a.ws.1.0.gz", lines)))
    assert (replayed.total("gaps"), replayed.missing) == (0, 480)


def test_files_of_a_connection_are_one_recording_in_any_order(tmp_path: Path) -> None:
    opened = recording.opened(at(0), URL)
    second = file(tmp_path / "a.ws.1.2.gz", [opened, *(trade(number / 4, number) for number in range(20, 40))])
    first = file(tmp_path / "a.ws.1.1.gz", [opened, *(trade(number / 4, number) for number in range(20))])
    replayed = replay(COLLECTOR, read_traffic(second, first))
    assert (replayed.total("messages"), replayed.total("gaps"), replayed.total("reconnects")) == (40, 0, 0)


def test_each_connection_carries_what_came_on_it(tmp_path: Path) -> None:
    both = FeedCollector("binance_usdm", ("BTC/USDT:USDT", "ETH/USDT:USDT"), ("trade",))
    one = [recording.opened(at(0), URL), *(trade(number / 4, number) for number in range(40))]
    other = [recording.opened(at(0), URL), *(trade(number / 4, number, "ETHUSDT") for number in range(20)), recording.closed(at(5), "cut")]
    replayed = replay(both, read_traffic(file(tmp_path / "a.ws.1.0.gz", one), file(tmp_path / "a.ws.2.0.gz", other)))
    assert replayed.chosen(symbol="ETH/USDT:USDT")[-1]["verdict"] == "stale"
    assert replayed.verdicts(symbol="BTC/USDT:USDT")[:2] == ["unknown", "fresh"]
    assert replayed.total("messages") == 60


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b\.gz, after line 1: neither a received message"):
        read_traffic(file(tmp_path / "b.gz", [b"1.0: {}\n", b"garbage\n"]))
    with pytest.raises(ValueError, match="the recording is empty"):
        replay(COLLECTOR, [])


def test_a_frame_that_is_no_text_is_read_between_the_others(tmp_path: Path) -> None:
    lines = [recording.opened(at(0), URL), *(trade(number / 4, number) for number in range(20))]
    lines.insert(10, recording.received(at(2.1), b"\xff\x0a\x8b"))
    traffic = read_traffic(file(tmp_path / "a.ws.1.0.gz", lines))
    assert [one.line.message for one in traffic if one.line.kind is Kind.BINARY] == [b"\xff\x0a\x8b"]
    replayed = replay(COLLECTOR, traffic)
    assert (replayed.total("messages"), replayed.total("gaps")) == (20, 0)


def test_the_newest_file_alone_begins_when_it_begins(tmp_path: Path) -> None:
    day = 24 * 3600
    older = [recording.opened(at(0), URL), recording.sent(at(0), URL, "ask"), trade(0, 0)]
    newest = [*older[:2], recording.continued(at(day)), *(trade(day + number / 4, 1 + number) for number in range(240))]
    first, second = file(tmp_path / "a.ws.1.1.gz", older), file(tmp_path / "a.ws.1.2.gz", newest)
    traffic = read_traffic(second)
    assert [one.line.kind for one in traffic[:3]] == [Kind.OPENED, Kind.SENT, Kind.RECEIVED]
    assert {one.line.at_us for one in traffic[:2]} == {at(day)}
    replayed = replay(COLLECTOR, traffic)
    assert 12 <= len(replayed.rows) <= 15, "one for every five seconds"
    assert (replayed.total("messages"), replayed.total("gaps"), replayed.total("reconnects")) == (240, 0, 0)
    both = read_traffic(first, second)
    assert [one.line.at_us for one in both if one.line.kind in {Kind.OPENED, Kind.SENT}] == [at(0), at(0)]
    assert len(both) == 243


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_untouched_recordings_have_no_event(recordings: Path, name: str) -> None:
    replayed = replay((COLLECTORS | OLDER)[name], read_traffic(recordings / "feeds" / FILES[name]))
    for column in ("gaps", "duplicates", "reorders", "checksum_mismatches", "crossed", "reconnects"):
        assert not replayed.total(column), column
    assert replayed.total("messages")
