"""Rows on disk while the host's clock is set or smeared: each keeps the time at which it was written, and none waits longer or is lost."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer

Connect = Callable[..., Client]
US_PER_S = 1_000_000
JUMPS_S = [-86_400.0, -3_600.0, -1.0, 1.0, 3_600.0, 86_400.0]
SMEAR = 1 / 86_400
"""A smeared clock loses a second in a day."""


class HostClock:
    """The host's clock, which an operator sets and a smear slows."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> int:
        return time.time_ns() + round(self.ahead_s * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HostClock:
    made = HostClock()
    monkeypatch.setattr("tapewatch_client.client.time_ns", made)
    monkeypatch.setattr("tapewatch_client.delivery.time_ns", made)
    return made


def write(client: Client, clock: HostClock, first: int, count: int = 20) -> tuple[float, float]:
    """Write numbered rows; gives the span of the host's clock in which that was, in seconds."""
    began_s = clock() / 1e9
    for number in range(first, first + count):
        client.write("kpi", value=number)
    return began_s, clock() / 1e9


def sent(server: ScriptedServer) -> list[tuple[float, float]]:
    """Value and time, in seconds, of each row in the order of arrival."""
    return [(row["value"], row["ts"] / US_PER_S) for _, row in server.rows]


def spooled(client: Client) -> None:
    until_s = time.monotonic() + 5
    while not client.stats().spooled_bytes or len(client._sender.queue):
        assert time.monotonic() < until_s
        time.sleep(0.005)


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_what_waits_keeps_its_times_and_goes_out_in_order_and_at_once_when_the_clock_is_set(
    server: ScriptedServer, connect: Connect, clock: HostClock, tmp_path: Path, jump_s: float
) -> None:
    server.die()
    client = connect(spool_dir=tmp_path / "spool")
    before = write(client, clock, 0)
    spooled(client)
    clock.ahead_s = jump_s
    after = write(client, clock, 20)
    server.start()
    began_s = time.monotonic()
    assert client.flush(10)
    assert time.monotonic() - began_s < 5, "no pause is measured with a clock that can be set"
    rows = sent(server)
    assert [value for value, _ in rows] == list(range(40))
    for (first_s, last_s), times_s in ((before, [ts for _, ts in rows[:20]]), (after, [ts for _, ts in rows[20:]])):
        assert all(first_s - 0.001 <= ts <= last_s + 0.001 for ts in times_s)
        assert times_s == sorted(set(times_s)), "no two rows of a series share a moment"
    stats = client.stats()
    assert (stats.delivered, stats.dropped, stats.queued) == (40, 0, 0)


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_what_another_program_left_is_sent_whatever_the_clock_was_then(
    server: ScriptedServer, connect: Connect, clock: HostClock, tmp_path: Path, jump_s: float
) -> None:
    spool = tmp_path / "spool"
    server.die()
    clock.ahead_s = jump_s
    first = connect(spool_dir=spool)
    write(first, clock, 0)
    spooled(first)
    first.close(timeout_s=0.0)
    for path in [spool, *spool.rglob("*")]:
        os.utime(path, (clock() / 1e9, clock() / 1e9))
    clock.ahead_s = 0.0
    server.start()
    again = connect(spool_dir=spool)
    write(again, clock, 20)
    assert again.flush(10)
    until_s = time.monotonic() + 5
    while again.stats().recovered < 20:
        assert time.monotonic() < until_s
        time.sleep(0.005)
    rows = dict(sent(server))
    assert sorted(rows) == list(range(40))
    assert all(round(rows[number + 20] - rows[number], -2) == -jump_s for number in range(20))


def test_rows_written_through_a_smeared_leap_second_lie_apart_and_in_order(
    server: ScriptedServer, connect: Connect, clock: HostClock, tmp_path: Path
) -> None:
    """A day of rows, one a minute; the smear is a part of the host's clock and no matter of the client."""
    server.die()
    client = connect(spool_dir=tmp_path / "spool")
    for minute in range(1_440):
        clock.ahead_s = minute * 60 * (1 - SMEAR)
        client.write("kpi", value=minute)
    server.start()
    assert client.flush(10)
    rows = sent(server)
    assert [value for value, _ in rows] == list(range(1_440))
    times_s = [ts for _, ts in rows]
    assert times_s == sorted(set(times_s))
    assert times_s[-1] - times_s[0] == pytest.approx(1_439 * 60 - 1, abs=2)


def test_a_repeated_second_gives_no_two_rows_one_moment(server: ScriptedServer, connect: Connect, clock: HostClock, tmp_path: Path) -> None:
    """A host that does not smear steps back by a second; in the store, a row replaces another of its series and moment."""
    server.die()
    client = connect(spool_dir=tmp_path / "spool")
    for number in range(200):
        clock.ahead_s = 0.0 if number % 2 else -1.0
        client.write("kpi", value=number)
    server.start()
    assert client.flush(10)
    times_s = [ts for _, ts in sent(server)]
    assert len(set(times_s)) == 200
