"""The official clients of QuestDB and InfluxDB, unchanged, against a server of ours; and Telegraf, by what its documentation says.

Telegraf itself is in no package index that this repository uses: its requests are made here as its ``influxdb_v2`` output describes them.
"""

import datetime as dt
import gzip
import re
import time
import tomllib
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from influxdb_client_3 import InfluxDBClient3
from questdb import Protocol, QuestDBError, Sender, TimestampMicros, TimestampNanos

from tests.server import Running
from tests.sizes import ROOT
from tests.started import request, rows, up, wait_for

TOKEN = "t0p-secret"
S_NS = 1_000_000_000
SECONDS: Any = WritePrecision.S  # a word, declared as a class


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without a token."""
    with up(tmp_path_factory.mktemp("open"), "watch_self = false\n") as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a token."""
    with up(tmp_path_factory.mktemp("guarded"), f'watch_self = false\n[server]\ntoken = "{TOKEN}"\n') as server:
        yield server


def address(server: Running) -> str:
    return server.url.removeprefix("http://")


def found(server: Running, table: str, source: str, **tags: str) -> list[dict[str, Any]]:
    """Rows of one sender, oldest first."""
    held = rows(server, table, mode="rows", limit="1000")[::-1]
    return [row for row in held if row["source"] == source and all(row[name] == value for name, value in tags.items())]


# --- QuestDB ---------------------------------------------------------------------------------------------------------


