"""Bad times: the server is away, slow, full, refuses, dies. What was accepted is stored once; what is lost is counted."""

import random
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tapewatch_client import Client
from tapewatch_client.backoff import Backoff
from tests.client.scripted_server import (
    Exchange,
    ScriptedServer,
    answer_then_hang_up,
    die_before_answer,
    die_mid_answer,
    eventually,
    hang,
    status,
    take,
)

Connect = Callable[..., Client]


@pytest.fixture(autouse=True)
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses themselves are tested with `Backoff`."""
    monkeypatch.setattr("tapewatch_client.backoff.CAP_S", 0.03)


@pytest.mark.parametrize("death", [die_before_answer, die_mid_answer])
def test_an_answer_that_got_lost_leads_to_the_same_bytes_again_and_to_one_copy(
    server: ScriptedServer, connect: Connect, death: Callable[[Exchange], None]
) -> None:
    server.acts.extend([death, death])
    client = connect()
    client.write_rows("kpi", [{"value": number} for number in range(300)])
    assert client.flush(5)
    client.write("kpi", value=300)
    assert client.flush(5)
    first, second, third, *_ = server.requests
    assert first.body == second.body == third.body
    assert server.sequences() == [1, 1, 1, 2]
    assert server.values("value") == list(range(301))
    stats = client.stats()
    assert (stats.written, stats.delivered, stats.retries) == (301, 301, 2)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503])
def test_a_temporary_refusal_is_tried_again_in_order(server: ScriptedServer, connect: Connect, code: int) -> None:
    server.acts.extend([status(code, {"error": {"code": "busy", "message": "the store is busy"}})] * 3)
    client = connect()
    for number in range(50):
        client.write("kpi", value=number)
    assert client.flush(5)
    assert server.values("value") == list(range(50))
    assert server.sequences()[:4] == [1, 1, 1, 1]
    assert client.stats().retries == 3
    assert client.stats().last_error == f"HTTP {code}: the store is busy"


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_obeyed_even_in_a_hurry(server: ScriptedServer, connect: Connect, *, as_date: bool) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)
    server.acts.append(status(503, Retry_After=format_datetime(moment, usegmt=True) if as_date else "1"))
    client = connect()
    start_s = time.monotonic()
    client.write("kpi", value=1)
    eventually(lambda: len(server.requests) == 1)
    assert not client.flush(0.3)
    assert len(server.requests) == 1
    assert client.flush(5)
    assert 0.9 < time.monotonic() - start_s < 4
    assert len(server.requests) == 2


def test_a_server_that_is_not_there_yet_gets_everything_when_it_comes(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.die()
    client = connect()
    for number in range(100):
        client.write("kpi", value=number)
    eventually(lambda: client.stats().retries > 2)
    assert not client.stats().connected
    server.start()
    assert client.flush(5)
    assert server.values("value") == list(range(100))
    assert client.stats().connected
    away = [message for message in caplog.messages if "does not take rows" in message]
    assert len(away) == 1, "an outage is told once, not per attempt"


def test_a_server_that_dies_and_returns_on_the_same_port_loses_and_doubles_nothing(server: ScriptedServer, connect: Connect) -> None:
    client = connect()
    for round_ in range(4):
        for number in range(200):
            client.write("kpi", value=round_ * 200 + number)
            time.sleep(0.0002)
        server.die()
        client.write("event", message="meanwhile", value=-1)
        eventually(lambda: not client.stats().connected)
        server.start()
    assert client.flush(10)
    assert [value for value in server.values("value") if value >= 0] == list(range(800))
    assert server.values("value").count(-1) == 4


def test_a_connection_that_the_server_closed_while_idle_is_no_failure(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.acts.append(answer_then_hang_up)
    client = connect()
    client.write("kpi", value=1)
    assert client.flush(5)
    eventually(lambda: not server.connections)
    client.write("kpi", value=2)
    assert client.flush(5)
    assert server.values("value") == [1, 2]
    assert caplog.messages == []


def test_flush_cuts_the_pause_between_attempts_short(server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_client.backoff.CAP_S", 60.0)
    monkeypatch.setattr("tapewatch_client.delivery.Backoff", lambda: Backoff(Longest()))
    server.die()
    client = connect()
    client.write("kpi", value=1)
    eventually(lambda: client.stats().last_error)
    server.start()
    assert not server.requests
    assert client.flush(5)
    assert server.values("value") == [1]


class Longest:
    """Draws the longest pause, ten minutes at once."""

    def uniform(self, low: float, high: float) -> float:
        return 600.0


def test_with_the_server_dead_memory_is_bounded_and_the_newest_rows_survive(server: ScriptedServer, connect: Connect) -> None:
    server.die()
    client = connect(max_memory_bytes=200_000)
    most_bytes = 0
    for number in range(20_000):
        client.write("kpi", kpi="x" * 100, value=number)
        if number % 100 == 0:
            most_bytes = max(most_bytes, client.stats().queued_bytes)
    stats = client.stats()
    assert stats.written == 20_000
    assert 0 < stats.queued < 1_000
    assert most_bytes <= 200_000
    assert stats.dropped == stats.written - stats.queued
    server.start()
    client.flush(10)
    values = server.values("value")
    assert values == sorted(values)
    kept = stats.queued
    assert values[-100:] == list(range(19_900, 20_000))
    assert len(values) == kept


def test_a_row_larger_than_all_memory_is_dropped_alone(server: ScriptedServer, connect: Connect) -> None:
    client = connect(max_memory_bytes=50_000)
    client.write("event", message="x" * 1_000_000)
    client.write("event", message="small")
    client.flush(5)
    assert server.values("message") == ["small"]
    assert client.stats().dropped == 1


def test_flush_is_false_when_rows_were_dropped_meanwhile(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    server.acts.append(hang(release))
    client = connect(max_memory_bytes=50_000, timeout_s=30)
    client.write("kpi", value=0)
    eventually(lambda: len(server.requests) == 1)
    client.write("kpi", value=1)
    answers: list[bool] = []
    flusher = threading.Thread(target=lambda: answers.append(client.flush(10)))
    flusher.start()
    time.sleep(0.05)
    for number in range(1_000):
        client.write("kpi", value=number)
    release.set()
    flusher.join()
    assert answers == [False]


def test_write_does_not_wait_for_a_stuck_server(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    server.default = hang(release)
    client = connect(max_memory_bytes=1_000_000)
    client.write("kpi", value=0)
    eventually(lambda: len(server.requests) == 1)
    longest_s = 0.0
    start_s = time.monotonic()
    for number in range(20_000):
        before_s = time.perf_counter()
        client.write("kpi", value=number)
        longest_s = max(longest_s, time.perf_counter() - before_s)
    assert time.monotonic() - start_s < 5, "the server answers nothing for 20 s"
    assert longest_s < 1
    assert client.stats().queued_bytes <= 1_000_000
    release.set()


def test_a_server_that_hangs_is_given_up_after_the_timeout(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    server.acts.append(hang(release))
    client = connect(timeout_s=0.2)
    client.write("kpi", value=1)
    assert client.flush(5)
    assert server.sequences() == [1, 1]
    assert server.values("value") == [1]
    release.set()


@pytest.mark.parametrize("code", [400, 401, 403, 404, 301])
def test_a_final_refusal_is_not_tried_again_and_told_once(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    server.acts.extend([status(code, {"error": {"code": "no_entry", "message": "the door is closed"}})] * 2)
    client = connect()
    for number in range(3):
        client.write_rows("kpi", [{"value": number}, {"value": number}])
        assert client.flush(5)
    stats = client.stats()
    assert server.values("value") == [2, 2]
    assert server.sequences() == [1, 2, 3]
    assert dict(stats.refused) == {"no_entry": 4}
    assert (stats.delivered, stats.refused_rows, stats.retries) == (2, 4, 0)
    assert stats.last_error == f"rows: no_entry: HTTP {code}: the door is closed"
    assert len([message for message in caplog.messages if "the door is closed" in message]) == 1


def test_refused_rows_and_values_are_counted_by_reason_and_told_once_per_kind(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    wrong_type = {"row": 0, "table": "kpi", "column": "value", "value": "x", "reason": "wrong_type", "message": "give a number"}
    unknown = {"row": 1, "table": "kip", "column": None, "value": None, "reason": "unknown_table", "message": "did you mean kpi?"}
    answer = {"accepted": 2, "duplicate": False, "refused": [wrong_type, wrong_type, unknown], "refused_total": 5, "noted": {"nan": 1}}
    server.acts.extend([status(200, answer), status(200, answer)])
    client = connect()
    for _ in range(2):
        client.write_rows("kpi", [{"value": "x"}] * 3)
        assert client.flush(5)
    stats = client.stats()
    assert (stats.written, stats.delivered, stats.refused_rows) == (6, 4, 2)
    assert dict(stats.refused) == {"wrong_type": 4, "unknown_table": 2, "not_listed": 4}
    assert dict(stats.noted) == {"nan": 2}
    assert len([message for message in caplog.messages if "wrong_type" in message]) == 1
    assert len([message for message in caplog.messages if "did you mean kpi?" in message]) == 1


def test_nothing_accepted_is_read_as_the_same_answer(server: ScriptedServer, connect: Connect) -> None:
    refusal = {"row": 0, "table": "nope", "column": None, "value": None, "reason": "unknown_table", "message": "no such table"}
    server.acts.append(status(422, {"accepted": 0, "duplicate": False, "refused": [refusal], "refused_total": 1, "noted": {}}))
    client = connect()
    client.write("nope", value=1)
    assert client.flush(5)
    assert dict(client.stats().refused) == {"unknown_table": 1}
    assert client.stats().refused_rows == 1
    assert len(server.requests) == 1


def test_a_batch_that_is_too_large_is_halved_under_new_sequences_and_later_ones_are_smaller(
    server: ScriptedServer, connect: Connect
) -> None:
    limit = 4_000

    def limited(exchange: Exchange) -> None:
        rows = sum(len(batch["rows"]) for batch in exchange.request_now.document["batches"])
        if rows * 40 > limit:
            exchange.reply(413, {"error": {"code": "body_too_large", "message": f"at most {limit} bytes"}})
        else:
            take(exchange)

    server.default = limited
    client = connect()
    client.write_rows("kpi", [{"ts": 1_700_000_000_000_000 + number, "value": number} for number in range(1_000)], period_s=1)
    assert client.flush(10)
    assert server.values("value") == list(range(1_000))
    assert len(set(server.sequences())) == len(server.requests), "a half is a new batch"
    assert all(batch["period_s"] == 1 for request in server.requests for batch in request.document["batches"])
    halved = len(server.requests)
    client.write_rows("kpi", [{"ts": 1_700_000_000_000_000 + number, "value": number} for number in range(1_000)])
    assert client.flush(10)
    assert all(len(request.document["batches"][0]["rows"]) <= 100 for request in server.requests[halved:]), "the limit is learned"
    assert (client.stats().delivered, client.stats().refused_rows) == (2_000, 0)


def test_a_single_row_that_is_too_large_is_refused(server: ScriptedServer, connect: Connect) -> None:
    server.acts.append(status(413, {"error": {"code": "body_too_large", "message": "at most 10 bytes"}}))
    client = connect()
    client.write("event", message="x" * 100)
    assert client.flush(5)
    client.write("event", message="y")
    assert client.flush(5)
    assert server.values("message") == ["y"]
    assert dict(client.stats().refused) == {"body_too_large": 1}


def test_a_refusal_before_the_body_was_read_is_heard(server: ScriptedServer, connect: Connect) -> None:
    client = connect(timeout_s=5, max_memory_bytes=100_000_000)
    server.die()
    listener = EarlyRefusal(server.port)
    client.write("event", message=random.Random(1).randbytes(8_000_000).hex())  # more than the system takes from a sender at once
    eventually(lambda: client.stats().refused_rows == 1)
    listener.close()
    assert dict(client.stats().refused) == {"unauthorized": 1}
    assert client.stats().retries == 0


class EarlyRefusal:
    """Answers 401 after the head of each request and hangs up without reading the body, as a strict server may."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # the client is still sending when it is refused
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        text = b'{"error":{"code":"unauthorized","message":"give a token"}}'
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(300)
                connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
                time.sleep(0.1)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def test_something_else_on_the_port_is_not_taken_for_tapewatch(server: ScriptedServer, connect: Connect) -> None:
    server.acts.extend([status(200, b"<html>hello</html>"), status(200, [1, 2]), status(204)])
    client = connect()
    client.write("kpi", value=1)
    assert client.flush(5)
    assert server.values("value") == [1]
    assert client.stats().retries == 3
    assert "is this tapewatch?" in (client.stats().last_error or "")


