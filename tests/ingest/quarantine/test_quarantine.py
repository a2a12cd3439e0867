"""Nothing that came is lost in silence: it is in its table, in quarantine, or refused by name."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.clock import ManualClock, SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.quarantine import Quarantine
from tapewatch.ingest.quarantine.entry import Entry
from tapewatch.ingest.validate import Border, Defaults, validate
from tapewatch.ingest.writer import Limits
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Delivery, Mark, RawBatch
from tapewatch.model.venue import Names
from tapewatch.settings import QuarantineSettings
from tapewatch.store.backends import open_store
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Store, Stored

CATALOG = Catalog()
NOW_US = 1_800_000_000_000_000


def filled(store: Store) -> Store:
    for table in CATALOG.values():
        store.create(table)
    return store


def started(store: Store, bounds: QuarantineSettings | None = None) -> tuple[Intake, Quarantine]:
    quarantine = Quarantine(store, SystemClock(), bounds)
    intake = Intake(store, CATALOG, Names(), SystemClock(), host="h1", quarantine=quarantine, limits=Limits(wait_s=0.2))
    intake.start()
    return intake, quarantine


def of(table: str, *rows: Mapping[str, Any], source: str = "bot", mark: Mark | None = None, host: str | None = None) -> Delivery:
    return Delivery((RawBatch.of(table, rows),), source, host=host, mark=mark)


def contents(quarantine: Quarantine) -> list[dict[str, Any]]:
    return [entry.row() for entry in quarantine.waiting()]


@pytest.fixture
async def taken() -> AsyncIterator[tuple[Intake, Quarantine]]:
    intake, quarantine = started(filled(MemoryStore()))
    yield intake, quarantine
    await intake.stop()


async def test_rows_of_an_unknown_table_are_kept_with_their_types_and_the_sender_is_told(taken: tuple[Intake, Quarantine]) -> None:
    intake, quarantine = taken
    row = {
        "ts": NOW_US,
        "pair": "BTC/USD",
        "spread": 1.5,
        "size": 3,
        "open": True,
        "levels": [1, {"a": None}],
        "odd": math.nan,
        "none": None,
    }
    receipt = await intake.accept(of("spreads", row, host="h9"))

    assert (receipt.accepted, receipt.quarantined, receipt.refused_total) == (0, 1, 1)
    told = receipt.refused[0]
    assert (told.table, told.row, told.column, told.reason) == ("spreads", 0, None, "unknown_table")
    assert "waits in quarantine: `tapewatch adopt spreads`" in told.message
    (entry,) = quarantine.waiting("spreads")
    assert (entry.source, entry.env, entry.reason) == ("bot", "live", "unknown_table")
    assert entry.names == ("pair", "spread", "size", "open", "levels", "odd")
    assert entry.row() == {**{name: value for name, value in row.items() if name != "none"}, "odd": "NaN", "host": "h9"}


async def test_a_row_keeps_its_declared_columns_and_its_others_wait(taken: tuple[Intake, Quarantine]) -> None:
    intake, quarantine = taken
    rows = [
        {"venue": "okx", "latency_ms": 5, "latenzy": 6},
        {"venue": "okx", "latency_ms": "x", "connected": True},
        {"venue": "okx", "latency_ms": "x", "connected": True, "depth": "deep", "note": "n"},
    ]
    receipt = await intake.accept(of("exchange", *rows))

    assert (receipt.accepted, receipt.quarantined, receipt.refused_total) == (3, 3, 5)
    assert sorted((one.row, one.column, one.reason) for one in receipt.refused) == [
        (0, "latenzy", "unknown_column"),
        (1, "latency_ms", "wrong_type"),
        (2, "depth", "unknown_column"),
        (2, "latency_ms", "wrong_type"),
        (2, "note", "unknown_column"),
    ]
    first, second = contents(quarantine)
    assert {name: first[name] for name in ("venue", "latency_ms", "latenzy", "source", "env")} == {
        "venue": "okx",
        "latency_ms": 5,
        "latenzy": 6,
        "source": "bot",
        "env": "live",
    }
    assert isinstance(first["ts"], int), "the time that the row got, so that it can be found again"
    assert {"depth": "deep", "note": "n", "connected": True}.items() <= second.items()
    assert "latency_ms" not in second, "what was refused by name is not kept a second time"
    assert second["flags"] == '{"latency_ms":"wrong_type"}'


async def test_it_is_there_after_a_restart_and_its_room_is_counted(tmp_path: Path) -> None:
    bounds = QuarantineSettings(tables=2)
    for attempt in range(2):
        store = filled(open_store("duckdb", tmp_path, SystemClock()))
        intake, quarantine = started(store, bounds)
        assert quarantine.measures()["rows"] == attempt
        await intake.accept(of(f"table{attempt}", {"a": attempt}))
        await intake.stop()
        store.close()
    store = filled(open_store("duckdb", tmp_path, SystemClock()))
    intake, quarantine = started(store, bounds)
    assert [(entry.table, entry.row()["a"]) for entry in quarantine.waiting()] == [("table0", 0), ("table1", 1)]
    assert len({entry.number for entry in quarantine.waiting()}) == 2
    receipt = await intake.accept(of("table2", {"a": 2}))
    assert (receipt.quarantined, receipt.refused[0].reason) == (0, "quarantine_full")
    assert (await intake.accept(of("table1", {"a": 3}))).quarantined == 1, "a table that is there may grow"
    await intake.stop()
    store.close()


BOUNDS = {
    "tables": (QuarantineSettings(tables=1), [of("a", {"x": 1}), of("b", {"x": 1})], "quarantine.tables allows 1", None),
    "columns": (QuarantineSettings(columns=1), [of("a", {"x": 1}), of("a", {"x": 1, "y": 2})], "quarantine.columns allows 1", "y"),
    "columns of a known table": (
        QuarantineSettings(columns=1),
        [of("exchange", {"venue": "okx", "x": 1}), of("exchange", {"venue": "okx", "x": 1, "y": 2})],
        "quarantine.columns allows 1",
        "y",
    ),
    "series": (QuarantineSettings(series=1), [of("a", {"x": "1"}), of("a", {"x": "2"})], "quarantine.series allows 1", None),
    "bytes": (QuarantineSettings(bytes=600), [of("a", {"x": 1}), of("a", {"x": "y" * 300})], "quarantine.bytes allows 600", None),
    "no room at all": (QuarantineSettings(bytes=0), [of("a", {"x": 1}), of("a", {"x": 1})], "quarantine.bytes allows 0", None),
    "a row too large": (QuarantineSettings(), [of("a", {"x": 1}), of("a", {"x": "y" * 70_000})], "may take 65536", None),
    "a name that is none": (QuarantineSettings(), [of("a", {"x": 1}), of("a", {"x": 1, "y,z": 2})], "no comma", "y,z"),
}


@pytest.mark.parametrize(("bounds", "deliveries", "words", "column"), BOUNDS.values(), ids=BOUNDS)
async def test_beyond_a_bound_it_is_refused_by_name(
    bounds: QuarantineSettings, deliveries: Sequence[Delivery], words: str, column: str | None
) -> None:
    intake, quarantine = started(filled(MemoryStore()), bounds)
    receipts = [await intake.accept(delivery) for delivery in deliveries]
    full = [one for one in receipts[1].refused if one.reason == "quarantine_full"]
    assert [one.column for one in full] == [column]
    assert words in full[0].message
    assert intake.stats.refused["quarantine_full"] >= 1
    assert quarantine.measures()["rows"] == sum(1 for receipt in receipts if receipt.quarantined)
    await intake.stop()


async def test_a_repeated_delivery_is_kept_once_and_what_a_store_does_not_take_needs_no_room() -> None:
    store = filled(MemoryStore())
    intake, quarantine = started(store)
    for _ in range(3):
        await intake.accept(of("a", {"x": 1}, mark=Mark("c", 1)))
    assert (len(quarantine.waiting()), quarantine.measures()["rows"]) == (1, 1)

    def away(deliveries: Sequence[Stored]) -> list[bool]:
        raise StoreUnavailable("away")

    append, store.append = store.append, away
    with pytest.raises(StoreUnavailable):
        await intake.accept(of("a", {"x": 2}))
    store.append = append
    assert quarantine.measures()["rows"] == 1
    await intake.stop()


async def test_rows_may_not_hide_another_source_in_an_unknown_table(taken: tuple[Intake, Quarantine]) -> None:
    intake, quarantine = taken
    delivery = Delivery((RawBatch.of("a", [{"source": "other", "x": 1}, {"x": 2}]),), "bot", bound_to="bot")
    receipt = await intake.accept(delivery)
    assert sorted((one.row, one.reason) for one in receipt.refused) == [(0, "wrong_source"), (1, "unknown_table")]
    assert [entry.source for entry in quarantine.waiting()] == ["bot"]


# --- properties ----------------------------------------------------------------------------------------------------------

CELL = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2), st.just({"a": [None]})
)
ROW = st.dictionaries(st.sampled_from(["venue", "latency_ms", "connected", "x", "y", "z", "ü", "a,b", ""]), CELL, min_size=1)
FINE = st.fixed_dictionaries(
    {"venue": st.sampled_from(["okx", "kraken"]), "x": st.integers(0, 9)}, optional={"y": CELL, "latency_ms": CELL}
)
BATCH = st.tuples(st.sampled_from(["exchange", "kpi", "a", "b", "c", "\n"]), st.lists(ROW, min_size=1, max_size=6)) | st.tuples(
    st.just("exchange"), st.lists(FINE, min_size=1, max_size=6)
)
SMALL = st.builds(
    QuarantineSettings, tables=st.integers(0, 3), columns=st.integers(0, 4), series=st.integers(0, 5), bytes=st.integers(0, 4_000)
)


@given(st.lists(BATCH, max_size=6), SMALL | st.builds(QuarantineSettings))
def test_each_value_is_accepted_kept_or_refused_by_name_and_the_bounds_hold(
    batches: list[tuple[str, list[dict[str, Any]]]], bounds: QuarantineSettings
) -> None:
    store = filled(MemoryStore())
    quarantine = Quarantine(store, ManualClock(), bounds)
    for table, rows in batches:
        batch = RawBatch.of(table, rows)
        hold = quarantine.hold(NOW_US)
        judged = validate(
            batch, CATALOG.get(table), names=Names(), now_us=NOW_US, defaults=Defaults("bot", host="h1"), border=Border(None, hold)
        )
        assert judged.refused_total == len(judged.refusals), "few enough to be told one by one"
        kept = {one.row for one in judged.refusals if one.column is None}
        assert judged.batch is None or judged.batch.count == batch.count - len(kept)
        _each_value_once(batch, judged.refusals, hold.entries, is_declared=table in CATALOG)
        assert judged.held_total >= len(hold.entries)
        if hold.entries:
            store.append([Stored(hold.batches())])
        _bounds_hold(quarantine, bounds)
    assert [entry.row() for entry in Quarantine(store, ManualClock(), bounds).waiting()] == [entry.row() for entry in quarantine.waiting()]


def _each_value_once(batch: RawBatch, refusals: Sequence[Any], entries: Sequence[Entry], *, is_declared: bool) -> None:
    lost = {(one.row, one.column) for one in refusals if one.reason not in {"unknown_table", "unknown_column"}}
    strays = [one for one in refusals if one.reason in {"unknown_table", "unknown_column"}]
    undeclared = [name for name in batch.columns if name not in {"venue", "latency_ms", "connected"} or not is_declared]
    held = {(place, name) for place, entry in enumerate(entries) for name in entry.names}
    expected = 0
    for row in range(batch.count):
        if (row, None) in lost:
            continue
        for name in undeclared:
            value = batch.columns[name][row]
            if value is None or (row, name) in lost or (is_declared and (row, None) in {(one.row, one.column) for one in refusals}):
                continue
            expected += not _is_untold_table(batch.table)
    assert len(held) == expected
    if not _is_untold_table(batch.table):
        assert len({one.row for one in strays}) == len(entries)


def _is_untold_table(table: str) -> bool:
    """No name at all: such rows are refused as unknown, and kept nowhere."""
    return not table.strip()


def _bounds_hold(quarantine: Quarantine, bounds: QuarantineSettings) -> None:
    waiting = quarantine.waiting()
    measures = quarantine.measures()
    assert measures["rows"] == len(waiting)
    assert measures["size_bytes"] == sum(entry.size_bytes for entry in waiting) <= bounds.bytes
    assert measures["tables"] == len({entry.table for entry in waiting}) <= bounds.tables
    for table in {entry.table for entry in waiting}:
        assert len({name for entry in waiting if entry.table == table for name in entry.names}) <= bounds.columns
    assert measures["series"] == len({(entry.source, entry.table, entry.series) for entry in waiting}) <= bounds.series


async def test_what_waits_in_quarantine_keeps_nothing_out_of_a_delivery_that_must_be_whole(taken: tuple[Intake, Quarantine]) -> None:
    intake, quarantine = taken
    known = RawBatch.of("exchange", [{"venue": "okx", "latency_ms": 1.0, "colour": "red"}])
    strange = RawBatch.of("nowhere", [{"a": 1}])
    receipt = await intake.accept(Delivery((known, strange), "bot"), whole=True)
    assert (receipt.accepted, receipt.refused_total, receipt.quarantined) == (1, 2, 2)
    assert len(contents(quarantine)) == 2


async def test_a_delivery_that_is_not_whole_leaves_nothing_in_quarantine(taken: tuple[Intake, Quarantine]) -> None:
    intake, quarantine = taken
    wrong = RawBatch.of("exchange", [{"venue": "okx", "latency_ms": "x"}])
    strange = RawBatch.of("nowhere", [{"a": 1}])
    receipt = await intake.accept(Delivery((wrong, strange), "bot"), whole=True)
    assert (receipt.accepted, receipt.refused_total, receipt.quarantined) == (0, 2, 0)
    assert contents(quarantine) == []
    assert quarantine.measures()["rows"] == 0


async def test_the_quarantine_is_written_by_nobody_else(taken: tuple[Intake, Quarantine]) -> None:
    intake, quarantine = taken
    forged = {"table_name": "x", "reason": "unknown_table", "entry": "e1", "content": "not json"}
    receipt = await intake.accept(of("quarantine", forged))
    assert (receipt.accepted, receipt.quarantined) == (0, 1)
    (waiting,) = contents(quarantine)
    assert waiting["content"] == "not json", "a row like any other, for a table that nobody has declared"
    assert Quarantine(intake._writer._store, SystemClock()).measures()["rows"] == 1, "the next start reads it"


async def test_what_is_lost_is_told_before_what_is_held(taken: tuple[Intake, Quarantine]) -> None:
    intake, _ = taken
    strange = RawBatch.of("nowhere", [{"a": i} for i in range(150)])
    wrong = RawBatch.of("exchange", [{"venue": "okx", "latency_ms": "x"}])
    receipt = await intake.accept(Delivery((strange, wrong), "bot"), whole=True)
    assert (receipt.refused[0].reason, receipt.refused[0].is_held) == ("wrong_type", False)
    assert (receipt.refused_total, receipt.held_total, receipt.quarantined) == (151, 150, 0)
