"""`tapewatch record` as a user meets it: against a simulated venue, killed, refused, and along the guide."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tapewatch.desk.dialects import dialect
from tapewatch.desk.exchange import Exchange
from tapewatch.desk.faults import Fault, Gap, Script
from tapewatch.desk.recording import read_recording
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import simulated
from tapewatch.model.recording import Kind
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.testing.replay import read_traffic, replay
from tests.sizes import ROOT
from tests.started import TAPEWATCH, refused, tapewatch, wait_for

GUIDE = (ROOT / "docs" / "howto" / "record-and-replay.md").read_text()
SYMBOLS = ("BTC/USD", "ETH/USD")


@asynccontextmanager
async def exchange(venue: str, *faults: Fault) -> AsyncIterator[str]:
    """Address of a simulated venue."""
    spec, messages = simulated(venue)
    simulation = Simulation(spec, messages, script=Script(faults), start_us=time.time_ns() // 1000)
    running = Exchange(simulation)
    await running.start()
    try:
        yield running.url
    finally:
        await running.stop()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


async def test_the_steps_of_the_guide_turn_an_incident_into_a_test(tmp_path: Path) -> None:
    record, copy, play = blocks("sh")
    async with exchange("coinbase", Gap(3, "coinbase", "BTC-USD", "matches", count=2)) as url:
        command = record.replace("tapewatch", TAPEWATCH, 1).replace("--for 10min", f"--for 8s --url {url}")
        done = await asyncio.to_thread(shell, command, tmp_path)
    assert done.stdout.rstrip().endswith("0 missing")
    shell(copy, tmp_path)
    (tmp_path / "test_incident.py").write_text(blocks("python")[0])
    tested = shell(f"{sys.executable} -m pytest -q -p no:cacheprovider test_incident.py", tmp_path)
    assert "1 passed" in tested.stdout
    playing = started(play.replace("python", f"exec {sys.executable}", 1).replace("5999", "0"), tmp_path)
    try:
        assert playing.stdout is not None
        assert '"venue":"coinbase"' in playing.stdout.readline()
    finally:
        playing.terminate()
        playing.communicate()


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a user types."""
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=60, check=True)


def files(folder: Path) -> list[Path]:
    """Files of the recording."""
    return sorted(folder.glob("rec/*.gz"))


def started(command: str, folder: Path) -> subprocess.Popen[str]:
    """The same, still running."""
    return subprocess.Popen(command, shell=True, cwd=folder, stdout=subprocess.PIPE, text=True)


async def test_a_killed_recording_is_played_up_to_its_tear(tmp_path: Path) -> None:
    async with exchange("coinbase") as url:
        command = f"{TAPEWATCH} record --venue coinbase --symbols {','.join(SYMBOLS)} --url {url} --dir rec"
        process = started(f"exec {command}", tmp_path)
        try:
            await asyncio.to_thread(wait_for, lambda: any(path.stat().st_size > 8_000 for path in files(tmp_path)))
        finally:
            process.kill()
            process.communicate()
    (path,) = files(tmp_path)
    recorded = read_traffic(path)
    replayed = replay(FeedCollector("coinbase", SYMBOLS), recorded)
    received = sum(one.line.kind is Kind.RECEIVED for one in recorded)
    assert received - 3 <= (replayed.total("messages") or 0) <= received, "all but the answers to the subscription"
    assert {name: replayed.total(name) for name in ("gaps", "duplicates", "reorders", "crossed")} == dict.fromkeys(
        ("gaps", "duplicates", "reorders", "crossed"), 0
    )
    assert {stream.symbol for stream in read_recording(path, dialect("coinbase")).offer.streams} == {"BTC-USD", "ETH-USD"}


async def test_a_collector_of_the_settings_records_beside_the_server(tmp_path: Path) -> None:
    async with exchange("kraken") as url:
        settings = f'[collectors.mine]\nkind = "feed"\nvenue = "kraken_v1"\nsymbols = ["BTC/USD"]\nurl = "{url}"\n'
        (tmp_path / "tapewatch.toml").write_text(settings)
        done = await asyncio.to_thread(tapewatch, "record", "mine", "--dir", "rec", "--for", "3s", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (path,) = files(tmp_path)
    assert path.name.startswith("mine.ws.1.")
    assert replay(FeedCollector("kraken_v1", ("BTC/USD",)), read_traffic(path)).total("checksum_mismatches") == 0


async def test_an_interruption_ends_it_in_good_order(tmp_path: Path) -> None:
    async with exchange("kraken") as url:
        command = f"{TAPEWATCH} record --venue kraken_v1 --symbols BTC/USD --url {url} --dir rec"
        process = started(f"exec {command}", tmp_path)
        await asyncio.to_thread(wait_for, lambda: any(path.stat().st_size > 2_000 for path in files(tmp_path)))
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.to_thread(process.communicate, timeout=5)
    assert process.returncode == 0
    assert re.search(r"^kraken_v1: [\d,]+ messages, [\d.]+ kB in rec, 0 missing$", output, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dir", "rec"], "--venue and --symbols are needed, or the name of a collector in the settings"),
        (["nobody", "--dir", "rec"], "collectors.nobody: there is no such collector; there are none"),
        (["--venue", "nyse", "--symbols", "A/B", "--dir", "rec"], "venue: 'nyse' has no feed; allowed: binance"),
        (["x", "--venue", "kraken", "--dir", "rec"], "collectors.x is given with --venue"),
        (["--venue", "kraken", "--symbols", "A/B", "--dir", "rec", "--limit-mb", "1"], "record_limit_mb: 1.0 is less than 10 megabytes"),
        (["--venue", "kraken", "--symbols", "A/B", "--dir", "file/rec"], "--dir: file/rec cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_what_to_do(arguments: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert words in refused("record", *arguments, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def unheard(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and errors of a command whose output nobody reads."""
    with subprocess.Popen(command, shell=True, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        words = process.stderr.read()
        return process.wait(30), words


async def test_it_goes_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    async with exchange("kraken") as url:
        began_s = time.monotonic()
        command = f"{TAPEWATCH} record --venue kraken_v1 --symbols BTC/USD --url {url} --dir rec --for 13s"
        code, words = await asyncio.to_thread(unheard, command, tmp_path)
    assert (code, words) == (0, "")
    assert time.monotonic() - began_s > 12, "its first line is due after 10 s"


async def test_a_second_recording_of_the_same_name_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    async with exchange("kraken") as url:
        arguments = ("--venue", "kraken_v1", "--symbols", "BTC/USD", "--url", url, "--dir", "rec")
        process = started(f"exec {TAPEWATCH} record {' '.join(arguments)}", tmp_path)
        try:
            await asyncio.to_thread(wait_for, lambda: any(path.stat().st_size > 2_000 for path in files(tmp_path)))
            words = await asyncio.to_thread(refused, "record", *arguments, folder=tmp_path)
        finally:
            process.terminate()
            process.communicate()
    assert f"process {process.pid} writes 'kraken_v1' into rec already" in words
