"""Writing, flushing, closing: what the caller sees while all is well."""

import gzip
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tapewatch_client import Client
from tapewatch_client.control import Control
from tests.client.scripted_server import Exchange, ScriptedServer, eventually, hang, objects, take

Connect = Callable[..., Client]


def test_one_row_arrives_with_its_values_time_and_sender(server: ScriptedServer, connect: Connect) -> None:
    before_us = time.time_ns() // 1_000
    client = connect(env="paper")
    client.write("exchange", venue="binance", connected=True, latency_ms=12.5)
    assert client.flush(5)
    after_us = time.time_ns() // 1_000

    (request,) = server.requests
    document = request.document
    ((row,),) = (objects(batch) for batch in document["batches"])
    assert request.path == "/api/rows"
    assert {name: document[name] for name in ("client", "sequence", "source", "env", "host")} == {
        "client": client.id,
        "sequence": 1,
        "source": "bot",
        "env": "paper",
        "host": "h1",
    }
    assert before_us <= row.pop("ts") <= after_us
    assert row == {"venue": "binance", "connected": True, "latency_ms": 12.5}
    assert "period_s" not in document["batches"][0]


def test_a_clock_can_be_given(server: ScriptedServer, connect: Connect) -> None:
    class Clock:
        def now_us(self) -> int:
            return 1_700_000_000_000_000

    client = connect(clock=Clock())
    client.write("kpi", kpi="a", value=1)
    client.write_rows("kpi", [{"kpi": "b", "value": 2}])
    assert client.flush(5)
    assert server.values("ts") == [1_700_000_000_000_000] * 2


