import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tapewatch.desk import Addresses
from tests.desk import made_up
from tests.desk.made_up import written
from tests.desk.receiver import receiving
from tests.desk.subscriber import Subscriber


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tapewatch.desk", *arguments]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def line_of(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_desk_starts_speaks_and_stops_cleanly(number: signal.Signals) -> None:
    with receiving() as receiver, process("--to", receiver.url, "--faults", "none") as started:
        addresses = Addresses.from_json(await asyncio.to_thread(line_of, started))
        assert [item.venue for item in addresses.venues] == ["binance_usdm", "coinbase", "kraken"]
        async with Subscriber(f"{addresses.venues[0].url}?streams=btcusdt@depth@100ms") as subscriber:
            await subscriber.until(3)
            asked = time.monotonic()
            started.send_signal(number)
            _, errors = await asyncio.to_thread(started.communicate, timeout=5)
            assert time.monotonic() - asked < 2
        assert (started.returncode, errors) == (0, "")
        assert receiver.rows("daemon")


async def test_the_desk_stops_in_time_though_tapewatch_is_away(free_port: int) -> None:
    with process("--to", f"http://127.0.0.1:{free_port}") as started:
        await asyncio.to_thread(line_of, started)
        await asyncio.sleep(1.2)
        asked = time.monotonic()
        started.send_signal(signal.SIGINT)
        await asyncio.to_thread(started.communicate, timeout=5)
        assert time.monotonic() - asked < 2
        assert started.returncode == 0


def test_the_desk_ends_with_the_process_that_started_it(free_port: int) -> None:
    desk = [sys.executable, "-m", "tapewatch.desk", "--to", f"http://127.0.0.1:{free_port}", "--with-parent", "--quiet"]
    parent = f"import subprocess, time; subprocess.Popen({desk!r}); time.sleep(60)"
    started = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    Addresses.from_json(line_of(started))
    started.kill()
    assert started.communicate(timeout=5) == ("", None)  # the desk holds the pipe for as long as it lives


async def test_a_recording_is_played(tmp_path: Path) -> None:
    path = written(made_up.binance(), tmp_path / "b.gz")
    with process(
        "play", str(path), "--venue", "binance_usdm", "--speed", "20", "--loop", "--edit", "delete", "AAAUSDT", "aggTrade", "2"
    ) as started:
        address = json.loads(await asyncio.to_thread(line_of, started))
        assert address["symbols"] == ["AAAUSDT", "BBBUSDT"]
        async with Subscriber(f"{address['url']}?streams=aaausdt@aggTrade") as subscriber:
            await asyncio.wait_for(subscriber.closed.wait(), 5)
            assert [message["data"]["a"] for message in subscriber.messages] == [500, *range(502, 510)]


async def test_one_venue_is_simulated() -> None:
    with process("simulate", "--venue", "hyperliquid") as started:
        address = json.loads(await asyncio.to_thread(line_of, started))
        assert (address["venue"], address["symbols"]) == ("hyperliquid", ["BTC/USDC:USDC", "ETH/USDC:USDC"])
        request = {"method": "subscribe", "subscription": {"type": "bbo", "coin": "ETH"}}
        async with Subscriber(address["url"], request) as subscriber:
            answer, *told = await subscriber.until(3)
    assert answer["channel"] == "subscriptionResponse"
    assert {message["data"]["coin"] for message in told} == {"ETH"}


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "x.gz").write_text("no gzip")
    for arguments, said in (
        (("play", str(tmp_path / "x.gz"), "--venue", "kraken"), "desk: cannot read the recording"),
        (("play", "x", "--venue", "kraken", "--edit", "eat", "BTC", "book", "1"), "desk: cannot read the recording x"),
        (("--to", "nowhere"), "desk: The address of tapewatch is 'nowhere'"),
    ):
        done = subprocess.run([sys.executable, "-m", "tapewatch.desk", *arguments], capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith(said)


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tapewatch.desk", "--to", "http://127.0.0.1:9", "--port-base", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert done.stderr.count("\n") == 1
