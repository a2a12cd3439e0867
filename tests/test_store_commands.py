"""Back up, restore and move a store from the command line, with the server running and without."""

import json
import os
import signal
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Running, running, unused_port
from tests.started import TAPEWATCH, request, rows, tapewatch, up, up_until_killed, wait_for, write

TOKEN = "watch-the-tape-42"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), "watch_self = false\n") as server:
        write(server, "exchange", *({"venue": f"v{i}", "connected": True} for i in range(50)))
        yield server


def data_of(server: Running) -> str:
    return str(server.output.parent / "data")


def venues(server: Running) -> set[str]:
    return {row["venue"] for row in rows(server, "exchange")}


def told(*arguments: str, folder: Path, code: int = 0, **environment: str) -> str:
    """What a command prints, on the stream that fits its exit code."""
    done = tapewatch(*arguments, folder=folder, environment=environment)
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def test_a_backup_of_a_running_server_is_a_store_that_another_one_serves(server: Running, tmp_path: Path) -> None:
    backup, data = tmp_path / "backups" / "one", tmp_path / "data"
    said = told("backup", str(backup), "--data", data_of(server), "--url", server.url, folder=tmp_path)
    assert said.startswith(f"{backup}: ")
    assert said.endswith("bytes, verified\n")
    manifest = json.loads((backup / "manifest.json").read_text())
    assert manifest["rows_by_table"]["exchange"] == 50
    write(server, "exchange", {"venue": "later", "connected": True})
    said = told("restore", str(backup), "--data", str(data), folder=tmp_path)
    assert said == f"{data}: {manifest['rows']} rows as of {manifest['taken_at']}, verified\n"
    with up(tmp_path, "watch_self = false\n") as other:
        assert venues(other) == {f"v{i}" for i in range(50)}
        write(other, "exchange", {"venue": "new", "connected": True})


def test_the_server_is_found_by_the_lock_on_its_data_and_asked_with_the_token_of_the_settings(tmp_path: Path) -> None:
    port = unused_port()
    (tmp_path / "tapewatch.toml").write_text(f'data_dir = "data"\n[server]\nport = {port}\ntoken = "{TOKEN}"\n')
    with running([TAPEWATCH, "up"], port, tmp_path):
        assert "verified" in told("backup", "backup", folder=tmp_path)
        assert "the token that was sent is not this server's" in told("backup", "other", "--token", "wrong", folder=tmp_path, code=1)
        assert not (tmp_path / "other").exists()
    assert json.loads((tmp_path / "backup" / "manifest.json").read_text())["store"] == "duckdb"
    assert TOKEN not in (tmp_path / "backup" / "manifest.json").read_text()


def test_a_backup_of_a_stopped_server_opens_the_store_itself(tmp_path: Path) -> None:
    with up_until_killed(tmp_path) as server:
        write(server, "exchange", {"venue": "kraken", "connected": True})
    assert "verified" in told("backup", "backup", "--data", "data", folder=tmp_path)
    assert json.loads((tmp_path / "backup" / "manifest.json").read_text())["rows_by_table"]["exchange"] == 1
    message = told("backup", "backup", "--data", "data", folder=tmp_path, code=1)
    assert message.startswith("tapewatch: backup: backup holds a backup of 20")
    assert "there is no store in nowhere" in told("backup", "third", "--data", "nowhere", folder=tmp_path, code=1)


def test_no_row_that_was_acknowledged_before_a_backup_is_missing_in_it(server: Running, tmp_path: Path) -> None:
    sent, stop = [0], threading.Event()

    def send() -> None:
        while not stop.is_set():
            write(server, "heartbeat", {"check": "busy", "kind": "log", "message": str(sent[0])})
            sent[0] += 1

    sender = threading.Thread(target=send)
    sender.start()
    wait_for(lambda: sent[0] > 20)
    before = sent[0]
    told("backup", str(tmp_path / "backup"), "--data", data_of(server), "--url", server.url, folder=tmp_path)
    after = sent[0] + 1
    stop.set()
    sender.join()
    kept = json.loads((tmp_path / "backup" / "manifest.json").read_text())["rows_by_table"]["heartbeat"]
    assert before <= kept <= after


