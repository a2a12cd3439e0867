"""InfluxDB 1, the last that Debian has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

from bench.rivals.question import MARKER, ONE_SYMBOL, ONE_VENUE, SLOWEST, Answer, Kind, Question
from bench.rivals.system import FOLDER, Request, said

PROGRAM = FOLDER / "usr" / "bin" / "influxd"
DATABASE = "desk"
SPAN = "time >= {start}s AND time < {end}s"
ASKS: Mapping[Kind, str] = {
    Kind.VENUES: ("SELECT mean(latency_ms), max(latency_ms) FROM {table} WHERE " + SPAN + " GROUP BY venue, time(1m) fill(none)"),
    Kind.TYPES: "SELECT sum(records) FROM {table} WHERE " + SPAN + " GROUP BY data_type, time(1m) fill(none)",
    Kind.MARKET: (
        "SELECT mean(latency_ms), max(latency_ms) FROM {table} "
        f"WHERE venue = '{ONE_VENUE}' AND symbol = '{ONE_SYMBOL}' AND " + SPAN + " GROUP BY time(5m) fill(none)"
    ),
    Kind.SLOWEST: (
        f"SELECT top(slow, symbol, {SLOWEST}) FROM (SELECT mean(latency_ms) AS slow FROM {{table}} WHERE {SPAN} GROUP BY symbol)"
    ),
    Kind.NEWEST: "SELECT last(cpu_ratio), last(rss_bytes) FROM {table} WHERE " + SPAN + " GROUP BY process",
    Kind.COUNT: "SELECT count(/^(latency_ms|cpu_ratio)$/) FROM {table} WHERE " + SPAN,
    Kind.MARK: "SELECT max(latency_ms) FROM {table} WHERE venue = '" + MARKER + "' AND " + SPAN,
}
TAG = {Kind.VENUES: "venue", Kind.TYPES: "data_type", Kind.NEWEST: "process"}
IS_BUCKETED = {Kind.VENUES, Kind.TYPES, Kind.MARKET}


class InfluxDB:
    """The index on disk that its makers advise, and what waits in memory written out early, so that disk can be measured."""

    name: ClassVar[str] = "InfluxDB"
    settings: ClassVar[str] = (
        "its defaults with the index that its makers advise (`tsi1`), each write flushed to disk (its default); what is cold is written "
        "out and compacted after 10 s instead of 10 min and 4 h, so that disk can be measured"
    )
    acknowledges: ClassVar[str] = "on disk in its write-ahead log (fsync of each write)"
    language: ClassVar[str] = "InfluxQL over `/query`"
    write_path: ClassVar[str] = f"/write?db={DATABASE}"
    ready_path: ClassVar[str] = "/ping"
    prepare: ClassVar[tuple[Request, ...]] = (Request("POST", "/query?" + urlencode({"q": f"CREATE DATABASE {DATABASE}"})),)
    settle: ClassVar[tuple[Request, ...]] = ()

    def version(self) -> str | None:
        """As the program says."""
        match = re.search(r"v(\d[\d.]*)", said([str(PROGRAM), "version"])) if PROGRAM.exists() else None
        return match and match[1]

    def command(self, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        """Everything is told through the environment; a settings file of the machine does not count."""
        empty = folder / "influxdb.conf"
        empty.write_text("", encoding="utf-8")
        environment = {
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_BIND_ADDRESS": "127.0.0.1:0",
            "INFLUXDB_META_DIR": str(folder / "meta"),
            "INFLUXDB_DATA_DIR": str(folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(folder / "wal"),
            "INFLUXDB_DATA_INDEX_VERSION": "tsi1",
            "INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "10s",
            "INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION": "10s",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        }
        return [str(PROGRAM), "run", "-config", str(empty)], environment

    def ask(self, question: Question) -> Request:
        """A GET with the statement; times come back as seconds."""
        statement = ASKS[question.kind].format(table=question.table, start=question.start_s, end=question.end_s)
        return Request("GET", "/query?" + urlencode({"db": DATABASE, "epoch": "s", "q": statement}))

    def read(self, question: Question, body: bytes) -> Answer:
        """Series by tag; the first column is the time."""
        tag = TAG.get(question.kind)
        answer: Answer = {}
        for series in json.loads(body)["results"][0].get("series", ()):
            for at_s, *values in series["values"]:
                if question.kind is Kind.SLOWEST:
                    answer[(values[1],)] = (float(values[0]),)
                    continue
                key = (*((series["tags"][tag],) if tag else ()), *((at_s,) if question.kind in IS_BUCKETED else ()))
                answer[key] = tuple(float(value) for value in values)
        return answer
