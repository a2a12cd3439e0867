"""Values of lines take the form of their columns; what has no such form stays as it came."""

from typing import Any

import numpy as np
import pytest

from tapewatch.model.rows import Coded, RawBatch, RawColumn
from tapewatch.model.table import Column, Identity, Kind, State, Status, Table, flag, gauge, state, tag, text
from tapewatch.model.table import time as moment
from tapewatch.sources.receivers.line_protocol.columns import listed
from tapewatch.sources.receivers.line_protocol.kinds import fit

TABLE = Table(
    "sample",
    "One of each kind.",
    (
        tag("venue", "A tag."),
        gauge("level", "none", "A number."),
        flag("alive", "A flag."),
        text("note", "A text."),
        Column("job", Kind.ID, "An id."),
        moment("seen_at", "A time."),
        state("mode", "A state.", (State("on", Status.UP),)),
        Column("sketch", Kind.SKETCH, "A sketch."),
    ),
    Identity.NONE,
)


def fitted(name: str, values: RawColumn) -> list[Any]:
    return listed(fit(RawBatch("sample", {name: values}), TABLE).columns[name])


@pytest.mark.parametrize("as_array", [True, False], ids=["array", "list"])
def test_numbers_take_true_and_false_as_1_and_0(as_array: object) -> None:
    assert fitted("level", np.array([True, False]) if as_array else [True, False]) == [1, 0]


@pytest.mark.parametrize("values", [np.array([1, 0]), np.array([1.0, 0.0]), [1, 0], [True, False], np.array([True, False])], ids=str)
def test_flags_take_1_and_0(values: RawColumn) -> None:
    found = fitted("alive", values)
    assert found == [True, False]
    assert all(isinstance(value, bool) for value in found)


def test_other_numbers_are_no_flags() -> None:
    assert fitted("alive", np.array([1, 2])) == [True, 2]
    assert fitted("alive", np.array([1.0, np.nan, 0.5])) == [True, None, 0.5]


@pytest.mark.parametrize("name", ["venue", "note", "job"])
def test_words_take_integers_as_their_digits_and_nothing_else(name: str) -> None:
    assert fitted(name, np.array([12, 2**62])) == ["12", str(2**62)]
    assert fitted(name, [1.5, True, "x", None, 7]) == [1.5, True, "x", None, "7"]
    assert fitted(name, Coded.of(["a", None])) == ["a", None]


def test_sketches_take_text_that_is_json() -> None:
    assert fitted("sketch", Coded.of(['{"3": 4}', "x", None])) == [{"3": 4}, "x", None]


def test_unknown_columns_and_tables_stay_as_they_came() -> None:
    batch = RawBatch("elsewhere", {"level": [True]})
    assert fit(batch, None) is batch
    assert fitted("colour", [True, 1]) == [True, 1]
