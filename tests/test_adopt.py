"""`tapewatch adopt`: what waited in quarantine answers questions afterwards, with a server and without, whatever interrupts it."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tapewatch.clock import SystemClock
from tests.server import Running
from tests.started import refused, request, rows, tapewatch, up, wait_for

TS = SystemClock().now_us() - 60_000_000
SPREADS = [{"pair": f"P{i % 2}", "spread_bps": 1.5 * (5 - i), "fills": i // 2, "firm": i > 1, "ts": TS + i} for i in range(6)]
OWN = """
[tables.fx]
sentence = "One rate."
[tables.fx.columns.pair]
kind = "tag"
sentence = "Pair."
[tables.fx.columns.rate]
kind = "gauge"
sentence = "Rate."
"""


def hand_in(server: Running, table: str, *given: dict[str, Any], source: str = "bot-1") -> dict[str, Any]:
    body = json.dumps({"table": table, "source": source, "rows": list(given)}).encode()
    status, answer = request(server, "/api/rows", body, {"Content-Type": "application/json"})
    assert status == 200, answer
    return answer


def adopt(server: Running, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tapewatch("adopt", *arguments, "--data", str(folder / "data"), "--url", server.url, folder=folder)


def waiting(server: Running) -> list[dict[str, Any]]:
    return [row for row in rows(server, "quarantine", mode="rows") if row["adopted_as"] is None]


def spreads(server: Running, table: str = "spreads") -> list[tuple[Any, ...]]:
    found = rows(server, table, mode="rows", column="ts,pair,spread_bps,fills,firm,source,received_at")
    return sorted((row["ts"], row["pair"], row["spread_bps"], row["fills"], row["firm"], row["source"]) for row in found)


EXPECTED = [(row["ts"], row["pair"], row["spread_bps"], row["fills"], row["firm"], "bot-1") for row in SPREADS]


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that kept the rows in quarantine and was stopped."""
    folder = tmp_path_factory.mktemp("handed_in")
    with up(folder) as server:
        hand_in(server, "spreads", *SPREADS)
    return folder / "data"


@pytest.fixture
def stopped(handed_in: Path, tmp_path: Path) -> Path:
    """A folder with a copy of it, and without settings."""
    shutil.copytree(handed_in, tmp_path / "data")
    return tmp_path


def test_a_running_server_takes_them_in_at_once_and_again_after_a_restart(tmp_path: Path) -> None:
    with up(tmp_path, '# mine\nenv = "live"\n') as server:
        hand_in(server, "spreads", *SPREADS)
        received = {row["received_at"] for row in waiting(server)}
        printed = adopt(server, tmp_path, "spreads", "--print")
        assert (printed.returncode, len(waiting(server))) == (0, 6)
        done = adopt(server, tmp_path, "spreads")
        assert (done.returncode, done.stderr) == (0, "")
        assert "6 rows moved from quarantine to table spreads" in done.stdout
        assert spreads(server) == EXPECTED
        assert {row["received_at"] for row in rows(server, "spreads", mode="rows")} == received
        assert waiting(server) == []
        assert hand_in(server, "spreads", {**SPREADS[0], "ts": TS + 100})["accepted"] == 1
        assert {table["name"] for table in json.loads(server.get("/api/catalog"))["tables"]} >= {"spreads"}
        known = json.loads(server.get("/api/query?table=spreads"))
        assert (known["rows"], known["rows_behind"]) == (2, None), "newest rows are answered from memory, without a restart"
        series = known["series"]
        assert {one["key"]["pair"] for one in series} == {"P0", "P1"}
    text = (tmp_path / "tapewatch.toml").read_text()
    assert text == f'# mine\nenv = "live"\n\n{printed.stdout}'
    assert tapewatch("check", folder=tmp_path).stdout == "tapewatch.toml: nothing wrong\n"
    with up(tmp_path) as server:
        assert len(spreads(server)) == 7
        assert waiting(server) == []


def test_without_a_server_the_store_is_opened(stopped: Path) -> None:
    (stopped / "tapewatch.toml").write_text("")
    done = tapewatch("adopt", "spreads", "--data", "data", folder=stopped)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 rows moved" in done.stdout
    with up(stopped) as server:
        assert spreads(server) == EXPECTED


def test_without_a_server_rows_that_wait_for_the_store_come_first(stopped: Path) -> None:
    (stopped / "tapewatch.toml").write_text("# mine\n")
    file = stopped / "data" / "store-spool" / "waiting" / "000000000001.seg"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    before = (stopped / "tapewatch.toml").read_text()
    done = tapewatch("adopt", "spreads", "--data", str(stopped / "data"), folder=stopped)
    assert done.returncode != 0
    assert "start tapewatch" in done.stderr
    assert (stopped / "tapewatch.toml").read_text() == before


def test_without_a_settings_file_it_only_prints(tmp_path: Path) -> None:
    with up(tmp_path) as server:
        hand_in(server, "spreads", *SPREADS)
        done = adopt(server, tmp_path, "spreads")
        assert "nothing is moved; save these lines as tapewatch.toml" in done.stderr
        (tmp_path / "tapewatch.toml").write_text(done.stdout)
        assert len(waiting(server)) == 6
        assert "6 rows moved" in adopt(server, tmp_path, "spreads").stdout
        assert (tmp_path / "tapewatch.toml").read_text() == done.stdout, "it was declared already"


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tapewatch import adopt
from tapewatch.ingest.quarantine import move
move.PAGE = 2
step, folder = int(sys.argv[1]), Path(sys.argv[2])
count = 0
def after(function):
    def wrapped(*arguments, **named):
        global count
        found = function(*arguments, **named)
        count += 1
        if count == step:
            os._exit(9)
        return found
    return wrapped