def test_a_value_that_cannot_be_written_costs_only_itself(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    client = connect()
    client.write("event", severity="info", message=Hostile())
    client.write_rows("event", [{"severity": "info", ("not", "a", "name"): 1}])  # pyright: ignore[reportArgumentType] - on purpose
    client.write(5, severity="info", message="table is a number")  # pyright: ignore[reportArgumentType] - on purpose
    client.write("event", severity="info", message="fine")
    assert client.flush(5)
    assert {(table, row["message"]) for table, row in server.rows} == {("event", None), ("5", "table is a number"), ("event", "fine")}
    stats = client.stats()
    assert dict(stats.refused) == {"unencodable": 1, "not_a_row": 1}
    assert (stats.delivered, stats.refused_rows) == (3, 1)
    assert len([message for message in caplog.messages if "unencodable" in message]) == 1


def test_made_up_names_fill_neither_memory_nor_log(server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    refusals = [
        {"row": 0, "table": "kpi", "column": f"c{number}", "value": 1, "reason": "unknown_column", "message": "no"}
        for number in range(3_000)
    ]
    server.acts.append(status(200, {"accepted": 1, "duplicate": False, "refused": refusals, "refused_total": 3_000, "noted": {}}))
    client = connect()
    client.write("kpi", value=1)
    assert client.flush(5)
    assert dict(client.stats().refused) == {"unknown_column": 3_000}
    assert len(caplog.messages) <= 1_000


def test_pauses_are_drawn_from_zero_to_a_bound_that_doubles_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_client.backoff.CAP_S", 10.0)
    asked: list[tuple[float, float]] = []

    class Recorder:
        def uniform(self, low: float, high: float) -> float:
            asked.append((low, high))
            return high

    backoff = Backoff(Recorder())
    for _ in range(8):
        backoff.next_s()
    backoff.reset()
    backoff.next_s()
    assert asked == [(0, 0.25), (0, 0.5), (0, 1), (0, 2), (0, 4), (0, 8), (0, 10), (0, 10), (0, 0.25)]
