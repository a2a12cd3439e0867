"""Frames of three libraries become the same rows; what is no frame is told and breaks nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tapewatch_client import Client, frames
from tests.client.scripted_server import ScriptedServer

Connect = Callable[..., Client]

MOMENTS = [datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)]
COLUMNS: dict[str, list[Any]] = {"ts": MOMENTS, "kpi": ["a", "b"], "value": [1.5, None], "count": [2, 3], "is_open": [True, False]}
MAKERS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}


@pytest.mark.parametrize("library", list(MAKERS))
def test_each_library_gives_the_same_rows(server: ScriptedServer, connect: Connect, library: str) -> None:
    client = connect()
    client.write_frame("kpi", MAKERS[library](COLUMNS), period_s=5)
    assert client.flush(5)
    assert [row for _, row in server.rows] == [
        {"ts": 1_767_323_045_678_901, "kpi": "a", "value": 1.5, "count": 2, "is_open": True},
        {"ts": 1_767_323_046_000_000, "kpi": "b", "value": None, "count": 3, "is_open": False},
    ]
    assert server.requests[0].document["batches"][0]["period_s"] == 5


def test_the_time_column_has_any_name_and_a_missing_time_is_not_now(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.write_frame("kpi", pd.DataFrame({"at": [MOMENTS[0], pd.NaT], "value": [1, 2]}), ts="at")
    assert client.flush(5)
    assert [row["ts"] for _, row in server.rows] == [1_767_323_045_678_901, "NaT"]


@pytest.mark.parametrize("name", ["ts", None])
def test_the_index_of_times_is_the_time(server: ScriptedServer, connect: Connect, name: str | None) -> None:
    client = connect()
    client.write_frame("kpi", pd.DataFrame({"value": [1, 2]}, index=pd.DatetimeIndex(MOMENTS, name=name)))
    assert client.flush(5)
    assert [row for _, row in server.rows] == [{"ts": 1_767_323_045_678_901, "value": 1}, {"ts": 1_767_323_046_000_000, "value": 2}]


def test_an_index_of_numbers_is_left_out(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    frame = pd.DataFrame({"value": [1, 2, 3]})
    client.write_frame("kpi", frame[frame["value"] != 2])
    assert client.flush(5)
    assert [sorted(row) for _, row in server.rows] == [["ts", "value"]] * 2
    assert [row["value"] for _, row in server.rows] == [1, 3]


def test_a_time_without_a_zone_stays_one_so_that_the_server_refuses_it_by_name(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.write_frame("kpi", pl.DataFrame({"ts": [datetime(2026, 1, 2)], "value": [1]}))  # noqa: DTZ001 - on purpose
    assert client.flush(5)
    assert [row["ts"] for _, row in server.rows] == ["2026-01-02T00:00:00"]


def test_nanoseconds_words_decimals_and_lists_are_taken(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    table = pa.table(
        {
            "ts": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "Europe/Berlin")),
            "kpi": pa.array(["a"]).dictionary_encode(),
            "value": pa.array([Decimal("1.25")]),
            "payload": pa.array([[1, 2]]),
        }
    )
    client.write_frame("kpi", table)
    assert client.flush(5)
    assert [row for _, row in server.rows] == [{"ts": 1_700_000_000_123_456, "kpi": "a", "value": 1.25, "payload": "[1,2]"}]


def test_a_long_frame_is_taken_whole_and_in_order(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.write_frame("kpi", pl.DataFrame({"value": range(3 * frames.SLICE_ROWS + 7)}))
    assert client.flush(20)
    assert server.values("value") == list(range(3 * frames.SLICE_ROWS + 7))


def test_what_is_no_frame_is_told_once_and_counted(server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    client = connect()
    for _ in range(3):
        client.write_frame("kpi", {"value": [1]})
    client.write("kpi", value=1)
    assert client.flush(5)
    stats = client.stats()
    assert (stats.written, stats.delivered, stats.dropped) == (4, 1, 3)
    (record,) = [record for record in caplog.records if "told once" in record.message]
    advice = "give one of pandas (2.2 or newer), polars or Arrow"
    assert record.message == f"a row could not be taken: FrameUnreadable: a dict is no frame; {advice} (told once per kind)"


def test_without_pyarrow_it_says_what_to_install(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(frames, "import_module", refuse)
    client = connect()
    client.write_frame("kpi", pl.DataFrame({"value": [1]}))
    assert "pip install 'tapewatch-client[frames]'" in (client.stats().last_error or "")
