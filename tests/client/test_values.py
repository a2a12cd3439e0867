"""Python values on their way to JSON: nothing invented, nothing that a reader refuses, nothing that raises."""

import json
import math
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, cast
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch_client.values import Layout, encode_row


class Side(Enum):
    BUY = "buy"


class Level(IntEnum):
    HIGH = 3


class Kind(StrEnum):
    START = "start"


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


NAMED = UUID("12345678123456781234567812345678")

CASES = [
    ("none", None, None),
    ("text", "binance", "binance"),
    ("text with typographic characters", "größer – 漢字 🙂", "größer – 漢字 🙂"),
    ("true", True, True),
    ("integer", 7, 7),
    ("largest integer of 64 bits", 2**63 - 1, 2**63 - 1),
    ("smallest integer of 64 bits", -(2**63), -(2**63)),
    ("integer beyond 64 bits", 10**20, 1e20),
    ("integer beyond any float", 10**5000, "Infinity"),
    ("negative integer beyond any float", -(10**5000), "-Infinity"),
    ("float", 12.5, 12.5),
    ("smallest float", 5e-324, 5e-324),
    ("negative zero", -0.0, -0.0),
    ("NaN", math.nan, "NaN"),
    ("infinity", math.inf, "Infinity"),
    ("negative infinity", -math.inf, "-Infinity"),
    ("decimal", Decimal("0.10"), 0.1),
    ("decimal NaN", Decimal("NaN"), "NaN"),
    ("signalling decimal NaN", Decimal("sNaN"), "NaN"),
    ("decimal infinity", Decimal("-Infinity"), "-Infinity"),
    ("decimal beyond any float", Decimal("1e999"), "Infinity"),
    ("time with UTC", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), 1_767_323_045_000_006),
    ("time with another zone", datetime(2026, 1, 2, 4, 4, 5, 6, tzinfo=timezone(timedelta(hours=1))), 1_767_323_045_000_006),
    ("time before 1970", datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
    ("time without a zone", datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),  # noqa: DTZ001 - the case is about it
    ("date", date(2026, 1, 2), "2026-01-02"),
    ("enum", Side.BUY, "buy"),
    ("integer enum", Level.HIGH, 3),
    ("text enum", Kind.START, "start"),
    ("subclass of str", Word("this"), "this"),
    ("numpy float", np.float64(1.5), 1.5),
    ("numpy short float", np.float32(1.5), 1.5),
    ("numpy NaN", np.float64("nan"), "NaN"),
    ("numpy short NaN", np.float32("nan"), "NaN"),
    ("numpy integer", np.int32(7), 7),
    ("numpy unsigned integer beyond 64 bits", np.uint64(2**64 - 1), float(2**64 - 1)),
    ("numpy flag", np.bool_(True), True),
    ("numpy text", np.str_("x"), "x"),
    ("numpy array without dimensions", np.array(2.5), 2.5),
    ("numpy time, which has no zone", np.datetime64("2026-01-02T03:04:05.000000001"), "2026-01-02T03:04:05.000000001"),
    ("numpy array", np.array([1, 2]), "[1 2]"),
    ("sketch", {3: 10, -1: 2}, {"3": 10, "-1": 2}),
    ("list", ["a", 1, None], '["a",1,null]'),
    ("tuple", (1.5, math.nan), '[1.5,"NaN"]'),
    ("empty list", [], "[]"),
    ("dict", {"a": [1, {"b": Decimal("1.5")}]}, '{"a":[1,{"b":1.5}]}'),
    ("empty dict", {}, "{}"),
    ("mapping", OrderedDict(a=datetime(2026, 1, 2, tzinfo=UTC)), '{"a":1767312000000000}'),
    ("set", {5}, "[5]"),
    ("bytes", b"x", "b'x'"),
    ("identifier", NAMED, str(NAMED)),
    ("path", PurePosixPath("a/b"), "a/b"),
    ("exception", ValueError("no such symbol"), "no such symbol"),
    ("fraction", Fraction(1, 3), "1/3"),
    ("duration", timedelta(seconds=90), "0:01:30"),
    ("complex number", 1 + 2j, "(1+2j)"),
]


def written(columns: dict[Any, object]) -> tuple[dict[str, Any], list[str]]:
    """A row at time 1 as a reader of JSON finds it."""
    layout = Layout()
    text, lost = encode_row(1, columns, layout)
    return dict(zip(layout.names, msgspec.json.decode(text), strict=True)), lost


@pytest.mark.parametrize(("value", "expected"), [pytest.param(value, expected, id=name) for name, value, expected in CASES])
def test_a_value_is_written_as(value: object, expected: object) -> None:
    row, lost = written({"column": value})
    assert lost == []
    read = row["column"]
    assert (read, type(read)) == (expected, type(expected))


def test_half_a_surrogate_does_not_spoil_the_text() -> None:
    row, _ = written({"message": "broken \ud800 emoji", "na\udfffme": 1})
    assert row == {"ts": 1, "message": "broken ? emoji", "na?me": 1}


def test_a_container_that_holds_itself_is_lost_alone() -> None:
    endless: list[object] = []
    endless.append(endless)
    row, lost = written({"payload": endless, "kind": "x"})
    assert row == {"ts": 1, "payload": None, "kind": "x"}
    assert lost == ["payload"]


def test_a_foreign_object_that_raises_is_lost_alone() -> None:
    class Hostile:
        @property
        def item(self) -> Any:
            raise ZeroDivisionError

    row, lost = written({"message": Hostile(), "kind": "x"})
    assert row == {"ts": 1, "message": None, "kind": "x"}
    assert lost == ["message"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals()
    | st.datetimes()
    | st.binary()
    | st.complex_numbers()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3), max_leaves=4
)


@settings(max_examples=60)
@given(st.dictionaries(st.text().filter(lambda name: name != "ts"), VALUES, max_size=5))
def test_whatever_is_written_a_strict_reader_reads(columns: dict[str, object]) -> None:
    read, lost = written(columns)
    assert lost == []
    assert set(read) == {"ts", *columns}
    for name, value in columns.items():
        if value is None or isinstance(value, bool | str) or (isinstance(value, float) and math.isfinite(value)):
            assert read[name] == value


def test_rows_share_their_columns_and_learn_new_ones() -> None:
    layout = Layout()
    rows = [encode_row(i, columns, layout)[0] for i, columns in enumerate([{"a": 1}, {"b": 2}, {}, {"b": 3, "a": 4}])]

    assert layout.names == ["ts", "a", "b"]
    assert [json.loads(row) for row in rows] == [[0, 1], [1, None, 2], [2, None, None], [3, 4, 3]]


def test_names_that_are_written_alike_are_one_column() -> None:
    row, lost = written({"na\ud800me": 1, "na?me": 2, 5: 3, "5": 4, None: 5})
    assert (row, lost) == ({"ts": 1, "na?me": 2, "5": 4, "null": 5}, [])


def test_a_name_that_json_has_not_is_refused_with_its_row() -> None:
    layout = Layout()
    with pytest.raises(TypeError):
        encode_row(1, cast("dict[str, object]", {(1, 2): 3}), layout)
    assert json.loads(encode_row(2, {"a": 1}, layout)[0]) == [2, 1]
