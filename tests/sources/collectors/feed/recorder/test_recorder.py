"""The recorder: what is written, how much of it, and that it never holds anybody up."""

import errno
import gzip
import logging
import os
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError
from tapewatch.model.recording import Kind, Line
from tapewatch.sources.collectors.feed.recorder import files, recorder
from tapewatch.sources.collectors.feed.recorder.discretion import Discretion
from tapewatch.sources.collectors.feed.recorder.files import Folder
from tapewatch.sources.collectors.feed.recorder.piece import OVERHEAD_BYTES, Piece, PieceQueue, Place
from tapewatch.sources.collectors.feed.recorder.recorder import Recorder
from tapewatch.sources.collectors.feed.recorder.tape import Tape
from tapewatch.testing.replay import read_traffic
from tests.started import wait_for

START_US = 1_700_000_000_000_000
MB = 1_000_000


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "WRITE_S", 0.01)
    monkeypatch.setattr(recorder, "FLUSH_S", 0.02)
    monkeypatch.setattr(recorder, "RETRY_S", 0.05)


@contextmanager
def recording(folder: Path, limit_bytes: int = 100 * MB, queue_bytes: int = 32 * MB) -> Iterator[tuple[Recorder, Tape]]:
    made = Recorder(folder, "kraken-feed", limit_bytes, Discretion(), SystemClock(), queue_bytes=queue_bytes)
    tape = made.tape("wss://ws.example/v2")
    made.start()
    try:
        yield made, tape
    finally:
        made.end()
        assert made.join(5)


def message(number: int, size: int = 100) -> bytes:
    """A message that does not pack well."""
    return f'{{"number":{number},"filler":"{random.Random(number).randbytes(size // 2).hex()}"}}'.encode()


def read(folder: Path) -> list[Line]:
    return [recorded.line for recorded in read_traffic(*folder.glob("*.gz"))]


def written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.gz"))


def test_a_connection_is_written_as_it_went(tmp_path: Path) -> None:
    with recording(tmp_path) as (made, tape):
        tape.closed(START_US, "no connection")
        tape.opened(START_US)
        tape.asked(START_US + 1, '{"subscribe":1}')
        tape.received(START_US + 2, b'{"a":1}')
        tape.sent(START_US + 3, "ping")
        tape.closed(START_US + 4, "the connection ended")
    url = "wss://ws.example/v2"
    assert read(tmp_path) == [
        Line(Kind.OPENED, START_US, url="wss://ws.example/***"),
        Line(Kind.SENT, START_US + 1, '{"subscribe":1}', "wss://ws.example/***"),
        Line(Kind.RECEIVED, START_US + 2, '{"a":1}'),
        Line(Kind.SENT, START_US + 3, "ping", "wss://ws.example/***"),
        Line(Kind.CLOSED, START_US + 4, "the connection ended"),
    ]
    assert url not in gzip.decompress(next(tmp_path.glob("*.gz")).read_bytes()).decode()
    assert [path.name for path in tmp_path.iterdir()] == ["kraken-feed.ws.1.20231114T221320_000000Z.gz"]
    assert (made.taken, made.missing, made.problem) == (1, 0, "")


def test_what_was_flushed_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with recording(tmp_path) as (_, tape):
        tape.opened(START_US)
        for number in range(500):
            tape.received(START_US + number, message(number))
        wait_for(lambda: len(list(tmp_path.glob("*.gz"))) == 1 and len(read(tmp_path)) == 501, within_s=5)


