"""What the service manager hears: a real socket, a real server, and silence when it hangs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapewatch.app import Server
from tapewatch.clock import SystemClock
from tapewatch.errors import StoreFull
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.settings import Settings
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.systemd import Notifier, Watchdog
from tests.server import unused_port
from tests.service_manager import service_manager
from tests.small_disk import fill, small_disk
from tests.started import tapewatch, up, wait_for


class FakeManager:
    """The socket of a service manager, and what was said to it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.lines: list[str] = []

    def heard(self) -> list[str]:
        """All lines so far, oldest first."""
        try:
            while True:
                self.lines += self._socket.recv(65_536).decode().split("\n")
        except BlockingIOError:
            return self.lines

    def count(self, line: str) -> int:
        return self.heard().count(line)

    def forget(self) -> None:
        self.heard()
        self.lines.clear()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeManager]:
    manager = FakeManager(str(tmp_path / "notify") if request.param == "file" else f"@tapewatch-{os.getpid()}-{time.monotonic_ns()}")
    yield manager
    manager.close()


def test_a_server_says_when_it_is_ready_that_it_lives_and_that_it_stops(manager: FakeManager, tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "800000"}
    with up(tmp_path, environment=environment) as server:
        wait_for(lambda: manager.count("READY=1") and manager.count("WATCHDOG=1") >= 3)
        assert manager.heard()[0] == "READY=1"
        assert "STATUS=well" in manager.heard()
        assert "STOPPING=1" not in manager.heard()
        os.kill(server.process.pid, signal.SIGSTOP)
        time.sleep(0.3)
        manager.forget()
        time.sleep(1.0)
        assert manager.heard() == [], "a process that stands still is not said to live"
        os.kill(server.process.pid, signal.SIGCONT)
        wait_for(lambda: manager.count("WATCHDOG=1"))
    assert manager.count("STOPPING=1") == 1
    assert manager.count("READY=1") == 0


def test_without_a_service_manager_nothing_is_said(tmp_path: Path) -> None:
    notifier = Notifier.from_environment({"WATCHDOG_USEC": "1000000"})
    assert notifier.watchdog_s is None
    notifier.send("READY=1")


def test_what_is_meant_for_another_process_is_not_taken_and_children_do_not_inherit_it() -> None:
    variables = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1", "HOME": "/"}
    assert Notifier.from_environment(variables).watchdog_s is None
    assert variables == {"HOME": "/"}
    variables = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier.from_environment(variables).watchdog_s == 1.5


def test_a_manager_that_is_gone_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Notifier("/nowhere/notify").send("READY=1")
    assert "could not be told READY=1" in caplog.text


def delivery(count: int = 1) -> Delivery:
    return Delivery((RawBatch.of("exchange", [{"venue": f"venue-{i}", "connected": True} for i in range(count)]),), "bot", host="h1")