def test_rows_of_one_moment_keep_apart_and_a_clock_that_is_set_back_is_followed(
    server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    times_ns = iter([5_000_000_000, 5_000_000_900, 4_999_999_000, 5_000_005_000, 3_000_000_000])
    monkeypatch.setattr("tapewatch_client.client.time_ns", lambda: next(times_ns))
    client = connect()
    for number in range(5):
        client.write("kpi", value=number)
    assert client.flush(5)
    assert [row["ts"] for _, row in server.rows] == [5_000_000, 5_000_001, 5_000_002, 5_000_005, 3_000_000]


def test_a_given_time_is_sent_as_given(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.write("kpi", ts=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), value=1)
    client.write("kpi", ts="2026-01-02T03:04:05+01:00", value=2)
    client.write("kpi", ts=1_767_323_045_000_007, value=3)
    assert client.flush(5)
    assert server.values("ts") == [1_767_323_045_000_006, "2026-01-02T03:04:05+01:00", 1_767_323_045_000_007]


@pytest.mark.parametrize(("rows", "longest_s"), [(499, 0.02), (500, 0.04)])
def test_batches_gather_twice_as_long_while_rows_come_fast(
    server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch, rows: int, longest_s: float
) -> None:
    waits_s: list[float] = []
    idle = Control.idle

    def noted(control: Control, seconds: float) -> None:
        waits_s.append(seconds)
        idle(control, seconds)

    monkeypatch.setattr(Control, "idle", noted)
    is_written = threading.Event()

    def answer_late(exchange: Exchange) -> None:
        is_written.wait(5)
        take(exchange)

    server.acts.append(answer_late)
    client = connect(flush_interval_s=0.02)
    client.write("kpi", value=-1)
    eventually(lambda: server.requests)
    client.write_rows("kpi", [{"value": number} for number in range(rows)])
    waits_s.clear()
    is_written.set()
    assert client.flush(5)
    eventually(lambda: len(waits_s) >= 3)
    assert max(waits_s) == longest_s
    assert waits_s[-1] == 0.02


def test_rows_are_sent_in_order_in_batches_numbered_from_one(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    for number in range(12_000):
        client.write("kpi", kpi="a", value=number)
    assert client.flush(10)
    assert server.values("value") == list(range(12_000))
    assert server.sequences() == list(range(1, len(server.requests) + 1))
    assert max(len(request.document["batches"][0]["rows"]) for request in server.requests) <= 5_000


def test_write_rows_declares_the_period_and_keeps_the_senders_of_rows(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    given = {"ts": 1_700_000_000_000_000, "source": "feed-binance", "env": "paper", "host": "h2", "venue": "binance", "records": 5}
    client.write_rows("pipeline", [given, {"venue": "okx", "records": 6}], period_s=10)
    client.write("pipeline", venue="kraken", records=7)
    assert client.flush(5)
    rows = {row["venue"]: row for _, row in server.rows}
    assert rows["binance"] == given
    assert {name for name, value in rows["okx"].items() if value is not None} == {"ts", "venue", "records"}
    periods = {objects(batch)[0]["venue"]: batch.get("period_s") for request in server.requests for batch in request.document["batches"]}
    assert periods["binance"] == 10
    assert periods["kraken"] is None
    assert given["ts"] == 1_700_000_000_000_000, "the caller's dict is left alone"


@pytest.mark.parametrize("period_s", [0, -1, float("nan"), float("inf"), True, "5", [5]])
def test_a_period_that_the_server_would_refuse_is_left_out(server: ScriptedServer, connect: Connect, period_s: Any) -> None:
    client = connect()
    client.write_rows("kpi", [{"value": 1}], period_s=period_s)
    assert client.flush(5)
    assert "period_s" not in server.requests[0].document["batches"][0]
    assert server.values("value") == [1]


def test_write_rows_refuses_what_is_no_row_and_keeps_the_rest(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Iterator[dict[str, object]]:
        yield {"value": 3}
        raise OSError("the disk with the rows is gone")

    client = connect()
    client.write_rows("kpi", [{"value": 1}, "no row", None, {"value": 2}])  # pyright: ignore[reportArgumentType] - on purpose
    client.write_rows("kpi", broken())
    client.write_rows("kpi", 5, period_s=float("nan"))  # pyright: ignore[reportArgumentType] - on purpose
    assert client.flush(5)
    stats = client.stats()
    assert server.values("value") == [1, 2, 3]
    assert (stats.written, stats.delivered, stats.refused_rows, stats.dropped) == (7, 3, 2, 2)
    assert dict(stats.refused) == {"not_a_row": 2}
    assert [record for record in caplog.messages if "not_a_row" in record] != []


def test_large_bodies_are_compressed_and_small_ones_are_not(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.write("kpi", value=1)
    assert client.flush(5)
    client.write_rows("kpi", [{"value": number} for number in range(500)])
    assert client.flush(5)
    assert "Content-Encoding" not in server.requests[0].headers
    packed = [request for request in server.requests if request.headers.get("Content-Encoding") == "gzip"]
    assert packed
    assert all(len(request.body) < len(gzip.decompress(request.body)) / 3 for request in packed)


def test_the_path_of_the_address_and_the_token_are_sent(server: ScriptedServer, connect: Connect) -> None:
    client = connect(f"{server.url}/watch/", token=" s3cret\n")
    client.write("kpi", value=1)
    assert client.flush(5)
    assert server.requests[0].path == "/watch/api/rows"
    assert server.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(client)


def test_one_connection_is_kept_open(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    for number in range(5):
        client.write("kpi", value=number)
        assert client.flush(5)
        assert len(server.connections) == 1
    assert len(server.requests) == 5


def test_flush_answers_at_once_when_nothing_waits(connect: Connect) -> None:
    assert connect().flush(0)


def test_flush_waits_for_the_rows_written_before_it_and_no_others(server: ScriptedServer, connect: Connect) -> None:
    client = connect(flush_interval_s=60)
    client.write("kpi", value=0)
    assert client.flush(5)
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            client.write("kpi", value=-1)
            time.sleep(0.0002)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        for number in range(1, 20):
            client.write("kpi", value=number)
            assert client.flush(5)
            assert number in server.values("value")
    finally:
        stop.set()
        thread.join()


def test_flush_says_when_time_ran_out(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    server.default = hang(release)
    client = connect()
    client.write("kpi", value=1)
    start_s = time.monotonic()
    assert not client.flush(0.2)
    assert 0.15 < time.monotonic() - start_s < 2
    release.set()


def test_many_threads_write_and_every_row_arrives_once(server: ScriptedServer, connect: Connect) -> None:
    client = connect()

    def write(thread: int) -> None:
        for number in range(2_500):
            client.write("kpi", value=thread * 2_500 + number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(10)
    stats = client.stats()
    assert sorted(server.values("value")) == list(range(20_000))
    assert (stats.written, stats.delivered, stats.queued, stats.queued_bytes, stats.dropped) == (20_000, 20_000, 0, 0, 0)


def test_a_signal_handler_may_write_in_the_middle_of_a_write(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    handled = 0

    def handle(*_: object) -> None:
        nonlocal handled
        handled += 1
        client.write("kpi", value=-1)

    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    written = 0
    try:
        while handled < 300:
            client.write("kpi", value=written)
            written += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert client.flush(10)
    stats = client.stats()
    assert stats.written == written + handled
    assert stats.written == stats.delivered + stats.dropped
    assert [value for value in server.values("value") if value >= 0] == sorted(value for value in server.values("value") if value >= 0)


def test_a_finaliser_may_write(server: ScriptedServer, connect: Connect) -> None:
    client = connect(max_memory_bytes=20_000)

    class Last:
        def __del__(self) -> None:
            client.write("event", message="gone")

    for _ in range(200):
        client.write("event", payload=Last())  # dropped rows are freed, and their values write while the queue makes room
    assert client.flush(5) in (True, False)
    eventually(lambda: client.stats().queued == 0)
    stats = client.stats()
    assert stats.written == stats.delivered + stats.dropped
    assert stats.written >= 200


def test_close_delivers_what_waits_and_ends_the_thread(server: ScriptedServer, connect: Connect) -> None:
    with connect(flush_interval_s=60) as client:
        for number in range(100):
            client.write("kpi", value=number)
    assert server.values("value") == list(range(100))
    assert not [thread for thread in threading.enumerate() if thread.name == "tapewatch-client"]
    assert not server.connections or eventually(lambda: not server.connections) is None


def test_close_says_whether_all_was_answered(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.write("kpi", value=1)
    assert client.close(5)
    assert client.close(5), "closing twice is harmless"


def test_close_is_bounded_and_counts_what_is_left(server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    server.default = hang(release)
    client = connect()
    for number in range(10):
        client.write("kpi", value=number)
    start_s = time.monotonic()
    assert not client.close(0.3)
    assert time.monotonic() - start_s < 2
    eventually(lambda: client.stats().queued == 0)
    assert client.stats().dropped == 10
    assert any("10 rows" in message and "not delivered" in message for message in caplog.messages)
    release.set()


def test_rows_after_close_are_dropped_and_counted(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    client.close()
    client.write("kpi", value=1)
    client.write_rows("kpi", [{"value": 2}])
    assert client.flush(1)
    assert (client.stats().written, client.stats().dropped) == (2, 2)
    assert server.requests == []


def test_a_client_that_nobody_holds_still_delivers_and_ends_its_thread(server: ScriptedServer) -> None:
    Client(server.url, flush_interval_s=0.02).write("kpi", value=1)
    eventually(lambda: server.values("value") == [1])
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "tapewatch-client"])


def test_write_survives_a_clock_that_fails_and_counts_the_row(connect: Connect) -> None:
    class Broken:
        def now_us(self) -> int:
            raise OSError("no clock")

    client = connect(clock=Broken())
    client.write("kpi", value=1)
    stats = client.stats()
    assert (stats.written, stats.dropped) == (1, 1)
    assert stats.last_error is not None
    assert "no clock" in stats.last_error


def test_stats_of_a_new_client_and_after_a_delivery(connect: Connect) -> None:
    client = connect()
    new = client.stats()
    assert (new.written, new.queued, new.delivered, new.retries, new.last_error) == (0, 0, 0, 0, None)
    assert (new.connected, new.last_delivery_age_s) == (False, None)
    client.write("kpi", value=1)
    assert client.flush(5)
    stats = client.stats()
    assert stats.connected
    assert stats.last_delivery_age_s is not None
    assert 0 <= stats.last_delivery_age_s < 5
    with pytest.raises(AttributeError):
        stats.written = 5  # pyright: ignore[reportAttributeAccessIssue] - on purpose


def test_when_the_system_refuses_a_thread_rows_wait_and_a_later_write_tries_again(
    server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    client = connect()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        client.write("kpi", value=1)
        client.write("kpi", value=2)
    stats = client.stats()
    assert (stats.written, stats.queued, stats.dropped) == (2, 2, 0)
    assert "can't start new thread" in (stats.last_error or "")
    monkeypatch.setattr("tapewatch_client.sender.monotonic", lambda: time.monotonic() + 1.5)
    client.write("kpi", value=3)
    assert client.flush(5)
    assert server.values("value") == [1, 2, 3]


def test_the_account_holds_while_threads_write_and_memory_is_short(server: ScriptedServer, connect: Connect) -> None:
    client = connect(max_memory_bytes=100_000)
    threads = [threading.Thread(target=lambda: [client.write("kpi", value=number) for number in range(3_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        stats = client.stats()
        assert stats.written == stats.delivered + stats.refused_rows + stats.dropped + stats.queued
        assert stats.queued_bytes <= 100_000
    client.close(10)
    stats = client.stats()
    assert (stats.written, stats.queued, stats.queued_bytes) == (12_000, 0, 0)
    assert stats.delivered + stats.dropped == 12_000
    assert len(server.rows) == stats.delivered
