"""tapewatch itself, as `tapewatch up` runs it."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from bench.rivals.question import MARKER, MINUTE_S, ONE_SYMBOL, ONE_VENUE, SLOWEST, WIDE_BUCKET_S, Answer, Kind, Question
from bench.rivals.system import Request

US_PER_S = 1_000_000
LATENCY = [{"function": "avg", "column": "latency_ms"}, {"function": "max", "column": "latency_ms"}]
ASKS: Mapping[Kind, dict[str, Any]] = {
    Kind.VENUES: {"measures": LATENCY, "group_by": ["venue"], "bucket_s": MINUTE_S},
    Kind.TYPES: {"measures": [{"function": "sum", "column": "records"}], "group_by": ["data_type"], "bucket_s": MINUTE_S},
    Kind.MARKET: {
        "measures": LATENCY,
        "bucket_s": WIDE_BUCKET_S,
        "filters": [
            {"column": "venue", "comparison": "eq", "values": [ONE_VENUE]},
            {"column": "symbol", "comparison": "eq", "values": [ONE_SYMBOL]},
        ],
    },
    Kind.SLOWEST: {
        "measures": [{"function": "avg", "column": "latency_ms", "alias": "slow"}],
        "group_by": ["symbol"],
        "order_by": "-slow",
        "limit": SLOWEST,
    },
    Kind.NEWEST: {"mode": "latest", "columns": ["process", "cpu_ratio", "rss_bytes"]},
    Kind.COUNT: {"measures": [{"function": "count", "column": ""}]},
    Kind.MARK: {
        "measures": [{"function": "max", "column": "latency_ms"}],
        "filters": [{"column": "venue", "comparison": "eq", "values": [MARKER]}],
    },
}
KEYS: Mapping[Kind, tuple[str, ...]] = {
    Kind.VENUES: ("venue", "bucket"),
    Kind.TYPES: ("data_type", "bucket"),
    Kind.MARKET: ("bucket",),
    Kind.SLOWEST: ("symbol",),
    Kind.NEWEST: ("process",),
    Kind.COUNT: (),
    Kind.MARK: (),
}


class Tapewatch:
    """The server with its embedded store."""

    name: ClassVar[str] = "tapewatch"
    settings: ClassVar[str] = "as it starts without a settings file"
    acknowledges: ClassVar[str] = "committed and on disk (fdatasync), judged against its table, and safe to send again"
    language: ClassVar[str] = "its questions as JSON"
    write_path: ClassVar[str] = "/write"
    ready_path: ClassVar[str] = "/ready"
    prepare: ClassVar[tuple[Request, ...]] = ()
    settle: ClassVar[tuple[Request, ...]] = ()

    def version(self) -> str | None:
        """Of the package."""
        return importlib.metadata.version("tapewatch")

    def command(self, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        """`tapewatch up`."""
        return [sys.executable, "-m", "tapewatch", "up", "--port", str(port), "--data", str(folder)], {}

    def ask(self, question: Question) -> Request:
        """A POST of the question."""
        span = {"start_us": question.start_s * US_PER_S, "end_us": question.end_s * US_PER_S}
        body = {"table": question.table, "range": span, **ASKS[question.kind]}
        return Request("POST", "/api/query", json.dumps(body).encode(), {"Content-Type": "application/json"})

    def read(self, question: Question, body: bytes) -> Answer:
        """Columns of the frame."""
        columns: dict[str, list[Any]] = {column["name"]: column["values"] for column in json.loads(body)["columns"]}
        keys = KEYS[question.kind]
        values = [name for name in columns if name not in {*keys, "ts", "received_at", "source", "env", "host"}]
        answer: Answer = {}
        for row in range(len(columns[values[0]])):
            key = tuple(columns[name][row] // US_PER_S if name == "bucket" else str(columns[name][row]) for name in keys)
            found = tuple(columns[name][row] for name in values)
            if None not in found:
                answer[key] = tuple(float(value) for value in found)
        return answer