async def test_a_store_that_hangs_ends_the_signs_of_life(manager: FakeManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.app.STALLED_S", 0.5)
    server = Server(Settings(data_dir=tmp_path / "data", watch_self=False), SystemClock())
    assert isinstance(server.store, DuckDBStore)
    watchdog = Watchdog(Notifier(manager.address, 30.0), server.hangs, server.troubles)
    await server.start()
    try:
        await server.intake.accept(delivery())
        await watchdog.look()
        assert manager.heard() == ["WATCHDOG=1", "STATUS=well"]
        manager.forget()
        with server.store._writing:  # a commit that never comes back
            waiting = asyncio.create_task(server.intake.accept(delivery()))
            await asyncio.sleep(1.0)
            await watchdog.look()
            assert manager.count("WATCHDOG=1") == 0
            assert re.search(r"STATUS=the store has not answered a commit for 1 s", "\n".join(manager.heard()))
        await waiting
        while server.intake.stats.queue_rows:  # what the server tells of itself came after it
            await asyncio.sleep(0.01)
        await watchdog.look()
        assert manager.heard()[-2:] == ["WATCHDOG=1", "STATUS=well"]
    finally:
        await server.stop()


async def test_a_full_disk_is_told_in_words_but_a_restart_would_not_help(manager: FakeManager, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "12m") as disk:
        server = Server(Settings(data_dir=disk / "data", watch_self=False), SystemClock())
        watchdog = Watchdog(Notifier(manager.address, 30.0), server.hangs, server.troubles)
        await server.start()
        try:
            filler = fill(disk)
            with pytest.raises(StoreFull):
                await server.intake.accept(delivery(3000))  # one row might still fit into the last page of the log
            await watchdog.look()
            assert manager.heard()[0] == "WATCHDOG=1"
            assert re.match(r"STATUS=the store is away: .*No space left", manager.heard()[1])
            filler.unlink()
            await server.intake.accept(delivery())
            manager.forget()
            await watchdog.look()
            assert manager.heard() == ["WATCHDOG=1", "STATUS=well"]
        finally:
            await server.stop()


# --- the unit ----------------------------------------------------------------------------------------------------------


def test_the_unit_passes_the_check_of_systemd(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("systemd-analyze is missing: run `make services`")
    (tmp_path / "tapewatch.toml").write_text('env = "live"\n')
    done = tapewatch("unit", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "tapewatch.service").write_text(done.stdout)
    checked = subprocess.run([str(analyze), "verify", str(tmp_path / "tapewatch.service")], capture_output=True, text=True, check=False)
    about_ours = [line for line in (checked.stdout + checked.stderr).splitlines() if "tapewatch" in line]
    assert (checked.returncode, about_ours) == (0, [])
    assert f"--config {tmp_path / 'tapewatch.toml'}" in done.stdout
    for line in ("Type=notify", "WatchdogSec=30", "Restart=on-failure", "NoNewPrivileges=yes", "ProtectSystem=strict", "DynamicUser=yes"):
        assert line in done.stdout.splitlines()


def test_the_unit_starts_what_it_names(tmp_path: Path) -> None:
    unit = tapewatch("unit", "--data", str(tmp_path / "somewhere"), "--user", "desk", folder=tmp_path).stdout.splitlines()
    assert "User=desk" in unit
    assert "DynamicUser=yes" not in unit
    assert f"ReadWritePaths={tmp_path / 'somewhere'}" in unit
    (command,) = [line.removeprefix("ExecStart=").split() for line in unit if line.startswith("ExecStart=")]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Start the server" in done.stdout


def test_a_name_that_systemd_would_read_otherwise_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "a b%c"
    folder.mkdir()
    (folder / "tapewatch.toml").write_text("")
    unit = tapewatch("unit", folder=folder).stdout
    assert f'--config "{tmp_path}/a b%%c/tapewatch.toml"' in unit


HARDENED = ("ProtectKernelTunables", "ProtectKernelLogs", "PrivateDevices", "ProtectControlGroups", "ProtectHostname")
"""What a container may forbid the manager itself to set up."""


@pytest.mark.slow
def test_the_unit_runs_under_systemd_and_comes_back_after_a_kill_and_after_a_hang(tmp_path: Path) -> None:
    with service_manager(tmp_path / "manager.log") as manager:
        if manager is None:
            pytest.skip("no systemd can be started here: it needs root, systemd and mount namespaces")
        port, data = unused_port(), tmp_path / "data"
        data.mkdir()
        (tmp_path / "tapewatch.toml").write_text(f"watch_self = false\n[server]\nport = {port}\n")
        unit = tapewatch("unit", "--data", str(data), "--user", "root", "--config", str(tmp_path / "tapewatch.toml"), folder=tmp_path)
        manager.write("tapewatch.service", unit.stdout)
        forbidden = [f"{name}=no" for name in HARDENED if not manager.allows(f"{name}=yes")]
        # the folder of the test lies in /tmp, and so may this installation
        manager.write("tapewatch.service.d/here.conf", "\n".join(["[Service]", "PrivateTmp=no", "WatchdogSec=10", *forbidden, ""]))
        server = Elsewhere(f"http://127.0.0.1:{port}")
        assert manager.run("systemctl", "--user", "start", "tapewatch").returncode == 0, manager.show("tapewatch")
        assert manager.show("tapewatch")["ActiveState"] == "active", "it has said that it is ready"
        server.write("exchange", {"venue": "kraken", "connected": True})
        for restarts, number in enumerate((signal.SIGKILL, signal.SIGSTOP), 1):
            before = manager.show("tapewatch")["MainPID"]
            os.kill(int(before), number)
            wait_for(lambda before=before: manager.show("tapewatch")["MainPID"] not in {before, "0"} and server.is_up(), 60)
            assert int(manager.show("tapewatch")["NRestarts"]) >= restarts
            assert server.rows("exchange") == 1, "what was acknowledged is there"
        wait_for(lambda: manager.show("tapewatch")["StatusText"] == "well")
        assert manager.run("systemctl", "--user", "stop", "tapewatch").returncode == 0
        told = manager.show("tapewatch")
        assert (told["ActiveState"], told["Result"]) == ("inactive", "success")


class Elsewhere:
    """A server that somebody else has started."""

    def __init__(self, url: str) -> None:
        self._url = url

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self._ask("/health")["status"] == "pass"
        except OSError:
            return False

    def write(self, table: str, row: dict[str, object]) -> None:
        body = json.dumps({"table": table, "source": "test", "rows": [row]}).encode()
        assert self._ask("/api/rows", body)["accepted"] == 1

    def rows(self, table: str) -> int:
        return int(self._ask(f"/api/query?table={table}&mode=rows")["rows"])

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self._url + path, data=body, headers=headers), timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
