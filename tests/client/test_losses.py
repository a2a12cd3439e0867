"""What the client lost or refused itself is told: in the log once, and to the server as rows."""

import threading
from collections.abc import Callable

import pytest

from tapewatch_client import Client, losses
from tapewatch_client.losses import Losses
from tests.client.scripted_server import ScriptedServer, eventually, hang

Connect = Callable[..., Client]


def test_changed_counts_are_told_after_a_while_and_once() -> None:
    now_s = 0.0
    found = Losses("bot", lambda: now_s)
    assert found.due(5) == []
    found.count("kpi", "value", "unencodable", 2, "why")
    found.count("", None, "dropped", 7, "memory", is_total=True)
    assert found.due(5) == []
    now_s = losses.REPORT_S
    rows = found.due(5)
    told = [(columns["table_name"], columns["column_name"], columns["reason"], columns["values"]) for _, _, columns, _ in rows if columns]
    assert told == [("kpi", "value", "client_unencodable", 2), ("*", "*", "client_dropped", 7)]
    assert [ts for _, ts, _, _ in rows] == [5, 6]
    assert found.due(5) == []
    found.count("", None, "dropped", 7, "memory", is_total=True)
    found.count("kpi", "value", "unencodable", 1, "why")
    now_s *= 3
    assert [columns["values"] for _, _, columns, _ in found.due(5) if columns] == [3]


def test_made_up_names_are_counted_together() -> None:
    found = Losses("bot", lambda: 0.0)
    for number in range(losses.MOST_KINDS + 50):
        found.count(f"table{number}", None, "not_a_row", 1, "why")
    assert len(found._counts) == losses.MOST_KINDS + 1
    assert found._counts["*", "*", "not_a_row"] == 50


def test_dropped_rows_are_logged_once_a_minute_and_told_to_the_server(
    server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(losses, "REPORT_S", 0.0)
    release = threading.Event()
    server.acts.append(hang(release))
    client = connect(max_memory_bytes=100_000, timeout_s=0.3)
    for number in range(3_000):
        client.write("kpi", value=number)
    eventually(lambda: "were dropped" in caplog.text)
    release.set()
    assert not client.flush(0) or client.stats().dropped
    eventually(lambda: any(table == "refusal" for table, _ in server.rows))
    told = [row for table, row in server.rows if table == "refusal"]
    assert (told[0]["sender"], told[0]["reason"]) == ("bot", "client_dropped")
    assert 0 < told[0]["values"] <= client.stats().dropped
    assert client.flush(5)
    # What was dropped meanwhile is told in further rows, which may wait at any moment that is looked at.
    stats = client.stats()
    assert stats.written == stats.delivered + stats.dropped + stats.queued
    assert [record.message for record in caplog.records if "were dropped" in record.message][1:] == []
