"""One watched process of this host."""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tapewatch.errors import SourceError
from tapewatch.sources.collectors.process import ProcessCollector
from tapewatch.testing.collectors import CollectorSuite
from tests.sources.collectors.polling import poll

WORD = f"tapewatch-test-sleeper-{uuid.uuid4().hex}"
"""Tests that run beside these, in another process, must not find each other's sleepers."""


class TestContract(CollectorSuite):
    kind = ProcessCollector
    settings: ClassVar[dict[str, Any]] = {"process": "bot", "name": "no-such-program"}


class Sleepers:
    """Starts processes that can be found by a word in their command line, and ends them."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, code: str = "import time; time.sleep(60)") -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", code, WORD])
        self.running.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()


@pytest.fixture
def sleepers() -> Iterator[Sleepers]:
    sleepers = Sleepers()
    yield sleepers
    for process in sleepers.running:
        sleepers.end(process)


async def until_found(collector: ProcessCollector) -> dict[str, Any]:
    for _ in range(50):
        (row,) = await poll(collector)
        if row["running"]:
            return row
        await asyncio.sleep(0.02)
    raise AssertionError("the process was never found")


async def test_a_running_process_is_measured(sleepers: Sleepers) -> None:
    collector = ProcessCollector(process="bot", command=f"time.sleep.* {WORD}")
    process = sleepers.start()
    row = await until_found(collector)

    assert (row["process"], row["running"], row["pid"], row["restarts"]) == ("bot", True, process.pid, 0)
    assert "cpu_ratio" not in row
    assert row["rss_bytes"] > 1_000_000
    assert row["threads"] == 1
    assert row["open_files"] >= 3
    assert 0 <= row["uptime_s"] < 30
    (row,) = await poll(collector)
    assert float(str(row["cpu_ratio"])) >= 0


async def test_a_busy_process_is_seen(sleepers: Sleepers) -> None:
    collector = ProcessCollector(process="bot", command=WORD)
    sleepers.start("while True: pass")
    await until_found(collector)
    await asyncio.sleep(0.4)
    (row,) = await poll(collector)

    assert 0.1 < float(str(row["cpu_ratio"])) < 1.5


async def test_a_process_that_ends_is_down_and_one_that_comes_back_is_a_restart(sleepers: Sleepers) -> None:
    collector = ProcessCollector(process="bot", command=WORD)
    first = sleepers.start()
    await until_found(collector)
    sleepers.end(first)
    assert await poll(collector) == [{"process": "bot", "running": False, "restarts": 0}]
    second = sleepers.start()
    row = await until_found(collector)

    assert (row["pid"], row["restarts"]) == (second.pid, 1)


async def test_of_several_the_oldest_is_watched(sleepers: Sleepers) -> None:
    first = sleepers.start()
    await asyncio.sleep(0.05)
    sleepers.start()
    row = await until_found(ProcessCollector(process="bot", command=WORD))

    assert row["pid"] == first.pid


async def test_a_process_by_its_pid_file(sleepers: Sleepers, tmp_path: Path) -> None:
    file = tmp_path / "bot.pid"
    collector = ProcessCollector(process="bot", pid_file=str(file))
    assert await poll(collector) == [{"process": "bot", "running": False, "restarts": 0}]
    process = sleepers.start()
    file.write_text(f"{process.pid}\n")
    (row,) = await poll(collector)
    assert (row["running"], row["pid"]) == (True, process.pid)
    elsewhere = ProcessCollector(process="bot", pid_file=str(file), name="other-program")
    (row,) = await poll(elsewhere)
    assert row["running"] is False


@pytest.mark.parametrize("text", ["", "bot", "-5", "12 13"])
async def test_a_pid_file_that_holds_no_id_is_an_error_and_no_row(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bot.pid"
    file.write_text(text)
    with pytest.raises(SourceError, match="not a process id"):
        await poll(ProcessCollector(process="bot", pid_file=str(file)))


async def test_a_zombie_does_not_run(sleepers: Sleepers) -> None:
    collector = ProcessCollector(process="bot", command=WORD)
    process = sleepers.start()
    await until_found(collector)
    process.kill()
    for _ in range(50):
        (row,) = await poll(collector)
        if row["running"] is False:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("a process that waits to be buried counts as running")
