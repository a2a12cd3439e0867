import gzip
from pathlib import Path

import pytest

from tapewatch.desk.dialects import dialect
from tapewatch.desk.recording import RecordingError, read_recording
from tapewatch.desk.stream import Stream
from tests.desk import made_up
from tests.desk.made_up import START_US, written

FILES = {
    "binance_usdm": "BINANCE_FUTURES.ws.1.0.gz",
    "coinbase": "COINBASE.ws.28.0.gz",
    "kraken": "KRAKEN.ws.50.0.gz",
    "bitstamp": "BITSTAMP.ws.1.0.gz",
}


def test_reads_messages_with_their_streams_and_times(tmp_path: Path) -> None:
    recording = read_recording(written(made_up.binance(), tmp_path / "b.gz"), dialect("binance_usdm"))
    assert recording.offer.streams == {Stream(s, c) for s in ("AAAUSDT", "BBBUSDT") for c in ("depth@100ms", "aggTrade")}
    entries = recording.of(Stream("BBBUSDT", "aggTrade"))
    assert len(entries) == 10
    assert entries[0].received_us == START_US + 21_000
    assert entries[0].template.render().startswith('{"e":"aggTrade"')


def test_leaves_out_what_the_player_answers_itself(tmp_path: Path) -> None:
    recording = read_recording(written(made_up.coinbase(), tmp_path / "c.gz"), dialect("coinbase"))
    assert not any("subscriptions" in entry.template.render() for entry in recording.entries)
    kraken = read_recording(written(made_up.kraken(), tmp_path / "k.gz"), dialect("kraken"))
    assert [entry.template.render() for entry in kraken.entries if entry.stream is None] == ['{"event":"heartbeat"}']
    assert kraken.offer.channel_ids == {Stream("XBT/USD", "book-100"): 42}


def test_says_which_line_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"line 2: neither a received message"):
        read_recording(written(["wss://x <-> 1.0", "garbage"], tmp_path / "x.gz"), dialect("coinbase"))
    with pytest.raises(RecordingError, match=r"line 1: not a message of kraken"):
        read_recording(written(["1.0: {broken"], tmp_path / "x.gz"), dialect("kraken"))


def test_says_when_a_file_is_no_recording_of_the_venue(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("hello")
    with pytest.raises(RecordingError, match="cannot read the recording"):
        read_recording(path, dialect("kraken"))
    with pytest.raises(RecordingError, match="no message of binance_usdm"):
        read_recording(written(made_up.coinbase(), tmp_path / "c.gz"), dialect("binance_usdm"))


@pytest.mark.recordings
@pytest.mark.parametrize("venue", FILES)
def test_a_real_recording_comes_back_as_it_was(venue: str, recordings: Path) -> None:
    path = recordings / "feeds" / FILES[venue]
    recording = read_recording(path, dialect(venue))
    with gzip.open(path, "rt") as file:
        lines = [line.rstrip("\n").split(": ", 1) for line in file if line[0].isdigit()]
    assert len(lines) - 21 < len(recording.entries) <= len(lines)
    texts = {text for _, text in lines}
    dressed = [
        entry.template.render()
        if venue != "binance_usdm" or entry.stream is None
        else f'{{"stream":"{entry.stream.symbol.lower()}@{entry.stream.channel}","data":{entry.template.render()}}}'
        for entry in recording.entries
    ]
    assert set(dressed) <= texts
