"""QuestDB, from its archive for Java."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

from bench.rivals.question import MARKER, ONE_SYMBOL, ONE_VENUE, SLOWEST, Answer, Kind, Question
from bench.rivals.system import FOLDER, Request

SPAN = "timestamp >= '{start}' AND timestamp < '{end}'"
ASKS: Mapping[Kind, str] = {
    Kind.VENUES: "SELECT venue, timestamp, avg(latency_ms), max(latency_ms) FROM {table} WHERE " + SPAN + " SAMPLE BY 1m",
    Kind.TYPES: "SELECT data_type, timestamp, sum(records) FROM {table} WHERE " + SPAN + " SAMPLE BY 1m",
    Kind.MARKET: (
        "SELECT timestamp, avg(latency_ms), max(latency_ms) FROM {table} "
        f"WHERE venue = '{ONE_VENUE}' AND symbol = '{ONE_SYMBOL}' AND " + SPAN + " SAMPLE BY 5m"
    ),
    Kind.SLOWEST: (f"SELECT symbol, avg(latency_ms) slow FROM {{table}} WHERE {SPAN} ORDER BY slow DESC LIMIT {SLOWEST}"),
    Kind.NEWEST: "SELECT process, cpu_ratio, rss_bytes FROM {table} WHERE " + SPAN + " LATEST ON timestamp PARTITION BY process",
    Kind.COUNT: "SELECT count() FROM {table} WHERE " + SPAN,
    Kind.MARK: "SELECT max(latency_ms) FROM {table} WHERE venue = '" + MARKER + "' AND " + SPAN,
}
IS_BUCKETED = {Kind.VENUES, Kind.TYPES, Kind.MARKET}
KEYS = {Kind.VENUES: 2, Kind.TYPES: 2, Kind.MARKET: 1, Kind.SLOWEST: 1, Kind.NEWEST: 1, Kind.COUNT: 0, Kind.MARK: 0}


class QuestDB:
    """Its tables are made by the first line, as its own clients have them made: partitions of a day, with its write-ahead log."""

    name: ClassVar[str] = "QuestDB"
    settings: ClassVar[str] = (
        "its defaults, with the garbage collector of its own start script (`-XX:+UseParallelGC`); the receivers that nothing here uses "
        "(PostgreSQL wire, TCP lines) and telemetry are off; tables made by the first line, without DEDUP"
    )
    acknowledges: ClassVar[str] = (
        "written to its write-ahead log, not flushed to disk (`cairo.commit.mode=nosync`): it survives the end of the process, not of the "
        "power; a body sent again is stored again"
    )
    language: ClassVar[str] = "SQL over `/exec`"
    write_path: ClassVar[str] = "/write"
    ready_path: ClassVar[str] = "/exec?query=SELECT%201"
    prepare: ClassVar[tuple[Request, ...]] = ()
    settle: ClassVar[tuple[Request, ...]] = ()

    def version(self) -> str | None:
        """From the name of the archive; None also without Java."""
        found = self._archive()
        return None if found is None or shutil.which("java") is None else found.stem.removeprefix("questdb-")

    def _archive(self) -> Path | None:
        return next(iter(sorted(FOLDER.glob("questdb-*.jar"))), None)

    def command(self, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        """Its server's main class."""
        module = "io.questdb/io.questdb.ServerMain"
        environment = {
            "QDB_HTTP_BIND_TO": f"127.0.0.1:{port}",
            "QDB_HTTP_MIN_ENABLED": "false",
            "QDB_PG_ENABLED": "false",
            "QDB_LINE_TCP_ENABLED": "false",
            "QDB_TELEMETRY_ENABLED": "false",
        }
        return ["java", "-XX:+UseParallelGC", "-p", str(self._archive()), "-m", module, "-d", str(folder)], environment

    def ask(self, question: Question) -> Request:
        """A GET with the statement."""
        start, end = (dt.datetime.fromtimestamp(s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for s in (question.start_s, question.end_s))
        statement = ASKS[question.kind].format(table=question.table, start=start, end=end)
        return Request("GET", "/exec?" + urlencode({"query": statement}))

    def read(self, question: Question, body: bytes) -> Answer:
        """Rows of the data set; times are ISO 8601."""
        count = KEYS[question.kind]
        answer: Answer = {}
        for row in json.loads(body)["dataset"]:
            key = row[:count]
            if question.kind in IS_BUCKETED:
                key[-1] = int(dt.datetime.fromisoformat(key[-1]).timestamp())
            if None not in row[count:]:
                answer[tuple(key)] = tuple(float(value) for value in row[count:])
        return answer
