"""The running server as its owner meets it: what it watches by itself, what survives, how it ends, what it says of itself."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from websockets.sync.client import connect

from tests.server import Running
from tests.small_disk import fill, small_disk
from tests.started import TAPEWATCH, UPKEEP_SOON, request, rows, tapewatch, up, up_until_killed, verdicts, wait_for, write

VENUE_AWAY = """
host = "h1"

[collectors.kraken-feed]
kind = "feed"
venue = "kraken"
symbols = ["BTC/USD"]
channels = ["trade"]
url = "ws://127.0.0.1:9"
"""
OWN_TABLE = """
[tables.spread]
sentence = "Quoted spread of one symbol on one venue."

[tables.spread.columns.venue]
kind = "tag"
sentence = "Venue id."

[tables.spread.columns.spread_bps]
kind = "gauge"
unit = "bps"
sentence = "Best ask minus best bid."
minimum = 0
degraded = 5
down = 20
"""
ADDED_COLUMN = """
[tables.spread.columns.is_crossed]
kind = "flag"
sentence = "Whether the bid is above the ask."
bad = true
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a table of its own and a busy collector, whose venue does not answer."""
    with up(tmp_path_factory.mktemp("server"), VENUE_AWAY + OWN_TABLE) as server:
        yield server


def children(server: Running) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


# --- what it does by itself --------------------------------------------------------------------------------------------


def test_it_watches_its_own_host_and_itself(server: Running) -> None:
    wait_for(lambda: len(rows(server, "collector_run")) >= 3 and rows(server, "storage_stats"))
    (host,) = wait_for(lambda: [row for row in rows(server, "host", where="host:h1") if row["cpu_ratio"] is not None])
    assert (host["source"], host["env"]) == ("host", "live")
    assert 0 <= host["memory_ratio"] <= 1
    assert 0 <= host["cpu_ratio"] <= 1
    assert {"host", "tapewatch", "storage"} <= {row["collector"] for row in rows(server, "collector_run")}
    assert {row["table_name"] for row in rows(server, "storage_stats")} >= {"host", "spread", "*"}
    measured = {(row["component"], row["metric"]) for row in rows(server, "self")}
    assert {("ingest", "accepted_rows"), ("ingest", "rows_per_s"), ("query", "series"), ("process", "rss_bytes")} <= measured


def test_the_first_line_is_the_link_and_where_rows_are_kept(server: Running) -> None:
    (line,) = [line for line in server.output.read_text().splitlines() if line.startswith("tapewatch ")]
    assert f"{server.url}/" in line
    assert str(server.output.parent / "data") in line
    assert "Ctrl-C" in line


def test_every_series_of_the_server_itself_is_up_or_says_why_not(server: Running) -> None:
    wait_for(lambda: len(verdicts(server, "collector_run")) >= 3)
    for table in ("collector_run", "host"):
        for verdict in verdicts(server, table):
            assert verdict["status"] == "up" or verdict["reason"], verdict


def test_a_venue_that_does_not_answer_is_a_disconnected_venue_and_no_silence(server: Running) -> None:
    (row,) = wait_for(lambda: rows(server, "exchange", where="venue:kraken", column="venue,connected,latency_ms"))
    assert row["connected"] is False
    assert row["latency_ms"] is None
    (verdict,) = verdicts(server, "exchange")
    assert (verdict["status"], verdict["reason"]) in {("degraded", "not connected"), ("down", "not connected")}


# --- a table of one's own ----------------------------------------------------------------------------------------------


def test_a_table_of_ones_own_takes_rows_and_refuses_wrong_ones(server: Running) -> None:
    given = [
        {"venue": "kraken", "spread_bps": 1.2},
        {"venue": "okx", "spread_bps": 7.0},
        {"venue": "bybit", "spread_bps": "wide"},
        {"venue": "bitstamp", "spread_bps": -1},
        {"spread_bps": 3},
        {"venue": "coinbase", "spread": 3},
    ]
    _, answer = request(server, "/api/rows", json.dumps({"table": "spread", "rows": given}).encode())
    told = {(item["row"], item["column"], item["reason"]) for item in answer["refused"]}
    assert told == {
        (2, "spread_bps", "wrong_type"),
        (3, "spread_bps", "out_of_range"),
        (4, None, "missing_tag"),
        (5, "spread", "unknown_column"),
    }
    sent = {row.get("venue") for row in given}
    found = {row["venue"]: row["spread_bps"] for row in rows(server, "spread") if row["venue"] in sent}
    assert found == {"kraken": 1.2, "okx": 7.0, "bybit": None, "bitstamp": None, "coinbase": None}


def test_a_table_of_ones_own_is_judged_and_described_like_any_other(server: Running) -> None:
    write(server, "spread", {"venue": "wide", "spread_bps": 25})
    (verdict,) = [one for one in verdicts(server, "spread") if one["key"]["venue"] == "wide"]
    assert (verdict["status"], verdict["reason"]) == ("down", "spread_bps 25.0 bp is at or above 20.0 bp")
    tables = {table["name"]: table for table in json.loads(server.get("/api/catalog"))["tables"]}
    column = next(column for column in tables["spread"]["columns"] if column["name"] == "spread_bps")
    assert (column["unit"], column["minimum"], column["thresholds"]["down"]) == ("bps", 0, 20)


def test_rows_survive_a_restart_an_added_column_and_kill_9(tmp_path: Path) -> None:
    with up(tmp_path, OWN_TABLE) as server:
        write(server, "spread", {"venue": "kraken", "spread_bps": 1.2})
        write(server, "exchange", {"venue": "okx", "connected": False}, period_s=3600)
    with up_until_killed(tmp_path, OWN_TABLE + ADDED_COLUMN) as server:
        (row,) = rows(server, "spread")
        assert (row["spread_bps"], row["is_crossed"]) == (1.2, None)
        (verdict,) = wait_for(lambda: verdicts(server, "exchange"))
        assert verdict["reason"] == "not connected", "the verdict of before the restart is remembered"
        assert verdict["newest_us"] is not None
        acknowledged = [write(server, "spread", {"venue": f"v{i}", "is_crossed": i % 2 == 0})["accepted"] for i in range(50)]
        server.process.kill()
    assert sum(acknowledged) == 50
    with up(tmp_path, OWN_TABLE + ADDED_COLUMN) as server:
        assert {row["venue"] for row in rows(server, "spread")} == {"kraken", *(f"v{i}" for i in range(50))}
        holes = json.loads(server.get("/api/query?table=host&measure=max(cpu_ratio)&by=host&bucket=1s&last=5min"))["series"][0]["holes"]
        assert all(hole["why"] for hole in holes)


# --- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_ends_within_three_seconds_with_everything_it_started(tmp_path: Path, number: int) -> None:
    with up(tmp_path, VENUE_AWAY) as server:
        started = wait_for(lambda: children(server))
        wait_for(lambda: rows(server, "exchange"))
        with connect(server.url.replace("http", "ws") + "/api/live") as browser:
            browser.recv(timeout=5)
            server.process.send_signal(number)
            began_s = time.monotonic()
            assert server.process.wait(10) == 0, server.output.read_text()
            took_s = time.monotonic() - began_s
        assert took_s < 3, server.output.read_text()
        wait_for(lambda: not [child for child in started if child.is_running() and child.status() != psutil.STATUS_ZOMBIE], 1)
    assert "Traceback" not in server.output.read_text()


HANGING = """
import os, time
from tapewatch.store.backends.duckdb import DuckDBStore

