import json
from pathlib import Path

import pytest

from tapewatch.desk.dialects import dialect
from tapewatch.desk.edits import Edit, edited
from tapewatch.desk.recording import Recording, RecordingError, read_recording
from tapewatch.desk.stream import Stream
from tests.desk import made_up
from tests.desk.made_up import written

DEPTH = Stream("AAAUSDT", "depth@100ms")


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return read_recording(written(made_up.binance(), tmp_path / "b.gz"), dialect("binance_usdm"))


def chain(recording: Recording, stream: Stream = DEPTH) -> list[int]:
    return [json.loads(entry.template.render())["u"] for entry in recording.of(stream)]


def test_delete_loses_exactly_that_message(recording: Recording) -> None:
    after = edited(recording, [Edit("delete", "AAAUSDT", "depth", 3)])
    assert chain(after) == [10, 20, 40, 50, 60, 70, 80, 90, 100]
    assert len(after.entries) == len(recording.entries) - 1
    assert chain(after, Stream("BBBUSDT", "depth@100ms")) == chain(recording, Stream("BBBUSDT", "depth@100ms"))


def test_double_lets_it_arrive_twice_in_a_row(recording: Recording) -> None:
    assert chain(edited(recording, [Edit("double", "AAAUSDT", "depth@100ms", 3)])) == [10, 20, 30, 30, 40, 50, 60, 70, 80, 90, 100]


def test_swap_lets_it_arrive_after_the_next_of_its_stream_at_that_ones_time(recording: Recording) -> None:
    after = edited(recording, [Edit("swap", "AAAUSDT", "depth", 3)])
    assert chain(after) == [10, 20, 40, 30, 50, 60, 70, 80, 90, 100]
    third, fourth = recording.of(DEPTH)[2:4]
    assert [entry.received_us for entry in after.of(DEPTH)[2:4]] == [fourth.received_us] * 2
    assert third.received_us < fourth.received_us


def test_several_edits_count_messages_of_the_untouched_recording(recording: Recording) -> None:
    edits = [Edit("delete", "AAAUSDT", "depth", 2), Edit("delete", "AAAUSDT", "depth", 3), Edit("swap", "AAAUSDT", "depth", 7)]
    assert chain(edited(recording, edits)) == [10, 40, 50, 60, 80, 70, 90, 100]


@pytest.mark.parametrize(("kind", "k"), [("delete", 0), ("delete", 11), ("swap", 10)])
def test_a_message_that_is_not_there_is_named(recording: Recording, kind: str, k: int) -> None:
    with pytest.raises(RecordingError, match=f"cannot {kind} message {k} of AAAUSDT depth: the recording has 10"):
        edited(recording, [Edit(kind, "AAAUSDT", "depth", k)])  # pyright: ignore[reportArgumentType] - parametrized
