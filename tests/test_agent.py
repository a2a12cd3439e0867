"""Agents: collectors in processes of their own, real ones, against a real server."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tapewatch.agent import PARENT_VARIABLE, ChildAgent, rows_of, run_agent
from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.sources.collectors.host import HostCollector
from tapewatch.sources.receivers.json_rows import JsonRows

SETTINGS = """
host = "h-agent"
env = "paper"

[collectors.this-host]
kind = "host"
period_s = 0.1

[collectors.other]
kind = "host"
period_s = 0.1
"""


class Server:
    """Takes rows as tapewatch does and remembers them; `is_away` makes it answer 503."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, dict[str, Any]]] = []
        self.periods: dict[str, set[float | None]] = {}
        self.marks: set[Any] = set()
        self.tokens: set[str | None] = set()
        self.is_away = False
        server = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                server.tokens.add(self.headers.get("Authorization"))
                accepted = 0 if server.is_away else server.take(body, self.headers["Content-Type"])
                answer = json.dumps({"accepted": accepted, "duplicate": False, "refused": [], "refused_total": 0, "noted": {}}).encode()
                self.send_response(503 if server.is_away else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, body: bytes, content_type: str) -> int:
        delivery = JsonRows().receive(body, content_type, {}, {}).delivery
        if delivery.mark in self.marks:
            return 0
        self.marks.add(delivery.mark)
        count = 0
        for batch in delivery.batches:
            self.periods.setdefault(batch.table, set()).add(batch.period_s)
            for row in batch.rows():
                self.rows.append((batch.table, {"env": delivery.env, "host": delivery.host, **row}))
                count += 1
        return count

    def of(self, table: str, source: str) -> list[dict[str, Any]]:
        return [row for name, row in self.rows.copy() if name == table and row["source"] == source]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tapewatch.toml"
    path.write_text(SETTINGS)
    return path


def wait_for(condition: Callable[[], object], within_s: float = 15.0) -> None:
    until_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until_s, "it did not happen in time"
        time.sleep(0.02)