real = DuckDBStore._append

def append(store, deliveries):
    while os.path.exists(os.environ["HANGS_WHILE"]):
        time.sleep(0.01)
    return real(store, deliveries)

DuckDBStore._append = append
"""


@pytest.mark.alone
def test_it_ends_within_three_seconds_while_the_store_hangs_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(HANGING)
    hangs = tmp_path / "hangs"
    environment = {"PYTHONPATH": str(tmp_path / "patch"), "HANGS_WHILE": str(hangs)}
    with up(tmp_path, VENUE_AWAY, environment=environment) as server:
        wait_for(lambda: rows(server, "exchange"))
        hangs.touch()
        write(server, "event", {"service": "s", "kind": "k", "severity": "info", "message": "while it hangs"})
        server.process.send_signal(signal.SIGTERM)
        began_s = time.monotonic()
        assert server.process.wait(10) == 0, server.output.read_text()
        assert time.monotonic() - began_s < 3, server.output.read_text()
    with up(tmp_path, VENUE_AWAY) as server:
        wait_for(lambda: [row for row in rows(server, "event", mode="rows") if row["message"] == "while it hangs"])


UPKEEP_HANGS = """
import os, time
from tapewatch.store.backends.duckdb import rollups

real = rollups.Rollups.run

def run(summaries, tables, now_us):
    with summaries._changes.moving:
        while os.path.exists(os.environ["HANGS_WHILE"]):
            time.sleep(0.01)
    real(summaries, tables, now_us)

