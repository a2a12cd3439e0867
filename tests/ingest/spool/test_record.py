"""What was judged comes back as it was: every kind of column, every table."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.errors import ContractError
from tapewatch.ingest.spool.record import pack, unpack
from tapewatch.model.rows import BodyMark, Coded, Mark, RowBatch, TypedColumn
from tapewatch.store.base import Stored

WORDS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=5))
SKETCHES = st.one_of(st.none(), st.dictionaries(st.integers(-(2**40), 2**40), st.integers(0, 2**40), max_size=4))


@st.composite
def batches(draw: st.DrawFn) -> RowBatch:
    count = draw(st.integers(0, 5))

    def several(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    sketches = np.empty(count, np.object_)
    sketches[:] = several(SKETCHES)
    columns: dict[str, TypedColumn] = {
        "ts": np.array(several(st.integers(-(2**63), 2**63 - 1)), np.int64),
        "value": np.array(several(st.floats()), np.float64),
        "is_open": np.array(several(st.integers(-1, 1)), np.int8),
        "word": Coded.of(several(WORDS)),
        "sketch": sketches,
    }
    return RowBatch("t", count, columns, draw(st.one_of(st.none(), st.floats(0.1, 100))))


def plain(batch: RowBatch) -> object:
    columns = {name: values.words().tolist() if isinstance(values, Coded) else values.tolist() for name, values in batch.columns.items()}
    dtypes = {name: "words" if isinstance(values, Coded) else values.dtype.str for name, values in batch.columns.items()}
    return repr((batch.table, batch.count, batch.period_s, columns, dtypes))


@given(st.lists(batches(), max_size=3), st.text(st.characters(codec="utf-8"), max_size=9), st.integers(1, 2**63 - 1))
def test_a_delivery_comes_back_as_it_was(held: list[RowBatch], client: str, sequence: int) -> None:
    back = unpack(pack(Stored(tuple(held), Mark(client, sequence))))
    assert back.mark == Mark(client, sequence)
    assert [plain(batch) for batch in back.batches] == [plain(batch) for batch in held]


def test_a_delivery_without_a_mark_is_refused() -> None:
    with pytest.raises(ContractError, match="mark"):
        pack(Stored(()))


def test_an_array_that_cannot_be_told_to_be_written_is_refused_by_name() -> None:
    with pytest.raises(ContractError, match="cannot be written"):
        pack(Stored((RowBatch("t", 1, {"word": Coded(np.array([0], np.int32), ("\ud800",))}),), Mark("c", 1)))


@given(st.binary(max_size=40))
def test_other_bytes_are_refused_by_name(payload: bytes) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        unpack(payload)


@given(st.text(max_size=64), st.integers(-(2**63), 2**63 - 1))
def test_the_mark_of_a_body_comes_back(digest: str, received_us: int) -> None:
    mark = BodyMark(digest, received_us)
    assert unpack(pack(Stored((), mark))).mark == mark