@contextlib.contextmanager
def agent(server: Server, config: Path, *more: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tapewatch", "agent", "--to", server.url, "--config", str(config), *more]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_rows_arrive_with_the_collectors_names_and_an_agent_tells_about_itself(server: Server, config: Path) -> None:
    with agent(server, config, TAPEWATCH_TOKEN="secret") as process:
        wait_for(lambda: len(server.of("host", "this-host")) >= 5 and server.of("host", "other") and server.of("self", "agent"))

        row = server.of("host", "this-host")[0]
        assert (row["env"], row["host"]) == ("paper", "h-agent")
        assert isinstance(row["ts"], int)
        assert server.periods["host"] == {0.1}
        assert server.of("collector_run", "this-host")[0]["ok"] is True
        assert {"queued_rows", "dropped_rows", "rss_bytes"} <= {row["metric"] for row in server.of("self", "agent")}
        assert server.tokens == {"Bearer secret"}
        assert "secret" not in " ".join(psutil.Process(process.pid).cmdline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds_and_what_was_measured_arrives(server: Server, config: Path, number: int) -> None:
    with agent(server, config, "--only", "this-host") as process:
        wait_for(lambda: len(server.of("host", "this-host")) >= 3)
        process.send_signal(number)
        began_s = time.monotonic()
        code = process.wait(5)

    assert code == 0
    assert time.monotonic() - began_s < 2
    assert server.of("host", "other") == []
    newest_us = max(row["ts"] for row in server.of("host", "this-host"))
    assert newest_us > time.time_ns() // 1000 - 2_000_000


@pytest.mark.alone
def test_a_signal_ends_it_within_two_seconds_although_the_server_is_away(server: Server, config: Path) -> None:
    with agent(server, config) as process:
        wait_for(lambda: server.of("host", "this-host"))
        server.is_away = True
        time.sleep(0.3)
        process.terminate()
        began_s = time.monotonic()
        process.wait(5)

    assert time.monotonic() - began_s < 2.2


def test_rows_measured_while_the_server_was_away_arrive_later(server: Server, config: Path) -> None:
    server.is_away = True
    with agent(server, config, "--only", "this-host"):
        wait_for(lambda: server.tokens)
        time.sleep(0.5)
        away_until_us = time.time_ns() // 1000
        server.is_away = False
        wait_for(lambda: [row for row in server.of("host", "this-host") if row["ts"] < away_until_us - 200_000])


def test_rows_of_a_killed_agent_are_delivered_by_the_next_one(server: Server, config: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    arguments = ("--only", "this-host", "--spool", str(spool))
    server.is_away = True
    with agent(server, config, *arguments):
        wait_for(lambda: list(spool.glob("*/*.seg")))
        time.sleep(0.5)
    killed_us = time.time_ns() // 1000
    server.is_away = False
    with agent(server, config, *arguments):
        wait_for(lambda: [row for row in server.of("host", "this-host") if row["ts"] < killed_us])
        wait_for(lambda: [row for row in server.of("self", "agent-this-host") if row["metric"] == "recovered_rows" and row["value"] > 0])


def test_what_a_feed_collector_learned_is_kept_beside_the_spool(server: Server, tmp_path: Path, free_port: int) -> None:
    config = tmp_path / "tapewatch.toml"
    config.write_text(f'[collectors.gate]\nkind = "feed"\nvenue = "okx"\nsymbols = ["BTC/USDT"]\nurl = "ws://127.0.0.1:{free_port}/"\n')
    with agent(server, config, "--spool", str(tmp_path / "data" / "spool")) as process:
        wait_for(lambda: server.of("feed", "gate"))
        process.terminate()
        process.wait(5)
    assert (tmp_path / "data" / "learned" / "gate.cadences").exists()


def test_an_address_that_is_none_is_a_setting_to_fix() -> None:
    with pytest.raises(ConfigError, match="--to: "):
        run_agent("nonsense", {"h": HostCollector()}, token="", env="live", host="h", clock=SystemClock())


def test_a_numpy_columns_missing_values_are_left_out() -> None:
    batch = RawBatch("feed", {"age_ms": np.array([1.0, np.nan]), "latency": [float("nan"), None], "messages": np.array([1, 2])})
    rows = rows_of(batch, "f", 5)

    assert [set(row) for row in rows] == [{"age_ms", "latency", "messages", "source", "ts"}, {"messages", "source", "ts"}]


# --- children --------------------------------------------------------------------------------------------------------


class Reports:
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    @property
    def errors(self) -> list[str]:
        return [row["error"] for row in self.rows]

    async def __call__(self, delivery: Delivery) -> None:
        self.rows += [row for batch in delivery.batches for row in batch.rows()]


def child_of(server: Server, config: Path | None, *names: str) -> tuple[ChildAgent, Reports]:
    reports = Reports()
    child = ChildAgent(
        server.url,
        config,
        names or ("this-host",),
        spool_dir=Path(tempfile.mkdtemp()),
        token="secret",
        report=reports,
        clock=SystemClock(),
    )
    return child, reports


async def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    await asyncio.to_thread(wait_for, condition, within_s)


async def test_a_child_that_is_killed_is_started_again_and_its_death_is_told(server: Server, config: Path) -> None:
    child, reports = child_of(server, config, "this-host", "other")
    child.start()
    await until(lambda: server.of("host", "this-host"))
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in {first, None})
    seen = len(server.of("host", "this-host"))
    await until(lambda: len(server.of("host", "this-host")) > seen and server.of("host", "other"))
    began_s = time.monotonic()
    await child.stop()

    assert [(row["collector"], row["source"], row["ok"]) for row in reports.rows] == [
        ("this-host", "this-host", False),
        ("other", "other", False),
    ]
    assert set(reports.errors) == {"agent process died with SIGKILL"}
    assert time.monotonic() - began_s < 2
    assert child.pid is None
    assert server.tokens == {"Bearer secret"}


async def test_a_child_that_cannot_start_is_told_each_time(server: Server, config: Path) -> None:
    child, reports = child_of(server, config, "no-such-collector")
    child.start()
    await until(lambda: len(reports.errors) >= 2)
    await child.stop()

    assert set(reports.errors) == {"agent process died with exit code 2"}


async def test_a_child_that_does_not_listen_is_killed_in_time(server: Server, config: Path) -> None:
    child, _ = child_of(server, config)
    child.start()
    await until(lambda: server.of("host", "this-host"))
    pid = child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    began_s = time.monotonic()
    await child.stop()

    assert time.monotonic() - began_s < 2.5
    assert not psutil.pid_exists(pid)


async def test_stopping_right_after_starting_leaves_no_process(server: Server, config: Path) -> None:
    before = {process.pid for process in psutil.Process().children()}
    child, _ = child_of(server, config)
    child.start()
    await asyncio.sleep(0)
    await child.stop()

    assert {process.pid for process in psutil.Process().children()} <= before


def test_a_child_ends_with_its_server_even_when_that_is_killed(server: Server, config: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, server.url, str(config)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_for(lambda: server.of("host", "this-host"))
    parent.kill()
    parent.wait()
    parent.stdout.close()

    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE, 5)


PARENT = """
import asyncio, pathlib, sys
from tapewatch.agent import ChildAgent
from tapewatch.clock import SystemClock

async def nothing(delivery): pass

async def main():
    config = pathlib.Path(sys.argv[2])
    spool_dir = config.parent / "spool"
    child = ChildAgent(sys.argv[1], config, ["this-host"], spool_dir=spool_dir, token="", report=nothing, clock=SystemClock())
    child.start()
    while child.pid is None:
        await asyncio.sleep(0.01)
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_child_whose_server_is_gone_already_does_not_begin(server: Server, config: Path) -> None:
    with agent(server, config, **{PARENT_VARIABLE: "1"}) as process:
        assert process.wait(15) == 0
    assert server.rows == []