def test_files_rotate_and_each_begins_as_its_connection_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_US", 1000)
    monkeypatch.setattr(recorder, "WRITE_BYTES", 1)
    with recording(tmp_path) as (_, tape):
        for connection in range(2):
            tape.opened(START_US + connection * 3000)
            tape.asked(START_US + connection * 3000, f"ask {connection}")
            for number in range(3):
                tape.received(START_US + connection * 3000 + number * 900, message(number))
            tape.closed(START_US + connection * 3000 + 2900, "over")
    paths = sorted(tmp_path.glob("*.gz"))
    assert len(paths) > 4
    for path in paths:
        opened, asked = [recorded.line for recorded in read_traffic(path)][:2]
        assert (opened.kind, asked.kind) == (Kind.OPENED, Kind.SENT)
        assert asked.text == f"ask {(opened.at_us - START_US) // 3000}"
    kinds = [line.kind for line in read(tmp_path)]
    assert kinds == [Kind.OPENED, Kind.SENT, *[Kind.RECEIVED] * 3, Kind.CLOSED] * 2


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_the_files_never_take_more_than_allowed_and_the_newest_is_there(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("bounded")
    limit = data.draw(st.integers(60_000, 400_000))
    bounded = Folder(folder, "x", limit)
    open_files = [bounded.begin(connection, START_US) for connection in (1, 2)]
    for step in range(data.draw(st.integers(1, 60))):
        which = data.draw(st.integers(0, 1))
        file = open_files[which]
        at_us = START_US + step
        if not file.is_open or bounded.is_full(file, at_us):
            if file.is_open:
                file.close()
            file = open_files[which] = bounded.begin(which + 1, at_us)
        file.write(message(step, data.draw(st.integers(1, 20_000))))
        file.flush()
        assert written(folder) == bounded.size_bytes <= limit
        assert file.path.exists()


def test_the_oldest_file_goes_first_also_one_of_a_run_before(tmp_path: Path) -> None:
    old = tmp_path / "kraken-feed.ws.7.20200101T000000_000000Z.gz"
    old.write_bytes(b"x" * 90_000)
    others = tmp_path / "kraken-feed-2.ws.1.20200101T000000_000000Z.gz"
    others.write_bytes(b"x" * 90_000)
    (tmp_path / "notes.txt").write_text("mine")
    with recording(tmp_path, limit_bytes=200_000) as (made, tape):
        tape.opened(START_US)
        for number in range(3000):
            tape.received(START_US + number, message(number))
            if number % 100 == 0:
                wait_for(lambda: made.measures()["waiting_bytes"] == 0, every_s=0.001)
    assert not old.exists()
    assert others.exists()
    assert (tmp_path / "notes.txt").exists()
    mine = sorted(tmp_path.glob("kraken-feed.ws.*.gz"))
    assert sum(path.stat().st_size for path in mine) <= 200_000
    numbers = [line.at_us - START_US for line in read_lines(mine) if line.kind is Kind.RECEIVED]
    assert numbers == list(range(numbers[0], 3000)), "the newest are there, without a hole"
    assert made.missing == 0


def read_lines(paths: list[Path]) -> list[Line]:
    return [recorded.line for recorded in read_traffic(*paths)]


def test_messages_that_find_no_room_are_counted_and_the_recording_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = Recorder(tmp_path, "slow", 100 * MB, Discretion(), SystemClock(), queue_bytes=20 * (OVERHEAD_BYTES + 200))
    tape = made.tape("wss://ws.example/")
    tape.opened(START_US)
    for number in range(50):  # nothing takes them yet: as if the disk hung
        tape.received(START_US + number, message(number))
    assert made.missing > 0
    assert made.taken + made.missing == 50
    with caplog.at_level(logging.WARNING):
        made.start()
        wait_for(lambda: made.measures()["waiting_bytes"] == 0)
        tape.received(START_US + 100, b"{}")
        made.end()
        assert made.join(5)
    assert f"slow: {made.missing} messages more are missing from the recording" in caplog.text
    lines = read(tmp_path)
    assert sum(int(line.text) for line in lines if line.kind is Kind.MISSING) == made.missing
    assert [line.kind for line in lines[-2:]] == [Kind.MISSING, Kind.RECEIVED]
    assert lines[-1] == Line(Kind.RECEIVED, START_US + 100, "{}")


def test_a_disk_that_takes_nothing_costs_messages_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, is_full = os.write, True

    def write(file: int, data: bytes) -> int:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    with caplog.at_level(logging.ERROR), recording(tmp_path) as (made, tape):
        tape.opened(START_US)
        tape.received(START_US + 1, b'"lost"')
        wait_for(lambda: made.problem != "")
        is_full = False
        wait_for(lambda: (tape.received(START_US + 2, b'"kept"'), made.problem == "")[1], every_s=0.01)
        missing = made.missing
    assert caplog.text.count("cannot be recorded into: No space left on device") == 1
    lines = read(tmp_path)
    assert [line.kind for line in lines[:2]] == [Kind.OPENED, Kind.MISSING]
    assert int(lines[1].text) == missing
    assert {line.text for line in lines[2:]} == {'"kept"'}


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, is_free, is_hanging = os.write, threading.Event(), threading.Event()

    def write(file: int, data: bytes) -> int:
        is_hanging.set()
        is_free.wait(30)
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    made = Recorder(tmp_path, "hung", 100 * MB, Discretion(), SystemClock(), queue_bytes=1_000_000)
    tape = made.tape("wss://ws.example/")
    made.start()
    try:
        tape.opened(START_US)
        assert is_hanging.wait(5)
        began_s = time.thread_time()
        for number in range(50_000):
            tape.received(START_US + number, b'{"number":1}')
        assert time.thread_time() - began_s < 1.0, "20 µs each, on a busy machine"
        assert made.missing > 0
        made.end()
        assert not made.join(0.1), "who stops is told that it hangs, and goes on"
    finally:
        is_free.set()
    assert made.join(10)
    told = sum(int(line.text) for line in read(tmp_path) if line.kind is Kind.MISSING)
    assert told <= made.missing
    assert made.taken + made.missing == 50_000


def test_a_folder_that_cannot_be_made_does_not_end_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with recording(tmp_path / "file" / "folder") as (made, tape):
        tape.received(START_US, b"{}")
        wait_for(lambda: made.missing == 1)
        assert made.problem == "Not a directory"


def test_a_put_never_waits(tmp_path: Path) -> None:
    """A million messages at once, more than the queue takes, while nothing is written: the caller goes on."""
    queue = PieceQueue(100_000)
    piece = Piece(1, START_US, b"{}", Place.MESSAGE)
    taken = sum(queue.put(piece) for _ in range(1_000_000))
    assert taken == 100_000 // piece.size
    assert queue.waiting_bytes <= 100_000
    while queue.take(1000):
        pass
    assert queue.waiting_bytes == 0
    assert not list(tmp_path.iterdir())


class Disk:
    """A disk that takes writes, or none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        self._real = os.write
        monkeypatch.setattr(os, "write", self._write)

    def _write(self, file: int, data: bytes) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._real(file, data)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=6))
def test_every_message_is_in_the_files_or_counted_whenever_the_disk_is_full(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, int]]
) -> None:
    folder, number = tmp_path_factory.mktemp("full"), 0
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch)
        with recording(folder) as (made, tape):
            tape.opened(START_US)
            wait_for(lambda: made.waiting == 0, every_s=0.001)
            for is_full, count in steps:
                disk.is_full = is_full
                for _ in range(count):
                    number += 1
                    tape.received(START_US + number, message(number))
                    time.sleep(0.001)
        disk.is_full = False
    lines = read(folder)
    kept = [line.at_us - START_US for line in lines if line.kind is Kind.RECEIVED]
    told = sum(int(line.text) for line in lines if line.kind is Kind.MISSING)
    assert len(kept) + made.missing == number
    assert sorted(set(kept)) == kept
    if not steps[-1][0]:
        assert told == made.missing, "what is missing is said in the recording"
    assert made.measures()["file_bytes"] == written(folder)
    assert made.measures()["files"] == len(list(folder.glob("*.gz")))


def test_what_the_packer_holds_when_the_disk_fills_at_the_end_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "FLUSH_S", 60.0)
    disk = Disk(monkeypatch)
    with recording(tmp_path) as (made, tape):
        tape.opened(START_US)
        wait_for(lambda: made.waiting == 0, every_s=0.001)
        for number in range(53):
            tape.received(START_US + number, b'{"number":1}')
        wait_for(lambda: made.measures()["waiting_bytes"] == 0, every_s=0.001)
        disk.is_full = True
    assert made.missing == 53
    assert [line.kind for line in read(tmp_path)] == [Kind.OPENED]
    assert made.problem == "No space left on device"


def test_a_lost_line_about_missing_messages_is_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    made = Recorder(tmp_path, "slow", 100 * MB, Discretion(), SystemClock(), queue_bytes=10 * (OVERHEAD_BYTES + 200))
    tape = made.tape("wss://ws.example/")
    tape.opened(START_US)
    for number in range(50):  # nothing takes them yet
        tape.received(START_US + number, message(number))
    disk.is_full = True
    made.start()
    wait_for(lambda: made.problem != "")
    tape.received(START_US + 60, b"{}")  # comes with the line that tells of those that found no room
    wait_for(lambda: made.waiting == 0, every_s=0.001)
    disk.is_full = False
    wait_for(lambda: (tape.received(START_US + 70, b"{}"), made.problem == "")[1], every_s=0.01)
    made.end()
    assert made.join(5)
    told = sum(int(line.text) for line in read(tmp_path) if line.kind is Kind.MISSING)
    assert told == made.missing


def test_two_recorders_of_one_name_do_not_touch_each_others_files(tmp_path: Path) -> None:
    with recording(tmp_path) as (made, tape):
        tape.opened(START_US)
        wait_for(lambda: made.waiting == 0, every_s=0.001)
        with recording(tmp_path, limit_bytes=1000) as (second, other):
            words = rf"process {os.getpid()} writes 'kraken-feed' into .* already; name another directory"
            with pytest.raises(ConfigError, match=words):
                second.take()
            for number in range(100):
                other.received(START_US + number, message(number))
            wait_for(lambda: second.missing == 100)
            assert re.search(words, second.problem)
        tape.received(START_US + 1, b'"mine"')
    assert [line.text for line in read(tmp_path)] == ["", '"mine"']
    assert (made.missing, [path.suffix for path in tmp_path.iterdir()]) == (0, [".gz"])


def test_who_ended_leaves_the_name_to_the_next(tmp_path: Path) -> None:
    for number in range(3):
        with recording(tmp_path) as (made, tape):
            made.take()
            tape.opened(START_US + number)
    assert len(read(tmp_path)) == 3
    (tmp_path / "kraken-feed.ws.lock").write_text("99999")  # left behind by a killed process
    with recording(tmp_path) as (made, _):
        made.take()


def test_what_a_slow_disk_has_not_taken_is_missing_for_who_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, is_free = os.write, threading.Event()

    def write(file: int, data: bytes) -> int:
        is_free.wait(30)
        return real(file, data)

    made = Recorder(tmp_path, "slow", 100 * MB, Discretion(), SystemClock())
    made.take()
    monkeypatch.setattr(os, "write", write)
    tape = made.tape("wss://ws.example/")
    made.start()
    try:
        tape.opened(START_US)
        for number in range(99):
            tape.received(START_US + number, message(number))
        made.end()
        assert not made.join(0.1)
        assert made.missing == 0
        made.leave()
        assert made.missing == 100
        assert f"slow: 100 messages still wait for {tmp_path}" in caplog.text
    finally:
        is_free.set()
    assert made.join(10)
    assert made.missing == 0


def test_a_frame_that_is_no_text_is_recorded_as_it_came(tmp_path: Path) -> None:
    with recording(tmp_path) as (made, tape):
        tape.opened(START_US)
        for number, data in enumerate((b"{}", b"\xff\x0a\x8b", b"{}")):
            tape.received(START_US + number, data)
    assert [line.message for line in read(tmp_path)[1:]] == [b"{}", b"\xff\x0a\x8b", b"{}"]
    assert made.missing == 0


def test_the_newest_file_alone_begins_with_its_first_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "WRITE_BYTES", 1)
    day_us = 24 * 3600 * 1_000_000
    with recording(tmp_path) as (_, tape):
        tape.opened(START_US)
        tape.received(START_US, b"{}")
        tape.received(START_US + day_us, b"{}")
    newest = max(tmp_path.glob("*.gz"))
    assert {recorded.line.at_us for recorded in read_traffic(newest)} == {START_US + day_us}