def test_the_questdb_client_sends_every_type_in_the_newest_protocol(server: Running) -> None:
    now = time.time_ns() - 5 * S_NS
    with Sender.from_conf(f"http::addr={address(server)};") as sender:
        assert sender.protocol_version == 3
        sender.row(
            "exchange",
            symbols={"venue": "kraken", "host": "q 1", "source": "quest"},
            columns={"connected": True, "latency_ms": 12.5, "reconnects": 3, "last_message_at": TimestampMicros(now // 1_000 - 7)},
            at=TimestampNanos(now),
        )
        sender.row(
            "event",
            symbols={"service": "s", "kind": "k", "severity": "info", "source": "quest"},
            columns={"message": 'a "quoted", é\n=text\\'},
            at=dt.datetime.fromtimestamp(now // S_NS, dt.UTC),
        )
        sender.flush()
    (row,) = found(server, "exchange", "quest")
    assert (row["host"], row["connected"], row["latency_ms"], row["reconnects"]) == ("q 1", True, 12.5, 3)
    assert (row["ts"], row["last_message_at"]) == (now // 1_000, now // 1_000 - 7)
    (event,) = found(server, "event", "quest")
    assert (event["message"], event["ts"]) == ('a "quoted", é\n=text\\', now // S_NS * 1_000_000)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_questdb_client_works_with_every_protocol_version_that_we_declare(server: Running, version: int) -> None:
    now = time.time_ns() - 5 * S_NS
    with Sender(Protocol.Http, "127.0.0.1", address(server).rpartition(":")[2], protocol_version=str(version)) as sender:
        sender.row("exchange", symbols={"venue": "okx", "source": f"v{version}"}, columns={"latency_ms": 0.1 + 0.2}, at=TimestampNanos(now))
    (row,) = found(server, "exchange", f"v{version}")
    assert row["latency_ms"] == 0.1 + 0.2


def test_auto_flush_sends_in_between(server: Running) -> None:
    now = time.time_ns() - 5 * S_NS
    with Sender.from_conf(f"http::addr={address(server)};auto_flush_rows=10;auto_flush_interval=off;") as sender:
        for i in range(25):
            sender.row(
                "exchange", symbols={"venue": f"v{i}", "source": "auto"}, columns={"latency_ms": float(i)}, at=TimestampNanos(now + i)
            )
        assert len(found(server, "exchange", "auto")) == 20
    assert sorted(row["latency_ms"] for row in found(server, "exchange", "auto")) == list(range(25))


def test_a_transaction_is_kept_whole_or_not_at_all(server: Running) -> None:
    now = TimestampNanos(time.time_ns() - 5 * S_NS)
    with Sender.from_conf(f"http::addr={address(server)};") as sender:
        with sender.transaction("exchange") as transaction:
            transaction.row(symbols={"venue": "a", "source": "whole"}, columns={"latency_ms": 1.0}, at=now)
            transaction.row(symbols={"venue": "b", "source": "whole"}, columns={"latency_ms": 2.0}, at=now)
        transaction = sender.transaction("exchange").__enter__()
        transaction.row(symbols={"venue": "c", "source": "whole"}, columns={"latency_ms": 3.0}, at=now)
        transaction.row(symbols={"venue": "d", "source": "whole"}, columns={"latency_ms": "fast"}, at=now)
        with pytest.raises(QuestDBError) as refused:
            transaction.commit()
    said = str(refused.value)
    assert "line 2" in said
    assert "latency_ms" in said
    assert "wrong_type" in said
    assert [row["venue"] for row in found(server, "exchange", "whole")] == ["b", "a"][::-1]


def test_an_unknown_table_does_not_fail_the_questdb_client(server: Running) -> None:
    with Sender.from_conf(f"http::addr={address(server)};") as sender:
        sender.row("trades_of_mine", symbols={"side": "buy"}, columns={"price": 1.5}, at=TimestampNanos.now())
        sender.flush()


@pytest.mark.parametrize("credentials", [f"token={TOKEN};", f"username=admin;password={TOKEN};"])
def test_the_questdb_client_signs_in(guarded: Running, credentials: str) -> None:
    with Sender.from_conf(f"http::addr={address(guarded)};{credentials}") as sender:
        sender.row("exchange", symbols={"venue": "okx"}, columns={"latency_ms": 1.0}, at=TimestampNanos.now())
        sender.flush()
    with Sender.from_conf(f"http::addr={address(guarded)};token=wrong;") as sender:
        sender.row("exchange", symbols={"venue": "okx"}, columns={"latency_ms": 1.0}, at=TimestampNanos.now())
        with pytest.raises(QuestDBError, match="token"):
            sender.flush()


# --- InfluxDB 2 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enable_gzip", [False, True])
def test_the_influx_client_writes_at_once(guarded: Running, *, enable_gzip: bool) -> None:
    source, now = f"influx2-{enable_gzip}", time.time_ns() - 5 * S_NS
    with InfluxDBClient(url=guarded.url, token=TOKEN, org="desk", enable_gzip=enable_gzip) as client:
        assert client.ping()
        assert client.version().startswith("tapewatch-")
        point = Point("exchange").tag("venue", "kraken").tag("source", source).field("connected", value=True).field("latency_ms", 2.5)
        writer = client.write_api(write_options=SYNCHRONOUS)
        writer.write("any", record=point.field("reconnects", 4).time(now))
        writer.write("any", record=f"exchange,venue=okx,source={source} latency_ms=1 {now // S_NS}", write_precision=SECONDS)
    held = {row["venue"]: row for row in token_rows(guarded, source)}
    assert (held["kraken"]["latency_ms"], held["kraken"]["reconnects"], held["kraken"]["ts"]) == (2.5, 4, now // 1_000)
    assert held["okx"]["ts"] == now // S_NS * 1_000_000


def token_rows(server: Running, source: str) -> list[dict[str, Any]]:
    status, frame = request(server, "/api/query?table=exchange&mode=rows&last=1h", headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 200
    held = [{column["name"]: column["values"][i] for column in frame["columns"]} for i in range(frame["rows"])]
    return [row for row in held if row["source"] == source]


def test_the_influx_client_hears_which_line_was_refused_and_the_others_are_kept(server: Running) -> None:
    lines = ["exchange,venue=kraken,source=part latency_ms=1", 'exchange,venue=okx,source=part latency_ms="fast"']
    with InfluxDBClient(url=server.url, token="", org="desk") as client, pytest.raises(ApiException) as refused:
        client.write_api(write_options=SYNCHRONOUS).write("any", record=lines)
    assert refused.value.status == 400
    assert "line 2" in str(refused.value.body)
    assert {row["venue"]: row["latency_ms"] for row in found(server, "exchange", "part")} == {"kraken": 1, "okx": None}


def test_the_influx_client_writes_in_batches(server: Running) -> None:
    errors: list[InfluxDBError] = []
    now = time.time_ns() - 5 * S_NS
    with (
        InfluxDBClient(url=server.url, token="", org="desk") as client,
        client.write_api(WriteOptions(batch_size=30, flush_interval=50), error_callback=lambda *told: errors.append(told[-1])) as writer,
    ):
        for i in range(100):
            writer.write(
                "any", record=Point("exchange").tag("venue", f"v{i}").tag("source", "batching").field("latency_ms", i).time(now + i)
            )
    assert not errors
    assert sorted(row["latency_ms"] for row in found(server, "exchange", "batching")) == list(range(100))


def test_the_influx_client_finds_the_server_healthy(server: Running) -> None:
    with InfluxDBClient(url=server.url, token="", org="desk") as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        health = client.health()
    assert (health.status, health.name) == ("pass", "tapewatch")


# --- InfluxDB 3 ------------------------------------------------------------------------------------------------------


def test_the_influx_3_client_writes(guarded: Running) -> None:
    now = time.time_ns() - 5 * S_NS
    with InfluxDBClient3(host=guarded.url, token=TOKEN, database="desk") as client:
        client.write(f"exchange,venue=kraken,source=influx3 latency_ms=2.5,reconnects=4i {now}")
    (row,) = wait_for(lambda: token_rows(guarded, "influx3"))
    assert (row["latency_ms"], row["reconnects"], row["ts"]) == (2.5, 4, now // 1_000)


# --- Telegraf --------------------------------------------------------------------------------------------------------


def test_telegraf_as_its_documentation_describes_its_output(guarded: Running) -> None:
    """The settings of our guide; POST /api/v2/write?org&bucket, Authorization: Token, gzip, nanoseconds, one metric a line."""
    guide = (ROOT / "docs" / "howto" / "line-protocol.md").read_text()
    (block,) = re.findall(r"^```conf\n(.*?)^```", guide, flags=re.MULTILINE | re.DOTALL)
    (output,) = tomllib.loads(block)["outputs"]["influxdb_v2"]
    assert output["urls"] == ["http://127.0.0.1:4780"]
    now = time.time_ns() - 5 * S_NS
    lines = [
        f"exchange,venue=kraken,host=web-1,source=telegraf connected=true,latency_ms=1.5,reconnects=2i {now}",
        f"cpu,cpu=cpu-total,host=web-1 usage_idle=98.7,usage_user=0.5 {now}",
    ]
    headers = {
        "Authorization": f"Token {TOKEN}",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Encoding": output["content_encoding"],
        "User-Agent": "Telegraf",
    }
    where = urllib.parse.urlencode({"org": output["organization"], "bucket": output["bucket"]})
    body = gzip.compress("\n".join(lines).encode() + b"\n")
    made = urllib.request.Request(f"{guarded.url}/api/v2/write?{where}", body, headers, method="POST")
    with urllib.request.urlopen(made, timeout=10) as answer:
        assert answer.status == 204
    assert [(row["host"], row["latency_ms"]) for row in token_rows(guarded, "telegraf")] == [("web-1", 1.5)]


# --- across a restart ------------------------------------------------------------------------------------------------


def test_a_body_is_known_after_a_restart(tmp_path: Path) -> None:
    body = f'event,service=a,kind=k,severity=info,source=again message="x" {time.time_ns() - 5 * S_NS}\n'.encode()
    for start in range(2):
        with up(tmp_path, "watch_self = false\n") as server:
            made = urllib.request.Request(f"{server.url}/write", body, method="POST")
            with urllib.request.urlopen(made, timeout=10) as answer:
                assert answer.status == 204
            assert len(found(server, "event", "again")) == 1, start
