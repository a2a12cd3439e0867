"""Bodies that hypothesis makes: ordinary lines, every odd thing that the two dialects know, and noise; and what became of them."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tapewatch.model.rows import RawColumn
from tapewatch.sources.receivers.line_protocol.columns import Found, listed

VALUES = (
    *("1", "-0", "0.1000000000000000055511151231257827", "007", "1.", "+1", ".5", "1e5", "1e400", "NaN", "Infinity", "1.0d", "x", ""),
    *("t", "false", "TRUE", "fAlse", "5u", "-5u", "-0i", "1.5i", "12t", "1700000000000000000n"),
    *('"a b"', '"a,b=c"', '"q\\"q"', '"\\\\"', '"x\ny"', '""', '"', '"é"', "#", "é"),
    *(
        "=\x10ABCDEFGH",
        '=\x10"\n =,xyz',
        "=\x10\x00\x00\x00\x00\x00\x00ð\x7f",
        "=\x10AB",
        "=\x0e\x0a\x01\x01\x00\x00\x00ABCDEFGH",
        "=\x17\x01\x01\x05",
    ),
)
TIMES = ("", " 1700000000000000000", " 1700000000000000t", " 1700000000000000000n", " 12", " -5", " x", " ", "  1700000000000000000")
TIMES += (" 99999999999999999999", " 9223372036854775807", " -9223372036854775808")

numbers = st.one_of(
    st.integers(-(2**70), 2**70).map(lambda whole: f"{whole}i"), st.integers(0, 10**6).map(lambda whole: f"{whole}i"), st.floats().map(repr)
)
names = st.sampled_from(["a", "b", "venue", "latency_ms", "c d", "x=y", "ts", "a.b", "", "é", "k\\ k", "k\\,k", "k\x01"])
words = st.sampled_from(["v", "kraken", "BTC/USDT", '"x"', '"x y"', "a\\ b", "a\\=b", "\\", "", "v\\\\", "é", "x y"])


def _line(table: str, tags: list[tuple[str, str]], fields: list[tuple[str, str]], time: str, gap: str, end: str) -> str:
    return (
        table + "".join(f",{name}={word}" for name, word in tags) + gap + ",".join(f"{name}={value}" for name, value in fields) + time + end
    )


lines = st.builds(
    _line,
    st.sampled_from(["exchange", "m", "t t", "m\\ n", "m\\=n", "#c", "", "é", "m"]),
    st.lists(st.tuples(names, words), max_size=3),
    st.lists(st.tuples(names, st.one_of(numbers, st.sampled_from(VALUES))), max_size=4),
    st.sampled_from(TIMES),
    st.sampled_from([" ", " ", " ", "  ", ""]),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "", "\\\n"]),
)
noise = st.text(alphabet='ab=," \n\\1i\x10\r#', max_size=60)


def _bytes(text: str) -> bytes:
    """Signs up to 255 as one byte where the line has binary values, so that most of those are no UTF-8, as in life."""
    return text.encode("latin-1") if "=\x10" in text else text.encode()


bodies = st.one_of(st.lists(lines, max_size=8).map("".join), noise, st.lists(st.one_of(lines, noise)).map("".join)).map(_bytes)


def plain(value: Any) -> Any:
    """A value in a form that compares as the stores see it: whole numbers and others are one kind of number, NaN is NaN, -0 not 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if value == 0 and math.copysign(1.0, value) < 0:
        return "-0"
    return float(value) if abs(value) < 2**53 else value


def cells(values: RawColumn) -> list[Any]:
    """The values of a column; in an array of floats NaN stands for a missing value."""
    may_miss = isinstance(values, np.ndarray) and values.dtype.kind == "f"
    return [None if may_miss and math.isnan(value) else plain(value) for value in listed(values)]


def rows(found: Found) -> dict[str, Any]:
    """The rows of each table with the lines that they stood in."""
    return {
        batch.table: (list(batch.positions or ()), {name: cells(values) for name, values in sorted(batch.columns.items())})
        for batch in found.batches
    }
