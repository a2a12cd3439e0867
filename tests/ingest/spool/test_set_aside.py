"""What the store refused for good at a replay is kept, and comes back when it takes it after all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.spool import SetAside, StoreSpool
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import Stored
from tests.ingest.stores import ListStore
from tests.rows import accepted

CLOCK = SystemClock()


def put_aside(folder: Path, *marks: Mark | BodyMark) -> None:
    spool = StoreSpool(folder, 1_000_000)
    for number, mark in enumerate(marks):
        spool.put([(Stored((accepted("exchange", [{"venue": f"v{number}", "latency_ms": float(number)}]),), mark), 1)])
    for _ in marks:
        assert spool.oldest()
        spool.set_aside("no")
    spool.close()


def latencies(store: ListStore) -> list[float]:
    return [row["latency_ms"] for row in store.rows("exchange")]


def is_second(stored: Stored) -> bool:
    return stored.batches[0].array("latency_ms")[0] == 1.0


def test_they_are_listed_and_nothing_changes(tmp_path: Path) -> None:
    put_aside(tmp_path, Mark("bot", 1), BodyMark("0123456789abcdef", 5))
    for _ in range(2):
        aside = SetAside(tmp_path)
        assert [(one.rows, one.words) for one in aside.deliveries()] == [
            (1, "1 of exchange, delivery 1 of bot"),
            (1, "1 of exchange, body 0123456789ab"),
        ]
        aside.close()
    assert SetAside(tmp_path / "none").deliveries() == []


def test_what_the_store_takes_leaves_and_what_it_refuses_stays(tmp_path: Path) -> None:
    put_aside(tmp_path, Mark("bot", 1), Mark("bot", 2), BodyMark("d", 5))
    store = ListStore()
    store.rejected = is_second
    aside = SetAside(tmp_path)
    assert [one.why.partition(":")[0] for one in aside.try_again(store, CLOCK)] == ["", "StoreRejected", ""]
    aside.close()
    assert latencies(store) == [0.0, 2.0]
    assert StoreSpool(tmp_path, 1).rows_set_aside == 1
    store.rejected = lambda _: False
    aside = SetAside(tmp_path)
    assert [one.why for one in aside.try_again(store, CLOCK)] == [""]
    aside.close()
    assert latencies(store) == [0.0, 2.0, 1.0]
    assert SetAside(tmp_path).deliveries() == []
    assert not (tmp_path / "set-aside").exists()


def test_cut_off_between_the_store_and_the_log_nothing_is_double(tmp_path: Path) -> None:
    put_aside(tmp_path, Mark("bot", 1), Mark("bot", 2))
    store = ListStore()
    aside = SetAside(tmp_path)
    store.append([Stored((accepted("exchange", [{"venue": "v0", "latency_ms": 0.0}]),), Mark("bot", 1))])
    assert [one.why for one in aside.try_again(store, CLOCK)] == ["", ""]
    assert latencies(store) == [0.0, 1.0]


def test_a_store_that_is_away_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    put_aside(tmp_path, Mark("bot", 1))
    store = ListStore()
    store.away = "gone"
    aside = SetAside(tmp_path)
    with pytest.raises(StoreUnavailable, match="gone"):
        aside.try_again(store, CLOCK)
    aside.close()
    assert SetAside(tmp_path).rows == 1
