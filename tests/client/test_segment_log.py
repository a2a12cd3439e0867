"""Records on disk: in order, whole or not at all, gone when done."""

import os
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch_client.segment_log import SegmentLog

Make = Callable[..., SegmentLog]


@pytest.fixture
def log(tmp_path: Path) -> SegmentLog:
    return SegmentLog(str(tmp_path / "log"), segment_bytes=100)


def drained(log: SegmentLog) -> list[tuple[int, int, int, bytes]]:
    """All records, each done when it was taken."""
    found: list[tuple[int, int, int, bytes]] = []
    while (record := log.take()) is not None:
        found.append((record.number, record.rows, record.flags, record.payload))
        log.done()
    return found


@given(payloads=st.lists(st.binary(max_size=150), max_size=20), reopened=st.booleans())
def test_what_goes_in_comes_out_in_order(tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], *, reopened: bool) -> None:
    folder = str(tmp_path_factory.mktemp("log") / "log")
    log = SegmentLog(folder, segment_bytes=100)
    for number, payload in enumerate(payloads, 1):
        log.append(number, number + 1, number % 2, payload)
    if reopened:
        log.close()
        log = SegmentLog(folder, segment_bytes=100)
    assert log.rows == sum(number + 1 for number in range(1, len(payloads) + 1))
    assert drained(log) == [(number, number + 1, number % 2, payload) for number, payload in enumerate(payloads, 1)]
    assert (log.rows, log.size_bytes) == (0, 0)
    log.close()
    assert not os.path.exists(folder)  # noqa: PTH110 - nothing is left


@given(payloads=st.lists(st.binary(max_size=150), max_size=20), counts=st.lists(st.integers(1, 5), max_size=30), reopened=st.booleans())
def test_records_are_read_and_forgotten_several_at_a_time(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], counts: list[int], *, reopened: bool
) -> None:
    folder = str(tmp_path_factory.mktemp("log") / "log")
    log = SegmentLog(folder, segment_bytes=200)
    written, read, forgotten = iter(enumerate(payloads, 1)), list[bytes](), 0
    for count in [*counts, *[100] * len(payloads)]:
        for number, payload in islice(written, 2):
            log.append(number, 1, 0, payload)
            log.sync()
        found = log.peek()[:count]
        read += [record.payload for record in found]
        log.done_with(len(found))
        forgotten += len(found)
    assert read == payloads
    assert (forgotten, log.rows, log.size_bytes) == (len(payloads), 0, 0)
    if reopened:
        log.close()
        assert SegmentLog(folder).peek() == []


def test_what_was_forgotten_of_a_file_comes_again_after_the_program_and_what_was_not_too(tmp_path: Path) -> None:
    log = SegmentLog(str(tmp_path / "log"))
    for number in range(1, 4):
        log.append(number, 1, 0, b"x")
    log.done_with(len(log.peek()[:1]))
    assert [record.number for record in log.peek()] == [2, 3]
    assert [record.number for record in SegmentLog(str(tmp_path / "log")).peek()] == [1, 2, 3]


def test_a_file_that_could_not_be_synced_at_its_end_is_told_by_the_next_sync(log: SegmentLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int) -> None:
        raise OSError(5, "no")

    log.append(1, 1, 0, bytes(200))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", refuse)
        log.append(2, 1, 0, b"")
    with pytest.raises(OSError, match="no"):
        log.sync()
    log.sync()


def test_a_record_is_the_same_until_it_is_done(log: SegmentLog) -> None:
    log.append(1, 1, 0, b"one")
    log.append(2, 1, 0, b"two")
    assert [log.take(), log.take()] == [log.take()] * 2
    log.done()
    record = log.take()
    assert record is not None
    assert record.payload == b"two"


def test_reading_catches_up_with_writing(log: SegmentLog) -> None:
    for number in range(1, 20):
        log.append(number, 1, 0, bytes(number))
        assert drained(log) == [(number, 1, 0, bytes(number))]


def test_a_file_cut_at_any_byte_loses_its_last_record_and_no_other(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    log = SegmentLog(str(whole))
    payloads = [b"first", b"", b"the third one"]
    for number, payload in enumerate(payloads, 1):
        log.append(number, 1, 0, payload)
    log.close()
    (file,) = whole.iterdir()
    size = file.stat().st_size
    ends = [28 + 5, 28 + 5 + 28, size]
    for length in range(size + 1):
        folder = tmp_path / "cut"
        shutil.copytree(whole, folder)
        os.truncate(folder / file.name, length)
        again = SegmentLog(str(folder))
        assert [payload for *_, payload in drained(again)] == [payloads[i] for i, end in enumerate(ends) if end <= length], length
        again.append(9, 1, 0, b"goes on")
        assert drained(again) == [(9, 1, 0, b"goes on")]
        again.close()
        assert not folder.exists()


def test_a_flipped_bit_ends_its_file_and_not_the_next(tmp_path: Path) -> None:
    log = SegmentLog(str(tmp_path), segment_bytes=40)
    for number in range(1, 4):
        log.append(number, 1, 0, b"x" * 20)
    log.close()
    first = min(tmp_path.iterdir())
    text = bytearray(first.read_bytes())
    text[35] ^= 4
    first.write_bytes(text)
    assert [number for number, *_ in drained(SegmentLog(str(tmp_path)))] == [2, 3]


def test_the_oldest_file_is_dropped_with_the_records_that_nobody_had_taken(log: SegmentLog) -> None:
    for number in range(1, 8):
        log.append(number, 10 + number, 0, b"x" * 20)
    taken = log.take()
    assert log.drop_oldest() == [(2, 12), (3, 13)]
    assert log.take() == taken, "what is being sent is not forgotten"
    log.done()
    assert [number for number, *_ in drained(log)] == [4, 5, 6, 7]
    assert log.drop_oldest() is None


def test_a_disk_that_takes_half_a_record_leaves_the_others_whole(log: SegmentLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(1, 1, 0, b"one")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:7]) if len(text) > 20 else _full())
    with pytest.raises(OSError, match="No space left"):
        log.append(2, 1, 0, b"two")
    monkeypatch.undo()
    log.append(3, 1, 0, b"three")
    assert [number for number, *_ in drained(log)] == [1, 3]


def _full() -> int:
    raise OSError(28, "No space left on device")
