"""Whatever comes in, nothing raises, nothing is invented, and every row is either accepted or told."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tests.ingest.judging import CATALOG, NOW_US, values

TABLES = sorted(CATALOG)

anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(NOW_US - 10**12, NOW_US + 10**12)
    | st.floats()
    | st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(
        ["NaN", "Infinity", "2027-01-15T07:59:00Z", "2027-01-15T07:59:00", "binance", "BTCUSDT", "up", "fresh", "success", "{}"]
    )
    | st.binary(max_size=4)
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def batches(draw: st.DrawFn) -> RawBatch:
    name = draw(st.sampled_from(TABLES))
    columns = st.sampled_from([column.name for column in CATALOG[name].all_columns]) | st.text(max_size=8)
    rows = draw(st.lists(st.dictionaries(columns, anything, max_size=8), min_size=1, max_size=6))
    for row in rows:
        if draw(st.booleans()):
            row.update({tag: draw(st.text("abc", min_size=1, max_size=2)) for tag in CATALOG[name].tags})
    return RawBatch.of(name, rows)


@given(batch=batches(), source=st.text(max_size=3), allow_old=st.booleans())
def test_never_raises_and_every_row_is_accepted_or_told(*, batch: RawBatch, source: str, allow_old: bool) -> None:
    judged = validate(batch, CATALOG[batch.table], names=Names(), now_us=NOW_US, defaults=Defaults(source), allow_old=allow_old)

    refused_rows = {refusal.row for refusal in judged.refusals if refusal.column is None}
    accepted = 0 if judged.batch is None else judged.batch.count
    assert accepted + len(refused_rows) == batch.count
    assert sum(1 for refusal in judged.refusals if refusal.column is not None and refusal.row in refused_rows) == 0
    assert judged.refused_total + sum(judged.noted.values()) == sum(tally.count for tally in judged.tallies)
    if judged.batch is not None:
        judged.batch.coded("source")
        for name in judged.batch.columns:
            assert name in CATALOG[batch.table].column


@given(batches())
def test_accepted_numbers_were_in_the_input(batch: RawBatch) -> None:
    judged = validate(batch, CATALOG[batch.table], names=Names(), now_us=NOW_US, defaults=Defaults("bot"))
    if judged.batch is None:
        return
    refused_rows = {refusal.row for refusal in judged.refusals if refusal.column is None}
    kept = [i for i in range(batch.count) if i not in refused_rows]
    for column in CATALOG[batch.table].columns:
        if column.kind not in {"gauge", "counter", "interval", "flag"}:
            continue
        raw: Any = batch.columns.get(column.name, [None] * batch.count)
        for i, value in zip(kept, values(judged, column.name), strict=True):
            if value is not None:
                assert value == float(raw[i])
                assert math.isfinite(value)


@given(
    st.lists(st.tuples(st.sampled_from(["okx", "kraken"]), st.none() | st.integers(NOW_US - 10, NOW_US + 10**12)), min_size=1, max_size=30)
)
def test_no_row_replaces_another_because_of_a_time_that_we_gave(rows: list[tuple[str, int | None]]) -> None:
    batch = RawBatch("exchange", {"venue": [venue for venue, _ in rows], "ts": [None if ts is None else ts for _, ts in rows]})
    judged = validate(batch, CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=Defaults("bot"))

    given_by_us = [
        (venue, ts) for (venue, own), ts in zip(rows, values(judged, "ts"), strict=True) if own is None or own > NOW_US + 300_000_000
    ]
    assert len(set(given_by_us)) == len(given_by_us)
    assert all(ts <= NOW_US for _, ts in given_by_us)


@pytest.mark.parametrize("depth", [10, 5000])
def test_deeply_nested_garbage_is_only_a_refusal(depth: int) -> None:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    judged = validate(
        RawBatch.of("exchange", [{"venue": "okx", "latency_ms": value, "foo": value}]),
        CATALOG["exchange"],
        names=Names(),
        now_us=NOW_US,
        defaults=Defaults("bot"),
    )

    assert judged.refused_total == 2