def test_the_store_of_a_running_server_is_not_replaced(server: Running, tmp_path: Path) -> None:
    told("backup", str(tmp_path / "backup"), "--data", data_of(server), "--url", server.url, folder=tmp_path)
    message = told("restore", str(tmp_path / "backup"), "--data", data_of(server), "--replace", folder=tmp_path, code=2)
    assert f"is in use by tapewatch process {server.process.pid}" in message


def test_what_the_server_cannot_do_is_said_in_its_words(server: Running, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letters").touch()
    message = told("backup", str(tmp_path / "full"), "--url", server.url, folder=tmp_path, code=1)
    assert message == f"tapewatch: backup: {tmp_path / 'full'} is not empty, it has letters; name a new directory\n"
    status, body = request(server, "/api/backup", b'{"directory": "somewhere"}', {"Content-Type": "application/json"})
    assert (status, body["error"]["code"]) == (400, "bad_request")
    assert "not a whole path" in body["error"]["message"]
    port = unused_port()
    message = told("backup", "there", "--url", f"http://127.0.0.1:{port}", folder=tmp_path, code=1)
    assert "does not answer" in message


def test_a_page_elsewhere_cannot_start_a_backup(server: Running, tmp_path: Path) -> None:
    body = json.dumps({"directory": str(tmp_path / "stolen")}).encode()
    headers = {"Content-Type": "application/json", "Origin": "http://evil.example"}
    assert request(server, "/api/backup", body, headers)[0] == 403
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stop_during_a_backup_is_quick_and_leaves_no_backup(tmp_path: Path, number: signal.Signals) -> None:
    with up_until_killed(tmp_path, "watch_self = false\n") as server:
        now_us = time.time_ns() // 1_000
        for part in range(20):
            given = [{"venue": f"v{part}", "latency_ms": 1.0, "ts": now_us - i} for i in range(10_000)]
            write(server, "exchange", *given)
        body = json.dumps({"directory": str(tmp_path / "backup")}).encode()
        assert request(server, "/api/backup", body, {"Content-Type": "application/json"})[0] == 202
        os.kill(server.process.pid, number)
        server.process.wait(5)
    if not (tmp_path / "backup" / "manifest.json").exists():
        assert "is no complete backup" in told("restore", "backup", "--data", "other", folder=tmp_path, code=1)
    with up(tmp_path) as again:
        (counted,) = rows(again, "exchange", mode="aggregate", measure="count()")
        assert counted["count"] == 200_000


def test_every_row_moves_to_another_store_and_the_counts_are_compared(tmp_path: Path) -> None:
    with up(tmp_path, "watch_self = false\n") as server:
        write(server, "exchange", *({"venue": f"v{i}", "connected": True} for i in range(50)))
        write(server, "heartbeat", {"check": "nightly", "kind": "success"})
    said = told("migrate", "data", "duckdb:moved", folder=tmp_path)
    assert "exchange: 50 rows in both\n" in said
    assert "heartbeat: 1 rows in both\n" in said
    assert said.splitlines()[-1].endswith("tables are in duckdb:moved; data is as it was")
    message = told("migrate", "data", "duckdb:moved", folder=tmp_path, code=1)
    assert "the target is not empty: table " in message
    (tmp_path / "data").rename(tmp_path / "old")
    (tmp_path / "moved").rename(tmp_path / "data")
    with up(tmp_path) as server:
        assert venues(server) == {f"v{i}" for i in range(50)}


def test_a_move_from_nowhere_is_refused(tmp_path: Path) -> None:
    assert "there is no directory nowhere" in told("migrate", "nowhere", "moved", folder=tmp_path, code=2)
    (tmp_path / "data").mkdir()
    assert "'paper' is not a store; choose one of" in told("migrate", "data", "paper:moved", folder=tmp_path, code=2)


def test_a_store_in_use_is_not_moved(server: Running, tmp_path: Path) -> None:
    assert "is in use by tapewatch process" in told("migrate", data_of(server), "moved", folder=tmp_path, code=2)
    with pytest.raises(urllib.error.HTTPError):
        server.get("/api/nothing")
