"""The form of a recording's lines, and gzip text that ends in the middle."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.recording import Kind, Line, Lines, closed, missing, opened, parsed, received, sent

AT_US = 1_700_000_000_000_042
TIMES_US = st.integers(0, 4_000_000_000_000_000)
MESSAGES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


def one(line: bytes) -> Line | None:
    text = line.decode()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    return parsed(text[:-1])


@given(TIMES_US, MESSAGES)
def test_a_received_message_comes_back_as_it_was(at_us: int, text: str) -> None:
    assert one(received(at_us, text.encode())) == Line(Kind.RECEIVED, at_us, text)


def test_a_line_break_becomes_a_space() -> None:
    assert one(received(AT_US, b'{"a":\r\n1}')) == Line(Kind.RECEIVED, AT_US, '{"a":  1}')
    assert one(sent(AT_US, "wss://x", '{"a":\n1}')) == Line(Kind.SENT, AT_US, '{"a": 1}', "wss://x")


def test_every_other_line_comes_back_as_it_was() -> None:
    assert one(opened(AT_US, "wss://x/a?b=c")) == Line(Kind.OPENED, AT_US, url="wss://x/a?b=c")
    assert one(sent(AT_US, "wss://x", '{"op": "subscribe"}')) == Line(Kind.SENT, AT_US, '{"op": "subscribe"}', "wss://x")
    assert one(closed(AT_US, "the connection was closed (1006)")) == Line(Kind.CLOSED, AT_US, "the connection was closed (1006)")
    assert one(missing(AT_US, 12)) == Line(Kind.MISSING, AT_US, "12")
    assert parsed("https://x/time -> 1.5: {}") == Line(Kind.ANSWERED, 1_500_000, "{}", "https://x/time")
    assert parsed("") is None


@pytest.mark.parametrize("line", ["garbage", "1.0 {}", "wss://x <-> soon", "-1.0: {}"])
def test_a_line_of_no_form_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="neither a received message nor an event"):
        parsed(line)


LINES = [f"{second}.5: {{}}" for second in range(2000)]
PACKED = gzip.compress("\n".join(LINES[:1000]).encode() + b"\n") + gzip.compress("\n".join(LINES[1000:]).encode() + b"\n")


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_whole_lines_of_several_members_in_any_chunks(chunk: int) -> None:
    lines = Lines(PACKED[start : start + chunk] for start in range(0, len(PACKED), chunk))
    assert list(lines) == LINES
    assert not lines.is_torn


@given(st.integers(1, len(PACKED) - 1))
def test_a_torn_text_is_read_up_to_the_tear(length: int) -> None:
    lines = Lines([PACKED[:length]])
    read = list(lines)
    assert read == LINES[: len(read)]
    assert lines.is_torn or read in (LINES[:1000], LINES)


def test_what_is_no_gzip_data_after_a_whole_member_is_a_tear() -> None:
    first = gzip.compress("\n".join(LINES[:1000]).encode() + b"\n")
    lines = Lines([first, b"\0" * 100])
    assert list(lines) == LINES[:1000]
    assert lines.is_torn


def test_what_is_not_packed_is_refused() -> None:
    with pytest.raises(ValueError, match="no gzip data"):
        list(Lines([b"hello"]))


def test_a_last_line_without_its_end_counts_in_a_whole_file() -> None:
    assert list(Lines([gzip.compress(b"1.0: {}\n2.0: {}")])) == ["1.0: {}", "2.0: {}"]


@pytest.mark.recordings
def test_every_line_of_the_real_recordings_has_a_form(recordings: Path) -> None:
    for path in sorted((recordings / "feeds").glob("*.gz")):
        lines = Lines([path.read_bytes()])
        kinds = {line.kind for text in lines if (line := parsed(text)) is not None}
        assert kinds <= {Kind.OPENED, Kind.SENT, Kind.RECEIVED} or kinds == {Kind.ANSWERED}
        assert not lines.is_torn


@given(TIMES_US, st.binary())
def test_any_message_is_one_line_and_comes_back(at_us: int, message: bytes) -> None:
    line = one(received(at_us, message))
    assert line is not None
    assert line.at_us == at_us
    if message.lstrip()[:1] in {b"{", b"["} and line.kind is Kind.RECEIVED:
        message = message.replace(b"\r", b" ").replace(b"\n", b" ")
    assert line.message == message


@pytest.mark.parametrize("message", [b"\xff\x0a\x8b", gzip.compress(b"{}", mtime=0), b"8=FIX\r\n35=0", b"\n", b'{"a":"\xff"}'])
def test_what_is_no_line_of_text_is_written_encoded(message: bytes) -> None:
    line = one(received(AT_US, message))
    assert line is not None
    assert (line.kind, line.at_us, line.message, line.url) == (Kind.BINARY, AT_US, message, "")


def test_an_encoded_line_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no base64"):
        parsed("tapewatch:binary <- 1.5: a")
