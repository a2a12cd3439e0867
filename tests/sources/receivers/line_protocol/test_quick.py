"""The quick way gives what the careful one gives."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.model.rows import Coded
from tapewatch.sources.receivers.line_protocol import quick, shapes
from tapewatch.sources.receivers.line_protocol.columns import gather
from tapewatch.sources.receivers.line_protocol.grammar import INFLUX, QUESTDB, Grammar
from tapewatch.sources.receivers.line_protocol.line import Line, read_lines
from tapewatch.sources.receivers.line_protocol.quick import Piece, Quick
from tests.sources.receivers.line_protocol.bodies import bodies, rows

US = 1_700_000_000_000_000


@settings(max_examples=400)
@given(bodies, bodies, st.sampled_from([INFLUX, QUESTDB]), st.sampled_from([10, 40, 1_000_000]))
def test_both_ways_give_the_same_whatever_came_before(before: bytes, body: bytes, grammar: Grammar, chunk_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "CHUNK_BYTES", chunk_bytes)
        reader = Quick(grammar)
        list(reader.read(before))
        fast = gather(reader.read(body), 1)
    careful = gather(read_lines(body, grammar), 1)
    assert rows(fast) == rows(careful)
    assert fast.refusals == careful.refusals
    assert fast.all_timed == careful.all_timed


@pytest.mark.parametrize("grammar", [INFLUX, QUESTDB], ids=["influx", "questdb"])
@pytest.mark.parametrize("time", ["-5", "x", "12345678901234567890", "1700000000000000000.0"])
@pytest.mark.parametrize("values", [("1i", "2i", "3i"), ("1.5", "2.5", "3.5")])
def test_a_line_whose_time_cannot_be_read_leaves_every_other_line_its_own_values(
    grammar: Grammar, time: str, values: tuple[str, str, str]
) -> None:
    lines = [f"m a={values[0]} {time}", f"m a={values[1]} 1700000000000000000", f"m a={values[2]} 1700000000000000001", ""]
    body = "\n".join(lines).encode()
    assert rows(gather(Quick(grammar).read(body), 1)) == rows(gather(read_lines(body, grammar), 1))


def test_ordinary_lines_take_the_quick_way_alone() -> None:
    chance = random.Random(1)
    body = "".join(
        f"exchange,venue=v{i % 7},host=h\\ {i % 2} latency_ms={chance.random()!r},reconnects={i}i,"
        f'connected={"tf"[i % 2]},note="a, b={i % 3}" {(US + i) * 1000}\n'
        for i in range(5_000)
    ).encode()
    parts = list(Quick(QUESTDB).read(body))
    assert all(isinstance(part, Piece) for part in parts)
    (batch,) = gather(parts, 1).batches
    assert batch.count == 5_000
    assert isinstance(batch.columns["venue"], Coded)
    assert isinstance(batch.columns["note"], Coded)
    dtypes = {name: values.dtype for name, values in batch.columns.items() if isinstance(values, np.ndarray)}
    assert dtypes == {"latency_ms": np.float64, "reconnects": np.int64, "connected": np.bool_, "ts": np.int64}


def test_binary_doubles_of_the_client_take_the_quick_way_even_with_delimiters_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.concatenate([np.frombuffer(b'\n "=,=\x10\n' * 3, np.float64), np.arange(100.0)])
    body = b"".join(b"m a==\x10" + value.tobytes() + b",b=1i %d\n" % (US * 1000) for value in values)
    for chunk_bytes in (50, 1_000, 1_000_000):
        monkeypatch.setattr(quick, "CHUNK_BYTES", chunk_bytes)
        pieces = [piece for piece in Quick(QUESTDB).read(body) if isinstance(piece, Piece)]
        held = b"".join(np.asarray(piece.columns["a"]).tobytes() for piece in pieces)
        assert held == values.tobytes()
        assert np.concatenate([piece.numbers for piece in pieces]).tolist() == list(range(len(values)))
    careful = [line.number for line in read_lines(body, QUESTDB)]
    assert careful == list(range(len(values)))


def test_a_number_beyond_a_float_is_refused_and_the_others_are_kept() -> None:
    found = gather(Quick(QUESTDB).read(b"m a=1\nm a=1e400\nm a=2\n"), 1)
    assert [(refusal.row, refusal.column, refusal.reason) for refusal in found.refusals] == [(1, "a", "out_of_range")]
    assert rows(found) == {"m": ([0, 2], {"a": [1.0, 2.0]})}


def test_a_zero_keeps_its_sign_as_it_does_line_by_line() -> None:
    written = b"".join(b"m a=%s\n" % number for number in (b"-0", b"0", b"-0.0", b"-0e5", b"-1e-400", b"-5", b"5"))
    (piece,) = Quick(INFLUX).read(written)
    assert isinstance(piece, Piece)
    assert np.signbit(np.asarray(piece.columns["a"])).tolist() == [True, False, True, True, True, True, False]
    assert rows(gather([piece], 1)) == rows(gather(read_lines(written, INFLUX), 1))


@pytest.mark.parametrize("digits", range(1, 45))
def test_numbers_of_any_length_are_those_that_they_are_line_by_line(digits: int) -> None:
    whole, part = "9876543210" * 5, "1234567891" * 5
    written = [
        f"{whole[:digits]}i",
        f"-{whole[:digits]}i",
        f"{part[:digits]}i",
        whole[:digits],
        f"{whole[:digits]}.{part}",
        f"-0.{part[:digits]}",
    ]
    body = "".join(f"m a={number} {part[:digits]}\n" for number in written).encode()
    quickly, carefully = gather(Quick(INFLUX).read(body), 1), gather(read_lines(body, INFLUX), 1)
    assert rows(quickly) == rows(carefully)
    assert quickly.refusals == carefully.refusals


def test_the_memory_of_shapes_is_bounded_and_what_is_forgotten_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MOST_BYTES", 100)
    reader = Quick(INFLUX)
    body = b"".join(b"m,sender=s%d a=%d 1700000000000000000\n" % (i, i) for i in range(50))
    for _ in range(2):
        assert rows(gather(reader.read(body), 1)) == rows(gather(read_lines(body, INFLUX), 1))
        assert sum(map(len, reader.known._known)) <= 100


def test_many_shapes_of_few_lines_are_read_one_by_one_and_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "MANY_SHAPES", 2)
    body = b"m a=1\nm b=2\nm a=3,b=4\nm c=t\n" + b"m d=5i\n" * quick.FEW_LINES
    parts = list(Quick(INFLUX).read(body))
    assert [len(part.numbers) for part in parts if isinstance(part, Piece)] == [quick.FEW_LINES]
    assert rows(gather(parts, 1)) == rows(gather(read_lines(body, INFLUX), 1))


def test_an_unusual_line_with_a_line_feed_in_its_text_is_one_line() -> None:
    body = b'm a="x\ny" 17t\nm a=1\nm a="p\nq",b=007\nm a="r"\n'
    found = gather(Quick(INFLUX).read(body), 1)
    assert [(refusal.row, refusal.column) for refusal in found.refusals] == [(0, "ts")]
    assert rows(found) == {"m": ([2, 3, 5], {"a": [1.0, "p\nq", "r"], "b": [None, 7.0, None]})}


def test_an_unusual_line_does_not_slow_the_others() -> None:
    parts = list(Quick(INFLUX).read(b"m a=1 1\nm a=007 2\n m a=3\nm a=4 4\n"))
    assert len([part for part in parts if isinstance(part, Piece)]) == 1
    assert sorted(part.number for part in parts if isinstance(part, Line)) == [1, 2]


def test_columns_of_lines_of_different_shapes_stand_in_the_order_of_the_body() -> None:
    found = gather(Quick(INFLUX).read(b"m,t=x a=1\nm b=2i\nm,t=y a=3,b=4i\n"), 1)
    assert rows(found) == {"m": ([0, 1, 2], {"t": ["x", None, "y"], "a": [1.0, None, 3.0], "b": [None, 2.0, 4.0]})}
