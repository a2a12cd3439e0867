"""An explosion of series is refused by name while known series, other tables and other sources go on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.clock import ManualClock, SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.limits import SeriesLimit, series
from tapewatch.ingest.receipt import Receipt
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Coded, Delivery, RawBatch
from tapewatch.model.venue import Names
from tapewatch.settings import SourceLimits
from tapewatch.store.backends.memory import MemoryStore
from tests.rows import accepted

CATALOG = Catalog()
EXCHANGE = CATALOG["exchange"]


def limited(*, per_min: int = 100, most: int = 1_000) -> tuple[SeriesLimit, ManualClock]:
    clock = ManualClock()
    limit = SeriesLimit(lambda _: SourceLimits(new_series_per_min=per_min, series=most), clock)
    limit.open()
    return limit, clock


def refused(limit: SeriesLimit, venues: list[str], source: str = "bot") -> list[int]:
    """Which rows, one for each venue, may not pass."""
    tags = {"env": Coded.constant("live", len(venues)), "venue": Coded.of(venues), "host": Coded.constant("h", len(venues))}
    found = limit.excess(EXCHANGE, Coded.constant(source, len(venues)), tags)
    return sorted(row for each in found for row in each.rows.tolist())


def test_new_series_beyond_a_minutes_worth_are_refused_and_come_in_the_next() -> None:
    limit, clock = limited(per_min=3)
    assert refused(limit, ["a", "b", "a", "c", "d", "e", "d"]) == [4, 5, 6]
    assert refused(limit, ["d", "a", "b"]) == [0], "known ones go on"
    assert refused(limit, ["x", "y", "z", "w"], source="other") == [3], "another source has limits of its own"
    clock.advance(60)
    assert refused(limit, ["d", "e", "f", "g"]) == [3]


def test_the_message_names_source_table_tag_value_limit_and_setting() -> None:
    limit, _ = limited(per_min=1)
    tags = {"env": Coded.constant("live", 3), "venue": Coded.of(["v1", "v2", "v3"]), "host": Coded.constant("h", 3)}
    (excess,) = limit.excess(EXCHANGE, Coded.constant("bot", 3), tags)
    assert excess.tag == "venue"
    for word in ("'bot'", "more than 1 new series a minute", "sources.bot.new_series_per_min", "exchange", "venue", "2 of them", "'v2'"):
        assert word in excess.message


def test_the_most_that_may_be_alive_is_a_limit_too_and_the_silent_are_forgotten() -> None:
    limit, clock = limited(most=2)
    assert refused(limit, ["a", "b", "c"]) == [2]
    clock.advance(series.GENERATION_S)
    assert refused(limit, ["a", "c"]) == [1], "b is remembered for one more generation"
    clock.advance(series.GENERATION_S)
    assert refused(limit, ["a", "c", "b"]) == [2], "now c has the place of b"
    assert limit.count() == 2


@pytest.mark.parametrize("jump_s", [-86_400.0, -3_600.0, 3_600.0, 86_400.0])
def test_a_clock_that_is_set_neither_begins_a_minute_nor_forgets_a_series(jump_s: float) -> None:
    limit, clock = limited(per_min=2, most=3)
    assert refused(limit, ["a", "b", "c"]) == [2]
    clock.jump(jump_s)
    assert refused(limit, ["a", "b", "c"]) == [2]
    clock.advance(60)
    assert refused(limit, ["a", "b", "c", "d"]) == [3]


def test_sources_without_number_share_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST_SOURCES", 2)
    limit, _ = limited(per_min=2)
    assert [refused(limit, ["a", "b"], source=name) for name in ("s1", "s2", "s3", "s4")] == [[], [], [], []]
    assert refused(limit, ["c"], source="s5") == [0]
    assert refused(limit, ["a"], source="s1") == []


def test_what_was_stored_before_a_restart_is_not_new() -> None:
    limit = SeriesLimit(lambda _: SourceLimits(new_series_per_min=1), ManualClock())
    rows = [{"venue": f"v{i}"} for i in range(50)]
    limit.learn(EXCHANGE, accepted("exchange", rows))
    assert refused(limit, ["early1", "early2"]) == [], "until the stored ones are known, all pass"
    limit.open()
    stored = accepted("exchange", rows)
    tags = {name: stored.coded(name) for name in EXCHANGE.tags}
    assert limit.excess(EXCHANGE, stored.coded("source"), tags) == []
    assert refused(limit, ["new1", "new2"]) == [1]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6), max_size=12), st.integers(0, 5))
def test_a_row_passes_exactly_when_its_series_is_known_or_may_begin(batches: list[list[str]], per_min: int) -> None:
    limit, _ = limited(per_min=per_min)
    known: set[str] = set()
    for batch in batches:
        expected: list[int] = []
        for row, venue in enumerate(batch):
            if venue not in known and len(known) >= per_min:
                expected.append(row)
            else:
                known.add(venue)
        assert refused(limit, batch) == expected


async def test_a_hundred_thousand_new_values_a_minute_are_refused_while_the_rest_goes_on() -> None:
    store, clock = MemoryStore(), SystemClock()
    for table in CATALOG.values():
        store.create(table)
    limit = SeriesLimit(lambda _: SourceLimits(), clock)
    limit.open()
    intake = Intake(store, CATALOG, Names(), clock, host="h1", series=limit)
    intake.start()

    async def send(source: str, processes: list[str]) -> Receipt:
        return await intake.accept(
            Delivery((RawBatch.of("process", [{"process": name, "pid": 1} for name in processes]),), source, host="h")
        )

    await send("bot", ["steady"])
    count = 0
    for part in np.array_split(np.arange(100_000), 20):
        names = [f"order-{number}" for number in part]
        receipt = await send("bot", [*names, "steady"])
        other = await send("other", ["calm"])
        assert (other.accepted, other.refused_total) == (1, 0)
        assert receipt.accepted >= 1, "the series that was there before"
        assert receipt.accepted + receipt.refused_total == len(names) + 1
        count += receipt.refused_total
        for one in receipt.refused:
            assert (one.reason, one.column) == ("too_many_series", None)
            assert one.value.startswith("order-"), one.message
    assert count == 100_000 - (SourceLimits().new_series_per_min - 1)
    assert intake.stats.refused == {"too_many_series": count}
    await intake.stop()
