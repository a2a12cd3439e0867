"""Prometheus and exporters in its format: asked for their metrics, of which only the beginning is read."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.sources.nearby.base import Door, Kind, Process
from tapewatch.sources.nearby.http import http_judged, http_question

_TYPES = ("text/plain", "application/openmetrics-text")
_OK = 200
_LACK = "tapewatch does not read Prometheus's format: the numbers of this exporter stay where they are."


def judge(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """An answer of text whose first line is a comment or a sample of the format."""
    if status != _OK or not headers.get("content-type", "").startswith(_TYPES):
        return None
    if b"# HELP " in body or b"# TYPE " in body:
        return "It answered /metrics in Prometheus's format."
    return "" if body.count(b"\n") == 0 else None


def exporter(name: str, title: str, port: int, command: str) -> Kind:
    """An exporter that is usually at one port.

    Args:
        name: Of its process in rows.
        title: As people call it.
        port: Where it usually listens, as Prometheus's list of default ports has it.
        command: Regular expression for its command line.
    """
    return Kind(name, title, (Door(port, http_question(port, "/metrics"), http_judged(judge)),), Process(command=command), _LACK)


EXPORTERS = (
    exporter("prometheus", "Prometheus", 9090, r"(^|/)prometheus( |$)"),
    exporter("node-exporter", "Prometheus exporter of this host", 9100, r"(^|/)(prometheus-)?node[-_]exporter\b"),
    exporter("postgres-exporter", "Prometheus exporter of PostgreSQL", 9187, r"(^|/)(prometheus-)?postgres[-_]exporter\b"),
    exporter("redis-exporter", "Prometheus exporter of Redis", 9121, r"(^|/)(prometheus-)?redis[-_]exporter\b"),
)
