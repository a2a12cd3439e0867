"""Wrong input on every way in: the answer names row, column and reason; what is right is kept; System counts by sender and reason."""

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.looking import opened, row, us_ago
from tests.server import Running
from tests.started import request, rows, up, wait_for

JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
MOST_BYTES = 200_000
NOW_US = us_ago(0)
# What is wrong: the value, and the reason that the answer names. All stand in a row of table exchange.
WRONG_VALUES: dict[str, tuple[str, object, str]] = {
    "text for a number": ("latency_ms", "fast", "wrong_type"),
    "a flag for a number": ("latency_ms", True, "wrong_type"),
    "a list for a number": ("latency_ms", [1], "wrong_type"),
    "below its range": ("latency_ms", -1, "out_of_range"),
    "a number for a flag": ("connected", 1, "wrong_type"),
    "text for a flag": ("connected", "yes", "wrong_type"),
    "a naive time": ("last_message_at", "2026-11-21T10:00:00", "naive_time"),
    "seconds for a time": ("last_message_at", NOW_US // 1_000_000, "time_unit"),
    "milliseconds for a time": ("last_message_at", NOW_US // 1_000, "time_unit"),
    "nanoseconds for a time": ("last_message_at", NOW_US * 1_000, "time_unit"),
    "no time": ("last_message_at", "yesterday", "wrong_type"),
    "an unknown column": ("latency", 3, "unknown_column"),
}
# The time of a row itself: what cannot be believed refuses the row.
WRONG_TIMES: dict[str, tuple[object, str]] = {
    "seconds": (NOW_US // 1_000_000, "time_unit"),
    "milliseconds": (NOW_US // 1_000, "time_unit"),
    "nanoseconds": (NOW_US * 1_000, "time_unit"),
    "naive": ("2026-11-21T10:00:00", "naive_time"),
    "no time": ("soon", "wrong_type"),
    "ancient": (us_ago(8 * 86_400), "too_old"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), f"watch_self = false\n[server]\nmax_body_bytes = {MOST_BYTES}\n") as server:
        yield server


def forms(row: dict[str, object], source: str) -> dict[str, tuple[str, bytes, dict[str, str]]]:
    """The same row in the three forms of `POST /api/rows`: path, body, headers."""
    one = {"table": "exchange", "source": source, "rows": [row]}
    many = {"client": f"c-{source}", "sequence": 1, "source": source, "batches": [{"table": "exchange", "rows": [row]}]}
    return {
        "rows": ("/api/rows", json.dumps(one).encode(), JSON),
        "batches": ("/api/rows", gzip.compress(json.dumps(many).encode()), {**JSON, "Content-Encoding": "gzip"}),
        "lines": (f"/api/rows?source={source}", json.dumps({"table": "exchange", **row}).encode() + b"\n", LINES),
    }


def sent(server: Running, form: str, row: dict[str, object], source: str) -> tuple[int, dict[str, Any]]:
    path, body, headers = forms(row, source)[form]
    return request(server, path, body, headers)


@pytest.mark.parametrize("form", ["rows", "batches", "lines"])
def test_a_wrong_value_is_named_and_the_rest_of_its_row_is_kept(server: Running, form: str) -> None:
    for number, (column, value, reason) in enumerate(WRONG_VALUES.values()):
        host = f"{form}-{number}"
        status, answer = sent(server, form, {"venue": "okx", "host": host, "reconnects": 7, column: value}, f"value-{host}")
        assert (status, answer["accepted"], answer["refused_total"]) == (200, 1, 1), (column, value, answer)
        (refused,) = answer["refused"]
        assert (refused["row"], refused["table"], refused["column"], refused["reason"]) == (0, "exchange", column, reason)
        assert column in refused["message"]
        assert refused["message"][-1] in ".?"
        assert str(value)[:5].lower() in str(refused["value"]).lower()
        (kept,) = rows(server, "exchange", where=f"host:{host}")
        assert kept["reconnects"] == 7
        assert kept.get(column) is None


@pytest.mark.parametrize("form", ["rows", "batches", "lines"])
def test_a_row_whose_time_cannot_be_believed_is_refused(server: Running, form: str) -> None:
    for number, (value, reason) in enumerate(WRONG_TIMES.values()):
        status, answer = sent(
            server, form, {"venue": "okx", "host": f"time-{form}", "connected": True, "ts": value}, f"time-{form}-{number}"
        )
        assert (status, answer["accepted"], answer["refused_total"]) == (422, 0, 1), (value, answer)
        assert answer["refused"][0]["reason"] == reason
    assert rows(server, "exchange", where=f"host:time-{form}") == []


@pytest.mark.parametrize("form", ["rows", "batches", "lines"])
def test_what_is_not_a_number_is_kept_as_null_and_noted(server: Running, form: str) -> None:
    for number, word in enumerate(("NaN", "Infinity", "-Infinity")):
        host = f"nan-{form}-{number}"
        status, answer = sent(server, form, {"venue": "okx", "host": host, "latency_ms": word}, host)
        assert (status, answer["accepted"], answer["noted"]) == (200, 1, {"nan": 1})
        (kept,) = rows(server, "exchange", where=f"host:{host}")
        assert (kept["latency_ms"], json.loads(kept["flags"])) == (None, {"latency_ms": "nan"})


@pytest.mark.parametrize("form", ["rows", "batches", "lines"])
def test_a_time_more_than_five_minutes_ahead_is_stored_as_received_and_marked(server: Running, form: str) -> None:
    for number, ahead_s in enumerate((299, 301, 86_400)):
        host = f"ahead-{form}-{number}"
        ts = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
        status, answer = sent(server, form, {"venue": "okx", "host": host, "connected": True, "ts": ts}, host)
        assert (status, answer["accepted"]) == (200, 1)
        assert answer["noted"] == ({} if ahead_s < 300 else {"future_time": 1})
        if ahead_s > 300:
            (kept,) = rows(server, "exchange", where=f"host:{host}")
            assert kept["ts"] == kept["received_at"]
            assert json.loads(kept["flags"]) == {"ts": "future_time"}


@pytest.mark.parametrize("form", ["rows", "batches", "lines"])
def test_an_unknown_table_and_a_missing_tag_refuse_the_row_and_say_what_would_do(server: Running, form: str) -> None:
    status, answer = sent(server, form, {"connected": True}, f"tag-{form}")
    assert (status, answer["refused"][0]["reason"], answer["refused"][0]["column"]) == (422, "missing_tag", None)
    assert "venue" in answer["refused"][0]["message"]
    path, body, headers = forms({"venue": "kraken"}, f"table-{form}")[form]
    unpacked = gzip.decompress(body) if form == "batches" else body
    packed = unpacked.replace(b'"exchange"', b'"exchanges"')
    status, answer = request(server, path, gzip.compress(packed) if form == "batches" else packed, headers)
    assert (status, answer["refused"][0]["reason"], answer["quarantined"]) == (200, "unknown_table", 1), (
        "kept, but not where it was meant for"
    )
    assert "/api/catalog" in answer["refused"][0]["message"]


def test_an_unknown_venue_is_kept_in_lower_case_and_marked(server: Running) -> None:
    sent(server, "rows", {"venue": "Moonbase-Exchange", "connected": True}, "moon")
    (kept,) = rows(server, "exchange", where="venue:moonbase-exchange")
    assert json.loads(kept["flags"]) == {"venue": "unknown_venue"}


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"", JSON, "JSON"),
        (b"{", JSON, "JSON"),
        (b"[]", JSON, "x-ndjson"),
        (b'{"rows": []}', JSON, "table"),
        (b'{"table": "exchange", "rows": {}}', JSON, "rows"),
        (b'{"table": "exchange", "row": [{}]}', JSON, "row"),
        (b"\xff\xfe", JSON, ""),
        (b"not gzip", {**JSON, "Content-Encoding": "gzip"}, "gzip"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(server: Running, body: bytes, headers: dict[str, str], words: str) -> None:
    status, answer = request(server, "/api/rows", body, headers)
    assert (status, answer["error"]["code"]) == (400, "unreadable_body")
    assert words in answer["error"]["message"]


def test_a_line_that_cannot_be_read_does_not_cost_the_others(server: Running) -> None:
    lines = b'{"table": "exchange", "venue": "line-1"}\n{"table": "exch\n\n{"table": "exchange", "venue": "line-4"}\n'
    status, answer = request(server, "/api/rows?source=lines", lines, LINES)
    assert (status, answer["accepted"], answer["refused_total"]) == (200, 2, 1)
    assert answer["refused"][0]["row"] == 1


def test_a_body_beyond_the_limit_is_refused_and_the_limit_is_named(server: Running) -> None:
    big = json.dumps({"table": "exchange", "rows": [{"venue": "big", "connected": True}] * 6_000}).encode()
    bomb = zlib.compress(b" " * 50_000_000, wbits=31)
    assert len(big) > MOST_BYTES > len(bomb)
    for body, headers in (
        (big, JSON),
        (gzip.compress(big), {**JSON, "Content-Encoding": "gzip"}),
        (bomb, {**JSON, "Content-Encoding": "gzip"}),
    ):
        status, answer = request(server, "/api/rows", body, headers)
        assert (status, answer["error"]["code"]) == (413, "body_too_large")
        assert str(MOST_BYTES) in answer["error"]["message"]
    assert rows(server, "exchange", where="venue:big") == []


def test_a_web_page_elsewhere_cannot_write_here(server: Running) -> None:
    _, body, _ = forms({"venue": "evil", "connected": True}, "evil")["rows"]
    for headers, code in (
        ({"Host": "evil.example"}, "host_refused"),
        ({"Origin": "https://evil.example"}, "origin_refused"),
        ({"Origin": "null"}, "origin_refused"),
        ({"Sec-Fetch-Site": "cross-site"}, "origin_refused"),
        ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, "origin_refused"),
    ):
        status, answer = request(server, "/api/rows", body, {**JSON, **headers})
        assert (status, answer["error"]["code"]) == (403, code)
        assert request(server, "/api/ping/evil", headers=headers)[0] == 403
    assert rows(server, "exchange", where="venue:evil") == []
    assert rows(server, "heartbeat", where="check:evil") == []


def test_pings_are_judged_too(server: Running) -> None:
    assert request(server, "/api/ping/backup?duration_ms=12&exit_code=0")[1]["accepted"] == 1
    status, answer = request(server, "/api/ping/backup/fail?duration_ms=long", b"disk full")
    assert (status, answer["accepted"]) == (200, 1)
    assert [(item["column"], item["reason"]) for item in answer["refused"]] == [("duration_ms", "wrong_type")]
    (kept,) = rows(server, "heartbeat", where="check:backup")
    assert (kept["kind"], kept["message"], kept["duration_ms"]) == ("fail", "disk full", None)
    assert request(server, "/api/ping/backup/finished")[0] in {400, 404, 422}
    assert request(server, "/api/ping/" + "x" * 3000)[0] in {400, 404, 414, 422}


@pytest.mark.browser
async def test_what_was_refused_is_counted_by_sender_and_reason_and_shown_on_system(server: Running, page: Page) -> None:
    for _ in range(3):
        sent(server, "rows", {"venue": "kraken", "latency_ms": "fast"}, "clumsy-bot")
    sent(server, "rows", {"venue": "kraken", "ts": 1}, "clumsy-bot")
    found = wait_for(lambda: rows(server, "refusal", where="sender:clumsy-bot"))
    counts = {(one["table_name"], one["column_name"], one["reason"]): (one["values"], one["example"]) for one in found}
    assert counts[("exchange", "latency_ms", "wrong_type")] == (3, "fast")
    assert counts[("exchange", "*", "time_unit")] == (1, "ts: 1"), "the whole row"
    metrics = server.get("/metrics").decode()
    assert 'tapewatch_ingest_refused_by_reason_total{reason="wrong_type"}' in metrics
    await opened(page, server, "?dashboard=system")
    await expect(row(page, "refusals", "clumsy-bot").filter(has_text="wrong_type")).to_contain_text("latency_ms")
    await expect(row(page, "refusals", "clumsy-bot").filter(has_text="wrong_type")).to_contain_text("fast")


@pytest.mark.browser
async def test_what_waits_in_quarantine_is_shown_on_system_until_it_is_adopted(server: Running, page: Page) -> None:
    body = {"table": "spreads", "source": "inventive-bot", "rows": [{"pair": "BTC/USD", "spread_bps": 1.5}] * 3}
    assert server.post_json("/api/rows", body)["quarantined"] == 3
    await opened(page, server, "?dashboard=system")
    await expect(row(page, "quarantine", "inventive-bot")).to_contain_text("unknown_table")
    await expect(row(page, "quarantine", "inventive-bot")).to_contain_text("3")
    definition = {
        "sentence": "Spreads.",
        "identity": "none",
        "columns": {"pair": {"kind": "tag", "sentence": "Pair."}, "spread_bps": {"kind": "gauge", "sentence": "Spread."}},
    }
    moved = server.post_json("/api/quarantine/adopt", {"source": "spreads", "name": "spreads", "definition": definition})
    assert (moved["rows"], moved["stayed"]) == (3, 0)
    await expect(row(page, "quarantine", "inventive-bot")).to_have_count(0)