adopt.write_text = after(adopt.write_text)
from tapewatch.store.backends.duckdb import DuckDBStore
DuckDBStore.append = after(DuckDBStore.append)
sys.argv = ["tapewatch", "adopt", "spreads", "--data", str(folder / "data"), "--config", str(folder / "tapewatch.toml")]
from tapewatch.cli import main
main()
"""


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_killed_at_any_step_the_next_start_finishes_it(stopped: Path, step: int) -> None:
    """After the declaration is written, and after each page that is durable."""
    (stopped / "tapewatch.toml").write_text("")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(step), str(stopped)], check=False, env=dict(os.environ), cwd=stopped)
    assert killed.returncode == 9
    with up(stopped) as server:
        wait_for(lambda: not waiting(server))
        assert spreads(server) == EXPECTED


def test_it_goes_on_by_hand_too(stopped: Path) -> None:
    (stopped / "tapewatch.toml").write_text("")
    subprocess.run([sys.executable, "-c", KILLED, "2", str(stopped)], check=False, cwd=stopped)
    assert "4 rows moved" in tapewatch("adopt", "spreads", "--data", "data", folder=stopped).stdout


def test_a_column_of_an_own_table_is_added_and_the_row_stays_one(tmp_path: Path) -> None:
    with up(tmp_path, OWN) as server:
        hand_in(server, "fx", {"pair": "EUR/USD", "rate": 1.1, "depth": 5, "side": "buy"}, {"pair": "EUR/GBP", "rate": 0.8})
        assert len(rows(server, "fx", mode="rows")) == 2
        done = adopt(server, tmp_path, "fx")
        assert (done.returncode, done.stderr) == (0, "")
        found = {row["pair"]: (row["rate"], row["depth"], row["side"]) for row in rows(server, "fx", mode="rows")}
        assert found == {"EUR/USD": (1.1, 5.0, "buy"), "EUR/GBP": (0.8, None, None)}
        assert len(rows(server, "fx", mode="rows")) == 2
        assert hand_in(server, "fx", {"pair": "EUR/USD", "rate": 1.2, "depth": 6})["refused"] == []
    with up(tmp_path) as server:
        assert len(rows(server, "fx", mode="rows")) == 3


def test_columns_of_a_built_in_table_go_to_one_of_your_own(tmp_path: Path) -> None:
    with up(tmp_path, "\n") as server:
        hand_in(server, "exchange", {"venue": "okx", "latency_ms": 3, "depth": 2.5})
        message = adopt(server, tmp_path, "exchange").stderr
        assert "the columns of a built-in table are tapewatch's own; name one of your own with --as, such as --as exchange_own" in message
        done = adopt(server, tmp_path, "exchange", "--as", "exchange_own")
        assert (done.returncode, done.stderr) == (0, "")
        (row,) = rows(server, "exchange_own", mode="rows")
        assert (row["venue"], row["depth"], row["source"]) == ("okx", 2.5, "bot-1")
        assert row["ts"] == rows(server, "exchange", mode="rows")[0]["ts"]


def test_what_does_not_fit_stays_and_is_told(tmp_path: Path) -> None:
    with up(tmp_path, "\n") as server:
        hand_in(server, "spreads", *SPREADS, {**SPREADS[0], "ts": TS + 50, "spread_bps": "wide"})
        done = adopt(server, tmp_path, "spreads")
        assert done.returncode == 1
        assert "6 rows moved" in done.stdout
        assert "1 row of spreads left in quarantine" in done.stderr
        assert "row wide" in done.stderr or "spread_bps wide" in done.stderr
        (left,) = waiting(server)
        assert json.loads(left["content"])["spread_bps"] == "wide"


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with up(tmp_path, "\n") as server:
        hand_in(server, "Spreads", {"a": 1})
        message = adopt(server, tmp_path, "spread").stderr
        assert message == "tapewatch: table: nothing waits in quarantine for table 'spread'; tables in quarantine: Spreads\n"
        assert "--as spreads_own" in adopt(server, tmp_path, "Spreads").stderr
        assert adopt(server, tmp_path, "Spreads", "--as", "spreads").returncode == 0
        assert [row["a"] for row in rows(server, "spreads", mode="rows")] == [1]


def test_a_settings_file_that_would_be_wrong_is_left_alone(stopped: Path) -> None:
    text = "tables = {}\n"
    (stopped / "tapewatch.toml").write_text(text)
    message = refused("adopt", "spreads", "--data", "data", folder=stopped)
    assert "add them by hand" in message
    assert "[tables.spreads]" in message
    assert (stopped / "tapewatch.toml").read_text() == text


def test_it_asks_for_the_token_of_the_server(tmp_path: Path) -> None:
    settings = '[server]\ntoken = "open-sesame"\n'
    with up(tmp_path, settings) as server:
        body = textwrap.dedent('{"table": "spreads", "rows": [{"a": 1}]}').encode()
        headers = {"Content-Type": "application/json", "Authorization": "Bearer open-sesame"}
        assert request(server, "/api/rows", body, headers)[1]["quarantined"] == 1
        assert request(server, "/api/quarantine?table=spreads")[0] == 401
        assert request(server, "/api/quarantine/adopt", b"{}", {"Content-Type": "application/json"})[0] == 401
        done = adopt(server, tmp_path, "spreads")
        assert "1 row moved" in done.stdout
        assert "open-sesame" not in done.stdout + done.stderr + server.output.read_text()