rollups.Rollups.run = run

import tapewatch.app as app
app.MAINTAIN_S = 0.2
app.CLOSE_S = 1.0
"""


def test_it_ends_although_only_the_upkeep_of_the_store_hangs(tmp_path: Path) -> None:
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(UPKEEP_HANGS)
    hangs = tmp_path / "hangs"
    hangs.touch()
    environment = {"PYTHONPATH": str(tmp_path / "patch"), "HANGS_WHILE": str(hangs)}
    with up(tmp_path, VENUE_AWAY, environment=environment) as server:
        wait_for(lambda: rows(server, "exchange"))
        time.sleep(0.5)
        write(server, "event", {"service": "s", "kind": "k", "severity": "info", "message": "while it hangs"})
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0, server.output.read_text()
        assert "ends without closing it" in server.output.read_text()
    with up(tmp_path, VENUE_AWAY) as server:
        wait_for(lambda: [row for row in rows(server, "event", mode="rows") if row["message"] == "while it hangs"])


def test_a_killed_agent_is_started_again_and_the_collectors_page_says_so(server: Running) -> None:
    (child,) = wait_for(lambda: children(server))
    wait_for(lambda: rows(server, "exchange"))
    child.kill()
    (row,) = wait_for(lambda: [row for row in rows(server, "collector_run", mode="rows", where="collector:kraken-feed") if not row["ok"]])
    assert row["error"] == "agent process died with SIGKILL"
    (again,) = wait_for(lambda: [one for one in children(server) if one.pid != child.pid])
    assert again.cmdline()[2:4] == ["tapewatch", "agent"]
    assert "is started again" in server.output.read_text()
    now_us = time.time_ns() // 1_000
    wait_for(lambda: rows(server, "exchange", where="venue:kraken")[0]["ts"] > now_us)
    panels = {board["id"]: board for board in json.loads(server.get("/api/dashboards"))["dashboards"]}["system"]["panels"]
    (collectors,) = [panel for panel in panels if panel["id"] == "collectors"]
    assert collectors["query"]["table"] == "collector_run"


def test_the_agent_does_not_outlive_a_killed_server(tmp_path: Path) -> None:
    with up_until_killed(tmp_path, VENUE_AWAY) as server:
        (child,) = wait_for(lambda: children(server))
        wait_for(lambda: rows(server, "exchange"))
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 5)


# --- an agent elsewhere ------------------------------------------------------------------------------------------------


def test_an_agent_on_another_host_delivers_under_its_own_name(server: Running, tmp_path: Path) -> None:
    (tmp_path / "tapewatch.toml").write_text('host = "vps-2"\n[collectors.vps]\nkind = "host"\nperiod_s = 0.5\n')
    agent = subprocess.Popen([TAPEWATCH, "agent", "--to", server.url], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        (row,) = wait_for(lambda: rows(server, "host", where="host:vps-2"))
        assert row["source"] == "vps"
        wait_for(lambda: rows(server, "collector_run", where="host:vps-2"))
    finally:
        agent.send_signal(signal.SIGINT)
        _, said = agent.communicate(timeout=10)
    assert agent.returncode == 0
    assert "0 rows were never delivered" in said
    assert {row["host"] for row in rows(server, "host")} >= {"h1", "vps-2"}


def test_an_agent_with_nothing_to_do_says_so(tmp_path: Path) -> None:
    done = tapewatch("agent", "--to", "http://127.0.0.1:9", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "tapewatch: collectors: the settings have none, so that an agent has nothing to do\n")
    (tmp_path / "tapewatch.toml").write_text('[collectors.a]\nkind = "host"\n')
    done = tapewatch("agent", "--to", "http://127.0.0.1:9", "--only", "b", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "tapewatch: collectors.b: there is no such collector; there are a\n")


# --- the token ---------------------------------------------------------------------------------------------------------


def test_with_a_token_nothing_is_answered_without_it(tmp_path: Path) -> None:
    settings = VENUE_AWAY + '\n[server]\nhost = "0.0.0.0"\ntoken = "s3cret"\n'
    with up(tmp_path, settings) as server:
        for path in ("/api/catalog", "/api/query?table=host", "/metrics", "/api/status"):
            status, body = request(server, path)
            assert (status, body["error"]["code"]) == (401, "token_needed")
        assert request(server, "/api/catalog", headers={"Authorization": "Bearer wrong"})[0] == 401
        known = {"Authorization": "Bearer s3cret"}
        assert request(server, "/api/catalog", headers=known)[0] == 200
        body = json.dumps({"table": "exchange", "rows": [{"venue": "okx", "connected": True}]}).encode()
        assert request(server, "/api/rows", body, {**known, "Content-Type": "application/json"})[0] == 200
        assert request(server, "/ready")[0] == 200
        told = tapewatch("query", "exchange", "--url", server.url, folder=tmp_path, environment={"TAPEWATCH_TOKEN": "s3cret"})
        assert "okx" in told.stdout
        unknown = tapewatch("query", "exchange", "--url", server.url, folder=tmp_path)
        assert (unknown.returncode, len(unknown.stderr.splitlines())) == (1, 1)
        assert "asks for its token" in unknown.stderr
        # the server's own agent knows it, and nobody reads it from a process list or from the output
        query = "/api/query?table=exchange&where=venue:kraken"
        wait_for(lambda: request(server, query, headers=known)[1]["rows"] == 1)
        for process in (psutil.Process(server.process.pid), *children(server)):
            assert "s3cret" not in " ".join(process.cmdline())
        assert "s3cret" not in server.output.read_text()


# --- what it says of itself --------------------------------------------------------------------------------------------


def test_metrics_pass_the_strict_parser(server: Running) -> None:
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    assert families["tapewatch_ingest_accepted_rows"].samples[0].value > 0
    assert families["tapewatch_store_up"].samples[0].value == 1
    statuses = {sample.labels["status"]: sample.value for sample in families["tapewatch_series_watched"].samples}
    assert set(statuses) == {"up", "degraded", "down", "unknown"}
    assert sum(statuses.values()) >= 3
    for name, family in families.items():
        assert family.documentation, name
        assert not any(sample.value != sample.value for sample in family.samples), name


def test_ready_and_health_of_a_sound_server(server: Running) -> None:
    assert request(server, "/ready") == (
        200,
        {"name": "tapewatch", "status": "pass", "message": "ready for queries and writes", "reasons": []},
    )
    assert request(server, "/health") == (
        200,
        {"name": "tapewatch", "status": "pass", "message": "ready for queries and writes", "reasons": []},
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "12m") as disk:
        yield disk


@pytest.mark.slow
def test_a_disk_that_fills_is_told_and_nothing_that_was_acknowledged_is_lost(disk: Path, tmp_path: Path) -> None:
    with up(tmp_path / "server", "", "--data", str(disk / "data"), first=UPKEEP_SOON) as server:
        write(server, "exchange", {"venue": "before", "connected": True})
        filler = fill(disk)
        wait_for(lambda: request(server, "/health")[0] == 503)
        body = request(server, "/health")[1]
        assert body["status"] == "fail"
        assert "store is away" in body["reasons"][0]
        store = json.loads(server.get("/api/status"))["store"]
        assert (store["state"], store["is_full"]) == ("down", True)
        assert store["since_us"] <= time.time_ns() // 1_000
        assert [row["venue"] for row in rows(server, "exchange")] == ["before"], "questions are still answered"
        row = json.dumps({"table": "exchange", "rows": [{"venue": "during", "connected": True}]}).encode()
        headers = {"Content-Type": "application/json"}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(server.url + "/api/rows", row, headers), timeout=30)
        with refused.value as answer:
            assert answer.code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert json.load(answer)["error"]["code"] == "store_full"
        filler.unlink()
        wait_for(lambda: request(server, "/health")[0] == 200)
        write(server, "exchange", {"venue": "after", "connected": True})
        store = json.loads(server.get("/api/status"))["store"]
        assert (store["state"], store["is_full"]) == ("ok", False)
        assert {row["venue"] for row in rows(server, "exchange")} >= {"before", "after"}
    assert "Traceback" not in server.output.read_text()
