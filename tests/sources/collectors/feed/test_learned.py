"""The file of what was learned: whole, torn, foreign, of another collector; and a collector that starts with it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.cadence import Cadence
from tapewatch.sources.collectors.feed.learned import HEAD, encode, learned_path, read, write
from tapewatch.sources.collectors.feed.season import HOURS


def taught(seed: int = 1) -> Cadence:
    cadence = Cadence()
    now_s = 0.0
    for silence_s in np.random.default_rng(seed).exponential(2.0, 400):
        now_s += float(silence_s) + 0.05
        cadence.settle(now_s / 3600 % HOURS)
        cadence.arrive(now_s)
    cadence.settle(1.0)
    return cadence


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = learned_path(tmp_path / "learned", "venue one/two")
    assert path.name == "venue_one_two.cadences"
    before = taught()
    write(path, encode({"BTC/USD trade": before, "ETH/USD trade": Cadence()}))
    after = {"BTC/USD trade": Cadence(), "ETH/USD trade": Cadence(), "new": Cadence()}
    assert read(path, after) == 1
    found = after["BTC/USD trade"]
    found.settle(1.0)
    assert (found.season.silences, found.season.seconds, found.shape) == (before.season.silences, before.season.seconds, before.shape)
    assert (found.learned, found.messages) == (before.learned, before.messages)
    assert found.limit_s == pytest.approx(before.limit_s, rel=0.3)
    assert after["new"].learned == after["ETH/USD trade"].learned == 0
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_no_file_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(tmp_path / "none.cadences", {"a": Cadence()}) == 0
    assert not caplog.records


@pytest.mark.parametrize("foreign", [b"", b"\x00" * 40, b"tapewatch cadences 2 little\nxxxx\x80", HEAD, HEAD + b"\x00\x00\x00\x00"])
def test_a_foreign_file_is_told_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture, foreign: bytes) -> None:
    path = tmp_path / "a.cadences"
    path.write_bytes(foreign)
    cadence = Cadence()
    with caplog.at_level(logging.WARNING):
        assert read(path, {"a": cadence}) == 0
    assert cadence.learned == 0
    (record,) = caplog.records
    assert str(path) in record.message
    assert "learned anew" in record.message
    assert path.read_bytes() == foreign


@given(st.data())
def test_a_file_that_was_torn_or_altered_anywhere_is_left_out(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = encode({"a": taught()})
    if data.draw(st.booleans()):
        broken = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        place = data.draw(st.integers(0, len(content) - 1))
        broken = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    path = tmp_path_factory.mktemp("torn") / "a.cadences"
    path.write_bytes(broken)
    cadence = Cadence()
    assert read(path, {"a": cadence}) == 0
    assert (cadence.learned, sum(cadence.shape)) == (0, 0)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "learned").write_text("a file")
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "learned" / "a.cadences", encode({"a": taught()}))
    assert "could not be kept" in caplog.records[0].message
