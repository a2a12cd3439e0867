"""`tapewatch feeds` against a real server: what it lists, on a pipe and on a terminal, and what it says when the server goes away."""

import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from tapewatch.surfaces.remote import Remote
from tapewatch.surfaces.terminal import streams
from tapewatch.surfaces.terminal.streams import read_streams
from tests.server import Running
from tests.started import TAPEWATCH, tapewatch, up, up_until_killed, wait_for, write


def feed(symbol: str, verdict: str, **more: object) -> dict[str, object]:
    row: dict[str, object] = {
        "venue": "kraken",
        "symbol": symbol,
        "channel": "book",
        "verdict": verdict,
        "evidence": f"{symbol} is {verdict}",
    }
    return row | {"messages": 10, "age_ms": 200.0, "interval_s": 5.0, "gaps": 1} | more


ROWS = (
    feed("BTC/USD", "fresh"),
    feed("ETH/USD", "dead", messages=0, age_ms=90_000.0),
    feed("SOL/USD", "late", gaps=None),
    feed("SOL/USD", "fresh", channel="trade"),
    feed("BTC/USDT", "quiet", venue="okx", evidence="no trade for 41 s; the book moves"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), "watch_self = false\n") as server:
        yield server


@pytest.fixture(autouse=True)
def _rows(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames:
        write(request.getfixturevalue("server"), "feed", *ROWS, period_s=60.0)


def told(server: Running, *arguments: str, code: int) -> str:
    done = tapewatch("feeds", "--url", server.url, *arguments, folder=server.output.parent)
    assert (done.returncode, done.stderr) == (code, "")
    return done.stdout


def test_on_a_pipe_it_prints_every_stream_the_worst_first(server: Running) -> None:
    head, names, *lines = told(server, code=1).splitlines()[-7:]
    assert head.startswith("5 streams: 1 down, 1 degraded, 3 up · ")
    assert names.split()[:4] == ["venue", "symbol", "channel", "verdict"]
    verdicts = [re.split(r"\s{2,}", line)[3] for line in lines]
    assert verdicts[:2] == ["dead", "late"]
    assert sorted(verdicts[2:]) == ["fresh", "fresh", "quiet"]
    assert re.split(r"\s{2,}", lines[0])[-1] == "ETH/USD is dead"
    assert re.search(r" 1 min 3\d s +0\.0 ", lines[0])


def test_filters_choose_and_the_exit_code_is_of_what_was_chosen(server: Running) -> None:
    def chosen(*arguments: str, code: int) -> list[tuple[str, str, str]]:
        found = json.loads(told(server, "--json", *arguments, code=code))
        return [(stream["venue"], stream["symbol"], stream["channel"]) for stream in found["streams"]]

    assert chosen("--venue", "okx", code=0) == [("okx", "BTC/USDT", "book")]
    assert chosen("--symbol", "SOL/USD", "--channel", "trade", code=0) == [("kraken", "SOL/USD", "trade")]
    assert len(chosen("--symbol", "BTC/USD", "--symbol", "BTC/USDT", code=0)) == 2
    assert chosen("--wrong", code=1) == [("kraken", "ETH/USD", "book"), ("kraken", "SOL/USD", "book")]
    assert chosen("--venue", "nowhere", code=3) == []


def test_json_has_every_number_with_its_unit_and_null_for_unknown(server: Running) -> None:
    found: dict[str, Any] = json.loads(told(server, "--json", "--symbol", "SOL/USD", "--channel", "book", code=1))
    (stream,) = found["streams"]
    assert found["server"] == server.url
    assert found["worst"] == "degraded"
    assert {name: stream[name] for name in ("verdict", "status", "evidence", "messages_per_s", "gaps", "latency_p50_ms")} == {
        "verdict": "late",
        "status": "degraded",
        "evidence": "SOL/USD is late",
        "messages_per_s": 2.0,
        "gaps": None,
        "latency_p50_ms": None,
    }


def test_an_answer_that_the_server_has_cut_is_told_as_such(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with Remote(server.url, "") as remote:
        assert not read_streams(remote, {}).is_cut
        monkeypatch.setattr(streams, "MOST", "2")
        cut = read_streams(remote, {})
    assert (len(cut.streams), cut.is_cut) == (2, True)


def test_a_collector_that_stopped_reporting_is_no_fresh_stream(tmp_path: Path) -> None:
    with up(tmp_path, "watch_self = false\n") as server:
        old_us = time.time_ns() // 1000 - 40_000_000
        write(server, "feed", *(feed("BTC/USD", "fresh", ts=old_us + step * 1_000_000) for step in range(3)), period_s=1.0)
        (line,) = told(server, code=1).splitlines()[-1:]
    assert re.split(r"\s{2,}", line)[3] == "no report"
    assert re.search(r"last row \d+ s ago, expected every 1 s", line)


def test_a_server_that_is_not_there_is_said_with_an_exit_code_of_its_own(free_port: int, tmp_path: Path) -> None:
    done = tapewatch("feeds", "--url", f"http://127.0.0.1:{free_port}", folder=tmp_path)
    assert done.returncode == 3
    assert done.stdout.startswith(f"http://127.0.0.1:{free_port} does not answer: ")


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *arguments: str, lines: int = 14, width: int = 120) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, width, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(width), "LINES": str(lines)}
        self.process = subprocess.Popen([TAPEWATCH, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._seen = ""

    def screen(self) -> str:
        """The picture that was drawn last, without colours."""
        try:
            while chunk := os.read(self._master, 65_536):
                self._seen += chunk.decode(errors="replace")
        except OSError:
            pass
        *_, drawn, _ = self._seen.rsplit("\x1b[H", 2) if self._seen.count("\x1b[H") > 1 else ("", "", "")
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(5)
        os.close(self._master)
        return code


def test_on_a_terminal_it_counts_and_never_shows_the_last_state_as_now(tmp_path: Path) -> None:
    with up_until_killed(tmp_path, "watch_self = false\n") as server:
        write(server, "feed", *ROWS, period_s=60.0)
        shown = Terminal("feeds", "--url", server.url)
        try:
            wait_for(lambda: "ETH/USD" in shown.screen())
            first = shown.screen()
            assert "5 streams: 1 down, 1 degraded, 3 up" in first
            age = re.search(r"dead +1 min (\d+) s", first)
            assert age is not None
            later = rf"dead +1 min {int(age[1]) + 2} s"
            wait_for(lambda: re.search(later, shown.screen()), within_s=6)
            server.process.kill()
            wait_for(lambda: "does not answer" in shown.screen(), within_s=10)
            last = shown.screen()
        finally:
            code = shown.interrupt()
    assert code == 3
    assert re.search(r"what stands below is of \d\d:\d\d:\d\d UTC, \d+ s ago", last)
    assert last.count("not known") == 5
    assert not re.search(r"(book|trade) +(fresh|dead|late|quiet)", last)


def test_a_stream_without_a_row_for_days_is_down_until_it_is_retired_and_then_counted(tmp_path: Path) -> None:
    with up(tmp_path, "watch_self = false\n") as server:
        hours = (25, 6 * 24)
        rows = [feed(f"ETH/USD:{hour}", "dead", ts=time.time_ns() // 1000 - hour * 3600 * 1_000_000) for hour in hours]
        write(server, "feed", *rows, period_s=5.0)
        write(server, "feed", feed("BTC/USD", "fresh"), period_s=60.0)
        found: dict[str, Any] = json.loads(told(server, "--json", code=1))
        done = tapewatch("retire", "feed", "symbol=ETH/USD:144", "--why", "expired", "--url", server.url, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        after: dict[str, Any] = json.loads(told(server, "--json", code=1))
    assert [(stream["symbol"], stream["verdict"]) for stream in found["streams"]] == [
        ("ETH/USD:144", "no report"),
        ("ETH/USD:25", "no report"),
        ("BTC/USD", "fresh"),
    ]
    assert found["streams"][1]["evidence"] == "silent: last row 1 d 1 h ago, expected every 5 s"
    assert (found["worst"], found["truncated"], found["retired"], found["known_for"]) == ("down", False, 0, "30d")
    assert ([stream["symbol"] for stream in after["streams"]], after["retired"]) == (["ETH/USD:25", "BTC/USD"], 1)
