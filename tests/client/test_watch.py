"""Watching a function: on schedule, truthful about failures, never in the way."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer, eventually

Connect = Callable[..., Client]

STATUS = {
    "running": True,
    "shutdown_requested": False,
    "fetch_count": 1204,
    "error_count": 2,
    "liquidation_count": 31,
    "uptime_seconds": 86_400.5,
    "last_fetch_time": "2026-01-02T03:04:05+00:00",
    "last_error": None,
    "symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
    "exchanges": ["binance", "bybit"],
}


def rows_of(server: ScriptedServer, table: str) -> list[dict[str, Any]]:
    return [row for name, row in server.rows if name == table]


def test_a_daemon_becomes_rows_and_each_call_is_a_run(server: ScriptedServer, connect: Connect) -> None:
    watch = connect().watch(lambda: STATUS, every_s=0.05, daemon="ccxt")
    eventually(lambda: len(rows_of(server, "daemon")) >= 3)
    watch.stop()
    row = dict(rows_of(server, "daemon")[0])
    assert row.pop("ts") > 1_700_000_000_000_000
    assert row == {
        "daemon": "ccxt",
        "running": True,
        "shutdown_requested": False,
        "fetches": 1204,
        "errors": 2,
        "liquidations": 31,
        "uptime_s": 86_400.5,
        "last_fetch_at": "2026-01-02T03:04:05+00:00",
        "last_error": None,
        "symbols": "BTC/USDT:USDT,ETH/USDT:USDT",
        "exchanges": "binance,bybit",
    }
    run = rows_of(server, "collector_run")[0]
    assert (run["collector"], run["ok"], run["rows"], run["error"]) == ("watch-ccxt", True, 1, None)
    assert 0 <= run["duration_ms"] < 1_000
    periods = {batch["table"]: batch["period_s"] for request in server.requests for batch in request.document["batches"]}
    assert periods == {"daemon": 0.05, "collector_run": 0.05}


def test_the_name_is_the_source_when_left_out(server: ScriptedServer, connect: Connect) -> None:
    connect(source="loader").watch(lambda: STATUS, every_s=60)
    eventually(lambda: rows_of(server, "collector_run"))
    assert rows_of(server, "daemon")[0]["daemon"] == "loader"
    assert rows_of(server, "collector_run")[0]["collector"] == "watch-loader"


def test_another_table_takes_the_mapping_as_it_is(server: ScriptedServer, connect: Connect) -> None:
    connect().watch(lambda: {"kpi": "open_orders", "value": 4}, every_s=60, table="kpi", daemon="orders")
    eventually(lambda: rows_of(server, "collector_run"))
    row = dict(rows_of(server, "kpi")[0])
    row.pop("ts")
    assert row == {"kpi": "open_orders", "value": 4}


def fails() -> dict[str, object]:
    raise ConnectionError("the daemon is not running")


def gives_no_mapping() -> Any:
    return "running"


@pytest.mark.parametrize(("function", "error"), [(fails, "ConnectionError: the daemon is not running"), (gives_no_mapping, "Error: ")])
def test_a_failing_call_is_reported_and_no_value_is_made_up(
    server: ScriptedServer, connect: Connect, function: Callable[[], Any], error: str
) -> None:
    client = connect()
    client.watch(function, every_s=0.03, daemon="ccxt")
    eventually(lambda: len(rows_of(server, "collector_run")) >= 3)
    for run in rows_of(server, "collector_run"):
        assert (run["ok"], run["rows"]) == (False, 0)
        assert error in run["error"]
    assert rows_of(server, "daemon") == []
    assert not client.stats().refused


def test_a_daemon_that_recovers_is_heard_again(server: ScriptedServer, connect: Connect) -> None:
    answers = iter([None, None])

    def status() -> Any:
        if next(answers, STATUS) is None:
            raise OSError("not yet")
        return STATUS

    connect().watch(status, every_s=0.03)
    eventually(lambda: rows_of(server, "daemon"))
    assert [run["ok"] for run in rows_of(server, "collector_run")][:3] == [False, False, True]


def test_a_hanging_call_delays_nothing_else(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    client = connect()

    def hangs() -> dict[str, object]:
        release.wait(20)
        return STATUS

    hanging = client.watch(hangs, every_s=0.02, daemon="stuck")
    client.watch(lambda: STATUS, every_s=0.02, daemon="healthy")
    client.write("kpi", value=1)
    assert client.flush(5)
    eventually(lambda: len(rows_of(server, "daemon")) >= 3)
    assert {row["daemon"] for row in rows_of(server, "daemon")} == {"healthy"}
    assert {run["collector"] for run in rows_of(server, "collector_run")} == {"watch-healthy"}
    start_s = time.monotonic()
    hanging.stop(timeout_s=0.1)
    client.close(2)
    assert time.monotonic() - start_s < 2
    release.set()


def test_the_schedule_is_fixed_and_missed_calls_are_left_out(connect: Connect) -> None:
    calls: list[float] = []

    def slow_once() -> dict[str, object]:
        calls.append(time.monotonic())
        if len(calls) == 2:
            time.sleep(0.6)
        return STATUS

    watch = connect().watch(slow_once, every_s=0.25)
    eventually(lambda: len(calls) >= 5)
    watch.stop()
    beats = [(call - calls[0]) / 0.25 for call in calls]
    assert [round(beat) for beat in beats[:2]] == [0, 1]
    assert all(abs(beat - round(beat)) < 0.45 for beat in beats), beats
    assert len({round(beat) for beat in beats}) == len(beats), "no two calls for one beat"
    assert round(beats[2]) >= 4, "the beats during the slow call are gone"


def test_stop_and_close_end_the_calls(connect: Connect) -> None:
    calls: list[int] = []

    def status() -> dict[str, object]:
        calls.append(1)
        return STATUS

    client = connect()
    stopped, closed = client.watch(status, every_s=0.01), client.watch(status, every_s=0.01)
    stopped.stop()
    client.close()
    closed.stop()
    count = len(calls)
    time.sleep(0.05)
    assert len(calls) == count


@pytest.mark.parametrize("every_s", [0, -1, float("nan")])
def test_a_period_that_is_none_is_refused(connect: Connect, every_s: float) -> None:
    with pytest.raises(ValueError, match=r"every_s is .*; give the seconds"):
        connect().watch(lambda: STATUS, every_s=every_s)
