"""Pings of jobs and bots: one request when something starts, succeeds or fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tapewatch.errors import SourceError
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.sources.base import Received
from tapewatch.sources.shown import shown

KINDS = ("start", "success", "fail", "log")

DEFAULT_SOURCE = "ping"
"""Source of pings whose sender does not name itself."""


class Ping:
    """A ping of a job: success, or what the path says; with an exit code other than 0 it is a failure; the body is its message."""

    name: ClassVar[str] = "ping"
    paths: ClassVar[tuple[str, ...]] = ("/api/ping/{check}", "/api/ping/{check}/{kind}")

    def receive(self, body: bytes, content_type: str, query: Mapping[str, str], path: Mapping[str, str]) -> Received:
        """See `Receiver.receive`; gives one row of table ``heartbeat``. A number that cannot be read is told, the ping counts."""
        exit_code = _number(query.get("exit_code"))
        kind = path.get("kind") or ("success" if exit_code in {None, 0} else "fail")
        if kind not in KINDS:
            raise SourceError(f"a ping is one of {', '.join(KINDS)}, not {shown(kind)!r}", permanent=True)
        row = {
            "check": path["check"],
            "kind": kind,
            "duration_ms": _number(query.get("duration_ms")),
            "exit_code": exit_code,
            "message": body.decode(errors="replace") or None,
        }
        delivery = Delivery(
            (RawBatch.of("heartbeat", [row]),), query.get("source") or DEFAULT_SOURCE, query.get("env") or "live", query.get("host")
        )
        return Received(delivery)


def _number(text: str | None) -> Any:  # noqa: ANN401 - text that is no number is passed on, validation tells about it
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text
