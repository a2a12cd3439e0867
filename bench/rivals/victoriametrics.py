"""VictoriaMetrics, the single node."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

from bench.rivals.question import MARKER, ONE_SYMBOL, ONE_VENUE, SLOWEST, WIDE_BUCKET_S, Answer, Kind, Question
from bench.rivals.system import FOLDER, Request

PROGRAM = FOLDER / "usr" / "bin" / "victoria-metrics"
ONE_MARKET = f'pipeline_latency_ms{{venue="{ONE_VENUE}",symbol="{ONE_SYMBOL}"}}'
ASKS: Mapping[Kind, tuple[str, ...]] = {
    Kind.VENUES: (
        "sum by (venue) (sum_over_time(exchange_latency_ms[1m])) / sum by (venue) (count_over_time(exchange_latency_ms[1m]))",
        "max by (venue) (max_over_time(exchange_latency_ms[1m]))",
    ),
    Kind.TYPES: ("sum by (data_type) (sum_over_time(pipeline_records[1m]))",),
    Kind.MARKET: (
        f"sum(sum_over_time({ONE_MARKET}[5m])) / sum(count_over_time({ONE_MARKET}[5m]))",
        f"max(max_over_time({ONE_MARKET}[5m]))",
    ),
    Kind.SLOWEST: (
        (
            f"topk({SLOWEST}, sum by (symbol) (sum_over_time(pipeline_latency_ms[12h])) "
            "/ sum by (symbol) (count_over_time(pipeline_latency_ms[12h])))"
        ),
    ),
    Kind.NEWEST: (
        "max by (process) (last_over_time(process_cpu_ratio[1h]))",
        "max by (process) (last_over_time(process_rss_bytes[1h]))",
    ),
    Kind.COUNT: ("sum(count_over_time({{__name__=~'{table}_(latency_ms|cpu_ratio)'}}[{span}s]))",),
    Kind.MARK: (f'max(max_over_time(exchange_latency_ms{{venue="{MARKER}"}}[10m]))',),
}
"""One expression for each value of an answer: they go in one request, side by side, told apart by a label."""
GROUP = {Kind.VENUES: "venue", Kind.TYPES: "data_type", Kind.SLOWEST: "symbol", Kind.NEWEST: "process"}
STEP_S = {Kind.VENUES: 60, Kind.TYPES: 60, Kind.MARKET: WIDE_BUCKET_S}


class VictoriaMetrics:
    """Each field of a line becomes a series of numbers; windows are open at their start and closed at their end."""

    name: ClassVar[str] = "VictoriaMetrics"
    settings: ClassVar[str] = (
        "its defaults, as its makers advise; where the newest row is looked for, `nocache=1`, so that its 30 s of grace for late rows do "
        "not count; before disk is measured, `/internal/force_flush` and `/internal/force_merge`"
    )
    acknowledges: ClassVar[str] = "in memory: the end of the process or of the power loses up to some seconds of acknowledged rows"
    language: ClassVar[str] = "MetricsQL over `/api/v1/query_range` and `/api/v1/query`"
    write_path: ClassVar[str] = "/write"
    ready_path: ClassVar[str] = "/health"
    prepare: ClassVar[tuple[Request, ...]] = ()
    settle: ClassVar[tuple[Request, ...]] = (Request("GET", "/internal/force_flush"), Request("GET", "/internal/force_merge"))

    def version(self) -> str | None:
        """Of the package, as Debian numbers it: the program itself says none."""
        found = next(iter(sorted(FOLDER.glob("victoria-metrics_*.deb"))), None)
        match = re.match(r"victoria-metrics_([\d.]+)", found.name) if found and PROGRAM.exists() else None
        return match and match[1]

    def command(self, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        """The single node."""
        return [str(PROGRAM), "-storageDataPath", str(folder), "-httpListenAddr", f"127.0.0.1:{port}"], {}

    def ask(self, question: Question) -> Request:
        """One request for all values: ``union`` of the expressions, each with its number as a label."""
        wanted = [expression.format_map(_Span(question)) if "{table}" in expression else expression for expression in ASKS[question.kind]]
        labelled = [f'label_set({expression}, "value", "{number}")' for number, expression in enumerate(wanted)]
        text = labelled[0] if len(labelled) == 1 else f"union({', '.join(labelled)})"
        step_s = STEP_S.get(question.kind)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if step_s is None:
            body = {"query": text, "time": str(question.end_s), **({"nocache": "1"} if question.kind is Kind.MARK else {})}
            return Request("POST", "/api/v1/query", urlencode(body).encode(), headers)
        # A bucket is looked back at from its end.
        body = {"query": text, "start": str(question.start_s + step_s), "end": str(question.end_s), "step": f"{step_s}s"}
        return Request("POST", "/api/v1/query_range", urlencode(body).encode(), headers)

    def read(self, question: Question, body: bytes) -> Answer:
        """Series of the matrix or vector; texts are numbers."""
        group, step_s = GROUP.get(question.kind), STEP_S.get(question.kind)
        values: dict[tuple[str | int, ...], dict[int, float]] = {}
        for series in json.loads(body)["data"]["result"]:
            number = int(series["metric"]["value"])
            first = (series["metric"][group],) if group else ()
            for at_s, text in series["values"] if step_s else [series["value"]]:
                key = (*first, int(at_s) - step_s) if step_s else first
                values.setdefault(key, {})[number] = float(text)
        return {key: tuple(found[number] for number in sorted(found)) for key, found in values.items()}


class _Span(dict[str, str]):
    def __init__(self, question: Question) -> None:
        super().__init__(table=question.table, span=str(question.end_s - question.start_s))
